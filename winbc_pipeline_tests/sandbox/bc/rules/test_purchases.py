"""Purchase orders and the receipts that bring stock in. Sources: APIV2 - Purchase Orders, its lines and their tests."""

from collections.abc import Callable
from typing import Any

import pytest

from ...conftest import Bc

WRONG = "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"


@pytest.fixture
def vendor(bc: Bc) -> dict[str, Any]:
    body = {"displayName": "Potter", "addressLine1": "Kiln 1", "city": "Delft", "country": "NL"}
    return bc.post("vendors", body)


def purchase(bc: Bc, vendor: dict[str, Any], *lines: dict[str, Any], **header: Any) -> dict[str, Any]:
    return bc.post("purchaseOrders", {"vendorNumber": vendor["number"], "purchaseOrderLines": list(lines)} | header)


def lines_of(bc: Bc, made: dict[str, Any]) -> list[dict[str, Any]]:
    return bc.values(f"purchaseOrders({made['id']})/purchaseOrderLines")


def receive(bc: Bc, made: dict[str, Any], quantity: float) -> None:
    (line,) = lines_of(bc, made)
    bc.control("__user", {"do": "receive", "id": made["id"], "quantities": {line["id"]: quantity}})


def receive_and_invoice(bc: Bc, made: dict[str, Any]) -> int:
    return bc.call("POST", f"purchaseOrders({made['id']})/Microsoft.NAV.receiveAndInvoice", {}).status_code


def test_an_order_takes_over_the_vendor_and_goes_to_the_company(bc: Bc, vendor: dict[str, Any]) -> None:
    """TestPostOrders."""
    made = purchase(bc, vendor)
    assert (made["vendorId"], made["payToVendorNumber"], made["status"]) == (vendor["id"], vendor["number"], "Draft")
    assert (made["buyFromCity"], made["payToCity"], made["shipToCountry"]) == ("Delft", "Delft", "NL")
    assert made["shipToName"] == bc.values("companyInformation")[0]["displayName"]


def test_costs_and_totals_of_lines(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """TestPostOrderLines: without a cost that was sent, the item's holds."""
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 3}, {"description": "Fragile"})
    first, second = lines_of(bc, made)
    assert (first["directUnitCost"], first["amountExcludingTax"], first["taxPercent"]) == (4, 12, 21)
    assert (first["receiveQuantity"], first["invoiceQuantity"], second["lineType"]) == (3, 3, "Comment")
    assert bc.get(f"purchaseOrders({made['id']})")["totalAmountIncludingTax"] == 14.52


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, 'A "vendorNumber" or a "vendorId" must be provided.'),
        ({"vendorId": WRONG}, "The buy-from vendor cannot be found."),
        ({"vendorNumber": "NONE"}, "The buy-from vendor cannot be found."),
        ({"vendorId": "mine", "vendorNumber": "NONE"}, "The buy-from vendor values do not match to a specific Vendor."),
        ({"vendorId": "mine", "payToVendorId": WRONG}, "The pay-to vendor cannot be found."),
    ],
)
def test_vendors_that_are_refused(bc: Bc, vendor: dict[str, Any], body: dict[str, str], words: str) -> None:
    named = {name: vendor["id"] if value == "mine" else value for name, value in body.items()}
    assert bc.refusal("POST", "purchaseOrders", named)[2] == words


def test_a_blocked_vendor_gets_no_order(bc: Bc, vendor: dict[str, Any]) -> None:
    """AL: Vendor, CheckBlockedVendOnDocs."""
    bc.patch(f"vendors({vendor['id']})", {"blocked": "All"})
    refusal = bc.refusal("POST", "purchaseOrders", {"vendorId": vendor["id"]})
    words = f"You cannot create this type of document when Vendor {vendor['number']} is blocked with type All"
    assert refusal[2] == words


def test_lines_need_their_order(bc: Bc) -> None:
    """TestFailsOnIDAbsense."""
    assert bc.refusal("GET", "purchaseOrderLines")[2] == "You must specify an Id or a Document Id to get the lines."


@pytest.mark.parametrize("change", [{"sequence": 7}, {"documentId": WRONG}])
def test_a_line_keeps_its_place(bc: Bc, vendor: dict[str, Any], item: dict[str, Any], change: dict[str, Any]) -> None:
    """TestModifyOrderLineFailsOnSequenceIdOrDocumentIdChange."""
    (line,) = lines_of(bc, purchase(bc, vendor, {"itemId": item["id"], "quantity": 3}))
    assert bc.refusal("PATCH", f"purchaseOrderLines({line['id']})", change, If_Match="*")[0] == 400


def test_a_variant_of_another_item_is_refused(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """TestPostOrderLineWithWrongItemVariant."""
    other = bc.post("items", {"number": "CUP"})
    variant = bc.post("itemVariants", {"itemId": other["id"], "code": "RED"})
    lines = [{"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 1}]
    assert bc.refusal("POST", "purchaseOrders", {"vendorId": vendor["id"], "purchaseOrderLines": lines})[0] == 400


def test_an_item_that_is_blocked_for_purchase(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """AL: Purchase Line, CopyFromItem."""
    bc.control("__seed", {"settings": {"items": {"MUG": {"purchasingBlocked": True}}}})
    body = {"vendorId": vendor["id"], "purchaseOrderLines": [{"itemId": item["id"], "quantity": 1}]}
    words = "You cannot purchase Item MUG because the Purchasing Blocked check box is selected on the Item card."
    assert bc.refusal("POST", "purchaseOrders", body)[2] == words


def test_a_receipt_brings_the_stock_in(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """TestGetPurchaseReceipts."""
    place = bc.values("locations?$filter=code eq 'SHOP1'")[0]["id"]
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 5, "locationId": place})
    receive(bc, made, 2)
    (receipt,) = bc.values("purchaseReceipts?$expand=purchaseReceiptLines")
    (posted,) = receipt["purchaseReceiptLines"]
    assert (receipt["orderNumber"], receipt["vendorName"]) == (made["number"], "Potter")
    assert (posted["lineObjectNumber"], posted["lineType"], posted["quantity"], posted["unitCost"]) == (
        "MUG",
        "Item",
        2,
        4,
    )
    (entry,) = bc.values("itemLedgerEntries")
    assert (entry["entryType"], entry["documentType"], entry["quantity"]) == ("Purchase", "Purchase_x0020_Receipt", 2)
    assert (entry["sourceType"], entry["sourceNumber"]) == ("Vendor", vendor["number"])
    (row,) = bc.control("__state")["records"]["stock"]
    assert (row["itemNumber"], row["locationCode"], row["quantity"]) == ("MUG", "SHOP1", 2)
    (line,) = lines_of(bc, made)
    assert (line["receivedQuantity"], line["receiveQuantity"]) == (2, 3)


def test_an_order_that_came_in_whole_is_fully_received(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 5})
    receive(bc, made, 2)
    receive(bc, made, 3)
    assert bc.get(f"purchaseOrders({made['id']})")["fullyReceived"] is True
    assert bc.get(f"items({item['id']})")["inventory"] == 5


def test_no_more_is_received_than_was_ordered(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 5})
    (line,) = lines_of(bc, made)
    asked = {"do": "receive", "id": made["id"], "quantities": {line["id"]: 6}}
    assert bc.http.post(f"{bc.root}/__user", json=asked).json()["error"] == "You cannot receive more than 5 units."


def test_what_was_received_and_not_invoiced_stays(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """AL: Purchase Line, OnDelete."""
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 5})
    receive(bc, made, 2)
    for path in (f"purchaseOrderLines({lines_of(bc, made)[0]['id']})", f"purchaseOrders({made['id']})"):
        refusal = bc.refusal("DELETE", path, If_Match="*")
        assert refusal[2].startswith("Qty. Rcd. Not Invoiced must be equal to '0'  in Purchase Line:")


def test_receive_and_invoice(bc: Bc, vendor: dict[str, Any], item: dict[str, Any]) -> None:
    """APIV2 - Purchase Orders, ReceiveAndInvoice."""
    made = purchase(bc, vendor, {"itemId": item["id"], "quantity": 5})
    assert receive_and_invoice(bc, purchase(bc, vendor)) == 400
    assert receive_and_invoice(bc, made) == 204
    assert bc.call("GET", f"purchaseOrders({made['id']})").status_code == 404
    assert bc.get(f"items({item['id']})")["inventory"] == 5


def test_receipts_are_read_only(bc: Bc) -> None:
    """APIV2 - Purchase Receipts, APIV2 - Purch Receipt Lines."""
    for entity in ("purchaseReceipts", "purchaseReceiptLines"):
        assert bc.refusal("POST", entity, {})[:2] == (405, "BadRequest_MethodNotAllowed")


def test_an_item_and_a_vendor_on_a_purchase_order_are_not_deleted(bc: Bc, vendor: Any, item: dict[str, Any]) -> None:
    """AL: Check Purchase Document Line; Vendor, CheckOutstandingPurchaseDocuments."""
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    purchase(bc, vendor, {"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 5})
    words = {
        f"items({item['id']})": "at least one outstanding Purchase Order that includes this item.",
        f"itemVariants({variant['id']})": "at least one Purchase Line that includes this Variant Code.",
        f"vendors({vendor['id']})": "at least one outstanding Purchase Order for this vendor.",
    }
    for path, end in words.items():
        assert bc.refusal("DELETE", path, If_Match="*")[2].endswith(end)


@pytest.mark.parametrize(("version", "sets"), [(17, 2), (18, 4), (29, 4)])
def test_the_sets_came_with_their_versions(start: Callable[..., Bc], version: int, sets: int) -> None:
    """reference v2_version_history.json: receipts 17.3, orders 18.0."""
    there = start(version=version)
    names = [row["name"] for row in there.get(there.base)["value"]]
    assert len([name for name in names if name.startswith("purchase")]) == sets
