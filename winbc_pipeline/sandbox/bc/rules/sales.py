"""Rules of the headers of sales orders, invoices, credit memos and quotes (behaviour.md sections 14 and 15).

Here belongs: when a header may be written, and what follows from it. Lines: lines.py. Arithmetic: totals.py.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.dates import moved
from ..data.refusal import dialog_error, validation_error
from ..data.schema import ZERO_DATE, ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import LOCAL_CURRENCY, RULES, Rules, insert
from .document_dimensions import change_header, drop_set, fill_header, fill_lines
from .masterdata import POSTED_STATES, SETS_WITH_POSTED
from .totals import calculate, line_amount

ADDRESS = {  # the end of a document's field name, as in sellToCity, and the customer's field
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}
ITEM, ACCOUNT, COMMENT = "Item", "Account", "Comment"  # the types of a line
NO_INVOICE: Record = {"invoiceId": ZERO_GUID, "invoiceNumber": ""}


@dataclass(frozen=True)
class Kind:
    """One kind of sales document: its entity sets, the field of its date, and its names in messages."""

    header: str
    lines: str
    date: str
    caption: str
    line_type: str


KINDS = {
    kind.header: kind
    for kind in (
        Kind("salesOrders", "salesOrderLines", "orderDate", "Order", "estimate"),
        Kind("salesInvoices", "salesInvoiceLines", "invoiceDate", "Invoice", "invoice"),
        Kind("salesCreditMemos", "salesCreditMemoLines", "creditMemoDate", "Credit Memo", "credit memo"),
        Kind("salesQuotes", "salesQuoteLines", "documentDate", "Quote", "estimate"),
    )
}
KIND_BY_LINES = {kind.lines: kind for kind in KINDS.values()}


class Documents(Rules):
    """The header of a sales document."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        customer = self._find_customer(company, sent, "customer", "sell-to")
        if customer is None:
            raise dialog_error('A "customerNumber" or a "customerId" must be provided.')
        bill_to = self._find_customer(company, sent, "billToCustomer", "bill-to") or customer
        for one in (customer, bill_to):
            check_blocked(one, self.kind, "create")
        self._copy_from_customer(record, sent, customer)
        self._copy_bill_to(record, bill_to)
        record["number"] = company.next_number(self.kind.header)
        for name in (self.kind.date, "postingDate"):
            if record[name] == ZERO_DATE:
                record[name] = company.today()
        record["status"] = "Draft"
        set_due_date(company, self.kind, record, sent)
        self._check_values(company, record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        fill_header(company, self.kind.header, record)
        lines = body.get(self.kind.lines)
        if not lines:
            return record
        entity = company.entity(self.kind.lines)
        # Totals and dimensions are calculated once, after the last line, instead of after every line.
        company.deep_insert = True
        try:
            for line in lines:
                insert(company, entity, line, {"documentId": record["id"]})
        finally:
            company.deep_insert = False
        fill_lines(company, self.kind.lines, record["id"])
        return recalculate(company, self.kind, record["id"])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        check_open(self.kind, old)
        for field, caption in (("customerId", "sell-to"), ("billToCustomerId", "bill-to")):
            if field in sent and is_zero(sent[field]):
                raise dialog_error(f"The {caption} customer cannot be found.")
        customer = self._find_customer(company, sent, "customer", "sell-to")
        if customer and customer["id"] != old["customerId"]:
            check_blocked(customer, self.kind, "create")
            self._copy_from_customer(record, sent, customer)
            self._copy_bill_to(record, customer)
        bill_to = self._find_customer(company, sent, "billToCustomer", "bill-to")
        if bill_to:
            check_blocked(bill_to, self.kind, "create")
            self._copy_bill_to(record, bill_to)
        if record["billToCustomerId"] != old["billToCustomerId"]:
            change_header(company, self.kind.header, self.kind.lines, record)
        if any(record.get(name) != old.get(name) for name in ("paymentTermsId", self.kind.date)):
            set_due_date(company, self.kind, record, sent)
        self._check_values(company, record, sent)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if {"discountAmount", "pricesIncludeTax"} & set(sent):
            return recalculate(company, self.kind, record["id"])
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        """Refuses to delete a posted document, and an order with a shipment that is not invoiced.

        A released order may be deleted: AL's DeleteSalesLines suspends the check of the status.
        """
        check_not_posted(self.kind, record)
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            check_not_shipped(record, line)

    def after_delete(self, company: Company, record: Record) -> None:
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            drop_set(company, line["id"])
            company.drop(self.kind.lines, line)

    def _check_values(self, company: Company, record: Record, sent: Record) -> None:
        record["discountAmount"] = cents(amount(record["discountAmount"]))
        if record["discountAmount"] < 0:
            raise dialog_error("Invoice Discount Amount must not be negative.")
        if {"invoiceId", "invoiceNumber"} & set(sent):
            _link_invoice(company, record, sent)

    def _find_customer(self, company: Company, sent: Record, field: str, caption: str) -> Record | None:
        """The customer that was sent by its id, by its number or by both. None if neither was sent."""
        customer_id, number = sent.get(f"{field}Id"), sent.get(f"{field}Number")
        if is_zero(customer_id) and not number:
            return None
        if is_zero(customer_id):
            found = company.find("customers", "number", number)
        else:
            found = company.get("customers", str(customer_id))
        if not found:
            raise dialog_error(f"The {caption} customer cannot be found.")
        if number and number != found["number"]:
            raise dialog_error(f"The {caption} customer values do not match to a specific Customer.")
        return found

    def _copy_from_customer(self, record: Record, sent: Record, customer: Record) -> None:
        """Copies the sell-to customer's fields into the header, except those that the client sent itself."""
        record |= {"customerId": customer["id"], "customerNumber": customer["number"]}
        record["customerName"] = customer["displayName"]
        copied = {"currencyId": "currencyId", "currencyCode": "currencyCode", "paymentTermsId": "paymentTermsId"}
        copied |= {"shipmentMethodId": "shipmentMethodId", "email": "email", "phoneNumber": "phoneNumber"}
        copied |= {"salesperson": "salespersonCode", "shipToName": "displayName"}
        for side in ("sellTo", "shipTo"):
            copied |= {f"{side}{ours}": theirs for ours, theirs in ADDRESS.items()}
        for name, theirs in copied.items():
            was_sent = name in sent or _twin_was_sent(name, sent)
            # Older versions of BC do not have all of these fields.
            if name in record and theirs in customer and not was_sent:
                record[name] = customer[theirs]
        if not record["currencyCode"]:
            record["currencyCode"] = LOCAL_CURRENCY

    def _copy_bill_to(self, record: Record, customer: Record) -> None:
        record |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
        record["billToName"] = customer["displayName"]
        record |= {f"billTo{ours}": customer[theirs] for ours, theirs in ADDRESS.items() if f"billTo{ours}" in record}


def set_due_date(company: Company, kind: Kind, record: Record, sent: Record) -> None:
    """Fills in the due date: the document's date, moved by the payment terms.

    A credit memo is due on its date, unless its payment terms calculate the discount on credit memos.
    """
    if "dueDate" not in company.entity(kind.header).fields or "dueDate" in sent:
        return
    terms = company.get("paymentTerms", record["paymentTermsId"]) or {}
    at_once = kind.header == "salesCreditMemos" and not terms.get("calculateDiscountOnCreditMemos")
    formula = "" if at_once else terms.get("dueDateCalculation", "")
    record["dueDate"] = moved(record[kind.date], formula)


def _link_invoice(company: Company, record: Record, sent: Record) -> None:
    """Fills in the posted invoice that a credit memo corrects. A client names it by id, by number or by both."""
    number, invoice = sent.get("invoiceNumber"), None
    if not is_zero(sent.get("invoiceId")):
        invoice = company.get("salesInvoices", sent["invoiceId"])
        if not invoice or invoice["status"] not in POSTED_STATES:
            raise dialog_error('The "invoiceId" does not match to an Invoice.')
    elif number:
        invoice = company.find("salesInvoices", "number", number)
    if number and (not invoice or invoice["number"] != number):
        raise dialog_error('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
    record |= {"invoiceId": invoice["id"], "invoiceNumber": invoice["number"]} if invoice else NO_INVOICE


def check_not_posted(kind: Kind, header: Record) -> None:
    """Refuses changes to a posted document."""
    if header["status"] in POSTED_STATES and kind.header in SETS_WITH_POSTED:
        raise dialog_error(f"The {kind.line_type} has been posted and can no longer be modified.")


def check_open(kind: Kind, header: Record) -> None:
    """Refuses changes to a posted document and to a released order."""
    check_not_posted(kind, header)
    # The API shows a released order as Open. The message is AL's own, where Open means not released.
    if header["status"] == "Open" and kind.header == "salesOrders":
        raise validation_error(f"Status must be equal to 'Open'  in Sales Header: No.={header['number']}.")


def check_not_shipped(header: Record, line: Record) -> None:
    """Refuses changes to a line whose shipment is not invoiced yet."""
    shipped = amount(line.get("shippedQuantity")) - amount(line.get("invoicedQuantity"))
    if shipped:
        place = f"Sales Line: Document No.={header['number']}, Line No.={line['sequence']}"
        message = f"Qty. Shipped Not Invoiced must be equal to '0'  in {place}. Current value is '{shipped:f}'."
        raise validation_error(message)


def _twin_was_sent(name: str, sent: Record) -> bool:
    """Whether the client sent the code for a field that holds the id, or the id for one that holds the code."""
    twins = {"currencyId": "currencyCode", "currencyCode": "currencyId"}
    return twins.get(name, "") in sent


def check_blocked(customer: Record, kind: Kind, verb: str) -> None:
    """Refuses a customer that is blocked for this kind of document."""
    blocked = customer["blocked"]
    for_all = blocked == "All"
    for_invoices = blocked == "Invoice" and kind.header != "salesCreditMemos"
    for_shipments = blocked == "Ship" and kind.header in ("salesOrders", "salesQuotes")
    if for_all or for_invoices or for_shipments:
        when = f"when Customer {customer['number']} is blocked with type {blocked}"
        raise dialog_error(f"You cannot {verb} this type of document {when}")


def lines_of(company: Company, kind: Kind, document_id: str) -> list[Record]:
    """The lines of a document, in the order of their line numbers."""
    return sorted(company.all(kind.lines, "documentId", document_id), key=lambda line: line["sequence"])


def recalculate(company: Company, kind: Kind, document_id: str) -> Record:
    """Calculates the amounts of all lines and the totals of the header. Only records that change are written."""
    header = company.get(kind.header, document_id)
    if header is None:
        return {}
    before = lines_of(company, kind, document_id)
    _check_discount(amount(header["discountAmount"]), before)
    lines, changed = [dict(line) for line in before], dict(header)
    calculate(changed, lines)
    for line, old in zip(lines, before, strict=True):
        kept = {name: line[name] for name in old}  # lines of a quote have no field for the invoice discount
        if kept != old:
            company.change(kind.lines, kept, stamp=False)
    return company.change(kind.header, changed) if changed != header else header


def _check_discount(discount: Decimal, lines: list[Record]) -> None:
    """Refuses an invoice discount that is higher than the sum of the lines."""
    base = sum((line_amount(line) for line in lines), Decimal(0))
    if discount > base and discount and any(line["lineType"] != COMMENT for line in lines):
        raise dialog_error(f"The maximum Invoice Discount Amount that you can apply is {max(base, Decimal(0)):f}.")


RULES |= {kind.header: Documents(kind) for kind in KINDS.values()}
