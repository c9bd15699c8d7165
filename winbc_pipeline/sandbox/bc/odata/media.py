"""Pictures, attachments and PDF documents: first the record, then its content (behaviour.md section 12).

Every parent has a picture from the beginning, with no content. The sandbox stores it when it gets its first content.
In AL a picture is a field of its parent (table Picture Entity): it is reached through the parent, and a change of it
changes the parent. A PDF document is never stored.
"""

import struct

from ...records import Record
from ..data.company import Company, with_etag
from ..data.refusal import dialog_error
from ..data.schema import EntitySet, Navigation
from .writing import RULES, Rules, check_etag

CONTENT_PROPERTY = {
    "pictures": "pictureContent",
    "attachments": "attachmentContent",
    "documentAttachments": "attachmentContent",
    "pdfDocument": "pdfDocumentContent",
    "companyInformation": "picture",
}
PICTURE_PARENTS = {  # the entity set of each parent type
    "Customer": "customers",
    "Item": "items",
    "Vendor": "vendors",
    "Employee": "employees",
    "Contact": "contacts",
    "Item_x0020_Variant": "itemVariants",
}
NO_PARENT = "You must get to the parent first to get to the picture."
ONE_PER_PARENT = ("pictures", "pdfDocument")  # a parent has one of each, under the parent's own id
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class Attachments(Rules):
    """Files that belong to a document or to master data."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if not record["fileName"]:
            raise dialog_error('A "fileName" must be provided.')
        if not any(company.get(name, record["parentId"]) for name in company.schema if name != "attachments"):
            raise dialog_error("The parent record does not exist.")

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        for name in ("parentId", "parentType"):
            if record.get(name) != old.get(name):
                raise dialog_error(f"You cannot change the value of the key field {name}.")

    def after_delete(self, company: Company, record: Record) -> None:
        company.records.drop_blob(record["id"])


class Pictures(Rules):
    """The picture of a parent, for example of an item."""

    def after_delete(self, company: Company, record: Record) -> None:
        company.records.drop_blob(record["id"])
        _touch_parent(company, record)


def _touch_parent(company: Company, picture: Record) -> None:
    """Moves the moment and the ETag of a picture's parent, and tells the watchers. A parent may be deleted already."""
    entity = PICTURE_PARENTS[picture["parentType"]]
    parent = company.get(entity, picture["id"])
    if parent:
        company.change(entity, parent)


def part_of(company: Company, link: Navigation, parent: Record) -> Record:
    """The picture or PDF document of a parent: the stored one, or else an empty one. Both have the parent's id."""
    parent_type = link.type[1] if link.type else ""
    known = {"id": parent["id"], "parentId": parent["id"], "parentType": parent_type}
    blank = company.empty(link.target)
    shown = blank | {name: value for name, value in known.items() if name in blank}
    return company.get(link.target, parent["id"]) or with_etag(shown)


def part_by_id(company: Company, entity: EntitySet, record_id: str) -> Record | None:
    """The picture or PDF document with an id, whichever entity set its parent is in."""
    for name, parent_set in company.schema.items():
        for link in parent_set.navigation.values():
            if link.target != entity.name or link.many:
                continue
            parent = company.get(name, record_id)
            if parent:
                return part_of(company, link, parent)
    return None


def with_content_links(record: Record, entity: EntitySet, base: str) -> Record:
    """The record with the addresses at which its content is read and written."""
    name, place = CONTENT_PROPERTY[entity.name], f"{entity.name}({record['id']})"
    if entity.name == "pictures":
        place = f"{PICTURE_PARENTS[record['parentType']]}({record['id']})/picture({record['id']})"
    url = f"{base}/{place}/{name}"
    edit_link = {f"{name}@odata.mediaEditLink": url} if content_is_writable(entity) else {}
    return record | edit_link | {f"{name}@odata.mediaReadLink": url}


def content_is_writable(entity: EntitySet) -> bool:
    """Whether a client may write the content. That of a PDF document and of the company's logo is only read."""
    streams = [facts for facts in entity.fields.values() if facts.get("edm") == "Edm.Stream"]
    return entity.modify and not any(facts.get("readOnly") for facts in streams)


def read_content(company: Company, entity: EntitySet, record: Record) -> tuple[int, bytes, str]:
    """HTTP status, content and media type. The status is 204 if there is no content."""
    if entity.name == "pdfDocument":
        return 200, PDF, "application/pdf"
    content = company.records.blob(record["id"])
    if not content:
        return 204, b"", ""
    return 200, content, record.get("contentType") or "application/octet-stream"


def write_content(company: Company, entity: EntitySet, record: Record, content: bytes, etag: str | None) -> None:
    """Stores the content of a picture or attachment, and what follows from it for its record."""
    check_etag(record, etag)
    changed = dict(record)
    if entity.name == "pictures":
        kind, width, height = image_size(content)
        changed |= {"contentType": kind, "width": width, "height": height}
    else:
        changed["byteSize"] = len(content)
    with company.transaction():
        company.records.store_blob(record["id"], content)
        if company.get(entity.name, record["id"]):
            company.change(entity.name, changed, sent={"bytes": len(content)})
        else:
            company.add(entity.name, changed, sent={"bytes": len(content)})
        if entity.name == "pictures":
            _touch_parent(company, changed)


def image_size(content: bytes) -> tuple[str, int, int]:
    """Media type, width and height of a PNG, GIF or JPEG. Raises Refused for anything else."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        return ("image/png", *struct.unpack(">II", content[16:24]))
    if content.startswith((b"GIF87a", b"GIF89a")) and len(content) >= 10:
        return ("image/gif", *struct.unpack("<HH", content[6:10]))
    if content.startswith(b"\xff\xd8"):
        place = 2
        while place + 9 < len(content):
            marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
            # A JPEG's size is in its start-of-frame segment. C4, C8 and CC are segments of other kinds.
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack(">HH", content[place + 5 : place + 9])
                return "image/jpeg", width, height
            place += 2 + length
    raise dialog_error("The picture is not a valid image.")


RULES |= {"attachments": Attachments(), "documentAttachments": Attachments(), "pictures": Pictures()}
