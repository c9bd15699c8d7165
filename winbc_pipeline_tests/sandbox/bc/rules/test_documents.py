"""Orders, invoices, credit memos and quotes: what may be written when."""

from collections.abc import Callable
from typing import Any

import pytest

from winbc_pipeline.sandbox.bc.data.schema import ZERO_GUID

from ...conftest import Bc, line_of, order
from ..test_v1 import V1

UNKNOWN = "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"
JOURNEYS = {
    "salesOrders": ["shipAndInvoice"],
    "salesInvoices": ["post"],
    "salesCreditMemos": ["post"],
    "salesQuotes": ["makeOrder", "makeInvoice"],
}


def test_a_deep_insert_is_one_call_and_shows_lines_only_on_request(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    made = order(bc, customer, {"lineType": "Item", "lineObjectNumber": "MUG", "quantity": 2})
    assert made["number"].startswith("S-ORD")
    assert made["status"] == "Draft"
    assert "salesOrderLines" not in made
    assert (made["totalAmountExcludingTax"], made["totalTaxAmount"], made["totalAmountIncludingTax"]) == (20, 4.2, 24.2)
    line = line_of(bc, made)
    assert (line["description"], line["unitPrice"], line["unitOfMeasureCode"], line["taxPercent"]) == (
        "Mug",
        10,
        "PCS",
        21,
    )


def test_one_wrong_line_leaves_no_order_behind(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": 1}, {"lineType": "Item", "lineObjectNumber": "NONE"}]
    body = {"customerId": customer["id"], "salesOrderLines": lines}
    assert bc.refusal("POST", "salesOrders", body)[2] == "Item does not exist."
    assert bc.values("salesOrders") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, 'A "customerNumber" or a "customerId" must be provided.'),
        ({"customerNumber": "NONE"}, "The sell-to customer cannot be found."),
        ({"number": "MINE"}, "Control 'number' is read-only."),
        ({"customerNumber": "C00001", "currencyCode": "XXX"}, 'The "currencyCode" does not match to a Currency.'),
    ],
)
def test_headers_that_are_refused(bc: Bc, customer: dict[str, Any], body: dict[str, Any], words: str) -> None:
    assert bc.refusal("POST", "salesOrders", body)[2] == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sequence": 5}, "The value for sequence cannot be modified. Delete and insert the line again."),
        ({"lineObjectNumber": "OTHER"}, 'The value for "lineObjectNumber" cannot be modified.'),
        ({"documentId": "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"}, 'The value for "documentId" cannot be modified.'),
        ({"amountExcludingTax": 1}, "Control 'amountExcludingTax' is read-only."),
    ],
)
def test_line_changes_that_are_refused(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    line = line_of(bc, order(bc, customer, {"itemId": item["id"], "quantity": 1}))
    assert bc.refusal("PATCH", f"salesOrderLines({line['id']})", change, If_Match="*")[2] == words


@pytest.mark.parametrize(
    ("blocked", "entity", "status"),
    [
        ("All", "salesOrders", 400),
        ("Invoice", "salesInvoices", 400),
        ("Ship", "salesOrders", 400),
        ("Ship", "salesInvoices", 201),
        ("Invoice", "salesCreditMemos", 201),
    ],
)
def test_blocked_customers(bc: Bc, customer: dict[str, Any], blocked: str, entity: str, status: int) -> None:
    bc.patch(f"customers({customer['id']})", {"blocked": blocked})
    assert bc.call("POST", entity, {"customerId": customer["id"]}).status_code == status


def test_a_blocked_item_is_refused_on_a_line(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    bc.patch(f"items({item['id']})", {"blocked": True})
    body = {"customerId": customer["id"], "salesOrderLines": [{"itemId": item["id"], "quantity": 1}]}
    assert bc.refusal("POST", "salesOrders", body)[1] == "Application_FieldValidationException"


def test_a_released_order_takes_no_change_by_the_api(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3})
    bc.control("__user", {"do": "release", "id": made["id"]})
    assert bc.get(f"salesOrders({made['id']})")["status"] == "Open"
    assert bc.refusal("PATCH", f"salesOrders({made['id']})", {"email": "a@b.example"}, If_Match="*")[0] == 400


def test_the_same_seed_and_clock_give_the_same_ids_numbers_and_times(start: Any) -> None:
    def made() -> dict[str, Any]:
        bc = start(seed="7")
        bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
        customer = bc.post("customers", {"displayName": "Jansen"})
        order(bc, customer)
        return bc.control("__state")["records"]  # type: ignore[no-any-return]

    first, second = made(), made()
    assert first["customers"] == second["customers"]
    assert first["salesOrders"] == second["salesOrders"]


@pytest.mark.parametrize("version", range(14, 30))
def test_every_version_makes_and_posts_every_document(start: Callable[..., Bc], version: int) -> None:
    bc = start(version=version)
    api = bc if version >= 17 else V1(bc.root, bc.http)
    customer = api.post("customers", {"displayName": "Jansen", "email": "j@mail.example"})
    unit = api.get("unitsOfMeasure")["value"][0]["id"]
    item = api.post("items", {"displayName": "Mug", "unitPrice": 10, "baseUnitOfMeasureId": unit})
    for entity, actions in JOURNEYS.items():
        for action in actions:
            made = api.post(entity, {"customerId": customer["id"]})
            api.post(f"{entity}({made['id']})/{entity[:-1]}Lines", {"itemId": item["id"], "quantity": 2})
            assert api.get(f"{entity}({made['id']})")["totalAmountExcludingTax"] == 20
            answer = api.call("POST", f"{entity}({made['id']})/Microsoft.NAV.{action}", {})
            assert answer.status_code == 204, answer.text


def test_the_tax_code_of_a_line_decides_its_tax(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    line = bc.patch(f"salesOrderLines({line_of(bc, made)['id']})", {"taxCode": "VAT9"})
    assert (line["taxPercent"], line["netTaxAmount"]) == (9, 0.9)
    assert bc.get(f"salesOrders({made['id']})")["totalTaxAmount"] == 0.9


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"taxCode": "NONE"}, "Internal_InvalidTableRelation"),
        ({"locationId": UNKNOWN}, "Internal_InvalidTableRelation"),
        ({"discountPercent": 150}, "Application_FieldValidationException"),
        ({"discountPercent": -5}, "Application_FieldValidationException"),
        ({"discountAmount": 50}, "Application_DialogException"),
        ({"discountAmount": -1}, "Application_DialogException"),
        ({"quantity": 0.000001}, "Application_FieldValidationException"),
        ({"quantity": 999999999999999, "unitPrice": 999999999999999}, "Application_EvaluateException"),
        ({"shipQuantity": 99}, "Application_DialogException"),
        ({"shippedQuantity": 1}, "BadRequest_InvalidOperation"),
    ],
)
def test_line_values_that_are_refused(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], line: dict[str, Any], code: str
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    assert (
        bc.refusal("POST", f"salesOrders({made['id']})/salesOrderLines", {"itemId": item["id"], "quantity": 1} | line)[
            1
        ]
        == code
    )
    assert bc.refusal("PATCH", f"salesOrderLines({line_of(bc, made)['id']})", line, If_Match="*")[1] == code


def test_a_comment_takes_no_quantity_afterwards(bc: Bc, customer: dict[str, Any]) -> None:
    line = line_of(bc, order(bc, customer, {"description": "A comment"}))
    refusal = bc.refusal("PATCH", f"salesOrderLines({line['id']})", {"quantity": 1, "unitPrice": 5}, If_Match="*")
    assert refusal[1] == "Application_FieldValidationException"


def test_a_line_of_an_account_has_no_unit(bc: Bc, customer: dict[str, Any]) -> None:
    account = bc.values("accounts")[0]
    made = order(bc, customer, {"accountId": account["id"], "quantity": 1, "unitPrice": 5})
    path = f"salesOrderLines({line_of(bc, made)['id']})"
    refusal = bc.refusal("PATCH", path, {"unitOfMeasureCode": "PCS"}, If_Match="*")
    assert refusal[1] == "Application_FieldValidationException"


def test_all_is_to_be_shipped_and_invoiced_unless_less_was_said(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 4})
    line = line_of(bc, made)
    assert (line["shipQuantity"], line["invoiceQuantity"]) == (4, 4)
    path = f"salesOrderLines({line['id']})"
    assert bc.patch(path, {"shipQuantity": 1})["shipQuantity"] == 1
    assert bc.patch(path, {"description": "x"})["shipQuantity"] == 1
    assert bc.patch(path, {"quantity": 6})["shipQuantity"] == 6
    assert bc.refusal("PATCH", path, {"shipQuantity": 99}, If_Match="*")[2] == "You cannot ship more than 6 units."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"customerNumber": ""}, "customerNumber must be filled in. Enter a value."),
        ({"customerId": ZERO_GUID}, "The sell-to customer cannot be found."),
        ({"billToCustomerId": ZERO_GUID}, "The bill-to customer cannot be found."),
        ({"discountAmount": -1}, "Invoice Discount Amount must not be negative."),
        ({"discountAmount": 30.01}, "The maximum Invoice Discount Amount that you can apply is 30.00."),
        (
            {"orderDate": "2024-02-31"},
            "Cannot convert the value of property 'orderDate' to the expected target type 'Edm.Date'.",
        ),
    ],
)
def test_header_changes_that_are_refused(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3})
    assert bc.refusal("PATCH", f"salesOrders({made['id']})", change, If_Match="*")[2] == words
    kept = bc.get(f"salesOrders({made['id']})")
    assert kept == {name: kept["@odata.context"] if name == "@odata.context" else made[name] for name in kept}


def test_a_bill_to_customer_who_is_blocked_is_refused(bc: Bc, customer: dict[str, Any]) -> None:
    payer = bc.post("customers", {"displayName": "Payer", "blocked": "All"})
    body = {"customerId": customer["id"], "billToCustomerId": payer["id"]}
    assert "is blocked with type All" in bc.refusal("POST", "salesOrders", body)[2]


@pytest.mark.parametrize(
    ("formula", "due"),
    [("30D", "2026-03-31"), ("1M", "2026-04-01"), ("CM", "2026-03-31"), ("CM+1D", "2026-04-01"), ("", "2026-03-01")],
)
def test_an_invoice_is_due_as_its_payment_terms_say(bc: Bc, customer: dict[str, Any], formula: str, due: str) -> None:
    terms = bc.post("paymentTerms", {"code": "T", "dueDateCalculation": formula})
    body = {"customerId": customer["id"], "invoiceDate": "2026-03-01", "paymentTermsId": terms["id"]}
    made = bc.post("salesInvoices", body)
    assert made["dueDate"] == due
    assert bc.post("salesInvoices", body | {"dueDate": "2026-05-05"})["dueDate"] == "2026-05-05"
    later = bc.patch(f"salesInvoices({made['id']})", {"invoiceDate": "2027-03-01"})
    assert later["dueDate"] == due.replace("2026", "2027")


def test_the_terms_of_a_new_company_have_due_dates(bc: Bc) -> None:
    terms = {row["code"]: row["dueDateCalculation"] for row in bc.values("paymentTerms")}
    assert terms == {"14 DAYS": "14D", "30 DAYS": "30D", "COD": "0D"}


def test_what_is_no_date_formula_is_refused(bc: Bc) -> None:
    refusal = bc.refusal("POST", "paymentTerms", {"code": "T", "dueDateCalculation": "soon"})
    assert refusal[1] == "Application_EvaluateException"


def test_only_what_is_about_payment_changes_on_a_posted_invoice(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    """AL: ChangeOnlyContainsWhitelistedFields in Sales Invoice Aggregator."""
    lines = [{"itemId": item["id"], "quantity": 1}]
    made = bc.post("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})
    path = f"salesInvoices({made['id']})"
    bc.call("POST", f"{path}/Microsoft.NAV.post", {})
    changed = bc.patch(path, {"dueDate": "2030-01-01", "promisedPayDate": "2030-02-01"})
    assert (changed["dueDate"], changed["promisedPayDate"], changed["status"]) == ("2030-01-01", "2030-02-01", "Open")
    refusal = bc.refusal("PATCH", path, {"dueDate": "2030-01-02", "shipToName": "x"}, If_Match="*")
    assert refusal[2] == "The invoice has been posted and can no longer be modified."


def test_a_released_order_can_be_deleted(bc: Bc, customer: dict[str, Any]) -> None:
    made = order(bc, customer)
    bc.control("__user", {"do": "release", "id": made["id"]})
    assert bc.call("DELETE", f"salesOrders({made['id']})", If_Match="*").status_code == 204


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"invoiceId": UNKNOWN}, 'The "invoiceId" does not match to an Invoice.'),
        ({"invoiceNumber": "NONE"}, 'The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.'),
    ],
)
def test_a_credit_memo_is_about_an_invoice_that_is_there(
    bc: Bc, customer: dict[str, Any], body: dict[str, Any], words: str
) -> None:
    assert bc.refusal("POST", "salesCreditMemos", {"customerId": customer["id"]} | body)[2] == words


def test_the_lines_of_a_quote_show_no_field_that_they_do_not_have(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    body = {
        "customerId": customer["id"],
        "discountAmount": 1,
        "salesQuoteLines": [{"itemId": item["id"], "quantity": 1}],
    }
    assert "invoiceDiscountAllocation" not in line_of(bc, bc.post("salesQuotes", body), "salesQuotes")


def test_pages_have_words_of_their_own(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    assert bc.refusal("GET", "salesCreditMemoLines")[2] == "You must specify an id or a Document Id to get the lines."
    assert bc.refusal("GET", "salesInvoiceLines")[2] == "You must specify an Id or a Document Id to get the lines."
    body = {"customerId": customer["id"], "salesInvoiceLines": [{"itemId": item["id"], "quantity": 1}]}
    line = line_of(bc, bc.post("salesInvoices", body), "salesInvoices")
    refusal = bc.refusal("PATCH", f"salesInvoiceLines({line['id']})", {"sequence": 5}, If_Match="*")
    assert refusal[2] == 'The value for "sequence" cannot be modified. Delete and insert the line again.'


def test_a_line_that_becomes_an_account_has_the_tax_that_was_sent(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    line = line_of(bc, order(bc, customer, {"itemId": item["id"], "quantity": 1}))
    account = bc.values("accounts")[0]
    path = f"salesOrderLines({line['id']})"
    assert bc.patch(path, {"accountId": account["id"]})["taxPercent"] == 0
    assert bc.patch(path, {"itemId": item["id"]})["taxPercent"] == 21
    assert bc.patch(path, {"accountId": account["id"], "taxCode": "VAT9"})["taxPercent"] == 9
