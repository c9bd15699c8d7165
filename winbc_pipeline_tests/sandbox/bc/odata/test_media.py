"""Pictures and attachments: what is kept, what is refused, and that reading writes nothing."""

import json
from typing import Any

import httpx
import pytest

from ...conftest import ANY, Bc

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x04\x00\x00\x00\x03\x08\x02\x00\x00\x00"
GIF = b"GIF89a\x05\x00\x02\x00\x80\x00\x00" + bytes(3) + b"\xff" * 3 + b",\x00\x00\x00\x00\x05\x00\x02\x00\x00"
GIF += b"\x02\x03D\x02\x05\x00;"


def upload(bc: Bc, path: str, content: bytes) -> httpx.Response:
    return bc.http.patch(bc.url(path), content=content, headers=ANY | {"Content-Type": "application/octet-stream"})


@pytest.fixture
def picture(item: dict[str, Any]) -> str:
    return f"items({item['id']})/picture"


def test_a_gif_is_measured(bc: Bc, picture: str) -> None:
    assert upload(bc, f"{picture}/pictureContent", GIF).status_code == 204
    found = bc.get(picture)
    assert (found["contentType"], found["width"], found["height"]) == ("image/gif", 5, 2)


def test_a_refused_picture_is_not_kept(bc: Bc, picture: str) -> None:
    upload(bc, f"{picture}/pictureContent", PNG)
    assert upload(bc, f"{picture}/pictureContent", b"no picture").status_code == 400
    assert bc.call("GET", f"{picture}/pictureContent").content == PNG


def test_a_deleted_picture_is_gone(bc: Bc, picture: str) -> None:
    upload(bc, f"{picture}/pictureContent", PNG)
    assert bc.call("DELETE", picture, If_Match="*").status_code == 204
    assert bc.call("GET", f"{picture}/pictureContent").status_code == 204
    assert bc.get(picture)["width"] == 0


def test_a_picture_goes_with_its_parent(bc: Bc, picture: str, item: dict[str, Any]) -> None:
    upload(bc, f"{picture}/pictureContent", PNG)
    bc.call("DELETE", f"items({item['id']})", If_Match="*")
    assert "pictures" not in bc.control("__state")["records"]


@pytest.mark.parametrize(
    "path", ["pictures", "pictures({id})", "pictures({id})/pictureContent", "pictures?$filter=id eq {id}"]
)
def test_a_picture_is_reached_only_through_its_parent(bc: Bc, item: dict[str, Any], path: str) -> None:
    """APIV2 - Pictures, OnFindRecord: the id alone does not say whose picture it is."""
    assert bc.refusal("GET", path.format(id=item["id"])) == (
        400,
        "Application_DialogException",
        "You must get to the parent first to get to the picture.",
    )


def test_a_filter_may_name_the_parent_of_a_picture(bc: Bc, picture: str, item: dict[str, Any]) -> None:
    """APIV2 - Pictures, OnFindRecord: id and parent type together."""
    upload(bc, f"{picture}/pictureContent", PNG)
    (found,) = bc.values(f"pictures?$filter=id eq {item['id']} and parentType eq 'Item'")
    assert found["width"] == 4


PARENTS: dict[str, dict[str, Any]] = {
    "items": {"number": "A"},
    "customers": {"displayName": "A"},
    "vendors": {"displayName": "A"},
    "contacts": {"displayName": "A"},
    "employees": {"givenName": "A"},
    "itemVariants": {"itemNumber": "MUG", "code": "A"},
}


@pytest.mark.usefixtures("item")
@pytest.mark.parametrize("entity", PARENTS)
def test_a_picture_changes_its_parent(bc: Bc, entity: str) -> None:
    """Picture Entity, SavePictureWithParentType and DeletePictureWithParentType: the parent is modified."""
    bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    made = bc.post(entity, PARENTS[entity])
    path = f"{entity}({made['id']})"
    seen = [made]
    for act in (lambda: upload(bc, f"{path}/picture/pictureContent", PNG), lambda: delete(bc, f"{path}/picture")):
        bc.control("__clock", {"advance_s": 60})
        assert act().status_code == 204
        seen.append(bc.get(path))
    assert [one["lastModifiedDateTime"][11:16] for one in seen] == ["10:00", "10:01", "10:02"]
    assert len({one["@odata.etag"] for one in seen}) == 3


def delete(bc: Bc, path: str) -> httpx.Response:
    return bc.call("DELETE", path, If_Match="*")


def test_reading_a_picture_writes_nothing(bc: Bc, picture: str) -> None:
    before = json.dumps(bc.control("__state"))
    tag = bc.get(picture)["@odata.etag"]
    bc.get(picture.replace("/", "?$expand="))
    assert json.dumps(bc.control("__state")) == before
    assert bc.get(picture)["@odata.etag"] == tag


def test_an_expanded_picture_is_there_and_has_its_links(bc: Bc, picture: str) -> None:
    expanded = bc.get(picture.replace("/", "?$expand="))["picture"]
    links = {name: expanded[f"pictureContent@odata.media{name}Link"] for name in ("Read", "Edit")}
    assert upload(bc, links["Edit"], PNG).status_code == 204
    assert bc.call("GET", links["Read"]).content == PNG


def test_attachments_in_a_collection_have_their_links(bc: Bc, customer: dict[str, Any]) -> None:
    order = bc.post("salesOrders", {"customerId": customer["id"]})
    path = f"salesOrders({order['id']})/attachments"
    made = bc.post(path, {"fileName": "a.txt"})
    assert upload(bc, made["attachmentContent@odata.mediaEditLink"], b"abc").status_code == 204
    (found,) = bc.values(path)
    assert bc.call("GET", found["attachmentContent@odata.mediaReadLink"]).content == b"abc"


def test_a_pdf_can_be_read_by_its_link(bc: Bc, customer: dict[str, Any]) -> None:
    invoice = bc.post("salesInvoices", {"customerId": customer["id"]})
    pdf = bc.get(f"salesInvoices({invoice['id']})/pdfDocument")
    assert bc.call("GET", pdf["pdfDocumentContent@odata.mediaReadLink"]).content.startswith(b"%PDF")


def test_an_attachment_keeps_its_parent(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    """APIV2Attachments.Page.al: CannotModifyKeyFieldErr; APIV1AttachmentsE2E asserts the refusal."""
    order = bc.post("salesOrders", {"customerId": customer["id"]})
    made = bc.post(f"salesOrders({order['id']})/attachments", {"fileName": "a.txt"})
    path = f"attachments({made['id']})"
    words = "You cannot change the value of the key field parentId."
    assert bc.refusal("PATCH", path, {"parentId": item["id"]}, If_Match="*")[2] == words
    assert bc.patch(path, {"fileName": "b.txt", "parentId": order["id"]})["fileName"] == "b.txt"
