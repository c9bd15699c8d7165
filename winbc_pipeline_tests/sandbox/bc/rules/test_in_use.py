"""What is not deleted, moved or changed while other records use it, in the words of the table in AL (W1)."""

from typing import Any

import pytest

from ...conftest import Bc, order


def variant_of(bc: Bc, item: dict[str, Any], code: str = "RED") -> dict[str, Any]:
    return bc.post("itemVariants", {"itemId": item["id"], "code": code})


def delete(bc: Bc, path: str) -> str:
    """The message of the refusal; empty if the record was deleted."""
    answer = bc.call("DELETE", path, If_Match="*")
    return "" if answer.status_code == 204 else str(answer.json()["error"]["message"].split("  CorrelationId")[0])


def by_code(bc: Bc, entity: str, code: str) -> str:
    return str(bc.values(f"{entity}?$filter=code eq '{code}'")[0]["id"])


def person(bc: Bc, do: str, **asked: Any) -> None:
    bc.control("__user", {"do": do, "item": "MUG"} | asked)


@pytest.mark.parametrize("entity", ["salesOrders", "salesInvoices", "salesCreditMemos", "salesQuotes"])
def test_a_variant_on_a_line_is_not_deleted(bc: Bc, customer: Any, item: dict[str, Any], entity: str) -> None:
    """Item Variant, OnDelete; test APIV2 - Item Variants E2E, TestDeleteInUse."""
    variant = variant_of(bc, item)
    lines = [{"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 1}]
    bc.post(entity, {"customerId": customer["id"], f"{entity[:-1]}Lines": lines})
    words = (
        "You cannot delete item variant RED because there is at least one Sales Line that includes this Variant Code."
    )
    assert delete(bc, f"itemVariants({variant['id']})") == words


def test_a_variant_with_entries_is_not_deleted(bc: Bc, item: dict[str, Any]) -> None:
    """Item Variant, OnDelete."""
    variant, other = variant_of(bc, item), variant_of(bc, item, "BLUE")
    person(bc, "adjust", variant="RED", quantity=1)
    assert "at least one Item Ledger Entry" in delete(bc, f"itemVariants({variant['id']})")
    assert delete(bc, f"itemVariants({other['id']})") == ""


def test_a_variant_on_a_line_stays_with_its_item(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """Item Variant, OnRename. It may get another code."""
    variant, other = variant_of(bc, item), bc.post("items", {"number": "CUP"})
    order(bc, customer, {"itemId": item["id"], "itemVariantId": variant["id"], "quantity": 1})
    refusal = bc.refusal("PATCH", f"itemVariants({variant['id']})", {"itemId": other["id"]}, If_Match="*")
    assert refusal[2] == ("You cannot rename Item No. in a Item Variant, because it is used in sales document lines.")
    assert bc.patch(f"itemVariants({variant['id']})", {"code": "BLUE"})["code"] == "BLUE"


def test_an_item_with_entries_is_not_deleted(bc: Bc, item: dict[str, Any]) -> None:
    """MoveEntries, MoveItemEntries."""
    person(bc, "adjust", quantity=1)
    words = "You cannot delete Item MUG because it has ledger entries in a fiscal year that has not been closed yet."
    assert delete(bc, f"items({item['id']})") == words


def test_an_item_on_open_lines_keeps_its_type(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """Item, Type, OnValidate; Check Sales Document Line, CheckSalesLines."""
    order(bc, customer, {"itemId": item["id"], "quantity": 1})
    refusal = bc.refusal("PATCH", f"items({item['id']})", {"type": "Service"}, If_Match="*")
    assert refusal[2] == (
        "You cannot change the Type field on Item MUG because at least one Sales Line exists for this item."
    )


def test_an_item_with_entries_keeps_its_type(bc: Bc, item: dict[str, Any]) -> None:
    """Item, Type, OnValidate."""
    person(bc, "adjust", quantity=1)
    person(bc, "adjust", quantity=-1)
    refusal = bc.refusal("PATCH", f"items({item['id']})", {"type": "Service"}, If_Match="*")
    assert refusal[2].endswith("because at least one Item Ledger Entry exists for this item.")
    assert bc.patch(f"items({item['id']})", {"type": "Inventory"})["type"] == "Inventory"


def test_an_item_with_stock_keeps_its_base_unit(bc: Bc, item: dict[str, Any]) -> None:
    """Item, TestNoOpenEntriesExist: entries are open as long as a place has stock."""
    person(bc, "adjust", location="MAIN", quantity=1)
    box = {"baseUnitOfMeasureCode": "BOX"}
    refusal = bc.refusal("PATCH", f"items({item['id']})", box, If_Match="*")
    assert refusal[2] == (
        "You cannot change Base Unit of Measure because there are one or more open ledger entries for this item."
    )
    person(bc, "adjust", location="MAIN", quantity=-1)
    assert bc.patch(f"items({item['id']})", box)["baseUnitOfMeasureCode"] == "BOX"


def test_a_unit_that_holds_several_is_no_base_unit(bc: Bc, item: dict[str, Any]) -> None:
    """Item, Base Unit of Measure, OnValidate."""
    bc.control("__seed", {"settings": {"items": {"MUG": {"units": {"BOX": 12}}}}})
    refusal = bc.refusal("PATCH", f"items({item['id']})", {"baseUnitOfMeasureCode": "BOX"}, If_Match="*")
    assert refusal[2].startswith("The quantity per base unit of measure must be 1. BOX is set up with 12 per unit")


def test_a_base_unit_is_not_deleted(bc: Bc, item: dict[str, Any]) -> None:
    """Unit of Measure, OnDelete."""
    words = "You cannot delete the unit of measure because it is assigned to one or more records."
    assert delete(bc, f"unitsOfMeasure({item['baseUnitOfMeasureId']})") == words
    assert delete(bc, f"unitsOfMeasure({by_code(bc, 'unitsOfMeasure', 'BOX')})") == ""


def test_a_category_of_items_is_not_deleted_because_nobody_can_be_asked(bc: Bc, item: dict[str, Any]) -> None:
    """Item Category, UpdateDeletedCategoryItems asks for a confirmation, which a session of the API cannot show."""
    category = bc.post("itemCategories", {"code": "TEA"})
    bc.patch(f"items({item['id']})", {"itemCategoryId": category["id"]})
    refusal = bc.refusal("DELETE", f"itemCategories({category['id']})", If_Match="*")
    assert refusal[:2] == (400, "Application_CallbackNotAllowed")
    bc.patch(f"items({item['id']})", {"itemCategoryCode": ""})
    assert delete(bc, f"itemCategories({category['id']})") == ""


@pytest.mark.usefixtures("item")
def test_a_location_with_stock_is_not_deleted(bc: Bc) -> None:
    """Location, WMSCheckWarehouse."""
    person(bc, "adjust", location="MAIN", quantity=1)
    path = f"locations({by_code(bc, 'locations', 'MAIN')})"
    words = "You cannot delete MAIN because there are one or more ledger entries on this location."
    assert delete(bc, path) == words
    person(bc, "count", location="MAIN", quantity=0)
    assert delete(bc, path) == ""


@pytest.mark.usefixtures("item")
def test_the_stock_follows_the_new_code_of_a_location(bc: Bc) -> None:
    person(bc, "adjust", location="MAIN", quantity=1)
    bc.patch(f"locations({by_code(bc, 'locations', 'MAIN')})", {"code": "DEPOT"})
    assert [row["locationCode"] for row in bc.control("__state")["records"]["stock"]] == ["DEPOT"]


def test_a_tax_area_of_a_customer_is_not_deleted(bc: Bc, customer: dict[str, Any]) -> None:
    """Tax Area, IsTaxAreaInUse."""
    area = by_code(bc, "taxAreas", "NATIONAL")
    bc.patch(f"customers({customer['id']})", {"taxAreaId": area})
    words = "You cannot delete this tax rate because it is used on one or more existing documents."
    assert delete(bc, f"taxAreas({area})") == words


def test_a_currency_that_somebody_owes_is_not_deleted(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """Currency, OnDelete: open customer ledger entries. The exchange rates go with their currency."""
    rate = {"startingDate": "2020-01-01", "exchangeRateAmount": 1, "relationalExchangeRateAmount": 1}
    rates = [rate | {"currencyCode": code} for code in ("USD", "GBP")]
    bc.control("__seed", {"records": {"currencyExchangeRates": rates}})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, currencyCode="USD")
    assert bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {}).status_code == 204
    words = "There is one or more opened entries in the Cust. Ledger Entry table using Currency USD."
    assert delete(bc, f"currencies({by_code(bc, 'currencies', 'USD')})") == words
    assert delete(bc, f"currencies({by_code(bc, 'currencies', 'GBP')})") == ""
    assert {row["currencyCode"] for row in bc.values("currencyExchangeRates")} == {"USD"}


def test_a_salesperson_with_posted_documents_is_not_deleted(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """Salesperson/Purchaser, OnDelete."""
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, salesperson="WEB")
    bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    words = "The salesperson/purchaser WEB cannot be deleted because customer ledger entries exist."
    assert delete(bc, f"salespeoplePurchasers({by_code(bc, 'salespeoplePurchasers', 'WEB')})") == words


@pytest.mark.parametrize("entity", ["paymentTerms", "paymentMethods", "shipmentMethods"])
def test_terms_and_methods_may_go_while_they_are_used(bc: Bc, customer: dict[str, Any], entity: str) -> None:
    """Payment Terms, Payment Method and Shipment Method delete their translations, and look at nothing else."""
    made = bc.post(entity, {"code": "X"})
    field = {"paymentTerms": "paymentTermsId", "paymentMethods": "paymentMethodId"}.get(entity, "shipmentMethodId")
    bc.patch(f"customers({customer['id']})", {field: made["id"]})
    assert delete(bc, f"{entity}({made['id']})") == ""
