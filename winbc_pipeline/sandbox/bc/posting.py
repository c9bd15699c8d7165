"""Bound actions: posting, cancelling, corrective credit memos, quotes into orders (behaviour.md sections 14 and 15)."""

from collections.abc import Callable
from decimal import Decimal

from ..records import Record
from .company import Company, amount
from .masterdata import post_stock
from .refusal import dialog, unknown_segment
from .sales import ITEM, KINDS, check_blocked, lines_of, recalculate
from .schema import ZERO_GUID

ORDERS, INVOICES, CREDITS, QUOTES = (
    KINDS[name] for name in ("salesOrders", "salesInvoices", "salesCreditMemos", "salesQuotes")
)
Action = Callable[[Company, Record], None]


def run(company: Company, entity: str, action: str, record: Record) -> None:
    """Runs `Microsoft.NAV.{action}` on a record; raises Refused. All of it counts, or nothing."""
    handler = ACTIONS.get((entity, action))
    if handler is None:
        raise unknown_segment(f"Microsoft.NAV.{action}")
    with company.transaction():
        company.log("POST", entity, record, {"action": f"Microsoft.NAV.{action}"})
        handler(company, record)


def ship_and_invoice(company: Company, order: Record) -> None:
    """Ships and invoices the whole order: the order goes, a posted shipment and a posted invoice appear."""
    lines = lines_of(company, ORDERS, order["id"])
    _postable(company, order, lines, "Please add at least one line item to the estimate.", "salesOrders")
    ship(
        company,
        order,
        lines,
        {line["id"]: amount(line["quantity"]) - amount(line["shippedQuantity"]) for line in lines},
    )
    invoice = _copied(company, order, INVOICES.header)
    invoice |= {
        "invoiceDate": order["orderDate"],
        "dueDate": order["postingDate"],
        "number": company.next_number("postedInvoices"),
    }
    invoice |= {"orderId": order["id"], "orderNumber": order["number"], "status": "Open"}
    posted = company.add(INVOICES.header, invoice | {"remainingAmount": order["totalAmountIncludingTax"]})
    for line in lines:
        company.add(INVOICES.lines, _copied(company, line, INVOICES.lines) | {"documentId": posted["id"]})
    _owes(company, order["customerId"], amount(order["totalAmountIncludingTax"]))
    for line in lines:
        company.drop(ORDERS.lines, line)
    company.drop(ORDERS.header, order)


def ship(company: Company, order: Record, lines: list[Record], quantities: dict[str, Decimal]) -> None:
    """Posts a shipment of some quantities per line id, if there are any."""
    shipped = [(line, quantities.get(line["id"], Decimal(0))) for line in lines]
    if not any(quantity for _, quantity in shipped):
        return
    header = _copied(company, order, "salesShipments")
    header |= {
        "number": company.next_number("salesShipments"),
        "orderNumber": order["number"],
        "invoiceDate": order["orderDate"],
    }
    shipment = company.add("salesShipments", header)
    for line, quantity in shipped:
        if not quantity:
            continue
        copied = _copied(company, line, "salesShipmentLines") | {"documentId": shipment["id"], "quantity": quantity}
        company.add("salesShipmentLines", copied | {"documentNo": shipment["number"]})
        done = amount(line["shippedQuantity"]) + quantity
        company.change(
            ORDERS.lines, line | {"shippedQuantity": done, "shipQuantity": amount(line["quantity"]) - done}, stamp=False
        )
        _deliver(company, line, -quantity, shipment["number"], "Sales_x0020_Shipment")
    left = lines_of(company, ORDERS, order["id"])
    whole = all(
        amount(line["shippedQuantity"]) >= amount(line["quantity"]) for line in left if line["lineType"] != "Comment"
    )
    company.change(ORDERS.header, (company.get(ORDERS.header, order["id"]) or order) | {"fullyShipped": whole})


def release(company: Company, order: Record) -> None:
    """What a user does in the client; the API has no such action."""
    company.change(ORDERS.header, order | {"status": "Open"})


def post_invoice(company: Company, invoice: Record) -> None:
    lines = lines_of(company, INVOICES, invoice["id"])
    _is_draft(invoice)
    _postable(company, invoice, lines, "Please add at least one line item to the invoice.", INVOICES.header)
    posted = invoice | {"number": company.next_number("postedInvoices"), "status": "Open"}
    company.change(INVOICES.header, posted | {"remainingAmount": invoice["totalAmountIncludingTax"]})
    for line in lines:
        _deliver(company, line, -amount(line["quantity"]), posted["number"], "Sales_x0020_Invoice")
    _owes(company, invoice["customerId"], amount(invoice["totalAmountIncludingTax"]))


def post_credit_memo(company: Company, memo: Record) -> None:
    lines = lines_of(company, CREDITS, memo["id"])
    _is_draft(memo)
    _postable(company, memo, lines, "Please add at least one line item to the credit memo.", CREDITS.header)
    company.change(CREDITS.header, memo | {"number": company.next_number("postedCreditMemos"), "status": "Open"})
    for line in lines:
        _deliver(company, line, amount(line["quantity"]), memo["number"], "Sales_x0020_Credit_x0020_Memo")
    _owes(company, memo["customerId"], -amount(memo["totalAmountIncludingTax"]))


def correct(company: Company, invoice: Record) -> None:
    """`makeCorrectiveCreditMemo`: a draft with the lines of a posted invoice."""
    _is_posted(invoice)
    _draft_of(company, invoice)


def cancel_invoice(company: Company, invoice: Record) -> None:
    """Posts a corrective credit memo; the invoice is Canceled."""
    if invoice["status"] == "Canceled":
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    _is_posted(invoice)
    memo = _draft_of(company, invoice)
    post_credit_memo(company, memo)
    company.change(CREDITS.header, (company.get(CREDITS.header, memo["id"]) or memo) | {"status": "Corrective"})
    company.change(INVOICES.header, invoice | {"status": "Canceled", "remainingAmount": Decimal(0)})


def cancel_credit_memo(company: Company, memo: Record) -> None:
    if memo["status"] != "Open":
        raise dialog("The action can be applied to a posted credit memo only.")
    for line in lines_of(company, CREDITS, memo["id"]):
        _deliver(company, line, -amount(line["quantity"]), memo["number"], "Sales_x0020_Invoice")
    _owes(company, memo["customerId"], amount(memo["totalAmountIncludingTax"]))
    company.change(CREDITS.header, memo | {"status": "Canceled"})


def send(company: Company, document: Record) -> None:
    if not document["email"]:
        message = (
            "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
        )
        raise dialog(message)


def send_quote(company: Company, quote: Record) -> None:
    send(company, quote)
    company.change(QUOTES.header, quote | {"status": "Sent", "sentDate": company.now()})


def order_of_quote(company: Company, quote: Record) -> None:
    _becomes(company, quote, "salesOrders")


def invoice_of_quote(company: Company, quote: Record) -> None:
    _becomes(company, quote, "salesInvoices")


def post_journal(company: Company, journal: Record) -> None:
    lines = company.all("journalLines", "journalId", journal["id"])
    if not lines:
        raise dialog("There is nothing to post.")
    if sum(amount(line["amount"]) for line in lines):
        raise dialog("The journal is out of balance.")
    for line in lines:
        company.drop("journalLines", line)


def _becomes(company: Company, quote: Record, header: str) -> None:
    kind = KINDS[header]
    record = _copied(company, quote, header) | {"number": company.next_number(header), "status": "Draft"}
    record |= {kind.date: company.today(), "postingDate": company.today()}
    made = company.add(header, record)
    for line in lines_of(company, QUOTES, quote["id"]):
        company.add(kind.lines, _copied(company, line, kind.lines) | {"documentId": made["id"]})
        company.drop(QUOTES.lines, line)
    recalculate(company, kind, made["id"])
    company.drop(QUOTES.header, quote)


def _draft_of(company: Company, invoice: Record) -> Record:
    record = _copied(company, invoice, CREDITS.header) | {
        "status": "Draft",
        "number": company.next_number(CREDITS.header),
    }
    record |= {"creditMemoDate": company.today(), "postingDate": company.today()}
    memo = company.add(CREDITS.header, record | {"invoiceId": invoice["id"], "invoiceNumber": invoice["number"]})
    for line in lines_of(company, INVOICES, invoice["id"]):
        company.add(CREDITS.lines, _copied(company, line, CREDITS.lines) | {"documentId": memo["id"]})
    return recalculate(company, CREDITS, memo["id"])


def _copied(company: Company, record: Record, entity: str) -> Record:
    """The fields that both kinds of record have, as a record without an id."""
    names = set(company.empty(entity)) & set(record) - {"id"}
    return {name: record[name] for name in names} | {"id": ZERO_GUID}


def _postable(company: Company, document: Record, lines: list[Record], empty: str, header: str) -> None:
    if not any(line["lineType"] != "Comment" and amount(line["quantity"]) for line in lines):
        raise dialog(empty)
    customer = company.get("customers", document["customerId"])
    if customer:
        check_blocked(customer, KINDS[header], "post")


def _is_draft(document: Record) -> None:
    if document["status"] != "Draft":
        raise dialog("The action can be applied to a draft invoice only.")


def _is_posted(document: Record) -> None:
    if document["status"] not in ("Open", "Paid"):
        raise dialog("The action can be applied to a posted invoice only.")


def _deliver(company: Company, line: Record, quantity: Decimal, document: str, document_type: str) -> None:
    item = company.get("items", line["itemId"]) if line["lineType"] == ITEM else None
    if item and item["type"] == "Inventory" and quantity:
        share = abs(quantity) / amount(line["quantity"]) if amount(line["quantity"]) else Decimal(0)
        post_stock(company, item, quantity, "Sale", document, document_type, amount(line["netAmount"]) * share)


def _owes(company: Company, customer_id: str, more: Decimal) -> None:
    customer = company.get("customers", customer_id)
    if customer:
        company.change("customers", customer | {"balanceDue": amount(customer["balanceDue"]) + more}, stamp=False)


def _sent_first(action: Action) -> Action:
    def both(company: Company, document: Record) -> None:
        send(company, document)
        action(company, document)

    return both


ACTIONS: dict[tuple[str, str], Action] = {
    ("salesOrders", "shipAndInvoice"): ship_and_invoice,
    ("salesInvoices", "post"): post_invoice,
    ("salesInvoices", "postAndSend"): _sent_first(post_invoice),
    ("salesInvoices", "send"): send,
    ("salesInvoices", "cancel"): cancel_invoice,
    ("salesInvoices", "cancelAndSend"): _sent_first(cancel_invoice),
    ("salesInvoices", "makeCorrectiveCreditMemo"): correct,
    ("salesCreditMemos", "post"): post_credit_memo,
    ("salesCreditMemos", "postAndSend"): _sent_first(post_credit_memo),
    ("salesCreditMemos", "send"): send,
    ("salesCreditMemos", "cancel"): cancel_credit_memo,
    ("salesCreditMemos", "cancelAndSend"): _sent_first(cancel_credit_memo),
    ("salesQuotes", "makeOrder"): order_of_quote,
    ("salesQuotes", "makeInvoice"): invoice_of_quote,
    ("salesQuotes", "send"): send_quote,
    ("journals", "post"): post_journal,
}
