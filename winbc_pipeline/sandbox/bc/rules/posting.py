"""Posting of orders, invoices, credit memos and journals (behaviour.md sections 14 and 15).

Here belongs: what posting makes of a document. Which action posts what: actions.py. How it is undone: correcting.py.
"""

from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.refusal import dialog_error, must_have_value
from ..data.schema import ZERO_GUID
from ..data.settings import inventory_setup
from ..data.values import is_zero
from .document_dimensions import copy_set, drop_set
from .sales import (
    ACCOUNT,
    COMMENT,
    ITEM,
    KINDS,
    Kind,
    check_blocked,
    check_exchange_rate,
    line_place,
    lines_of,
    set_due_date,
)
from .stock import SALE, STOCKED, Movement, has_variants, in_base_units, move
from .totals import exceeds

ORDERS, INVOICES, CREDIT_MEMOS = (KINDS[name] for name in ("salesOrders", "salesInvoices", "salesCreditMemos"))


def ship_and_invoice(company: Company, order: Record) -> None:
    """Ships and invoices the whole order. A posted shipment and a posted invoice take the place of the order."""
    lines = lines_of(company, ORDERS, order["id"])
    _check_not_empty(lines, "Please add at least one line item to the estimate.")
    _check_not_negative(order)
    left = {line["id"]: amount(line["quantity"]) - amount(line["shippedQuantity"]) for line in lines}
    ship(company, order, left)
    invoice = common_fields(company, order, INVOICES.header) | {"invoiceDate": order["orderDate"], "status": "Open"}
    invoice |= {"number": company.next_number("postedInvoices"), "orderId": order["id"], "orderNumber": order["number"]}
    set_due_date(company, INVOICES, invoice, {})
    # BC's API lists drafts and posted invoices in one entity set.
    posted = company.add(INVOICES.header, invoice | {"remainingAmount": order["totalAmountIncludingTax"]})
    copy_set(company, order["id"], INVOICES.header, posted["id"])
    for line in lines:
        made = company.add(INVOICES.lines, common_fields(company, line, INVOICES.lines) | {"documentId": posted["id"]})
        copy_set(company, line["id"], INVOICES.lines, made["id"])
        drop_set(company, line["id"])
        company.drop(ORDERS.lines, line)
    drop_set(company, order["id"])
    company.drop(ORDERS.header, order)
    post_to_customer(company, posted, 1)


def ship(company: Company, order: Record, quantities: dict[str, Decimal]) -> None:
    """Posts a shipment of the quantities, which are given by line id. Without a quantity it posts nothing."""
    lines = lines_of(company, ORDERS, order["id"])
    check_postable(company, order, lines, ORDERS)
    shipped = [(line, quantities[line["id"]]) for line in lines if quantities.get(line["id"])]
    if not shipped:
        return
    header = common_fields(company, order, "salesShipments") | {"number": company.next_number("salesShipments")}
    shipment = company.add(
        "salesShipments", header | {"orderNumber": order["number"], "invoiceDate": order["orderDate"]}
    )
    copy_set(company, order["id"], "salesShipments", shipment["id"])
    for line, quantity in shipped:
        _ship_line(company, order, line, quantity, shipment)
    to_ship = [line for line in lines_of(company, ORDERS, order["id"]) if line["lineType"] != COMMENT]
    complete = all(amount(line["shippedQuantity"]) == amount(line["quantity"]) for line in to_ship)
    current = company.get(ORDERS.header, order["id"]) or order
    company.change(ORDERS.header, current | {"fullyShipped": complete})


def _ship_line(company: Company, order: Record, line: Record, quantity: Decimal, shipment: Record) -> None:
    left = amount(line["quantity"]) - amount(line["shippedQuantity"])
    if exceeds(quantity, left):
        raise dialog_error(f"You cannot ship more than {left:f} units.")
    of_shipment = {"documentId": shipment["id"], "documentNo": shipment["number"], "quantity": quantity}
    made = company.add("salesShipmentLines", common_fields(company, line, "salesShipmentLines") | of_shipment)
    copy_set(company, line["id"], "salesShipmentLines", made["id"])
    done = {"shippedQuantity": amount(line["shippedQuantity"]) + quantity, "shipQuantity": left - quantity}
    company.change(ORDERS.lines, line | done, stamp=False)
    post_item_entry(company, order, line, -quantity, shipment["number"], "Sales_x0020_Shipment")


def release(company: Company, order: Record) -> None:
    """Releases an order, as a person does in the client. The API has no such action, and shows the status as Open."""
    check_mandatory_fields(company, order, lines_of(company, ORDERS, order["id"]), ORDERS)
    company.change(ORDERS.header, order | {"status": "Open"})


def post_invoice(company: Company, invoice: Record) -> None:
    """Posts a draft invoice."""
    if invoice["status"] != "Draft":
        raise dialog_error("The action can be applied to a draft invoice only.")
    lines = lines_of(company, INVOICES, invoice["id"])
    _check_not_empty(lines, "Please add at least one line item to the invoice.")
    check_postable(company, invoice, lines, INVOICES)
    _check_not_negative(invoice)
    posted = invoice | {"number": company.next_number("postedInvoices"), "status": "Open"}
    company.change(INVOICES.header, posted | {"remainingAmount": invoice["totalAmountIncludingTax"]})
    for line in lines:
        post_item_entry(company, invoice, line, -amount(line["quantity"]), posted["number"], "Sales_x0020_Invoice")
    post_to_customer(company, invoice, 1)


def _check_not_negative(document: Record) -> None:
    """AL: Sales-Post refuses an invoice below 0 (codeunit 134384, SalesOrderWithNegativeValue)."""
    if amount(document["totalAmountIncludingTax"]) < 0:
        raise dialog_error("The total amount for the invoice must be 0 or greater.")


def post_credit_memo(company: Company, memo: Record) -> None:
    """Posts a draft credit memo."""
    if memo["status"] != "Draft":
        raise dialog_error("The action can be applied to a draft credit memo only.")
    lines = lines_of(company, CREDIT_MEMOS, memo["id"])
    _check_not_empty(lines, "Please add at least one line item to the credit memo.")
    check_postable(company, memo, lines, CREDIT_MEMOS)
    posted = memo | {"number": company.next_number("postedCreditMemos"), "status": "Open"}
    company.change(CREDIT_MEMOS.header, posted)
    for line in lines:
        quantity = amount(line["quantity"])
        post_item_entry(company, memo, line, quantity, posted["number"], "Sales_x0020_Credit_x0020_Memo")
    post_to_customer(company, memo, -1)


def post_journal(company: Company, journal: Record) -> None:
    """Posts the lines of a journal, which leaves the journal empty. The sandbox keeps no general ledger."""
    lines = company.all("journalLines", "journalId", journal["id"])
    if not lines:
        raise dialog_error("There is nothing to post.")
    if sum(amount(line["amount"]) for line in lines):
        raise dialog_error("The journal is out of balance.")
    for line in lines:
        company.drop("journalLines", line)


def common_fields(company: Company, record: Record, entity: str) -> Record:
    """The values of a record in the fields that another entity set has too. The id is empty."""
    names = set(company.empty(entity)) & set(record) - {"id"}
    return {name: record[name] for name in names} | {"id": ZERO_GUID}


def _check_not_empty(lines: list[Record], empty: str) -> None:
    if not any(line["lineType"] != COMMENT and amount(line["quantity"]) for line in lines):
        raise dialog_error(empty)


def check_postable(company: Company, document: Record, lines: list[Record], kind: Kind) -> None:
    """Refuses to post if a customer has been blocked since the document was made, or if a line lacks a field.

    Refuses a currency without an exchange rate, and a line that has a type but no number, too.
    """
    check_exchange_rate(company, kind, document)
    for customer_id in {document["customerId"], document["billToCustomerId"]}:  # mostly one and the same
        customer = company.get("customers", customer_id)
        if customer:
            check_blocked(company, customer, kind, "post")
    person = company.find("salespeoplePurchasers", "code", document["salesperson"]) if document["salesperson"] else None
    if person and person["privacyBlocked"]:  # AL: Sales Header, ValidateSalesPersonOnSalesHeader
        who = f"Salesperson {person['code']} is blocked due to privacy"
        raise dialog_error(f"You cannot post this document because {who}.")
    check_mandatory_fields(company, document, lines, kind)


def check_mandatory_fields(company: Company, document: Record, lines: list[Record], kind: Kind) -> None:
    """Refuses item lines without what a document needs to be released (AL: Release Sales Document)."""
    setup = inventory_setup(company)
    for line in lines:
        if line["lineType"] in (ITEM, ACCOUNT) and not line["lineObjectNumber"]:
            raise must_have_value("No.", line_place(kind, document, line))
        no_location = bool(setup.get("locationMandatory")) and is_zero(line.get("locationId"))
        no_variant = bool(setup.get("variantMandatoryIfExists")) and is_zero(line.get("itemVariantId"))
        if line["lineType"] != ITEM or not (no_location or no_variant or not line["unitOfMeasureCode"]):
            continue
        item = company.get("items", line["itemId"]) or company.empty("items")
        place = line_place(kind, document, line)
        if no_location and item["type"] == STOCKED:
            raise must_have_value("Location Code", place)
        if not line["unitOfMeasureCode"] and item["type"] == STOCKED:
            raise must_have_value("Unit of Measure Code", place)
        if no_variant and has_variants(company, item):
            raise must_have_value("Variant Code", place)


def post_item_entry(
    company: Company, document: Record, line: Record, quantity: Decimal, number: str, document_type: str
) -> None:
    """Posts the item ledger entry of a line. A negative quantity leaves the stock; its sales amount is positive.

    `number` is that of the posted document. The quantity is in the unit of the line.
    """
    item = company.get("items", line["itemId"]) if line["lineType"] == ITEM else None
    if not item or not quantity:
        return
    sales = cents(abs(amount(line["netAmount"])) * -quantity / abs(amount(line["quantity"])))
    base = in_base_units(company, item, quantity, line["unitOfMeasureId"])
    place = {"variant_id": line.get("itemVariantId", ZERO_GUID), "location_id": line.get("locationId", ZERO_GUID)}
    source = ("Customer", document["customerNumber"])
    move(company, Movement(item, base, SALE, number, document_type, source=source, sales=sales, **place))


def post_to_customer(company: Company, document: Record, sign: int) -> None:
    """Adds a posted document to the balance of the customer who pays it. `sign` is -1 for a credit memo."""
    more = sign * amount(document["totalAmountIncludingTax"])
    customer = company.get("customers", document["billToCustomerId"])
    if customer and "balanceDue" in customer:
        company.change("customers", customer | {"balanceDue": amount(customer["balanceDue"]) + more}, stamp=False)
    details = company.get("customerFinancialDetails", document["billToCustomerId"])
    if details:
        sales = amount(details["totalSalesExcludingTax"]) + sign * amount(document["totalAmountExcludingTax"])
        figures = {"balance": amount(details["balance"]) + more, "totalSalesExcludingTax": sales}
        figures["overdueAmount"] = _overdue_amount(company, document["billToCustomerId"])
        company.change("customerFinancialDetails", details | figures, stamp=False)


def _overdue_amount(company: Company, customer_id: str) -> Decimal:
    """The sum of what the customer should have paid before today."""
    invoices = company.all(INVOICES.header, "billToCustomerId", customer_id)
    late = (one for one in invoices if one["status"] == "Open" and one["dueDate"] < company.today())
    return sum((amount(one["remainingAmount"]) for one in late), Decimal(0))
