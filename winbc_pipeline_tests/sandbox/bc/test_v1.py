"""API v1.0: the same records in its own shape.

Sources: the documented pairs of requests and answers (dev-itpro/api-reference/v1.0/api/*.md) and the AL pages (APIV1).
"""

import uuid
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from ..conftest import Bc

STREET = "Kerkweg 7\r\n2nd floor"
ADDRESS = {"street": STREET, "city": "Utrecht", "state": "", "countryLetterCode": "NL", "postalCode": "3511"}


class V1(Bc):
    """The same sandbox by its older API."""

    @property
    def base(self) -> str:
        return f"{self.root}/v2.0/sandbox/api/v1.0"


@pytest.fixture
def both(start: Callable[..., Bc]) -> tuple[V1, Bc]:
    v2 = start(version=20)
    return V1(v2.root, v2.http), v2


def test_addresses_are_nested(both: tuple[V1, Bc]) -> None:
    v1, v2 = both
    made = v1.post("customers", {"displayName": "Jansen", "type": "Person", "address": ADDRESS})
    assert made["address"] == ADDRESS
    assert "addressLine1" not in made
    flat = v2.get(f"customers({made['id']})")
    assert (flat["addressLine1"], flat["addressLine2"], flat["country"]) == ("Kerkweg 7", "2nd floor", "NL")
    assert v1.patch(f"customers({made['id']})", {"address": None})["address"]["street"] == ""


def test_an_address_lacking_a_member_is_refused(both: tuple[V1, Bc]) -> None:
    body = {"displayName": "Jansen", "address": {"street": "Kerkweg 7"}}
    assert both[0].refusal("POST", "customers", body)[0] == 400


def test_options_have_their_plain_names(both: tuple[V1, Bc]) -> None:
    v1, v2 = both
    made = v1.post("items", {"displayName": "Repair", "type": "Non-Inventory"})
    assert made["type"] == "Non-Inventory"
    assert v2.get(f"items({made['id']})")["type"] == "Non_x002D_Inventory"
    customer = v1.post("customers", {"displayName": "Jansen"})
    assert customer["blocked"] == " "


def test_units_are_objects(both: tuple[V1, Bc]) -> None:
    made = both[0].post("items", {"displayName": "Mug", "baseUnitOfMeasure": {"code": "PCS"}})
    assert (made["baseUnitOfMeasure"]["code"], made["baseUnitOfMeasure"]["displayName"]) == ("PCS", "Piece")


def order(v1: V1) -> dict[str, Any]:
    customer = v1.post("customers", {"displayName": "Jansen", "address": ADDRESS})
    (unit,) = v1.values("unitsOfMeasure?$filter=code eq 'PCS'")
    item = v1.post("items", {"displayName": "Mug", "unitPrice": 10, "baseUnitOfMeasureId": unit["id"]})
    line = {"lineType": "Item", "lineDetails": {"number": item["number"]}, "quantity": 2}
    return v1.post("salesOrders", {"customerNumber": customer["number"], "salesOrderLines": [line]})


def test_lines_stand_below_their_document_and_have_a_text_key(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    made = order(v1)
    assert (made["totalAmountExcludingTax"], made["sellingPostalAddress"]["city"]) == (20, "Utrecht")
    (line,) = v1.values(f"salesOrders({made['id']})/salesOrderLines")
    assert line["id"] == f"{made['id']}-10000"
    assert line["lineDetails"]["displayName"] == "Mug"
    path = f"salesOrders({made['id']})/salesOrderLines('{line['id']}')"
    assert v1.patch(path, {"quantity": 3})["quantity"] == 3
    assert v1.call("GET", "salesOrderLines").status_code == 404
    expanded = v1.get(f"salesOrders({made['id']})?$expand=salesOrderLines")
    assert [one["quantity"] for one in expanded["salesOrderLines"]] == [3]


def test_every_sub_page_is_a_collection(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    item = v1.post("items", {"displayName": "Mug"})
    (picture,) = v1.values(f"items({item['id']})/picture")
    assert picture["id"] == item["id"]


def test_select_works_on_fields_that_only_v1_has(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    v1.post("customers", {"displayName": "Jansen", "address": ADDRESS})
    (row,) = v1.values("customers?$select=number,address")
    assert set(row) == {"@odata.etag", "number", "address"}


def test_actions_batches_and_filters(both: tuple[V1, Bc]) -> None:
    v1, v2 = both
    made = order(v1)
    url = v1.url(f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice").removeprefix(v1.base + "/")
    (answer,) = v1.batch({"id": "1", "method": "POST", "url": url, "body": {}})
    assert answer["status"] == 204
    assert v2.values("salesOrders") == []
    assert len(v1.values("salesInvoices?$filter=status eq 'Open'")) == 1


def test_what_came_with_v2_is_not_there(both: tuple[V1, Bc]) -> None:
    for name in ("contacts", "locations", "itemLedgerEntries", "salesShipments"):
        assert both[0].call("GET", name).status_code == 404


def test_metadata_declares_the_complex_types(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    root = ElementTree.fromstring(v1.http.get(f"{v1.base}/$metadata").text)  # noqa: S314 - our own
    names = {each.get("Name") for each in root.iter() if each.tag.endswith("ComplexType")}
    assert names == {"POSTALADDRESS", "ITEM-UOM", "DOCUMENTLINEOBJECTDETAILS", "DIMENSION"}


@pytest.mark.parametrize("name", ["addressLine1", "creditLimit", "shoeSize"])
def test_fields_that_v1_does_not_have_are_refused(both: tuple[V1, Bc], name: str) -> None:
    v1, _ = both
    assert "does not exist" in v1.refusal("POST", "customers", {"displayName": "Jansen", name: "X"})[2]


@pytest.mark.parametrize(
    "query",
    ["$select=foo", "$select=addressLine1", "$filter=creditLimit gt 0", "$orderby=address", "$filter=address eq ''"],
)
def test_a_query_knows_the_fields_of_v1_only(both: tuple[V1, Bc], query: str) -> None:
    assert "Could not find a property" in both[0].refusal("GET", f"customers?{query}")[2]


def test_filters_take_options_by_their_plain_names(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    v1.post("customers", {"displayName": "Jansen"})
    v1.post("items", {"displayName": "Repair", "type": "Non-Inventory"})
    assert len(v1.values("customers?$filter=blocked eq ' '")) == 1
    assert len(v1.values("items?$filter=type eq 'Non-Inventory'")) == 1


def test_expanded_records_are_selected_in_their_own_shape(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    path = f"salesOrders({order(v1)['id']})"
    found = v1.get(
        f"{path}?$select=number&$expand=salesOrderLines($select=quantity,lineDetails),customer($select=address)"
    )
    assert set(found) == {"@odata.context", "@odata.etag", "number", "salesOrderLines", "customer"}
    (line,) = found["salesOrderLines"]
    assert set(line) == {"@odata.etag", "quantity", "lineDetails"}
    assert found["customer"]["address"] == ADDRESS


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("items", {"displayName": "Mug", "baseUnitOfMeasure": "PCS"}),
        ("items", {"displayName": "Mug", "baseUnitOfMeasure": {"code": 5}}),
        ("salesOrders", {"salesOrderLines": [5]}),
        ("salesOrders", {"salesOrderLines": {}}),
        ("salesOrders", {"salesOrderLines": [{"lineDetails": "x"}]}),
        ("journalLines", {"dimensions": [{"code": "BRANCH", "valueCode": "1"}]}),
        ("salesOrders", {"contactId": "x"}),
        ("salesOrders", [1]),
    ],
)
def test_a_body_of_another_shape_is_refused(both: tuple[V1, Bc], path: str, body: Any) -> None:
    v1, _ = both
    number = v1.post("customers", {"displayName": "Jansen"})["number"]
    sent = body | {"customerNumber": number} if isinstance(body, dict) and path == "salesOrders" else body
    assert v1.refusal("POST", path, sent)[0] == 400


def test_a_next_link_keeps_what_is_selected(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    for name in ("A", "B"):
        v1.post("customers", {"displayName": name})
    page = v1.get("customers?$select=displayName", Prefer="odata.maxpagesize=1")
    (row,) = v1.values(page["@odata.nextLink"])
    assert (set(row), row["displayName"]) == ({"@odata.etag", "displayName"}, "B")


def test_metadata_declares_navigation_and_actions(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    root = ElementTree.fromstring(v1.http.get(f"{v1.base}/$metadata").text)  # noqa: S314 - our own
    kinds = {"Action", "NavigationProperty"}
    names = {
        (each.tag.rpartition("}")[2], each.get("Name")) for each in root.iter() if each.tag.rpartition("}")[2] in kinds
    }
    assert {("Action", "shipAndInvoice"), ("NavigationProperty", "salesOrderLines")} <= names
    types = {f"Microsoft.NAV.{each.get('Name')}" for each in root.iter() if each.tag.endswith("}EntityType")}
    links = {each.get("Type", "") for each in root.iter() if each.tag.endswith("}NavigationProperty")}
    assert {link.removeprefix("Collection(").rstrip(")") for link in links} <= types


def test_an_order_may_be_sent_back_as_it_was_read_but_for_what_is_read_only(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    made = order(v1)
    kept = ("contactId", "sellingPostalAddress", "pricesIncludeTax", "@odata.etag")
    sent = {name: made[name] for name in kept} | {"shipToName": "Elsewhere"}
    assert v1.patch(f"salesOrders({made['id']})", sent)["shipToName"] == "Elsewhere"


def test_the_context_names_the_set_of_v1(both: tuple[V1, Bc]) -> None:
    v1, _ = both
    assert v1.get("agedAccountsReceivable")["@odata.context"] == f"{v1.base}/$metadata#agedAccountsReceivable"


@pytest.fixture
def dimension(both: tuple[V1, Bc]) -> dict[str, Any]:
    return both[1].values("dimensions?$expand=dimensionValues")[0]


@pytest.mark.parametrize("parents", ["customers", "items", "vendors", "employees"])
def test_a_default_dimension_has_a_key_of_parent_and_dimension(
    both: tuple[V1, Bc], dimension: dict[str, Any], parents: str
) -> None:
    """dynamics_*_defaultdimensions.md; APIV1DefaultDimensions: ODataKeyFields = ParentId, DimensionId."""
    v1, _ = both
    parent = v1.post(parents, {"givenName": "X"} if parents == "employees" else {"displayName": "X"})
    first, second = dimension["dimensionValues"][:2]
    path = f"{parents}({parent['id']})/defaultDimensions"
    sent = {"parentId": parent["id"], "dimensionId": dimension["id"], "dimensionValueId": first["id"]}
    v1.post(path, sent | {"postingValidation": "Same Code"})
    (own,) = v1.values(path)
    assert (own["postingValidation"], "id" in own) == ("Same Code", False)
    keyed = f"{path}({parent['id']},{dimension['id']})"
    assert v1.patch(keyed, {"dimensionValueId": second["id"]})["dimensionValueCode"] == second["code"]
    assert v1.get(f"{path}(dimensionId={dimension['id']},parentId={parent['id']})")["dimensionId"] == dimension["id"]
    assert v1.call("DELETE", keyed, If_Match="*").status_code == 204
    assert v1.call("GET", keyed).status_code == 404


@pytest.fixture
def journal_line(both: tuple[V1, Bc]) -> dict[str, Any]:
    v1, _ = both
    return v1.post(f"journals({v1.values('journals')[0]['id']})/journalLines", {"amount": 5})


def test_a_dimension_line_names_its_journal_line(
    both: tuple[V1, Bc], dimension: dict[str, Any], journal_line: dict[str, Any]
) -> None:
    """dynamics_dimensionline_*.md: the journal line is in the body of a new line, then in the key of the line."""
    v1, _ = both
    first, second = dimension["dimensionValues"][:2]
    sent = {"parentId": journal_line["id"], "code": dimension["code"], "valueCode": first["code"]}
    assert v1.post("dimensionLines", sent)["id"] == dimension["id"]
    (listed,) = v1.values(f"dimensionLines?$filter=parentId eq {journal_line['id']}")
    keyed = f"dimensionLines(parentId={journal_line['id']},id={dimension['id']})"
    assert v1.get(keyed)["valueCode"] == listed["valueCode"] == first["code"]
    shown = v1.get(f"journalLines({journal_line['id']})")["dimensions"]
    assert [(one["code"], one["valueCode"]) for one in shown] == [(dimension["code"], first["code"])]
    assert v1.patch(keyed, {"valueCode": second["code"]})["valueId"] == second["id"]
    assert v1.call("DELETE", keyed, If_Match="*").status_code == 204
    assert v1.call("GET", keyed).status_code == 404


@pytest.mark.parametrize(
    ("parent", "words"),
    [({}, "The parent ID must be filled in."), ({"parentId": str(uuid.uuid4())}, "Could not find the record.")],
)
def test_a_dimension_line_without_its_journal_line(both: tuple[V1, Bc], parent: dict[str, str], words: str) -> None:
    """APIV1DimensionLines.Page.al: ParentIDRequiredErr, RecordDoesntExistErr."""
    body = {"code": "BRANCH", "valueCode": "1"} | parent
    assert both[0].refusal("POST", "dimensionLines", body)[2] == words


def test_dimension_lines_of_no_journal_line_are_refused(both: tuple[V1, Bc]) -> None:
    """APIV1DimensionLinesE2E: neither without a filter nor for the id of an account."""
    v1, _ = both
    account = v1.values("accounts")[0]["id"]
    query = f"dimensionLines?$filter=parentId eq {account}"
    assert v1.refusal("GET", query)[2] == "Could not find the record."
    assert v1.refusal("GET", "dimensionLines")[0] == 400


def test_an_attachment_has_a_key_of_parent_and_id_and_links_with_it(
    both: tuple[V1, Bc], journal_line: dict[str, Any]
) -> None:
    """dynamics_attachment_*.md."""
    v1, _ = both
    made = v1.post("attachments", {"parentId": journal_line["id"], "fileName": "a.pdf"})
    keyed = v1.url(f"attachments(parentId={journal_line['id']},id={made['id']})")
    links = {made[f"content@odata.media{kind}Link"] for kind in ("Edit", "Read")}
    assert links == {f"{keyed}/content"}
    assert v1.http.patch(f"{keyed}/content", content=b"abc", headers={"If-Match": "*"}).status_code == 204
    (listed,) = v1.values(f"attachments?$filter=parentId eq {journal_line['id']}")
    assert [one["id"] for one in v1.values(f"journalLines({journal_line['id']})/attachments")] == [made["id"]]
    assert v1.call("GET", listed["content@odata.mediaReadLink"]).content == b"abc"
    assert v1.call("DELETE", f"attachments({journal_line['id']},{made['id']})", If_Match="*").status_code == 204


def test_a_journal_line_takes_its_dimensions(both: tuple[V1, Bc], dimension: dict[str, Any]) -> None:
    """APIV1JournalLinesE2E: dimensions in the body; one that is there gets the other value."""
    v1, _ = both
    path = f"journals({v1.values('journals')[0]['id']})/journalLines"
    for first, second in zip(dimension["dimensionValues"], dimension["dimensionValues"][1:], strict=False):
        made = v1.post(path, {"amount": 5, "dimensions": [{"code": dimension["code"], "valueCode": first["code"]}]})
        assert [one["valueCode"] for one in made["dimensions"]] == [first["code"]]
        change = {"dimensions": [{"code": dimension["code"].lower(), "valueCode": second["code"]}]}
        changed = v1.patch(f"{path}({made['id']})", change)
        assert [one["valueDisplayName"] for one in changed["dimensions"]] == [second["displayName"]]


def test_a_journal_line_with_a_wrong_dimension_is_not_kept(both: tuple[V1, Bc]) -> None:
    v1, v2 = both
    path = f"journals({v1.values('journals')[0]['id']})/journalLines"
    refusal = v1.refusal("POST", path, {"amount": 5, "dimensions": [{"code": "NOPE", "valueCode": "1"}]})
    assert refusal[2] == 'The "code" does not match to a Dimension.'
    assert v2.values(path) == []


def test_a_key_with_one_part_where_two_are_needed_is_refused(both: tuple[V1, Bc], journal_line: dict[str, Any]) -> None:
    v1, _ = both
    made = v1.post("attachments", {"parentId": journal_line["id"], "fileName": "a.pdf"})
    assert "number of keys" in v1.refusal("GET", f"attachments({made['id']})")[2]


def test_pictures_and_pdf_documents_have_links_below_their_parents(both: tuple[V1, Bc]) -> None:
    """dynamics_picture_get.md, dynamics_salesinvoice_pdfdocument.md."""
    v1, _ = both
    item = v1.post("items", {"displayName": "Mug"})
    (picture,) = v1.values(f"items({item['id']})/picture")
    own = v1.url(f"items({item['id']})/picture({item['id']})/content")
    assert picture["content@odata.mediaEditLink"] == own
    invoice = v1.post("salesInvoices", {"customerId": v1.post("customers", {"displayName": "Jansen"})["id"]})
    (pdf,) = v1.values(f"salesInvoices({invoice['id']})/pdfDocument")
    assert pdf["id"] == invoice["id"]
    assert v1.call("GET", pdf["content@odata.mediaReadLink"]).content.startswith(b"%PDF")


def test_the_logo_of_the_company_is_only_read(both: tuple[V1, Bc]) -> None:
    """dynamics_companyinformation_get.md: a read link, no edit link."""
    for api in both:
        (about,) = api.values("companyInformation")
        link = about["picture@odata.mediaReadLink"]
        assert link == api.url(f"companyInformation({about['id']})/picture")
        assert "picture@odata.mediaEditLink" not in about
        assert api.call("GET", link).status_code == 204
        assert api.call("PATCH", link, {}, If_Match="*").status_code == 405


def test_a_default_dimension_needs_its_dimension(both: tuple[V1, Bc], dimension: dict[str, Any]) -> None:
    """APIV1DefaultDimensionsE2E, TestCreateDefaultDimensionFailsWithoutDimension: a value alone is not enough here."""
    v1, _ = both
    parent = v1.post("customers", {"displayName": "X"})
    sent = {"parentId": parent["id"], "dimensionValueId": dimension["dimensionValues"][0]["id"]}
    assert v1.refusal("POST", f"customers({parent['id']})/defaultDimensions", sent)[:2] == (400, "BadRequest")
