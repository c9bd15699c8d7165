"""Posting groups: no document takes a customer or an item without them, and templates give them to new records.

Source: rules.md, "Posting groups" [S]; AL: Sales Header (validation of Sell-to and Bill-to Customer No.), Sales Line
(CopyFromItem), Item Jnl.-Check Line.
"""

from collections.abc import Callable
from typing import Any

import pytest

from ...conftest import Bc
from ..test_v1 import V1

DOCUMENTS = ["salesOrders", "salesInvoices", "salesCreditMemos", "salesQuotes"]
NO_TEMPLATES = {"templates": {"customers": {}, "items": {}}}
REFUSED = "Application_FieldValidationException"


def without(group: str, place: str) -> tuple[int, str, str]:
    return 400, REFUSED, f"{group} must have a value in {place}. It cannot be zero or empty."


def test_a_new_company_has_templates_for_customers_and_items(bc: Bc) -> None:
    item = bc.post("items", {"displayName": "Mug"})
    assert (item["generalProductPostingGroupCode"], item["inventoryPostingGroupCode"]) == ("RETAIL", "RESALE")
    customer = bc.post("customers", {"displayName": "Anna"})
    lines = [{"itemId": item["id"], "quantity": 1}]
    assert bc.post("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})["status"] == "Draft"


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_no_document_takes_a_new_customer_without_a_template(start: Callable[..., Bc], entity: str) -> None:
    bc = start(templates=False)
    customer = bc.post("customers", {"displayName": "Anna"})
    refusal = bc.refusal("POST", entity, {"customerId": customer["id"]})
    assert refusal == without("Gen. Bus. Posting Group", "Customer: No.=C00001")
    assert bc.values(entity) == []


@pytest.mark.parametrize("version", [16, 17, 18, 22])
def test_every_version_refuses_a_customer_and_an_item_without_posting_groups(
    start: Callable[..., Bc], version: int
) -> None:
    bc = start(version=version, templates=False)
    api = bc if version >= 17 else V1(bc.root, bc.http)
    anna = api.post("customers", {"displayName": "Anna"})
    assert api.refusal("POST", "salesOrders", {"customerId": anna["id"]})[1] == REFUSED
    bc.control("__seed", {"records": {"customers": [{"number": "SHOP", "displayName": "Shop"}]}})
    item = api.post("items", {"displayName": "Mug"})
    made = api.post("salesOrders", {"customerNumber": "SHOP"})
    refusal = api.refusal("POST", f"salesOrders({made['id']})/salesOrderLines", {"itemId": item["id"], "quantity": 1})
    assert refusal == without("Gen. Prod. Posting Group", f"Item: No.={item['number']}")


def test_the_customer_who_pays_needs_a_customer_posting_group(bc: Bc, customer: dict[str, Any]) -> None:
    bc.control("__seed", {"records": {"customers": [{"number": "PAYER", "customerPostingGroupCode": ""}]}})
    body = {"customerId": customer["id"], "billToCustomerNumber": "PAYER"}
    wanted = without("Customer Posting Group", "Customer: No.=PAYER")
    assert bc.refusal("POST", "salesOrders", body) == wanted
    made = bc.post("salesOrders", {"customerId": customer["id"]})
    path = f"salesOrders({made['id']})"
    assert bc.refusal("PATCH", path, {"billToCustomerNumber": "PAYER"}, If_Match="*") == wanted


def test_a_document_does_not_change_to_a_customer_without_posting_groups(bc: Bc, customer: dict[str, Any]) -> None:
    bc.control("__seed", {"records": {"customers": [{"number": "BARE", "generalBusinessPostingGroupCode": ""}]}})
    made = bc.post("salesOrders", {"customerId": customer["id"]})
    refusal = bc.refusal("PATCH", f"salesOrders({made['id']})", {"customerNumber": "BARE"}, If_Match="*")
    assert refusal == without("Gen. Bus. Posting Group", "Customer: No.=BARE")


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"generalProductPostingGroupCode": ""}, "Gen. Prod. Posting Group"),
        ({"inventoryPostingGroupCode": ""}, "Inventory Posting Group"),
    ],
)
@pytest.mark.parametrize("entity", DOCUMENTS)
def test_a_line_takes_no_item_without_posting_groups(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity: str, fields: dict[str, str], missing: str
) -> None:
    bc.patch(f"items({item['id']})", fields)
    lines = {f"{entity[:-1]}Lines": [{"itemId": item["id"], "quantity": 1}]}
    refusal = bc.refusal("POST", entity, {"customerId": customer["id"]} | lines)
    assert refusal == without(missing, "Item: No.=MUG")


@pytest.mark.parametrize("kind", ["Service", "Non_x002D_Inventory"])
def test_an_item_that_is_not_stocked_needs_no_inventory_posting_group(
    bc: Bc, customer: dict[str, Any], kind: str
) -> None:
    item = bc.post("items", {"displayName": "Advice", "type": kind})
    assert item["inventoryPostingGroupCode"] == ""
    lines = [{"itemId": item["id"], "quantity": 1}]
    bc.post("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})


def test_stock_of_an_item_without_a_posting_group_is_not_adjusted(bc: Bc, item: dict[str, Any]) -> None:
    bc.patch(f"items({item['id']})", {"generalProductPostingGroupCode": ""})
    refusal = bc.refusal("PATCH", f"items({item['id']})", {"inventory": 5}, If_Match="*")
    line = "Item Journal Line: Journal Template Name=, Journal Batch Name=, Line No.=0"
    assert refusal == without("Gen. Prod. Posting Group", line)


def test_a_person_fills_in_the_groups_of_an_item_afterwards(start: Callable[..., Bc]) -> None:
    bc = start(templates=False)
    bc.control("__seed", {"records": {"customers": [{"number": "SHOP", "displayName": "Shop"}]}})
    item = bc.post("items", {"displayName": "Mug"})
    groups = {"generalProductPostingGroupCode": "RETAIL", "inventoryPostingGroupCode": "RESALE"}
    bc.patch(f"items({item['id']})", groups)
    lines = [{"itemId": item["id"], "quantity": 1}]
    bc.post("salesOrders", {"customerNumber": "SHOP", "salesOrderLines": lines})


def test_templates_are_taken_away_and_chosen_again(bc: Bc) -> None:
    bc.control("__seed", NO_TEMPLATES)
    bare = bc.post("customers", {"displayName": "Anna"})
    bc.control("__seed", {"templates": {"customers": {"generalBusinessPostingGroupCode": "EU"}}})
    half = bc.post("customers", {"displayName": "Bert"})
    groups = {"generalBusinessPostingGroupCode": "EU", "customerPostingGroupCode": "EU"}
    bc.control("__seed", {"templates": {"customers": groups}})
    whole = bc.post("customers", {"displayName": "Cees"})
    answers = [bc.call("POST", "salesOrders", {"customerId": one["id"]}).json() for one in (bare, half, whole)]
    words = [answer.get("error", {}).get("message", "").split(" must")[0] for answer in answers]
    assert words == ["Gen. Bus. Posting Group", "Customer Posting Group", ""]


def test_a_group_that_is_sent_by_its_id_is_not_contradicted_by_the_template(bc: Bc) -> None:
    bc.control("__seed", {"records": {"generalProductPostingGroups": [{"code": "FOOD", "description": "Food"}]}})
    (food,) = bc.values("generalProductPostingGroups?$filter=code eq 'FOOD'")
    item = bc.post("items", {"displayName": "Bread", "generalProductPostingGroupId": food["id"]})
    assert item["generalProductPostingGroupCode"] == "FOOD"


def test_a_customer_shows_no_posting_groups(bc: Bc, customer: dict[str, Any]) -> None:
    assert [name for name in customer if "Posting" in name] == []


def test_a_person_fills_in_the_posting_groups_of_a_customer(start: Callable[..., Bc]) -> None:
    bc = start(templates=False)
    anna = bc.post("customers", {"displayName": "Anna"})
    bc.control("__seed", {"settings": {"customers": {anna["number"]: {"generalBusinessPostingGroupCode": "NATIONAL"}}}})
    assert bc.refusal("POST", "salesOrders", {"customerId": anna["id"]})[2].startswith("Customer Posting Group must")
    bc.control("__seed", {"settings": {"customers": {anna["number"]: {"customerPostingGroupCode": "NATIONAL"}}}})
    assert bc.post("salesOrders", {"customerId": anna["id"]})["status"] == "Draft"
