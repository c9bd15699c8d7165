"""What posting and cancelling make of documents: stock, ledger entries, what customers owe."""

from typing import Any

import pytest

from ...conftest import Bc, line_of, order


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


def action(bc: Bc, entity: str, document: dict[str, Any], name: str) -> None:
    answer = bc.call("POST", f"{entity}({document['id']})/Microsoft.NAV.{name}", {})
    assert answer.status_code == 204, answer.text


def test_sales_amounts_go_the_other_way_than_the_goods(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    invoice = posted_invoice(bc, customer, item)
    action(bc, "salesInvoices", invoice, "cancel")
    sold = {"lineType": "Account", "lineObjectNumber": "8100", "quantity": 1, "unitPrice": 100}
    returned = order(bc, customer, {"itemId": item["id"], "quantity": -3}, sold)
    action(bc, "salesOrders", returned, "shipAndInvoice")
    entries = [(row["quantity"], row["salesAmountActual"]) for row in bc.values("itemLedgerEntries")]
    assert entries == [(-2, 20), (2, -20), (3, -30)]


@pytest.mark.parametrize(("entity_set", "name"), [("salesOrders", "shipAndInvoice"), ("salesInvoices", "post")])
def test_no_invoice_below_0_is_posted(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity_set: str, name: str
) -> None:
    """Microsoft's test codeunit 134384, SalesOrderWithNegativeValue."""
    lines = f"{entity_set[:-1]}Lines"
    made = bc.post(entity_set, {"customerId": customer["id"], lines: [{"itemId": item["id"], "quantity": -1}]})
    refused = bc.refusal("POST", f"{entity_set}({made['id']})/Microsoft.NAV.{name}", {})
    assert refused[2] == "The total amount for the invoice must be 0 or greater."
    assert bc.values("itemLedgerEntries") == []


def test_entries_have_the_number_of_the_posted_document(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    action(bc, "salesInvoices", posted_invoice(bc, customer, item), "cancel")
    numbers = [row["documentNumber"] for row in bc.values("itemLedgerEntries")]
    assert numbers == [bc.values("salesInvoices")[0]["number"], bc.values("salesCreditMemos")[0]["number"]]


def posted_memo(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    body = {"customerId": customer["id"], "salesCreditMemoLines": [{"itemId": item["id"], "quantity": 1}]}
    memo = bc.post("salesCreditMemos", body)
    action(bc, "salesCreditMemos", memo, "post")
    return memo


def test_a_credit_memo_of_its_own_is_not_cancelled(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    memo = posted_memo(bc, customer, item)
    refusal = bc.refusal("POST", f"salesCreditMemos({memo['id']})/Microsoft.NAV.cancel", {})
    assert refusal[2] == ("You cannot cancel this posted sales credit memo because it is not a corrective document.")


def test_cancelling_the_corrective_credit_memo_of_an_invoice_opens_the_invoice_again(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    invoice = posted_invoice(bc, customer, item)
    action(bc, "salesInvoices", invoice, "cancel")
    (memo,) = bc.values("salesCreditMemos")
    action(bc, "salesCreditMemos", memo, "cancel")
    assert bc.get(f"salesCreditMemos({memo['id']})")["status"] == "Canceled"
    invoices = [(row["status"], row["remainingAmount"]) for row in bc.values("salesInvoices")]
    assert invoices == [("Open", 24.2), ("Corrective", 0)]
    assert bc.get(f"items({item['id']})")["inventory"] == -2
    assert bc.get(f"customers({customer['id']})")["balanceDue"] == 24.2
    again = bc.refusal("POST", f"salesCreditMemos({memo['id']})/Microsoft.NAV.cancel", {})
    assert again[2] == "The credit memo cannot be cancelled because it has already been canceled."


def test_a_credit_memo_is_posted_once(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    memo = posted_memo(bc, customer, item)
    refusal = bc.refusal("POST", f"salesCreditMemos({memo['id']})/Microsoft.NAV.post", {})
    assert refusal[2] == "The action can be applied to a draft credit memo only."


def test_what_a_customer_owes_follows_what_is_posted(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    path = f"customers({customer['id']})/customerFinancialDetail"

    def figures() -> tuple[float, float, float]:
        shown = bc.get(path)
        return shown["balance"], shown["totalSalesExcludingTax"], shown["overdueAmount"]

    body = {"customerId": customer["id"], "invoiceDate": "2020-01-01"}
    late = bc.post("salesInvoices", body | {"salesInvoiceLines": [{"itemId": item["id"], "quantity": 1}]})
    action(bc, "salesInvoices", late, "post")
    assert figures() == (12.1, 10, 12.1)
    posted_invoice(bc, customer, item)
    assert figures() == (36.3, 30, 12.1)
    posted_memo(bc, customer, item)
    assert figures() == (24.2, 20, 12.1)
    action(bc, "salesInvoices", late, "cancel")
    assert figures() == (12.1, 10, 0)


def test_who_is_billed_owes(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    payer = bc.post("customers", {"displayName": "Payer"})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, billToCustomerId=payer["id"])
    action(bc, "salesOrders", made, "shipAndInvoice")
    assert bc.get(f"customers({payer['id']})")["balanceDue"] == 12.1
    assert bc.get(f"customers({customer['id']})")["balanceDue"] == 0


def test_nobody_ships_more_than_was_ordered(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 4})
    line = line_of(bc, made)
    asked = {"do": "ship", "id": made["id"], "quantities": {line["id"]: 100}}
    answer = bc.http.post(f"{bc.root}/__user", json=asked)
    assert (answer.status_code, "You cannot ship more than 4 units." in answer.text) == (400, True)
    assert (line_of(bc, made)["shippedQuantity"], bc.values("salesShipments")) == (0, [])


def test_what_is_shipped_stays_on_the_order(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 4})
    line = line_of(bc, made)
    bc.control("__user", {"do": "ship", "id": made["id"], "quantities": {line["id"]: 3}})
    path = f"salesOrderLines({line['id']})"
    assert "must not be less than Quantity Shipped" in bc.refusal("PATCH", path, {"quantity": 2}, If_Match="*")[2]
    for place in (path, f"salesOrders({made['id']})"):
        assert "Qty. Shipped Not Invoiced" in bc.refusal("DELETE", place, If_Match="*")[2]
    assert bc.patch(path, {"quantity": 5})["shipQuantity"] == 2


def test_an_item_that_was_blocked_meanwhile_is_not_posted(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    lines = [{"itemId": item["id"], "quantity": 2}]
    draft = bc.post("salesInvoices", {"customerId": customer["id"], "salesInvoiceLines": lines})
    bc.patch(f"items({item['id']})", {"blocked": True})
    refusal = bc.refusal("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post", {})
    words = "You cannot choose Item MUG because the Blocked check box is selected on its Item card."
    assert refusal[2] == words  # AL: Item Journal Line, DisplayErrorIfItemIsBlocked
    assert bc.get(f"salesInvoices({draft['id']})")["status"] == "Draft"


def test_the_order_of_a_quote_is_to_be_shipped(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": 2}]
    quote = bc.post("salesQuotes", {"customerId": customer["id"], "salesQuoteLines": lines})
    action(bc, "salesQuotes", quote, "makeOrder")
    assert line_of(bc, bc.values("salesOrders")[0])["shipQuantity"] == 2


def test_the_invoice_of_an_order_is_due_by_the_terms_of_the_order(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    (terms,) = bc.values("paymentTerms?$filter=code eq '14 DAYS'")
    header = {"orderDate": "2026-03-01", "paymentTermsId": terms["id"]}
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, **header)
    action(bc, "salesOrders", made, "shipAndInvoice")
    assert bc.values("salesInvoices")[0]["dueDate"] == "2026-03-15"
