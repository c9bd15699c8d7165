"""Headers of sales orders, invoices, credit memos and quotes (behaviour.md sections 14 and 15).

Here belongs: what may be written when, and what follows from it. Lines: lines.py. Amounts: totals.py.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.dates import moved
from ..data.refusal import dialog, validation
from ..data.schema import ZERO_DATE, ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import LOCAL_CURRENCY, RULES, Rules, insert
from .masterdata import POSTED, POSTED_IN
from .totals import calculate, line_amount

ADDRESS = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}
ITEM, ACCOUNT, COMMENT = "Item", "Account", "Comment"
NO_INVOICE: Record = {"invoiceId": ZERO_GUID, "invoiceNumber": ""}


@dataclass(frozen=True)
class Kind:
    """One kind of sales document."""

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
BY_LINES = {kind.lines: kind for kind in KINDS.values()}


class Documents(Rules):
    """The header of a sales document."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        customer = self._customer(company, sent, "customer", "sell-to")
        if customer is None:
            raise dialog('A "customerNumber" or a "customerId" must be provided.')
        bill_to = self._customer(company, sent, "billToCustomer", "bill-to") or customer
        for one in (customer, bill_to):
            check_blocked(one, self.kind, "create")
        self._from_customer(record, sent, customer)
        self._bill_to(record, bill_to)
        record["number"] = company.next_number(self.kind.header)
        for name in (self.kind.date, "postingDate"):
            if record[name] == ZERO_DATE:
                record[name] = company.today()
        record["status"] = "Draft"
        set_due_date(company, self.kind, record, sent)
        self._values(company, record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        lines = body.get(self.kind.lines)
        if not lines:
            return record
        entity = company.entity(self.kind.lines)
        company.deep_insert = True  # the totals are calculated once, after the last line
        try:
            for line in lines:
                insert(company, entity, line, {"documentId": record["id"]})
        finally:
            company.deep_insert = False
        return recalculate(company, self.kind, record["id"])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        check_open(self.kind, old)
        for field, caption in (("customerId", "sell-to"), ("billToCustomerId", "bill-to")):
            if field in sent and is_zero(sent[field]):
                raise dialog(f"The {caption} customer cannot be found.")
        customer = self._customer(company, sent, "customer", "sell-to")
        if customer and customer["id"] != old["customerId"]:
            check_blocked(customer, self.kind, "create")
            self._from_customer(record, sent, customer)
            self._bill_to(record, customer)
        bill_to = self._customer(company, sent, "billToCustomer", "bill-to")
        if bill_to:
            check_blocked(bill_to, self.kind, "create")
            self._bill_to(record, bill_to)
        if any(record.get(name) != old.get(name) for name in ("paymentTermsId", self.kind.date)):
            set_due_date(company, self.kind, record, sent)
        self._values(company, record, sent)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if {"discountAmount", "pricesIncludeTax"} & set(sent):
            return recalculate(company, self.kind, record["id"])
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        """A released order may go (AL: DeleteSalesLines suspends the check of the status), a shipped one may not."""
        check_not_posted(self.kind, record)
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            check_not_shipped(record, line)

    def after_delete(self, company: Company, record: Record) -> None:
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            company.drop(self.kind.lines, line)

    def _values(self, company: Company, record: Record, sent: Record) -> None:
        record["discountAmount"] = cents(amount(record["discountAmount"]))
        if record["discountAmount"] < 0:
            raise dialog("Invoice Discount Amount must not be negative.")
        if {"invoiceId", "invoiceNumber"} & set(sent):
            _to_invoice(company, record, sent)

    def _customer(self, company: Company, sent: Record, field: str, caption: str) -> Record | None:
        by_id, by_number = sent.get(f"{field}Id"), sent.get(f"{field}Number")
        if is_zero(by_id) and not by_number:
            return None
        found = company.get("customers", by_id) if by_id and not is_zero(by_id) else None
        found = found or (company.find("customers", "number", by_number) if is_zero(by_id) else None)
        if not found:
            raise dialog(f"The {caption} customer cannot be found.")
        if by_number and by_number != found["number"]:
            raise dialog(f"The {caption} customer values do not match to a specific Customer.")
        return found

    def _from_customer(self, record: Record, sent: Record, customer: Record) -> None:
        record |= {"customerId": customer["id"], "customerNumber": customer["number"]}
        record["customerName"] = customer["displayName"]
        copied = {"currencyId": "currencyId", "currencyCode": "currencyCode", "paymentTermsId": "paymentTermsId"}
        copied |= {"shipmentMethodId": "shipmentMethodId", "email": "email", "phoneNumber": "phoneNumber"}
        copied |= {"salesperson": "salespersonCode", "shipToName": "displayName"}
        for side in ("sellTo", "shipTo"):
            copied |= {f"{side}{ours}": theirs for ours, theirs in ADDRESS.items()}
        for name, theirs in copied.items():  # some came with a later version
            if name in record and theirs in customer and name not in sent and not _paired(name, sent):
                record[name] = customer[theirs]
        if not record["currencyCode"]:
            record["currencyCode"] = LOCAL_CURRENCY

    def _bill_to(self, record: Record, customer: Record) -> None:
        record |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
        record["billToName"] = customer["displayName"]
        record |= {f"billTo{ours}": customer[theirs] for ours, theirs in ADDRESS.items() if f"billTo{ours}" in record}


def set_due_date(company: Company, kind: Kind, record: Record, sent: Record) -> None:
    """The document's date moved by its payment terms; a credit memo is due at once unless its terms give a discount."""
    if "dueDate" not in company.entity(kind.header).fields or "dueDate" in sent:
        return
    terms = company.get("paymentTerms", record["paymentTermsId"]) or {}
    at_once = kind.header == "salesCreditMemos" and not terms.get("calculateDiscountOnCreditMemos")
    record["dueDate"] = moved(record[kind.date], "" if at_once else terms.get("dueDateCalculation", ""))


def _to_invoice(company: Company, record: Record, sent: Record) -> None:
    """The posted invoice that a credit memo is about."""
    number, invoice = sent.get("invoiceNumber"), None
    if not is_zero(sent.get("invoiceId")):
        invoice = company.get("salesInvoices", sent["invoiceId"])
        if not invoice or invoice["status"] not in POSTED:
            raise dialog('The "invoiceId" does not match to an Invoice.')
    elif number:
        invoice = company.find("salesInvoices", "number", number)
    if number and (not invoice or invoice["number"] != number):
        raise dialog('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
    record |= {"invoiceId": invoice["id"], "invoiceNumber": invoice["number"]} if invoice else NO_INVOICE


def check_not_posted(kind: Kind, header: Record) -> None:
    if header["status"] in POSTED and kind.header in POSTED_IN:
        raise dialog(f"The {kind.line_type} has been posted and can no longer be modified.")


def check_open(kind: Kind, header: Record) -> None:
    """Refuses changes to a posted document and to a released order."""
    check_not_posted(kind, header)
    if header["status"] == "Open" and kind.header == "salesOrders":
        raise validation(f"Status must be equal to 'Open'  in Sales Header: No.={header['number']}.")


def check_not_shipped(header: Record, line: Record) -> None:
    """A line whose shipment is not invoiced yet stays."""
    shipped = amount(line.get("shippedQuantity")) - amount(line.get("invoicedQuantity"))
    if shipped:
        place = f"Sales Line: Document No.={header['number']}, Line No.={line['sequence']}"
        raise validation(f"Qty. Shipped Not Invoiced must be equal to '0'  in {place}. Current value is '{shipped:f}'.")


def _paired(name: str, sent: Record) -> bool:
    """Whether the id or code that stands for the same thing was sent."""
    twins = {"currencyId": "currencyCode", "currencyCode": "currencyId"}
    return twins.get(name, "") in sent


def check_blocked(customer: Record, kind: Kind, verb: str) -> None:
    """Customers that are blocked for this kind of document."""
    blocked = customer["blocked"]
    if (
        blocked == "All"
        or (blocked == "Invoice" and kind.header != "salesCreditMemos")
        or (blocked == "Ship" and kind.header in ("salesOrders", "salesQuotes"))
    ):
        message = (
            f"You cannot {verb} this type of document when Customer {customer['number']} is blocked with type {blocked}"
        )
        raise dialog(message)


def lines_of(company: Company, kind: Kind, document_id: str) -> list[Record]:
    """A document's lines in their order."""
    return sorted(company.all(kind.lines, "documentId", document_id), key=lambda line: line["sequence"])


def recalculate(company: Company, kind: Kind, document_id: str) -> Record:
    """Amounts of all lines and the totals; only records that change are written."""
    header = company.get(kind.header, document_id)
    if header is None:
        return {}
    before = lines_of(company, kind, document_id)
    _check_discount(amount(header["discountAmount"]), before)
    lines, changed = [dict(line) for line in before], dict(header)
    calculate(changed, lines)
    for line, old in zip(lines, before, strict=True):
        kept = {name: line[name] for name in old}  # quote lines do not show the invoice discount
        if kept != old:
            company.change(kind.lines, kept, stamp=False)
    return company.change(kind.header, changed) if changed != header else header


def _check_discount(discount: Decimal, lines: list[Record]) -> None:
    """An invoice discount of more than the lines come to would make the document negative."""
    base = sum((line_amount(line) for line in lines), Decimal(0))
    if discount > base and discount and any(line["lineType"] != COMMENT for line in lines):
        raise dialog(f"The maximum Invoice Discount Amount that you can apply is {max(base, Decimal(0)):f}.")


RULES |= {kind.header: Documents(kind) for kind in KINDS.values()}
