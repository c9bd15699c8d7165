"""Rules of the headers of sales orders, invoices, credit memos and quotes (behaviour.md sections 14 and 15).

Here belongs: when a header may be written, and what follows from it. Lines: lines.py. Arithmetic: totals.py.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.dates import moved
from ..data.post_codes import fill_in_sides
from ..data.refusal import dialog_error, must_have_value, validation_error
from ..data.schema import ZERO_DATE, ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import LOCAL_CURRENCY, RULES, TWINS, Rules, insert
from . import posting_groups
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
# What a line keeps when another customer gets the document.
KEPT_OF_LINES = ("lineType", "lineObjectNumber", "unitOfMeasureCode", "itemVariantId", "quantity", "shipmentDate")
# Header fields whose change calculates the document's amounts anew.
RECALCULATED = {
    "discountAmount",
    "pricesIncludeTax",
    "customerId",
    "customerNumber",
    "billToCustomerId",
    "billToCustomerNumber",
}
# Fields of an invoice that may change after it was posted, in the versions that have them all.
FREE_WHEN_POSTED = {"dueDate", "promisedPayDate", "disputeStatusId", "disputeStatus"}
NO_INVOICE: Record = {"invoiceId": ZERO_GUID, "invoiceNumber": ""}


@dataclass(frozen=True)
class Kind:
    """One kind of document: its entity sets, the field of its date, and its names in messages."""

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
PURCHASES = Kind("purchaseOrders", "purchaseOrderLines", "orderDate", "Order", "estimate")
KIND_BY_LINES = {kind.lines: kind for kind in (*KINDS.values(), PURCHASES)}


class Documents(Rules):
    """The header of a sales document."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        customer = self._find_customer(company, sent, "customer", "sell-to")
        if customer is None:
            raise dialog_error('A "customerNumber" or a "customerId" must be provided.')
        bill_to = self._find_customer(company, sent, "billToCustomer", "bill-to") or customer
        self._check_customers(company, customer, bill_to)
        self._copy_from_customer(record, sent, customer)
        self._copy_bill_to(record, sent, bill_to)
        self._align_addresses(record, sent, follows=True)
        record["number"] = company.next_number(self.kind.header)
        for name in (self.kind.date, "postingDate"):
            if record[name] == ZERO_DATE:
                record[name] = company.today()
        record["status"] = "Draft"
        set_due_date(company, self.kind, record, sent)
        self._check_values(company, record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        self._note_discount(company, record, body)
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
        if _is_free_when_posted(self.kind, old, sent):
            return
        check_open(self.kind, old)
        for field, caption in (("customerId", "sell-to"), ("billToCustomerId", "bill-to")):
            if field in sent and is_zero(sent[field]):
                raise dialog_error(f"The {caption} customer cannot be found.")
        replaced = self._change_customers(company, record, old, sent)
        self._align_addresses(record, sent, follows=replaced or _is_shipped_to_sell_to(old))
        if record["billToCustomerId"] != old["billToCustomerId"]:
            change_header(company, self.kind.header, self.kind.lines, record)
        if any(record.get(name) != old.get(name) for name in ("paymentTermsId", self.kind.date)):
            set_due_date(company, self.kind, record, sent)
        self._check_values(company, record, sent)

    def _note_discount(self, company: Company, record: Record, sent: Record) -> None:
        """Notes that an invoice discount was given as an amount: the customer's percentage no longer sets it."""
        if "discountAmount" in sent:
            company.hide(self.kind.header, record["id"], {"invoiceDiscountCalculation": "Amount"})

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if "requestedDeliveryDate" in sent:
            self._move_shipments(company, record)
        self._note_discount(company, record, sent)
        if RECALCULATED & set(sent):
            return recalculate(company, self.kind, record["id"])
        return record

    def _move_shipments(self, company: Company, order: Record) -> None:
        """Gives the lines the order's requested delivery date as shipment date (AL: UpdateSalesLinesByFieldNo)."""
        for line in lines_of(company, self.kind, order["id"]):
            if line["lineObjectNumber"]:
                moved = {"shipmentDate": shipment_date(company, self.kind, order)}
                company.change(self.kind.lines, line | moved, stamp=False)

    def before_delete(self, company: Company, record: Record) -> None:
        """Refuses to delete a posted document, and an order with a shipment that is not invoiced.

        A released order may be deleted: AL's DeleteSalesLines suspends the check of the status.
        """
        check_not_posted(self.kind, record)
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            check_not_shipped(self.kind, record, line)

    def after_delete(self, company: Company, record: Record) -> None:
        company.hide(self.kind.header, record["id"], {})
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            drop_set(company, line["id"])
            company.drop(self.kind.lines, line)

    def _check_values(self, company: Company, record: Record, sent: Record) -> None:
        fill_in_sides(company, record, sent)
        record["discountAmount"] = cents(amount(record["discountAmount"]))
        if record["discountAmount"] < 0:
            raise dialog_error("Invoice Discount Amount must not be negative.")
        if {"invoiceId", "invoiceNumber"} & set(sent):
            _link_invoice(company, record, sent)

    def _change_customers(self, company: Company, record: Record, old: Record, sent: Record) -> bool:
        """Takes another customer, or another one who pays. Returns whether the customer is another one."""
        customer = self._find_customer(company, sent, "customer", "sell-to")
        bill_to = self._find_customer(company, sent, "billToCustomer", "bill-to")
        if customer and customer["id"] == old["customerId"]:
            customer = None
        bill_to = bill_to or customer
        if bill_to and not customer and bill_to["id"] == old["billToCustomerId"]:
            bill_to = None
        self._check_customers(company, customer, bill_to)
        if customer:
            self._copy_from_customer(record, sent, customer)
        if bill_to:
            self._copy_bill_to(record, sent, bill_to)
            self._recreate_lines(company, record, old, sent)
        return customer is not None

    def _check_customers(self, company: Company, sell_to: Record | None, bill_to: Record | None) -> None:
        """Refuses customers who are blocked, or lack the posting group that AL tests on them."""
        tested = ((sell_to, "generalBusinessPostingGroupCode"), (bill_to, "customerPostingGroupCode"))
        checked = ""
        for customer, group in tested:
            if customer:
                if customer["id"] != checked:  # mostly, one customer buys and pays
                    check_blocked(company, customer, self.kind, "create")
                    checked = customer["id"]
                posting_groups.check(company, "customers", customer, group)

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
        copied = {"shipmentMethodId": "shipmentMethodId", "email": "email", "phoneNumber": "phoneNumber"}
        copied |= {"salesperson": "salespersonCode", "shipToName": "displayName"}
        for side in ("sellTo", "shipTo"):
            copied |= {f"{side}{ours}": theirs for ours, theirs in ADDRESS.items()}
        self._copy(record, sent, customer, copied)
        if "shipToContact" in record:
            record["shipToContact"] = sent.get("shipToContact", "")  # API v2.0 shows no contact of a customer

    def _copy_bill_to(self, record: Record, sent: Record, customer: Record) -> None:
        """Copies the bill-to customer's fields into the header, except those that the client sent itself.

        Terms and currency are those of the customer who pays (AL: SetBillToCustomerAddressFieldsFromCustomer).
        """
        record |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
        record["billToName"] = customer["displayName"]
        copied = {"currencyId": "currencyId", "currencyCode": "currencyCode", "paymentTermsId": "paymentTermsId"}
        copied |= {f"billTo{ours}": theirs for ours, theirs in ADDRESS.items()}
        if customer["id"] != record["customerId"]:
            copied["salesperson"] = "salespersonCode"
        self._copy(record, sent, customer, copied)
        if not record["currencyCode"]:
            record["currencyCode"] = LOCAL_CURRENCY

    def _copy(self, record: Record, sent: Record, customer: Record, copied: dict[str, str]) -> None:
        for name, theirs in copied.items():
            # Older versions of BC do not have all of these fields.
            if name in record and theirs in customer and name not in sent and TWINS.get(name) not in sent:
                record[name] = customer[theirs]

    def _align_addresses(self, record: Record, sent: Record, follows: bool) -> None:
        """Lets addresses follow the sell-to address.

        With `follows`, ship-to equals sell-to before the change (AL: UpdateShipToAddressFromSellToAddress). Bill-to
        is always sell-to if one customer buys and pays (AL: CopySellToAddressToBillToAddress); not on credit memos.
        """
        for end in ADDRESS if follows and not record.get("shipToContact") else ():
            if f"sellTo{end}" in sent and f"shipTo{end}" not in sent and f"shipTo{end}" in record:
                record[f"shipTo{end}"] = record[f"sellTo{end}"]
        if record["billToCustomerId"] == record["customerId"] and self.kind.header != "salesCreditMemos":
            record |= {f"billTo{end}": record[f"sellTo{end}"] for end in ADDRESS}

    def _recreate_lines(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        """Makes the lines anew for another customer: prices, discounts and descriptions are the items' own again.

        AL: RecreateSalesLines. Refuses it if a line was shipped (AL: CheckShipmentInfo).
        """
        lines, rules = lines_of(company, self.kind, old["id"]), RULES[self.kind.lines]
        for line in lines:
            check_nothing_shipped(self.kind, old, line)
        for line in lines:
            company.drop(self.kind.lines, line)
        for line in lines:
            kept = KEPT_OF_LINES if line["lineType"] in (ITEM, ACCOUNT) else (*KEPT_OF_LINES, "description")
            values = {"documentId": old["id"]} | {name: line[name] for name in kept if name in line}
            made = company.empty(self.kind.lines) | values
            rules.before_insert(company, made, values)
            company.add(self.kind.lines, made)
        if lines and "discountAmount" not in sent:
            record["discountAmount"] = Decimal(0)


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


def _is_free_when_posted(kind: Kind, header: Record, sent: Record) -> bool:
    """Whether a change is of fields that may change on a posted invoice (AL: ChangeOnlyContainsWhitelistedFields)."""
    is_posted = kind.header == "salesInvoices" and header["status"] in POSTED_STATES
    return is_posted and "promisedPayDate" in header and bool(sent) and set(sent) <= FREE_WHEN_POSTED


def _is_shipped_to_sell_to(header: Record) -> bool:
    return all(header.get(f"shipTo{end}") == header[f"sellTo{end}"] for end in ADDRESS)


def line_place(kind: Kind, header: Record, line: Record) -> str:
    """A line in AL's words, as messages name it."""
    table = "Purchase Line" if kind is PURCHASES else "Sales Line"
    return f"{table}: Document Type={kind.caption}, Document No.={header['number']}, Line No.={line['sequence']}"


def shipment_date(company: Company, kind: Kind, header: Record) -> str:
    """The shipment date of a new line: the requested delivery date, else today. AL has none on credit memos.

    AL takes the day on which the header was made for today. The API does not show it.
    """
    if kind.header == "salesCreditMemos":
        return ZERO_DATE
    wanted = header.get("requestedDeliveryDate", ZERO_DATE)
    return str(wanted if wanted != ZERO_DATE else company.today())


def check_exchange_rate(company: Company, kind: Kind, header: Record) -> None:
    """Refuses lines and posting in a currency that has no exchange rate yet on the posting date (from version 23).

    AL: the Currency Factor of such a header is 0, and GetSalesHeader of Sales Line tests it.
    """
    code = header["currencyCode"]
    if code in ("", LOCAL_CURRENCY) or "currencyExchangeRates" not in company.schema:
        return
    rates = company.all("currencyExchangeRates", "currencyCode", code)
    if not any(rate["startingDate"] <= header["postingDate"] for rate in rates):
        place = f"Sales Header: Document Type={kind.caption}, No.={header['number']}"
        raise must_have_value("Currency Factor", place)


def check_nothing_shipped(kind: Kind, header: Record, line: Record) -> None:
    """Refuses changes to a line that was shipped, wholly or in part."""
    shipped = amount(line.get("shippedQuantity"))
    if shipped:
        place = line_place(kind, header, line)
        raise validation_error(f"Quantity Shipped must be equal to '0'  in {place}. Current value is '{shipped:f}'.")


def check_not_shipped(kind: Kind, header: Record, line: Record) -> None:
    """Refuses changes to a line whose shipment is not invoiced yet."""
    shipped = amount(line.get("shippedQuantity")) - amount(line.get("invoicedQuantity"))
    if shipped:
        place = line_place(kind, header, line)
        message = f"Qty. Shipped Not Invoiced must be equal to '0'  in {place}. Current value is '{shipped:f}'."
        raise validation_error(message)


def check_blocked(company: Company, customer: Record, kind: Kind, verb: str) -> None:
    """Refuses a customer that is blocked for this kind of document, or whose data are blocked for privacy."""
    if company.hidden("customers", customer["id"]).get("privacyBlocked"):
        when = f"when Customer {customer['number']} is blocked for privacy."
        raise dialog_error(f"You cannot {verb} this type of document {when}")
    _check_contact(company, customer, verb)
    blocked = customer["blocked"]
    for_all = blocked == "All"
    for_invoices = blocked == "Invoice" and kind.header != "salesCreditMemos"
    for_shipments = blocked == "Ship" and kind.header in ("salesOrders", "salesQuotes")
    if for_all or for_invoices or for_shipments:
        when = f"when Customer {customer['number']} is blocked with type {blocked}"
        raise dialog_error(f"You cannot {verb} this type of document {when}")


def _check_contact(company: Company, customer: Record, verb: str) -> None:
    """Refuses a customer whose contact is blocked for privacy (AL: Sales Header, UpdateSellToCont; Sales-Post)."""
    relation = company.find("contactsInformation", "relatedId", customer["id"]) or {}
    contact = company.get("contacts", relation.get("contactId", "")) or {}
    if not contact.get("privacyBlocked"):
        return
    if verb == "post":
        message = (
            f"You cannot post this type of document because contact {contact['number']} is blocked due to privacy."
        )
    else:
        name = f"{contact['number']} {contact['displayName']}"
        message = f"You cannot use contact {name} because they are marked as blocked due to privacy."
    raise dialog_error(message)


def lines_of(company: Company, kind: Kind, document_id: str) -> list[Record]:
    """The lines of a document, in the order of their line numbers."""
    return sorted(company.all(kind.lines, "documentId", document_id), key=lambda line: line["sequence"])


def recalculate(company: Company, kind: Kind, document_id: str) -> Record:
    """Calculates the amounts of all lines and the totals of the header. Only records that change are written."""
    header = company.get(kind.header, document_id)
    if header is None:
        return {}
    before = lines_of(company, kind, document_id)
    lines, changed = [dict(line) for line in before], dict(header)
    _give_customer_discount(company, kind, changed, before)
    _check_discount(amount(changed["discountAmount"]), before)
    calculate(changed, lines)
    for line, old in zip(lines, before, strict=True):
        kept = {name: line[name] for name in old}  # lines of a quote have no field for the invoice discount
        if kept != old:
            company.change(kind.lines, kept, stamp=False)
    return company.change(kind.header, changed) if changed != header else header


def _give_customer_discount(company: Company, kind: Kind, header: Record, lines: list[Record]) -> None:
    """Sets the invoice discount to the customer's percentage for this amount (AL: Cust. Invoice Disc.)."""
    discounts = company.hidden("customers", header.get("billToCustomerId", "")).get("invoiceDiscounts", [])
    if not discounts or company.hidden(kind.header, header["id"]):
        return
    base = sum((line_amount(line) for line in lines), Decimal(0))
    reached = [row for row in discounts if amount(row["minimumAmount"]) <= base]
    percent = max(reached, key=lambda row: amount(row["minimumAmount"]))["discountPercent"] if reached else 0
    header["discountAmount"] = cents(base * amount(percent) / 100)


def _check_discount(discount: Decimal, lines: list[Record]) -> None:
    """Refuses an invoice discount that is higher than the sum of the lines."""
    base = sum((line_amount(line) for line in lines), Decimal(0))
    if discount > base and discount and any(line["lineType"] != COMMENT for line in lines):
        raise dialog_error(f"The maximum Invoice Discount Amount that you can apply is {max(base, Decimal(0)):f}.")


RULES |= {kind.header: Documents(kind) for kind in KINDS.values()}
