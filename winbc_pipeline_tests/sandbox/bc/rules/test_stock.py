"""Stock: what moves it, what is refused, where it is kept, and what it leaves as it was.

AL sources are in microsoft/BCApps, W1 base application, unless another one is named.
"""

from typing import Any

import pytest

from ...conftest import Bc, order


def settings(bc: Bc, **wanted: Any) -> None:
    bc.control("__seed", {"settings": wanted})


def stock(bc: Bc) -> dict[tuple[str, str, str], Any]:
    """Quantities by item, variant and location."""
    rows = bc.control("__state")["records"].get("stock", [])
    return {(row["itemNumber"], row["variantCode"], row["locationCode"]): row["quantity"] for row in rows}


def person(bc: Bc, do: str, **asked: Any) -> None:
    bc.control("__user", {"do": do, "item": "MUG"} | asked)


def refused(bc: Bc, do: str, **asked: Any) -> str:
    answer = bc.http.post(f"{bc.root}/__user", json={"do": do, "item": "MUG"} | asked)
    assert answer.status_code in (400, 404), answer.text
    return str(answer.json()["error"])


def adjust(bc: Bc, item: dict[str, Any], quantity: float) -> tuple[int, str, str]:
    return bc.refusal("PATCH", f"items({item['id']})", {"inventory": quantity}, If_Match="*")


def location(bc: Bc, code: str) -> str:
    return str(bc.values(f"locations?$filter=code eq '{code}'")[0]["id"])


def ship(bc: Bc, made: dict[str, Any], quantity: float) -> None:
    (line,) = bc.values(f"salesOrders({made['id']})/salesOrderLines")
    bc.control("__user", {"do": "ship", "id": made["id"], "quantities": {line["id"]: quantity}})


def test_an_adjustment_has_the_number_of_the_item_as_its_document(bc: Bc, item: dict[str, Any]) -> None:
    """APIV2 - Items, UpdateInventory."""
    bc.patch(f"items({item['id']})", {"inventory": 5})
    (entry,) = bc.values("itemLedgerEntries")
    assert (entry["documentNumber"], entry["documentType"], entry["sourceType"]) == ("MUG", "_x0020_", "_x0020_")


def test_an_adjustment_needs_a_base_unit(bc: Bc) -> None:
    """Item Jnl.-Check Line, RunCheck."""
    bare = bc.post("items", {"number": "BARE"})
    assert adjust(bc, bare, 1) == (
        400,
        "Application_FieldValidationException",
        "Base Unit of Measure must have a value in Item: No.=BARE. It cannot be zero or empty.",
    )


def test_a_blocked_item_takes_no_adjustment(bc: Bc, item: dict[str, Any]) -> None:
    """Item Journal Line, DisplayErrorIfItemIsBlocked."""
    bc.patch(f"items({item['id']})", {"blocked": True})
    words = "You cannot choose Item MUG because the Blocked check box is selected on its Item card."
    assert adjust(bc, item, 1)[1:] == ("Application_DialogException", words)


@pytest.mark.parametrize(
    ("setting", "field"), [("locationMandatory", "Location Code"), ("variantMandatoryIfExists", "Variant Code")]
)
def test_the_inventory_setup_stops_adjustments_that_the_api_cannot_complete(
    bc: Bc, item: dict[str, Any], setting: str, field: str
) -> None:
    """Item Jnl.-Check Line, RunCheck and CheckVariantMandatory. The API names neither variant nor location."""
    bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    settings(bc, inventorySetup={setting: True})
    journal = "Item Journal Line: Journal Template Name=, Journal Batch Name=, Line No.=0"
    assert adjust(bc, item, 1)[2] == f"{field} must have a value in {journal}. It cannot be zero or empty."
    settings(bc, inventorySetup={setting: False})
    assert bc.patch(f"items({item['id']})", {"inventory": 1})["inventory"] == 1


def test_negative_stock_can_be_prevented(bc: Bc, item: dict[str, Any]) -> None:
    """Item Ledger Entry, VerifyOnInventory: it looks at the place of the entry, not at the sum."""
    person(bc, "adjust", location="MAIN", quantity=10)
    settings(bc, inventorySetup={"preventNegativeInventory": True})
    assert adjust(bc, item, 9)[2] == "You have insufficient quantity of Item MUG on inventory."


def test_neither_moment_nor_etag_of_an_item_follows_its_stock(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """reference rules.md: what moves lastModifiedDateTime and ETag of an item."""
    bc.control("__clock", {"advance_s": 60})
    adjusted = bc.patch(f"items({item['id']})", {"inventory": 5})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 2})
    ship(bc, made, 2)
    sold = bc.get(f"items({item['id']})")
    assert (adjusted["inventory"], sold["inventory"]) == (5, 3)
    for name in ("lastModifiedDateTime", "@odata.etag"):
        assert item[name] == adjusted[name] == sold[name]


def test_an_etag_from_before_a_sale_is_still_good(bc: Bc, item: dict[str, Any]) -> None:
    person(bc, "adjust", quantity=5)
    assert bc.call("PATCH", f"items({item['id']})", {"unitPrice": 11}, If_Match=item["@odata.etag"]).status_code == 200


@pytest.mark.parametrize("kind", ["Inventory", "Service", "Non_x002D_Inventory"])
def test_items_of_every_type_have_entries_with_their_customer(bc: Bc, customer: dict[str, Any], kind: str) -> None:
    """Item Journal Line, CopyFromSalesLine; Item, Inventory: a FlowField over all entries, so it turns negative."""
    made = bc.post("items", {"number": "X", "type": kind, "baseUnitOfMeasureCode": "PCS"})
    ship(bc, order(bc, customer, {"itemId": made["id"], "quantity": 2}), 2)
    (entry,) = bc.values("itemLedgerEntries")
    assert (entry["sourceType"], entry["sourceNumber"], entry["quantity"]) == ("Customer", customer["number"], -2)
    assert bc.get(f"items({made['id']})")["inventory"] == -2


def test_a_shipment_lowers_the_stock_of_its_variant_and_location(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    person(bc, "adjust", variant="RED", location="MAIN", quantity=5)
    person(bc, "adjust", location="SHOP1", quantity=7)
    line = {"itemId": item["id"], "itemVariantId": variant["id"], "locationId": location(bc, "MAIN"), "quantity": 2}
    ship(bc, order(bc, customer, line), 2)
    assert stock(bc) == {("MUG", "RED", "MAIN"): 3, ("MUG", "", "SHOP1"): 7}
    assert bc.get(f"items({item['id']})")["inventory"] == 10


def test_an_item_may_be_seeded_with_its_inventory(bc: Bc) -> None:
    bc.control("__seed", {"records": {"items": [{"number": "MUG", "inventory": 7, "baseUnitOfMeasureCode": "PCS"}]}})
    person(bc, "adjust", quantity=1)
    assert stock(bc) == {("MUG", "", ""): 8}


def test_a_credit_memo_brings_the_stock_back(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": 2, "locationId": location(bc, "MAIN")}]
    memo = bc.post("salesCreditMemos", {"customerId": customer["id"], "salesCreditMemoLines": lines})
    assert bc.call("POST", f"salesCreditMemos({memo['id']})/Microsoft.NAV.post", {}).status_code == 204
    assert stock(bc) == {("MUG", "", "MAIN"): 2}


def test_a_person_transfers_and_counts(bc: Bc, item: dict[str, Any]) -> None:
    person(bc, "adjust", location="MAIN", quantity=10)
    person(bc, "transfer", **{"from": "MAIN", "to": "SHOP1", "quantity": 4})
    person(bc, "count", location="SHOP1", quantity=3)
    assert stock(bc) == {("MUG", "", "MAIN"): 6, ("MUG", "", "SHOP1"): 3}
    assert [entry["entryType"].split("_")[0] for entry in bc.values("itemLedgerEntries")] == [
        "Positive",
        "Transfer",
        "Transfer",
        "Negative",
    ]
    assert bc.get(f"items({item['id']})")["inventory"] == 9


@pytest.mark.usefixtures("item")
def test_a_person_receives_goods_without_an_order(bc: Bc) -> None:
    person(bc, "receive", location="SHOP2", quantity=6, document="PACK-7")
    (entry,) = bc.values("itemLedgerEntries")
    assert (entry["entryType"], entry["documentNumber"]) == ("Purchase", "PACK-7")
    assert stock(bc) == {("MUG", "", "SHOP2"): 6}


@pytest.mark.usefixtures("item")
def test_a_transfer_takes_only_what_is_there(bc: Bc) -> None:
    """Item Ledger Entry, VerifyOnInventory: transfers are refused whatever the setup says."""
    assert "insufficient" in refused(bc, "transfer", **{"from": "MAIN", "to": "SHOP1", "quantity": 4})
    assert stock(bc) == {}


@pytest.mark.usefixtures("item")
@pytest.mark.parametrize(
    "asked",
    [
        {"do": "adjust", "quantity": 1, "item": "NONE"},
        {"do": "adjust", "quantity": 1, "variant": "BLUE"},
        {"do": "adjust", "quantity": 1, "location": "MOON"},
        {"do": "adjust", "quantity": True},
        {"do": "count", "quantity": -1},
        {"do": "transfer", "quantity": 1, "from": "MAIN"},
    ],
)
def test_what_a_person_cannot_ask(bc: Bc, asked: dict[str, Any]) -> None:
    assert refused(bc, **asked)
    assert stock(bc) == {}


def test_the_stock_follows_a_new_number(bc: Bc, item: dict[str, Any]) -> None:
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    person(bc, "adjust", variant="RED", quantity=1)
    bc.patch(f"items({item['id']})", {"number": "CUP"})
    bc.patch(f"itemVariants({variant['id']})", {"code": "BLUE"})
    assert stock(bc) == {("CUP", "BLUE", ""): 1}


def test_an_item_unit_holds_several(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    settings(bc, items={"MUG": {"units": {"BOX": 12}}})
    (box,) = bc.values("unitsOfMeasure?$filter=code eq 'BOX'")
    ship(bc, order(bc, customer, {"itemId": item["id"], "unitOfMeasureId": box["id"], "quantity": 2}), 2)
    assert bc.get(f"items({item['id']})")["inventory"] == -24


@pytest.mark.parametrize("credit", [False, True])
def test_an_item_that_is_blocked_for_sale_may_only_come_back(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], credit: bool
) -> None:
    """Sales Line, CopyFromItem; Item Journal Line, DisplayErrorIfItemIsBlocked."""
    settings(bc, items={"MUG": {"salesBlocked": True}})
    entity = "salesCreditMemos" if credit else "salesOrders"
    body = {"customerId": customer["id"], f"{entity[:-1]}Lines": [{"itemId": item["id"], "quantity": 1}]}
    if credit:
        assert bc.post(entity, body)["customerId"] == customer["id"]
        return
    words = "You cannot sell Item MUG because the Sales Blocked check box is selected on the Item card."
    assert bc.refusal("POST", entity, body) == (400, "Application_DialogException", words)


@pytest.mark.parametrize("setting", ["blocked", "salesBlocked"])
def test_a_blocked_variant_is_not_sold(bc: Bc, customer: Any, item: dict[str, Any], setting: str) -> None:
    """Sales Line, Variant Code: the table relation leaves blocked variants out."""
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    settings(bc, itemVariants={"MUG/RED": {setting: True}})
    lines = [{"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 1}]
    refusal = bc.refusal("POST", "salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    assert refusal[1] == "Internal_InvalidTableRelation"


def test_what_was_blocked_after_it_was_ordered_is_not_posted(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """Item Journal Line, DisplayErrorIfItemVariantIsBlocked."""
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    line = {"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 1}
    made = order(bc, customer, line)
    settings(bc, itemVariants={"MUG/RED": {"salesBlocked": True}})
    refusal = bc.refusal("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    words = "You cannot sell Item Variant MUG, RED because the Sales Blocked check box is selected on the"
    assert refusal[2] == f"{words} Item Variant card."


@pytest.mark.parametrize(
    ("setup", "field"),
    [
        ({"locationMandatory": True}, "Location Code"),
        ({"variantMandatoryIfExists": True}, "Variant Code"),
    ],
)
def test_an_order_is_not_released_without_what_the_setup_wants(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], setup: dict[str, Any], field: str
) -> None:
    """Release Sales Document, CheckMandatoryFields; posting releases first."""
    bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    settings(bc, inventorySetup=setup)
    place = f"Sales Line: Document Type=Order, Document No.={made['number']}, Line No.=10000"
    words = f"{field} must have a value in {place}. It cannot be zero or empty."
    assert refused(bc, "release", id=made["id"]) == words
    assert bc.refusal("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})[2] == words


@pytest.mark.parametrize(
    "wanted",
    [
        {"inventorySetup": {"locationMandatory": "yes"}},
        {"inventorySetup": {"shoeSize": True}},
        {"items": {"NONE": {"salesBlocked": True}}},
        {"items": {"MUG": {"units": {"NONE": 1}}}},
        {"items": {"MUG": {"units": {"BOX": 0}}}},
        {"customers": {"MUG": {}}},
        {"companies": {}},
        {"postCodes": {}},
        {"postCodes": [{"town": "Gent"}]},
    ],
)
@pytest.mark.usefixtures("item")
def test_settings_that_are_refused(bc: Bc, wanted: dict[str, Any]) -> None:
    before = bc.control("__state")
    assert bc.http.post(f"{bc.root}/__seed", json={"settings": wanted}).status_code == 400
    assert bc.control("__state") == before
