"""Posting of orders, invoices, credit memos and journals (behaviour.md sections 14 and 15).

Here belongs: what posting makes of a document. Which action does what: actions.py. What undoes it: correcting.py.
"""

from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.refusal import dialog
from ..data.schema import ZERO_GUID
from .masterdata import check_item, post_stock
from .sales import COMMENT, ITEM, KINDS, Kind, check_blocked, lines_of, set_due_date
from .totals import beyond

ORDERS, INVOICES, CREDITS = (KINDS[name] for name in ("salesOrders", "salesInvoices", "salesCreditMemos"))


def ship_and_invoice(company: Company, order: Record) -> None:
    """Ships and invoices the whole order: the order goes, a posted shipment and a posted invoice appear."""
    lines = lines_of(company, ORDERS, order["id"])
    _check_lines(lines, "Please add at least one line item to the estimate.")
    left = {line["id"]: amount(line["quantity"]) - amount(line["shippedQuantity"]) for line in lines}
    ship(company, order, left)
    invoice = copied(company, order, INVOICES.header) | {"invoiceDate": order["orderDate"], "status": "Open"}
    invoice |= {"number": company.next_number("postedInvoices"), "orderId": order["id"], "orderNumber": order["number"]}
    set_due_date(company, INVOICES, invoice, {})
    posted = company.add(INVOICES.header, invoice | {"remainingAmount": order["totalAmountIncludingTax"]})
    for line in lines:
        company.add(INVOICES.lines, copied(company, line, INVOICES.lines) | {"documentId": posted["id"]})
        company.drop(ORDERS.lines, line)
    company.drop(ORDERS.header, order)
    owes(company, posted, 1)


def ship(company: Company, order: Record, quantities: dict[str, Decimal]) -> None:
    """Posts a shipment of some quantities per line id, if there are any; raises Refused."""
    lines = lines_of(company, ORDERS, order["id"])
    check_postable(company, order, lines, ORDERS)
    shipped = [(line, quantities[line["id"]]) for line in lines if quantities.get(line["id"])]
    if not shipped:
        return
    header = copied(company, order, "salesShipments") | {"number": company.next_number("salesShipments")}
    shipment = company.add(
        "salesShipments", header | {"orderNumber": order["number"], "invoiceDate": order["orderDate"]}
    )
    for line, quantity in shipped:
        _ship_line(company, line, quantity, shipment)
    whole = all(
        amount(line["shippedQuantity"]) == amount(line["quantity"])
        for line in lines_of(company, ORDERS, order["id"])
        if line["lineType"] != COMMENT
    )
    company.change(ORDERS.header, (company.get(ORDERS.header, order["id"]) or order) | {"fullyShipped": whole})


def _ship_line(company: Company, line: Record, quantity: Decimal, shipment: Record) -> None:
    left = amount(line["quantity"]) - amount(line["shippedQuantity"])
    if beyond(quantity, left):
        raise dialog(f"You cannot ship more than {left:f} units.")
    line_copy = copied(company, line, "salesShipmentLines") | {"documentId": shipment["id"], "quantity": quantity}
    company.add("salesShipmentLines", line_copy | {"documentNo": shipment["number"]})
    done = {"shippedQuantity": amount(line["shippedQuantity"]) + quantity, "shipQuantity": left - quantity}
    company.change(ORDERS.lines, line | done, stamp=False)
    deliver(company, line, -quantity, shipment["number"], "Sales_x0020_Shipment")


def release(company: Company, order: Record) -> None:
    """What a user does in the client; the API has no such action."""
    company.change(ORDERS.header, order | {"status": "Open"})


def post_invoice(company: Company, invoice: Record) -> None:
    if invoice["status"] != "Draft":
        raise dialog("The action can be applied to a draft invoice only.")
    lines = lines_of(company, INVOICES, invoice["id"])
    _check_lines(lines, "Please add at least one line item to the invoice.")
    check_postable(company, invoice, lines, INVOICES)
    posted = invoice | {"number": company.next_number("postedInvoices"), "status": "Open"}
    company.change(INVOICES.header, posted | {"remainingAmount": invoice["totalAmountIncludingTax"]})
    for line in lines:
        deliver(company, line, -amount(line["quantity"]), posted["number"], "Sales_x0020_Invoice")
    owes(company, invoice, 1)


def post_credit_memo(company: Company, memo: Record) -> None:
    if memo["status"] != "Draft":
        raise dialog("The action can be applied to a draft credit memo only.")
    lines = lines_of(company, CREDITS, memo["id"])
    _check_lines(lines, "Please add at least one line item to the credit memo.")
    check_postable(company, memo, lines, CREDITS)
    posted = memo | {"number": company.next_number("postedCreditMemos"), "status": "Open"}
    company.change(CREDITS.header, posted)
    for line in lines:
        deliver(company, line, amount(line["quantity"]), posted["number"], "Sales_x0020_Credit_x0020_Memo")
    owes(company, memo, -1)


def post_journal(company: Company, journal: Record) -> None:
    lines = company.all("journalLines", "journalId", journal["id"])
    if not lines:
        raise dialog("There is nothing to post.")
    if sum(amount(line["amount"]) for line in lines):
        raise dialog("The journal is out of balance.")
    for line in lines:
        company.drop("journalLines", line)


def copied(company: Company, record: Record, entity: str) -> Record:
    """The fields that both kinds of record have, as a record without an id."""
    names = set(company.empty(entity)) & set(record) - {"id"}
    return {name: record[name] for name in names} | {"id": ZERO_GUID}


def _check_lines(lines: list[Record], empty: str) -> None:
    if not any(line["lineType"] != COMMENT and amount(line["quantity"]) for line in lines):
        raise dialog(empty)


def check_postable(company: Company, document: Record, lines: list[Record], kind: Kind) -> None:
    """Customers and items may have been blocked since the document was made."""
    for customer_id in {document["customerId"], document["billToCustomerId"]}:
        customer = company.get("customers", customer_id)
        if customer:
            check_blocked(customer, kind, "post")
    for line in lines:
        item = company.get("items", line["itemId"]) if line["lineType"] == ITEM else None
        if item:
            check_item(item)


def deliver(company: Company, line: Record, quantity: Decimal, document: str, document_type: str) -> None:
    """The item ledger entry of a line: what comes in has a negative sales amount, what goes out a positive one."""
    item = company.get("items", line["itemId"]) if line["lineType"] == ITEM else None
    if item and item["type"] == "Inventory" and quantity:
        sales = cents(abs(amount(line["netAmount"])) * -quantity / abs(amount(line["quantity"])))
        post_stock(company, item, quantity, "Sale", document, document_type, sales)


def owes(company: Company, document: Record, sign: int) -> None:
    """A posted document in the figures of the customer who pays it; `sign` is -1 for what is given back."""
    more = sign * amount(document["totalAmountIncludingTax"])
    customer = company.get("customers", document["billToCustomerId"])
    if customer and "balanceDue" in customer:
        company.change("customers", customer | {"balanceDue": amount(customer["balanceDue"]) + more}, stamp=False)
    details = company.get("customerFinancialDetails", document["billToCustomerId"])
    if details:
        sales = amount(details["totalSalesExcludingTax"]) + sign * amount(document["totalAmountExcludingTax"])
        figures = {"balance": amount(details["balance"]) + more, "totalSalesExcludingTax": sales}
        figures["overdueAmount"] = _overdue(company, document["billToCustomerId"])
        company.change("customerFinancialDetails", details | figures, stamp=False)


def _overdue(company: Company, customer_id: str) -> Decimal:
    """What should have been paid before today."""
    invoices = company.all(INVOICES.header, "billToCustomerId", customer_id)
    late = (one for one in invoices if one["status"] == "Open" and one["dueDate"] < company.today())
    return sum((amount(one["remainingAmount"]) for one in late), Decimal(0))
