"""Pictures, attachments and PDF documents: first the record, then its content (behaviour.md section 12).

A picture is there as soon as its parent is, empty at first; it is stored with its first content, a PDF never.
"""

import struct

from ...records import Record
from ..data.company import Company, with_etag
from ..data.refusal import dialog
from ..data.schema import EntitySet, Navigation
from .writing import RULES, Rules, match_etag

CONTENT = {
    "pictures": "pictureContent",
    "attachments": "attachmentContent",
    "documentAttachments": "attachmentContent",
    "pdfDocument": "pdfDocumentContent",
}
PARTS = ("pictures", "pdfDocument")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class Attachments(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["fileName"]:
            raise dialog('A "fileName" must be provided.')
        if not any(company.get(name, record["parentId"]) for name in company.schema if name != "attachments"):
            raise dialog("The parent record does not exist.")

    def after_delete(self, company: Company, record: Record) -> None:
        company.records.drop_blob(record["id"])


class Pictures(Rules):
    def after_delete(self, company: Company, record: Record) -> None:
        company.records.drop_blob(record["id"])


def part_of(company: Company, link: Navigation, parent: Record) -> Record:
    """The picture or PDF document that a navigation property of a parent leads to; both have the parent's id."""
    known = {"id": parent["id"], "parentId": parent["id"], "parentType": link.type[1] if link.type else ""}
    blank = company.empty(link.target)
    shown = blank | {name: value for name, value in known.items() if name in blank}
    return company.get(link.target, parent["id"]) or with_etag(shown)


def part_by_id(company: Company, entity: EntitySet, record_id: str) -> Record | None:
    """The same, by the id alone."""
    for name, parent_set in company.schema.items():
        for link in parent_set.navigation.values():
            parent = company.get(name, record_id) if link.target == entity.name and not link.many else None
            if parent:
                return part_of(company, link, parent)
    return None


def links(record: Record, entity: EntitySet, base: str) -> Record:
    """The record with the addresses of its content."""
    name = CONTENT[entity.name]
    url = f"{base}/{entity.name}({record['id']})/{name}"
    tag = {f"{name}@odata.mediaEditLink": url} if entity.modify else {}
    return record | tag | {f"{name}@odata.mediaReadLink": url}


def read(company: Company, entity: EntitySet, record: Record) -> tuple[int, bytes, str]:
    """Status, bytes and type; 204 when there is no content."""
    if entity.name == "pdfDocument":
        return 200, PDF, "application/pdf"
    content = company.records.blob(record["id"])
    if not content:
        return 204, b"", ""
    return 200, content, record.get("contentType") or "application/octet-stream"


def write(company: Company, entity: EntitySet, record: Record, content: bytes, etag: str | None) -> None:
    match_etag(record, etag)
    changed = dict(record)
    if entity.name == "pictures":
        kind, width, height = measured(content)
        changed |= {"contentType": kind, "width": width, "height": height}
    else:
        changed["byteSize"] = len(content)
    with company.transaction():
        company.records.store_blob(record["id"], content)
        if company.get(entity.name, record["id"]):
            company.change(entity.name, changed, sent={"bytes": len(content)})
        else:
            company.add(entity.name, changed, sent={"bytes": len(content)})


def measured(content: bytes) -> tuple[str, int, int]:
    """Type, width and height of a PNG, GIF or JPEG."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        return ("image/png", *struct.unpack(">II", content[16:24]))
    if content.startswith((b"GIF87a", b"GIF89a")) and len(content) >= 10:
        return ("image/gif", *struct.unpack("<HH", content[6:10]))
    if content.startswith(b"\xff\xd8"):
        place = 2
        while place + 9 < len(content):
            marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack(">HH", content[place + 5 : place + 9])
                return "image/jpeg", width, height
            place += 2 + length
    raise dialog("The picture is not a valid image.")


RULES |= {"attachments": Attachments(), "documentAttachments": Attachments(), "pictures": Pictures()}
