"""Rules of the lines of sales documents (behaviour.md section 14).

Here belongs: what may be written on a line, and what follows from it. Headers: sales.py. Arithmetic: totals.py.
"""

from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import Refused, dialog_error, validation_error
from ..data.schema import ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import RULES, Rules, no_relation
from .document_dimensions import change_line, fill_line
from .masterdata import check_item
from .sales import ACCOUNT, COMMENT, ITEM, KINDS, Kind, check_not_shipped, check_open, recalculate
from .totals import exceeds, five_places, set_discount

LINE_NUMBER_STEP = 10_000  # as in AL; it leaves room for lines in between
# The fields that say what a line is about. A change of one fills in the rest of the line anew.
OBJECT_FIELDS = ("itemId", "accountId", "lineType", "itemVariantId")
NO_UNIT: Record = {"unitOfMeasureId": ZERO_GUID, "unitOfMeasureCode": ""}


class Lines(Rules):
    """The lines of a sales document."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        header = self._open_header(company, record)
        record["sequence"] = self._line_number(company, header, sent)
        if not is_zero(sent.get("itemId")) and not is_zero(sent.get("accountId")):
            raise dialog_error('Both "itemId" and "accountId" are specified. Specify only one of them.')
        if "lineType" not in sent:
            record["lineType"] = _type_of(sent)
        self._fill_from_object(company, record, sent, header)
        self._check_values(company, record, sent, header)
        set_discount(record, sent)
        _set_quantities_to_handle(record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        if company.deep_insert:
            return record
        fill_line(company, self.kind.lines, record)
        recalculate(company, self.kind, record["documentId"])
        return company.get(self.kind.lines, record["id"]) or record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        header = self._open_header(company, old)
        self._check_fixed_fields(old, sent)
        if any(sent.get(name, old[name]) != old[name] for name in OBJECT_FIELDS):
            check_not_shipped(header, old)
            if not is_zero(sent.get("itemId")):
                record |= {"lineType": ITEM, "accountId": ZERO_GUID, "lineObjectNumber": ""}
            elif not is_zero(sent.get("accountId")):
                record |= {"lineType": ACCOUNT, "itemId": ZERO_GUID, "lineObjectNumber": ""} | NO_UNIT
                record["taxCode"] = sent.get("taxCode", "")
            self._fill_from_object(company, record, sent, header)
        if record["itemId"] != old["itemId"]:
            change_line(company, self.kind.lines, record)
        self._check_values(company, record, sent, header)
        set_discount(record, sent, old)
        if record["quantity"] != old["quantity"] or {"shipQuantity", "invoiceQuantity"} & set(sent):
            _set_quantities_to_handle(record, sent, old)

    def _check_fixed_fields(self, old: Record, sent: Record) -> None:
        """Refuses changes to the fields that a line keeps for ever."""
        sequence = '"sequence"' if self.kind.header == "salesInvoices" else "sequence"
        fixed = {
            "documentId": 'The value for "documentId" cannot be modified.',
            "sequence": f"The value for {sequence} cannot be modified. Delete and insert the line again.",
            "lineObjectNumber": 'The value for "lineObjectNumber" cannot be modified.',
        }
        for name, message in fixed.items():
            if name in sent and sent[name] != old[name]:
                raise dialog_error(message)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        recalculate(company, self.kind, record["documentId"])
        return company.get(self.kind.lines, record["id"]) or record

    def before_delete(self, company: Company, record: Record) -> None:
        check_not_shipped(self._open_header(company, record), record)

    def after_delete(self, company: Company, record: Record) -> None:
        recalculate(company, self.kind, record["documentId"])

    def _open_header(self, company: Company, record: Record) -> Record:
        header = company.get(self.kind.header, record["documentId"])
        if header is None:
            raise dialog_error("You must specify a document id to get the lines.")
        check_open(self.kind, header)
        return header

    def _line_number(self, company: Company, header: Record, sent: Record) -> int:
        if not sent.get("sequence"):
            return company.records.last_line_number(self.kind.lines, header["id"]) + LINE_NUMBER_STEP
        if sent["sequence"] in [row["sequence"] for row in company.all(self.kind.lines, "documentId", header["id"])]:
            raise dialog_error("You cannot insert a line because a line already exists.")
        return int(sent["sequence"])

    def _fill_from_object(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        """Fills in what follows from the item or account that a line is about."""
        if record["lineType"] == ITEM:
            self._fill_from_item(company, record, sent, header)
        elif record["lineType"] == ACCOUNT:
            account = _find_by_id_or_number(company, "accounts", record["accountId"], record["lineObjectNumber"])
            if not account:
                raise dialog_error("Account does not exist.")
            record |= {"accountId": account["id"], "lineObjectNumber": account["number"]}
            record["description"] = sent.get("description") or account["displayName"]

    def _check_values(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        """The checks for lines of every type, and the VAT rate."""
        for name in ("shippedQuantity", "invoicedQuantity"):
            if name in sent:
                raise Refused(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
        code = sent.get("taxCode")
        if code and not company.find("taxGroups", "code", code):
            raise no_relation("taxCode", code, "VAT Product Posting Group")
        record["taxPercent"] = company.tax_rate(record["taxCode"])
        if record["lineType"] == COMMENT and (amount(record["quantity"]) or amount(record["unitPrice"])):
            raise validation_error(f"Type must not be ' ' in Sales Line Document No.='{header['number']}'.")
        if record["lineType"] in (ACCOUNT, COMMENT) and any(not is_zero(sent.get(name)) for name in NO_UNIT):
            raise validation_error(f"Type must be equal to 'Item'  in Sales Line: Document No.={header['number']}.")

    def _fill_from_item(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        item = _find_by_id_or_number(company, "items", record["itemId"], record["lineObjectNumber"])
        if not item:
            raise dialog_error("Item does not exist.")
        check_item(item)
        record |= {"itemId": item["id"], "lineObjectNumber": item["number"]}
        variant = self._variant(company, record["itemVariantId"], item)
        if "description" not in sent:
            record["description"] = variant.get("description") or item["displayName"]
        if "taxCode" not in sent:
            record["taxCode"] = item["taxGroupCode"]
        if "unitPrice" not in sent:
            record["unitPrice"] = self._price(company, item, bool(header.get("pricesIncludeTax")))
        if is_zero(record["unitOfMeasureId"]):
            record |= {
                "unitOfMeasureId": item["baseUnitOfMeasureId"],
                "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            }

    def _variant(self, company: Company, variant_id: str, item: Record) -> Record:
        """The variant of the item, or an empty record if the line names none."""
        if is_zero(variant_id):
            return {}
        variant = company.get("itemVariants", variant_id)
        if not variant or variant["itemId"] != item["id"]:
            raise dialog_error("The item variant does not exist for this item.")
        return variant

    def _price(self, company: Company, item: Record, includes_tax: bool) -> Decimal:
        """The item's price, with or without VAT as the document's prices are."""
        price, rate = amount(item["unitPrice"]), company.tax_rate(item["taxGroupCode"])
        if bool(item["priceIncludesTax"]) == includes_tax or not rate:
            return price
        changed = price * (100 + rate) / 100 if includes_tax else price * 100 / (100 + rate)
        return five_places(changed)


def _type_of(sent: Record) -> str:
    """The type of a line that was sent without its type."""
    if not is_zero(sent.get("itemId")) or sent.get("lineObjectNumber"):
        return ITEM
    return COMMENT if is_zero(sent.get("accountId")) else ACCOUNT


def _set_quantities_to_handle(record: Record, sent: Record, old: Record | None = None) -> None:
    """Fills in the quantities to ship and to invoice. A new quantity sets both to all that is left."""
    if "shipQuantity" not in record:
        return
    if exceeds(amount(record["shippedQuantity"]), amount(record["quantity"])):
        raise validation_error("Quantity must not be less than Quantity Shipped in Sales Line.")
    if old is None or record["quantity"] != old["quantity"]:
        reset_quantities_to_handle(record)
    for verb, done in (("ship", "shippedQuantity"), ("invoice", "invoicedQuantity")):
        left, name = amount(record["quantity"]) - amount(record[done]), f"{verb}Quantity"
        record[name] = sent.get(name, record[name])
        if exceeds(amount(record[name]), left):
            raise dialog_error(f"You cannot {verb} more than {left:f} units.")


def reset_quantities_to_handle(record: Record) -> Record:
    """Sets the quantities to ship and to invoice of an order line to all that is left. Returns the line."""
    if "shipQuantity" in record:
        record["shipQuantity"] = amount(record["quantity"]) - amount(record["shippedQuantity"])
        record["invoiceQuantity"] = amount(record["quantity"]) - amount(record["invoicedQuantity"])
    return record


def _find_by_id_or_number(company: Company, entity: str, record_id: str, number: str) -> Record | None:
    if not is_zero(record_id):
        return company.get(entity, record_id)
    return company.find(entity, "number", number) if number else None


RULES |= {kind.lines: Lines(kind) for kind in KINDS.values()}
