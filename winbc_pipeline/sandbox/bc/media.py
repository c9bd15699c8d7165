"""Pictures, attachments and PDF documents: first the record, then its content (behaviour.md section 12)."""

import struct

from ..records import Record
from .company import Company
from .refusal import dialog
from .schema import EntitySet
from .writing import RULES, Rules, existing, match_etag

CONTENT = {
    "pictures": "pictureContent",
    "attachments": "attachmentContent",
    "documentAttachments": "attachmentContent",
    "pdfDocument": "pdfDocumentContent",
}
PARENTS = {
    "items": "Item",
    "itemVariants": "Item_x0020_Variant",
    "customers": "Customer",
    "vendors": "Vendor",
    "contacts": "Contact",
    "employees": "Employee",
}
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class Attachments(Rules):
    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["fileName"]:
            raise dialog('A "fileName" must be provided.')
        if not any(company.get(name, record["parentId"]) for name in company.schema if name != "attachments"):
            raise dialog("The parent record does not exist.")


def picture_of(company: Company, parent_set: str, parent: Record) -> Record:
    """A parent's picture; it is there as soon as its parent is, empty at first."""
    record = company.get("pictures", parent["id"])
    known = {"id": parent["id"], "parentType": PARENTS[parent_set]}
    return record or company.add("pictures", known)


def pdf_of(company: Company, parent: Record, parent_type: str) -> Record:
    known = {"parentId": parent["id"], "parentType": parent_type}
    return company.find("pdfDocument", "parentId", parent["id"]) or company.add("pdfDocument", known)


def links(record: Record, entity: EntitySet, base: str) -> Record:
    """The record with the addresses of its content."""
    name = CONTENT[entity.name]
    url = f"{base}/{entity.name}({record['id']})/{name}"
    tag = {f"{name}@odata.mediaEditLink": url} if entity.modify else {}
    return record | tag | {f"{name}@odata.mediaReadLink": url}


def read(company: Company, entity: EntitySet, record_id: str) -> tuple[int, bytes, str]:
    """Status, bytes and type; 204 when there is no content."""
    record = existing(company, entity, record_id)
    if entity.name == "pdfDocument":
        return 200, PDF, "application/pdf"
    content = company.records.blob(record_id)
    if not content:
        return 204, b"", ""
    return 200, content, record.get("contentType") or "application/octet-stream"


def write(company: Company, entity: EntitySet, record_id: str, content: bytes, etag: str | None) -> None:
    record = existing(company, entity, record_id)
    match_etag(record, etag)
    company.records.store_blob(record_id, content)
    if entity.name == "pictures":
        kind, width, height = measured(content)
        record |= {"contentType": kind, "width": width, "height": height}
    else:
        record["byteSize"] = len(content)
    company.change(entity.name, record, sent={"bytes": len(content)})


def measured(content: bytes) -> tuple[str, int, int]:
    """Type, width and height of a PNG or JPEG."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        return ("image/png", *struct.unpack(">II", content[16:24]))
    if content.startswith(b"\xff\xd8"):
        place = 2
        while place + 9 < len(content):
            marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack(">HH", content[place + 5 : place + 9])
                return "image/jpeg", width, height
            place += 2 + length
    raise dialog("The picture is not a valid image.")


RULES |= {"attachments": Attachments(), "documentAttachments": Attachments()}
