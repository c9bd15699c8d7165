"""Orders, invoices, credit memos and quotes: amounts, rules, posting."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winbc_pipeline.sandbox.bc.totals import calculate, set_discount

from .conftest import Bc


def order(bc: Bc, customer: dict[str, Any], *lines: dict[str, Any], **header: Any) -> dict[str, Any]:
    return bc.post("salesOrders", {"customerNumber": customer["number"], "salesOrderLines": list(lines)} | header)


def line_of(bc: Bc, document: dict[str, Any], entity: str = "salesOrders") -> dict[str, Any]:
    return bc.values(f"{entity}({document['id']})/{entity[:-1]}Lines")[0]


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
    ("header", "line", "totals"),
    [
        ({}, {"discountPercent": 10}, ("27", "5.67", "32.67")),
        ({}, {"discountAmount": 3.33}, ("26.67", "5.60", "32.27")),
        ({"discountAmount": 5}, {}, ("25", "5.25", "30.25")),
        ({"pricesIncludeTax": True}, {"unitPrice": 12.1}, ("30", "6.30", "36.30")),
        ({"pricesIncludeTax": True}, {}, ("30", "6.30", "36.30")),
        ({}, {"quantity": -1}, ("-10", "-2.10", "-12.10")),
        ({}, {"quantity": 1, "unitPrice": 0.05}, ("0.05", "0.01", "0.06")),
    ],
)
def test_amounts(
    bc: Bc,
    customer: dict[str, Any],
    item: dict[str, Any],
    header: dict[str, Any],
    line: dict[str, Any],
    totals: tuple[str, str, str],
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3} | line, **header)
    shown = (made["totalAmountExcludingTax"], made["totalTaxAmount"], made["totalAmountIncludingTax"])
    assert tuple(Decimal(str(value)) for value in shown) == tuple(map(Decimal, totals))


MONEY = st.decimals(Decimal("-999.99"), Decimal("9999.99"), places=2)
LINE = st.fixed_dictionaries(
    {
        "quantity": st.decimals(0, 50, places=2),
        "unitPrice": st.decimals(0, 500, places=3),
        "discountPercent": st.decimals(0, 100, places=1),
        "taxPercent": st.sampled_from([Decimal(0), Decimal(9), Decimal(21)]),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, max_size=8), st.decimals(0, 20, places=2), st.booleans())
def test_totals_are_the_sum_of_the_lines_and_tax_is_within_a_cent_of_the_exact(
    lines: list[dict[str, Any]], discount: Decimal, includes_tax: bool
) -> None:
    header: dict[str, Any] = {"discountAmount": discount, "pricesIncludeTax": includes_tax}
    for line in lines:
        set_discount(line, {"discountPercent": line["discountPercent"]})
    calculate(header, lines)
    assert header["totalAmountExcludingTax"] == sum(line["netAmount"] for line in lines)
    assert header["totalAmountIncludingTax"] == sum(line["netAmountIncludingTax"] for line in lines)
    for rate in {line["taxPercent"] for line in lines}:
        own = [line for line in lines if line["taxPercent"] == rate]
        base = sum(line["netAmountIncludingTax"] if includes_tax else line["netAmount"] for line in own)
        exact = base * rate / (100 + rate) if includes_tax else base * rate / 100
        assert abs(sum(line["netTaxAmount"] for line in own) - exact) <= Decimal("0.01")


def test_a_changed_line_changes_the_totals(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    line = line_of(bc, made)
    bc.patch(f"salesOrderLines({line['id']})", {"quantity": 5})
    assert bc.get(f"salesOrders({made['id']})")["totalAmountExcludingTax"] == 50
    assert bc.call("DELETE", f"salesOrderLines({line['id']})", If_Match="*").status_code == 204
    assert bc.get(f"salesOrders({made['id']})")["totalAmountExcludingTax"] == 0


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


def test_shipping_and_invoicing_an_order(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    bc.patch(f"items({item['id']})", {"inventory": 10})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3}, {"description": "A comment"})
    answer = bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    assert (answer.status_code, answer.content) == (204, b"")
    assert bc.values("salesOrders") == []
    assert bc.call("GET", f"salesOrders({made['id']})").status_code == 404
    (shipment,) = bc.values("salesShipments")
    assert shipment["orderNumber"] == made["number"]
    (invoice,) = bc.values("salesInvoices")
    assert (invoice["orderNumber"], invoice["status"]) == (made["number"], "Open")
    assert invoice["totalAmountIncludingTax"] == invoice["remainingAmount"] == made["totalAmountIncludingTax"]
    assert len(bc.values(f"salesInvoices({invoice['id']})/salesInvoiceLines")) == 2
    entries = bc.values(f"itemLedgerEntries?$filter=itemNumber eq '{item['number']}'")
    assert [entry["quantity"] for entry in entries] == [10, -3]
    assert bc.get(f"items({item['id']})")["inventory"] == 7
    assert bc.get(f"customers({customer['id']})")["balanceDue"] == made["totalAmountIncludingTax"]


def test_an_order_without_lines_is_not_posted(bc: Bc, customer: dict[str, Any]) -> None:
    made = order(bc, customer)
    refusal = bc.refusal("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    assert refusal[2] == "Please add at least one line item to the estimate."
    assert len(bc.values("salesOrders")) == 1


def test_a_user_ships_a_part_and_the_api_posts_the_rest(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3})
    line = line_of(bc, made)
    bc.control("__user", {"do": "ship", "id": made["id"], "quantities": {line["id"]: 1}})
    assert line_of(bc, made)["shippedQuantity"] == 1
    assert not bc.get(f"salesOrders({made['id']})")["fullyShipped"]
    assert bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {}).status_code == 204
    assert [row["quantity"] for row in bc.values("itemLedgerEntries")] == [-1, -2]


def test_a_released_order_takes_no_change_by_the_api(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3})
    bc.control("__user", {"do": "release", "id": made["id"]})
    assert bc.get(f"salesOrders({made['id']})")["status"] == "Open"
    assert bc.refusal("PATCH", f"salesOrders({made['id']})", {"email": "a@b.example"}, If_Match="*")[0] == 400


def posted_invoice(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    lines = [{"itemId": item["id"], "quantity": 2}]
    draft = bc.post("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})
    assert bc.call("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post", {}).status_code == 204
    posted = bc.get(f"salesInvoices({draft['id']})")
    assert (draft["status"], posted["status"]) == ("Draft", "Open")
    assert posted["number"] != draft["number"]
    return posted  # type: ignore[no-any-return]


def test_a_posted_invoice_keeps_its_id_and_cannot_be_changed(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    invoice = posted_invoice(bc, customer, item)
    path = f"salesInvoices({invoice['id']})"
    words = "The invoice has been posted and can no longer be modified."
    assert bc.refusal("PATCH", path, {"email": "a@b.example"}, If_Match="*")[2] == words
    assert bc.refusal("POST", f"{path}/salesInvoiceLines", {"itemId": item["id"]})[2] == words
    assert (
        bc.refusal("POST", f"{path}/Microsoft.NAV.post", {})[2] == "The action can be applied to a draft invoice only."
    )


def test_cancelling_an_invoice_brings_the_goods_back(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    invoice = posted_invoice(bc, customer, item)
    assert bc.get(f"items({item['id']})")["inventory"] == -2
    assert bc.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel", {}).status_code == 204
    assert bc.get(f"salesInvoices({invoice['id']})")["status"] == "Canceled"
    (memo,) = bc.values("salesCreditMemos")
    assert (memo["status"], memo["invoiceNumber"]) == ("Corrective", invoice["number"])
    assert bc.get(f"items({item['id']})")["inventory"] == 0
    assert bc.get(f"customers({customer['id']})")["balanceDue"] == 0
    again = bc.refusal("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel", {})
    assert again[2] == "The invoice cannot be canceled because it has already been canceled."


def test_a_corrective_credit_memo_is_a_draft_until_it_is_posted(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    invoice = posted_invoice(bc, customer, item)
    bc.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.makeCorrectiveCreditMemo", {})
    (memo,) = bc.values("salesCreditMemos")
    assert (memo["status"], memo["totalAmountIncludingTax"]) == ("Draft", invoice["totalAmountIncludingTax"])
    assert bc.call("POST", f"salesCreditMemos({memo['id']})/Microsoft.NAV.post", {}).status_code == 204
    assert bc.get(f"items({item['id']})")["inventory"] == 0


def test_a_quote_becomes_an_order(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": 2}]
    quote = bc.post("salesQuotes", {"customerId": customer["id"], "salesQuoteLines": lines})
    assert bc.call("POST", f"salesQuotes({quote['id']})/Microsoft.NAV.makeOrder", {}).status_code == 204
    assert bc.values("salesQuotes") == []
    (made,) = bc.values("salesOrders")
    assert made["totalAmountIncludingTax"] == quote["totalAmountIncludingTax"]


def test_a_customer_with_an_open_order_is_not_deleted(bc: Bc, customer: dict[str, Any]) -> None:
    order(bc, customer)
    refusal = bc.refusal("DELETE", f"customers({customer['id']})", If_Match="*")
    assert "at least one outstanding Sales Order for this customer" in refusal[2]


def test_stock_is_adjusted_by_patch_and_never_by_post(bc: Bc, item: dict[str, Any]) -> None:
    assert bc.refusal("POST", "items", {"inventory": 1})[2] == "Inventory cannot be changed during on insert."
    bc.patch(f"items({item['id']})", {"inventory": 5})
    bc.patch(f"items({item['id']})", {"inventory": 2})
    entries = bc.values("itemLedgerEntries")
    assert [(entry["entryType"], entry["quantity"]) for entry in entries] == [
        ("Positive_x0020_Adjmt_x002E_", 5),
        ("Negative_x0020_Adjmt_x002E_", -3),
    ]


def test_equal_values_change_nothing(bc: Bc, customer: dict[str, Any]) -> None:
    same = bc.patch(f"customers({customer['id']})", {"displayName": "Jansen"})
    names = ("@odata.etag", "lastModifiedDateTime")
    assert [same[name] for name in names] == [customer[name] for name in names]


def test_numbers_are_never_given_twice(bc: Bc) -> None:
    made = [bc.post("items", {"displayName": "A"}) for _ in range(2)]
    bc.call("DELETE", f"items({made[0]['id']})", If_Match="*")
    assert bc.post("items", {"displayName": "B"})["number"] == "I00003"


@pytest.mark.parametrize(
    ("entity", "body", "code"),
    [
        ("customers", {"displayName": "x" * 101}, "Application_StringExceededLength"),
        ("customers", {"displayName": "X", "type": "Robot"}, "Unknown"),
        ("customers", {"displayName": "X", "country": "XX"}, "Internal_InvalidTableRelation"),
        ("customers", {"displayName": "X", "currencyId": "not-a-guid"}, "Application_InvalidGUID"),
        ("customers", {"displayName": "X", "creditLimit": "12"}, "BadRequest"),
        ("customers", {"displayName": "X", "taxLiable": "yes"}, "BadRequest"),
        ("customers", {"displayName": "X", "shoeSize": 9}, "BadRequest"),
        ("customers", {}, "BadRequest_RequiredParamNotProvided"),
        ("customers", [], "BadRequest"),
        ("paymentTerms", {"displayName": "no code"}, "BadRequest_RequiredParamNotProvided"),
        ("itemLedgerEntries", {"quantity": 1}, "BadRequest_MethodNotAllowed"),
        ("items", {"number": "A", "itemCategoryCode": "NONE"}, "Application_DialogException"),
    ],
)
def test_values_that_are_refused(bc: Bc, entity: str, body: Any, code: str) -> None:
    assert bc.refusal("POST", entity, body)[1] == code


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


def test_a_template_fills_what_was_not_sent(bc: Bc) -> None:
    template = {"taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS", "displayName2": "from the template"}
    bc.control("__seed", {"templates": {"items": template}})
    made = bc.post("items", {"displayName": "Mug", "displayName2": "sent"})
    assert (made["taxGroupCode"], made["baseUnitOfMeasureCode"], made["displayName2"]) == ("VAT21", "PCS", "sent")


def test_an_attachment_comes_in_two_steps(bc: Bc, customer: dict[str, Any]) -> None:
    made = order(bc, customer)
    body = {"parentId": made["id"], "parentType": "Sales_x0020_Order", "fileName": "note.txt"}
    attachment = bc.post("attachments", body)
    path = f"attachments({attachment['id']})/attachmentContent"
    assert bc.call("GET", path).status_code == 204
    sent = bc.http.patch(bc.url(path), content=b"hello", headers={"If-Match": "*"})
    assert sent.status_code == 204
    assert bc.call("GET", path).content == b"hello"
    (found,) = bc.values(f"salesOrders({made['id']})/attachments")
    assert (found["fileName"], found["byteSize"]) == ("note.txt", 5)


def test_dimensions_of_a_customer_are_found_from_both_ends(bc: Bc, customer: dict[str, Any]) -> None:
    dimension = bc.values("dimensions?$expand=dimensionValues")[0]
    value = dimension["dimensionValues"][0]
    body = {"dimensionId": dimension["id"], "dimensionValueId": value["id"]}
    bc.post(f"customers({customer['id']})/defaultDimensions", body)
    (found,) = bc.get(f"customers({customer['id']})?$expand=defaultDimensions($expand=dimension)")["defaultDimensions"]
    assert (found["parentType"], found["dimension"]["code"]) == ("Customer", dimension["code"])
    assert bc.get(f"defaultDimensions({found['id']})/customer")["number"] == customer["number"]
