"""Rules of the lines of sales documents (behaviour.md section 14).

Here belongs: what may be written on a line, and what follows from it. Headers: sales.py. Arithmetic: totals.py.
"""

from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import Refused, dialog_error, must_have_value, validation_error
from ..data.schema import ZERO_GUID
from ..data.values import decoded, is_zero
from ..odata.writing import RULES, TWINS, Rules, no_relation
from . import posting_groups
from .document_dimensions import change_line, fill_line
from .masterdata import check_item
from .sales import (
    ACCOUNT,
    COMMENT,
    ITEM,
    KINDS,
    Kind,
    check_exchange_rate,
    check_not_shipped,
    check_nothing_shipped,
    check_open,
    line_place,
    recalculate,
    shipment_date,
)
from .stock import SALE, check_not_blocked, units_of
from .totals import exceeds, five_places, set_discount

LINE_NUMBER_STEP = 10_000  # as in AL; it leaves room for lines in between
# The fields that name the record that a line is about, and the type of the line that has one.
OBJECT_FIELDS = {"itemId": ITEM, "accountId": ACCOUNT}
CAPTIONS = {ACCOUNT: "G/L Account", COMMENT: " "}  # the types of a line that AL calls otherwise
NO_UNIT: Record = {"unitOfMeasureId": ZERO_GUID, "unitOfMeasureCode": ""}


class Lines(Rules):
    """The lines of a sales document."""

    posted = ("shippedQuantity", "invoicedQuantity")  # what only posting changes

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        header = self._open_header(company, record)
        check_exchange_rate(company, self.kind, header)
        record["sequence"] = self._line_number(company, header, sent)
        if "lineType" not in sent:
            record["lineType"] = ITEM if sent.get("lineObjectNumber") else COMMENT
        _take_type_of_object(record, sent)
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
        check_exchange_rate(company, self.kind, header)
        self._check_fixed_fields(old, sent)
        _take_type_of_object(record, sent)
        if any(record[name] != old[name] for name in ("lineType", "lineObjectNumber", *OBJECT_FIELDS)):
            self._begin_anew(company, record, old, sent, header)
        elif record["itemVariantId"] != old["itemVariantId"]:
            self._change_variant(company, record, old, sent, header)
        self._check_shipped(header, record, old)
        if record["itemId"] != old["itemId"]:
            change_line(company, self.kind.lines, record)
        self._check_values(company, record, sent, header)
        set_discount(record, sent, old)
        if record["quantity"] != old["quantity"] or {"shipQuantity", "invoiceQuantity"} & set(sent):
            _set_quantities_to_handle(record, sent, old)

    def _begin_anew(self, company: Company, record: Record, old: Record, sent: Record, header: Record) -> None:
        """Empties a line whose type or number changed, except for what was sent, and fills it in from its new number.

        AL: validation of Type and No. in Sales Line. With another number of the same type, the quantity stays.
        """
        check_nothing_shipped(self.kind, header, old)
        for name, kind in OBJECT_FIELDS.items():
            if name in sent and is_zero(sent[name]) and not is_zero(old[name]):
                raise dialog_error(f"{kind} does not exist.")
        stays = {"id", "documentId", "sequence", "lineType", *sent, *(TWINS.get(name) for name in sent)}
        if record["lineType"] == old["lineType"]:
            stays.add("quantity")
        record |= {name: value for name, value in company.empty(self.kind.lines).items() if name not in stays}
        self._fill_from_object(company, record, sent, header)

    def _change_variant(self, company: Company, record: Record, old: Record, sent: Record, header: Record) -> None:
        """Takes another variant of the item. Its description is the line's from now on; the price stays."""
        check_not_shipped(self.kind, header, old)
        if record["lineType"] == ITEM and not is_zero(record["itemId"]):
            item = company.get("items", record["itemId"]) or {}
            self._describe(company, record, sent, item)

    def _check_shipped(self, header: Record, record: Record, old: Record) -> None:
        """Refuses another unit or location for a line that was shipped in part."""
        if record["unitOfMeasureCode"] != old["unitOfMeasureCode"]:
            check_nothing_shipped(self.kind, header, old)
        if record.get("locationId") != old.get("locationId"):
            check_not_shipped(self.kind, header, old)

    def _check_fixed_fields(self, old: Record, sent: Record) -> None:
        """Refuses changes to the fields that a line keeps for ever."""
        sequence = '"sequence"' if self.kind.header == "salesInvoices" else "sequence"
        fixed = {
            "documentId": 'The value for "documentId" cannot be modified.',
            "sequence": f"The value for {sequence} cannot be modified. Delete and insert the line again.",
            "lineObjectNumber": 'The value for "lineObjectNumber" cannot be modified.',
        }
        for name, message in fixed.items():
            # A line that only has a type yet takes a number.
            is_free = name == "lineObjectNumber" and not old[name]
            if name in sent and sent[name] != old[name] and not is_free:
                raise dialog_error(message)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        recalculate(company, self.kind, record["documentId"])
        return company.get(self.kind.lines, record["id"]) or record

    def before_delete(self, company: Company, record: Record) -> None:
        check_not_shipped(self.kind, self._open_header(company, record), record)

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
        """Fills in what follows from the item or account that a line is about. A line may have a type only."""
        if record["lineType"] not in (ITEM, ACCOUNT):
            return
        if is_zero(record["itemId"]) and is_zero(record["accountId"]) and not record["lineObjectNumber"]:
            if amount(record["quantity"]):
                raise must_have_value("No.", line_place(self.kind, header, record))
            return
        if "shipmentDate" in record and "shipmentDate" not in sent:
            record["shipmentDate"] = shipment_date(company, self.kind, header)
        if record["lineType"] == ITEM:
            self._fill_from_item(company, record, sent, header)
            return
        account = _find_by_id_or_number(company, "accounts", record["accountId"], record["lineObjectNumber"])
        if not account:
            raise dialog_error("Account does not exist.")
        _check_account(account)
        record |= {"accountId": account["id"], "lineObjectNumber": account["number"]}
        record["description"] = sent.get("description") or account["displayName"]

    def _check_values(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        """The checks for lines of every type, and the VAT rate."""
        self._take_tax_code(company, record, sent)
        self._check_unit(company, record, sent)
        if record["lineType"] == COMMENT and (amount(record["quantity"]) or amount(record["unitPrice"])):
            raise validation_error(f"Type must not be ' ' in Sales Line Document No.='{header['number']}'.")
        if record["lineType"] in (ACCOUNT, COMMENT) and any(not is_zero(sent.get(name)) for name in NO_UNIT):
            raise self._not_an_item(header, record)
        if not is_zero(record["itemVariantId"]) and record["lineType"] != ITEM:
            raise self._not_an_item(header, record)

    def _take_tax_code(self, company: Company, record: Record, sent: Record) -> None:
        """Fills in the VAT rate. Refuses an unknown tax code, and quantities that only posting changes."""
        for name in self.posted:
            if name in sent:
                raise Refused(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
        code = sent.get("taxCode")
        if code and not company.find("taxGroups", "code", code):
            raise no_relation("taxCode", code, "VAT Product Posting Group")
        record["taxPercent"] = company.tax_rate(record["taxCode"])

    def _check_unit(self, company: Company, record: Record, sent: Record) -> None:
        """Refuses a unit that the item does not have. An item has its base unit, and those of the settings."""
        code = record["unitOfMeasureCode"]
        if record["lineType"] != ITEM or not code or not set(NO_UNIT) & set(sent):
            return
        item = company.get("items", record["itemId"])
        if not item or record["unitOfMeasureId"] not in units_of(company, item):
            raise no_relation("Unit of Measure Code", code, "Item Unit of Measure")

    def _not_an_item(self, header: Record, record: Record) -> Refused:
        place, kind = line_place(self.kind, header, record), CAPTIONS.get(record["lineType"], record["lineType"])
        return validation_error(f"Type must be equal to 'Item'  in {place}. Current value is '{kind}'.")

    def _fill_from_item(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        item = _find_by_id_or_number(company, "items", record["itemId"], record["lineObjectNumber"])
        if not item:
            raise dialog_error("Item does not exist.")
        check_item(item)
        posting_groups.check_item(company, item)
        if self.kind.header != "salesCreditMemos":
            check_not_blocked(company, item, ZERO_GUID, SALE)
        record |= {"itemId": item["id"], "lineObjectNumber": item["number"]}
        self._describe(company, record, sent, item)
        if "taxCode" not in sent:
            record["taxCode"] = item["taxGroupCode"]
        if "unitPrice" not in sent:
            record["unitPrice"] = self._price(company, item, bool(header.get("pricesIncludeTax")))
        if is_zero(record["unitOfMeasureId"]):
            record |= {
                "unitOfMeasureId": item["baseUnitOfMeasureId"],
                "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            }

    def _describe(self, company: Company, record: Record, sent: Record, item: Record) -> None:
        """Describes a line as its variant is described, even if that is not at all. Without one, as its item is."""
        variant = self._variant(company, record["itemVariantId"], item)
        if "description" not in sent:
            record["description"] = variant["description"] if variant else item["displayName"]

    def _variant(self, company: Company, variant_id: str, item: Record) -> Record:
        """The variant of the item, or an empty record if the line names none."""
        if is_zero(variant_id):
            return {}
        variant = company.get("itemVariants", variant_id)
        if not variant or variant["itemId"] != item["id"]:
            raise dialog_error("The item variant does not exist for this item.")
        settings = company.hidden("itemVariants", variant_id)
        if settings.get("blocked") or (settings.get("salesBlocked") and self.kind.header != "salesCreditMemos"):
            raise no_relation("Variant Code", variant["code"], "Item Variant")
        return variant

    def _price(self, company: Company, item: Record, includes_tax: bool) -> Decimal:
        """The item's price, with or without VAT as the document's prices are."""
        price, rate = amount(item["unitPrice"]), company.tax_rate(item["taxGroupCode"])
        if bool(item["priceIncludesTax"]) == includes_tax or not rate:
            return price
        changed = price * (100 + rate) / 100 if includes_tax else price * 100 / (100 + rate)
        return five_places(changed)


def _check_account(account: Record) -> None:
    """Refuses an account that no line takes (AL: CheckGLAcc, TestDirectPosting)."""
    tested = (("accountType", "Account Type", "Posting"), ("blocked", "Blocked", False))
    for name, caption, wanted in (*tested, ("directPosting", "Direct Posting", True)):
        value = account.get(name, wanted)
        if value != wanted:
            place = f"G/L Account: No.={account['number']}"
            is_value = f"Current value is '{_in_words(value)}'."
            raise validation_error(f"{caption} must be equal to '{_in_words(wanted)}'  in {place}. {is_value}")


def _in_words(value: bool | str) -> str:
    return decoded(value) if isinstance(value, str) else "Yes" if value else "No"


def _take_type_of_object(record: Record, sent: Record) -> None:
    """Gives a line the type of the item or account that was sent by its id. Refuses both at once."""
    named = [name for name in OBJECT_FIELDS if not is_zero(sent.get(name))]
    if len(named) > 1:
        raise dialog_error('Both "itemId" and "accountId" are specified. Specify only one of them.')
    for name in named:
        record["lineType"] = OBJECT_FIELDS[name]


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
