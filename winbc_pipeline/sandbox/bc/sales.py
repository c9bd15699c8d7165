"""Sales orders, invoices, credit memos and quotes with their lines (behaviour.md sections 14 and 15).

Here belongs: what may be written when, and what follows from it. Amounts: totals.py. Posting: posting.py.
"""

from dataclasses import dataclass
from decimal import Decimal

from ..records import Record
from .company import Company, amount
from .refusal import dialog, validation
from .schema import ZERO_DATE, ZERO_GUID
from .totals import calculate, set_discount
from .values import is_zero
from .writing import LOCAL_CURRENCY, RULES, Rules, insert

STEP = 10_000
ADDRESS = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}
POSTED = ("Open", "Paid", "Canceled", "Corrective")
ITEM, ACCOUNT, COMMENT = "Item", "Account", "Comment"


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
        check_blocked(customer, self.kind, "create")
        self._from_customer(record, sent, customer)
        bill_to = self._customer(company, sent, "billToCustomer", "bill-to") or customer
        self._bill_to(record, bill_to)
        record["number"] = company.next_number(self.kind.header)
        for name in (self.kind.date, "postingDate"):
            if record[name] == ZERO_DATE:
                record[name] = company.today()
        record["status"] = "Draft"

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        lines = body.get(self.kind.lines)
        if not lines:
            return record
        if not isinstance(lines, list):
            raise dialog(f'"{self.kind.lines}" is not a list.')
        entity = company.entity(self.kind.lines)
        company.deep_insert = True  # the totals are calculated once, after the last line
        try:
            for line in lines:
                insert(company, entity, line, {"documentId": record["id"]})
        finally:
            company.deep_insert = False
        return recalculate(company, self.kind, record["id"])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        _check_open(self.kind, old)
        customer = self._customer(company, sent, "customer", "sell-to")
        if customer and customer["id"] != old["customerId"]:
            check_blocked(customer, self.kind, "create")
            self._from_customer(record, sent, customer)
            self._bill_to(record, customer)
        bill_to = self._customer(company, sent, "billToCustomer", "bill-to")
        if bill_to:
            self._bill_to(record, bill_to)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if {"discountAmount", "pricesIncludeTax"} & set(sent):
            return recalculate(company, self.kind, record["id"])
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        if record["status"] in POSTED:
            raise dialog("The invoice has been posted and can no longer be modified.")

    def after_delete(self, company: Company, record: Record) -> None:
        for line in company.all(self.kind.lines, "documentId", record["id"]):
            company.drop(self.kind.lines, line)

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
        for name, theirs in copied.items():
            if name in record and name not in sent and not _paired(name, sent):
                record[name] = customer[theirs]
        if not record["currencyCode"]:
            record["currencyCode"] = LOCAL_CURRENCY

    def _bill_to(self, record: Record, customer: Record) -> None:
        record |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
        record["billToName"] = customer["displayName"]
        record |= {f"billTo{ours}": customer[theirs] for ours, theirs in ADDRESS.items() if f"billTo{ours}" in record}


def _check_open(kind: Kind, header: Record) -> None:
    """Refuses changes to a posted document and to a released order."""
    if header["status"] in POSTED and kind.header in ("salesInvoices", "salesCreditMemos"):
        raise dialog(f"The {kind.line_type} has been posted and can no longer be modified.")
    if header["status"] == "Open" and kind.header == "salesOrders":
        raise validation(f"Status must be equal to 'Open'  in Sales Header: No.={header['number']}.")


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


class Lines(Rules):
    """The lines of a sales document."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        header = self._header(company, record)
        record["sequence"] = self._sequence(company, header, sent)
        if not is_zero(sent.get("itemId")) and not is_zero(sent.get("accountId")):
            raise dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
        if "lineType" not in sent:
            has_object = not is_zero(sent.get("itemId")) or sent.get("lineObjectNumber")
            record["lineType"] = ITEM if has_object else ACCOUNT if not is_zero(sent.get("accountId")) else COMMENT
        self._object(company, record, sent, header)
        set_discount(record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        if company.deep_insert:
            return record
        recalculate(company, self.kind, record["documentId"])
        return company.get(self.kind.lines, record["id"]) or record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        header = self._header(company, old)
        fixed = {
            "documentId": 'The value for "documentId" cannot be modified.',
            "sequence": "The value for sequence cannot be modified. Delete and insert the line again.",
            "lineObjectNumber": 'The value for "lineObjectNumber" cannot be modified.',
        }
        for name, message in fixed.items():
            if name in sent and sent[name] != old[name]:
                raise dialog(message)
        if {"itemId", "accountId", "lineType", "itemVariantId"} & set(sent):
            if not is_zero(sent.get("itemId")):
                record |= {"lineType": ITEM, "accountId": ZERO_GUID, "lineObjectNumber": ""}
            elif not is_zero(sent.get("accountId")):
                record |= {"lineType": ACCOUNT, "itemId": ZERO_GUID, "lineObjectNumber": ""}
            self._object(company, record, sent, header)
        set_discount(record, sent)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        recalculate(company, self.kind, record["documentId"])
        return company.get(self.kind.lines, record["id"]) or record

    def before_delete(self, company: Company, record: Record) -> None:
        self._header(company, record)

    def after_delete(self, company: Company, record: Record) -> None:
        recalculate(company, self.kind, record["documentId"])

    def _header(self, company: Company, record: Record) -> Record:
        header = company.get(self.kind.header, record["documentId"])
        if header is None:
            raise dialog("You must specify a document id to get the lines.")
        _check_open(self.kind, header)
        return header

    def _sequence(self, company: Company, header: Record, sent: Record) -> int:
        taken = [row["sequence"] for row in company.all(self.kind.lines, "documentId", header["id"])]
        if not sent.get("sequence"):
            return max(taken, default=0) + STEP
        if sent["sequence"] in taken:
            raise dialog("You cannot insert a line because a line already exists.")
        return int(sent["sequence"])

    def _object(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        """Fills in what follows from the item or account that a line is about."""
        if record["lineType"] == ITEM:
            self._item(company, record, sent, header)
        elif record["lineType"] == ACCOUNT:
            account = _found(company, "accounts", record["accountId"], record["lineObjectNumber"])
            if not account:
                raise dialog("Account does not exist.")
            record |= {"accountId": account["id"], "lineObjectNumber": account["number"]}
            record["description"] = sent.get("description") or account["displayName"]
        elif record["lineType"] == COMMENT and (amount(record["quantity"]) or amount(record["unitPrice"])):
            raise validation(f"Type must not be ' ' in Sales Line Document No.='{header['number']}'.")
        if "taxCode" in sent or record["lineType"] != COMMENT:
            record["taxPercent"] = company.tax_rate(record["taxCode"])

    def _item(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        item = _found(company, "items", record["itemId"], record["lineObjectNumber"])
        if not item:
            raise dialog("Item does not exist.")
        if item["blocked"]:
            raise validation(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")
        record |= {"itemId": item["id"], "lineObjectNumber": item["number"]}
        variant = company.get("itemVariants", record["itemVariantId"]) if not is_zero(record["itemVariantId"]) else None
        if not is_zero(record["itemVariantId"]) and (not variant or variant["itemId"] != item["id"]):
            raise dialog("The item variant does not exist for this item.")
        if "description" not in sent:
            record["description"] = (variant or {}).get("description") or item["displayName"]
        if "taxCode" not in sent:
            record["taxCode"] = item["taxGroupCode"]
        if "unitPrice" not in sent:
            record["unitPrice"] = self._price(company, item, bool(header.get("pricesIncludeTax")))
        if is_zero(record["unitOfMeasureId"]):
            record |= {
                "unitOfMeasureId": item["baseUnitOfMeasureId"],
                "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            }

    def _price(self, company: Company, item: Record, includes_tax: bool) -> Decimal:
        price, rate = amount(item["unitPrice"]), company.tax_rate(item["taxGroupCode"])
        if bool(item["priceIncludesTax"]) == includes_tax or not rate:
            return price
        changed = price * (100 + rate) / 100 if includes_tax else price * 100 / (100 + rate)
        return changed.quantize(Decimal("0.00001"))


def _found(company: Company, entity: str, record_id: str, number: str) -> Record | None:
    if not is_zero(record_id):
        return company.get(entity, record_id)
    return company.find(entity, "number", number) if number else None


def lines_of(company: Company, kind: Kind, document_id: str) -> list[Record]:
    """A document's lines in their order."""
    return sorted(company.all(kind.lines, "documentId", document_id), key=lambda line: line["sequence"])


def recalculate(company: Company, kind: Kind, document_id: str) -> Record:
    """Amounts of all lines and the totals; only records that change are written."""
    header = company.get(kind.header, document_id)
    if header is None:
        return {}
    lines = lines_of(company, kind, document_id)
    before = [dict(line) for line in lines]
    changed = dict(header)
    calculate(changed, lines)
    for line, old in zip(lines, before, strict=True):
        if line != old:
            company.change(kind.lines, line, stamp=False)
    return company.change(kind.header, changed) if changed != header else header


RULES |= {kind.header: Documents(kind) for kind in KINDS.values()}
RULES |= {kind.lines: Lines(kind) for kind in KINDS.values()}
