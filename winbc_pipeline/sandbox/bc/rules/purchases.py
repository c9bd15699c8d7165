"""Purchase orders, their lines, and the receipts that bring stock in (AL: Purchase Header, Purchase Line, Purch.-Post).

Here belongs: what purchases do otherwise than sales. What both do alike: lines.py and totals.py. Purchase invoices are
not in the entity sets, so `receiveAndInvoice` leaves a receipt only.
"""

from decimal import Decimal
from typing import Any

from ...records import Record
from ..data.company import Company, amount, cents
from ..data.post_codes import fill_in_sides
from ..data.refusal import dialog_error, validation_error
from ..data.schema import ZERO_DATE, ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import RULES, Rules, insert, no_relation
from .lines import Lines
from .masterdata import check_item
from .posting import check_mandatory_fields, common_fields
from .sales import ADDRESS, COMMENT, ITEM, PURCHASES, line_place, lines_of, recalculate
from .stock import PURCHASE, Movement, check_not_blocked, in_base_units, move
from .totals import exceeds

RECEIPT_TYPES = {"Item": "Item", "Account": "G_x002F_L_x0020_Account"}  # all others have no object


class PurchaseOrders(Rules):
    """The header of a purchase order."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        vendor = _find_vendor(company, sent, "vendor", "buy-from")
        if vendor is None:
            raise dialog_error('A "vendorNumber" or a "vendorId" must be provided.')
        pay_to = _find_vendor(company, sent, "payToVendor", "pay-to") or vendor
        self._copy_vendors(record, sent, vendor, pay_to)
        self._ship_to_the_company(company, record, sent)
        record |= {"number": company.next_number(PURCHASES.header), "status": "Draft"}
        for name in (PURCHASES.date, "postingDate"):
            if record[name] == ZERO_DATE:
                record[name] = company.today()
        self._check_values(company, record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        lines = body.get(PURCHASES.lines) or []
        for line in lines:
            insert(company, company.entity(PURCHASES.lines), line, {"documentId": record["id"]})
        return recalculate(company, PURCHASES, record["id"]) if lines else record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        vendor = _find_vendor(company, sent, "vendor", "buy-from")
        pay_to = _find_vendor(company, sent, "payToVendor", "pay-to")
        if vendor and vendor["id"] != old["vendorId"]:
            self._copy_vendors(record, sent, vendor, pay_to or vendor)
        elif pay_to:
            self._copy_pay_to(record, pay_to)
        self._check_values(company, record, sent)

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        if {"discountAmount", "pricesIncludeTax"} & set(sent):
            return recalculate(company, PURCHASES, record["id"])
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        for line in lines_of(company, PURCHASES, record["id"]):
            _check_not_received(record, line)

    def after_delete(self, company: Company, record: Record) -> None:
        for line in lines_of(company, PURCHASES, record["id"]):
            company.drop(PURCHASES.lines, line)

    def _check_values(self, company: Company, record: Record, sent: Record) -> None:
        fill_in_sides(company, record, sent)
        record["discountAmount"] = cents(amount(record["discountAmount"]))
        if record["discountAmount"] < 0:
            raise dialog_error("Invoice Discount Amount must not be negative.")

    def _copy_vendors(self, record: Record, sent: Record, vendor: Record, pay_to: Record) -> None:
        """Copies the vendor's fields into the header, except those that the client sent itself."""
        record |= {"vendorId": vendor["id"], "vendorNumber": vendor["number"], "vendorName": vendor["displayName"]}
        copied = {name: name for name in ("currencyId", "currencyCode", "paymentTermsId")}
        copied |= {f"buyFrom{ours}": theirs for ours, theirs in ADDRESS.items()}
        record |= {name: vendor[theirs] for name, theirs in copied.items() if name not in sent}
        self._copy_pay_to(record, pay_to)

    def _copy_pay_to(self, record: Record, vendor: Record) -> None:
        record |= {"payToVendorId": vendor["id"], "payToVendorNumber": vendor["number"]}
        record["payToName"] = vendor["displayName"]
        record |= {f"payTo{ours}": vendor[theirs] for ours, theirs in ADDRESS.items()}

    def _ship_to_the_company(self, company: Company, record: Record, sent: Record) -> None:
        """The goods come to the company's own address, unless the client sent another one."""
        (own,) = company.records.select("companyInformation", limit=1)
        copied = {f"shipTo{ours}": theirs for ours, theirs in ADDRESS.items()} | {"shipToName": "displayName"}
        record |= {name: own[theirs] for name, theirs in copied.items() if name not in sent}


class PurchaseLines(Lines):
    """The lines of a purchase order: as sales lines, with costs in place of prices and receipts for shipments."""

    posted = ("receivedQuantity", "invoicedQuantity")

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        super().before_insert(company, record, sent)
        if record["expectedReceiptDate"] == ZERO_DATE:
            header = company.get(PURCHASES.header, record["documentId"]) or {}
            dates = (header["requestedReceiptDate"], header[PURCHASES.date])
            record["expectedReceiptDate"] = next(date for date in dates if date != ZERO_DATE)
        _set_quantities_to_handle(record, sent)

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        super().before_modify(company, record, old, sent)
        if any(record[name] != old[name] for name in ("lineType", "itemId", "accountId", "itemVariantId")):
            _check_not_received(company.get(PURCHASES.header, old["documentId"]) or {}, old)
        _set_quantities_to_handle(record, sent, old)

    def before_delete(self, company: Company, record: Record) -> None:
        super().before_delete(company, record)
        _check_not_received(company.get(PURCHASES.header, record["documentId"]) or {}, record)

    def _fill_from_item(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        by_number = company.find("items", "number", record["lineObjectNumber"])
        item = by_number if is_zero(record["itemId"]) else company.get("items", record["itemId"])
        if not item:
            raise dialog_error("Item does not exist.")
        check_item(item)
        check_not_blocked(company, item, ZERO_GUID, PURCHASE)
        record |= {"itemId": item["id"], "lineObjectNumber": item["number"]}
        variant = self._purchased_variant(company, record["itemVariantId"], item)
        given = {"description": variant.get("description") or item["displayName"], "taxCode": item["taxGroupCode"]}
        given["directUnitCost"] = item["unitCost"]
        record |= {name: value for name, value in given.items() if name not in sent}
        if is_zero(record["unitOfMeasureId"]):
            unit = {"unitOfMeasureId": item["baseUnitOfMeasureId"], "unitOfMeasureCode": item["baseUnitOfMeasureCode"]}
            record |= unit

    def _purchased_variant(self, company: Company, variant_id: str, item: Record) -> Record:
        if is_zero(variant_id):
            return {}
        variant = company.get("itemVariants", variant_id)
        if not variant or variant["itemId"] != item["id"]:
            raise dialog_error("The item variant does not exist for this item.")
        settings = company.hidden("itemVariants", variant_id)
        if settings.get("blocked") or settings.get("purchasingBlocked"):
            raise no_relation("Variant Code", variant["code"], "Item Variant")
        return variant

    def _check_values(self, company: Company, record: Record, sent: Record, header: Record) -> None:
        self._take_tax_code(company, record, sent)
        if record["lineType"] == COMMENT and (amount(record["quantity"]) or amount(record["directUnitCost"])):
            raise validation_error(f"Type must not be ' ' in Purchase Line Document No.='{header['number']}'.")


def _set_quantities_to_handle(record: Record, sent: Record, old: Record | None = None) -> None:
    """Fills in the quantities to receive and to invoice. A new quantity sets both to all that is left."""
    for verb, done in (("receive", "receivedQuantity"), ("invoice", "invoicedQuantity")):
        left, name = amount(record["quantity"]) - amount(record[done]), f"{verb}Quantity"
        if old is None or record["quantity"] != old["quantity"]:
            record[name] = sent.get(name, left)
        if exceeds(amount(record[name]), left):
            raise dialog_error(f"You cannot {verb} more than {left:f} units.")


def _check_not_received(header: Record, line: Record) -> None:
    """Refuses changes to a line whose receipt is not invoiced yet."""
    received = amount(line["receivedQuantity"]) - amount(line["invoicedQuantity"])
    if received:
        place = line_place(PURCHASES, header, line)
        message = f"Qty. Rcd. Not Invoiced must be equal to '0'  in {place}. Current value is '{received:f}'."
        raise validation_error(message)


def _find_vendor(company: Company, sent: Record, field: str, caption: str) -> Record | None:
    """The vendor that was sent by its id, by its number or by both. None if neither was sent."""
    vendor_id, number = sent.get(f"{field}Id"), sent.get(f"{field}Number")
    if is_zero(vendor_id) and not number:
        return None
    by_number = company.find("vendors", "number", number) if is_zero(vendor_id) else None
    found = by_number or company.get("vendors", str(vendor_id))
    if not found:
        raise dialog_error(f"The {caption} vendor cannot be found.")
    if number and number != found["number"]:
        raise dialog_error(f"The {caption} vendor values do not match to a specific Vendor.")
    if found["blocked"] == "All":  # AL: Vendor, CheckBlockedVendOnDocs
        when = f"when Vendor {found['number']} is blocked with type All"
        raise dialog_error(f"You cannot create this type of document {when}")
    return found


def receive(company: Company, order: Record, quantities: dict[str, Decimal]) -> None:
    """Posts a receipt of the quantities, which are given by line id. Without a quantity it posts nothing."""
    lines = lines_of(company, PURCHASES, order["id"])
    check_mandatory_fields(company, order, lines, PURCHASES)
    received = [(line, quantities[line["id"]]) for line in lines if quantities.get(line["id"])]
    if not received:
        return
    header = common_fields(company, order, "purchaseReceipts") | {"number": company.next_number("purchaseReceipts")}
    header |= {"invoiceDate": order[PURCHASES.date], "orderNumber": order["number"], "dueDate": order["postingDate"]}
    receipt = company.add("purchaseReceipts", header)
    for line, quantity in received:
        _receive_line(company, order, line, quantity, receipt)
    to_receive = [line for line in lines_of(company, PURCHASES, order["id"]) if line["lineType"] != COMMENT]
    complete = all(amount(line["receivedQuantity"]) == amount(line["quantity"]) for line in to_receive)
    company.change(PURCHASES.header, order | {"fullyReceived": complete})


def _receive_line(company: Company, order: Record, line: Record, quantity: Decimal, receipt: Record) -> None:
    left = amount(line["quantity"]) - amount(line["receivedQuantity"])
    if exceeds(quantity, left):
        raise dialog_error(f"You cannot receive more than {left:f} units.")
    posted = common_fields(company, line, "purchaseReceiptLines") | {"documentId": receipt["id"], "quantity": quantity}
    posted |= {"lineType": RECEIPT_TYPES.get(line["lineType"], "_x0020_"), "unitCost": line["directUnitCost"]}
    company.add("purchaseReceiptLines", posted)
    done = {"receivedQuantity": amount(line["receivedQuantity"]) + quantity, "receiveQuantity": left - quantity}
    company.change(PURCHASES.lines, line | done, stamp=False)
    item = company.get("items", line["itemId"]) if line["lineType"] == ITEM else None
    if item:
        base = in_base_units(company, item, quantity, line["unitOfMeasureId"])
        place: dict[str, Any] = {"variant_id": line["itemVariantId"], "location_id": line.get("locationId", ZERO_GUID)}
        place["source"] = ("Vendor", order["vendorNumber"])
        move(company, Movement(item, base, PURCHASE, receipt["number"], "Purchase_x0020_Receipt", **place))


def receive_and_invoice(company: Company, order: Record) -> None:
    """Receives and invoices the whole order, which is then gone."""
    lines = lines_of(company, PURCHASES, order["id"])
    if not any(line["lineType"] != COMMENT and amount(line["quantity"]) for line in lines):
        raise dialog_error("Please add at least one line item to the invoice.")
    receive(company, order, {line["id"]: amount(line["quantity"]) - amount(line["receivedQuantity"]) for line in lines})
    for line in lines:
        company.drop(PURCHASES.lines, line)
    company.drop(PURCHASES.header, order)


RULES |= {PURCHASES.header: PurchaseOrders(), PURCHASES.lines: PurchaseLines(PURCHASES)}
