"""API v1.0: the same records in its own shape."""

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
