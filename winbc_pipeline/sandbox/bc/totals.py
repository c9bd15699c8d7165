"""Amounts of sales documents: discounts, VAT in or out of the price, rounding half away from zero.

Here belongs: arithmetic. Which document may change when: sales.py. Amounts are Decimals in the document's currency.
"""

from collections import defaultdict
from decimal import Decimal

from ..records import Record
from .company import amount, cents

ZERO = Decimal(0)


def calculate(header: Record, lines: list[Record]) -> None:
    """Fills in every calculated amount of the lines and the header's totals."""
    includes_tax = bool(header.get("pricesIncludeTax"))
    for line in lines:
        _line_amount(line)
    _spread_invoice_discount(amount(header["discountAmount"]), lines)
    carried: dict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        _tax(line, includes_tax, carried)
    header["totalAmountExcludingTax"] = sum((line["netAmount"] for line in lines), ZERO)
    header["totalTaxAmount"] = sum((line["netTaxAmount"] for line in lines), ZERO)
    header["totalAmountIncludingTax"] = header["totalAmountExcludingTax"] + header["totalTaxAmount"]


def set_discount(line: Record, sent: Record) -> None:
    """A discount sent as amount or as percentage fills in the other; a percentage is kept when the quantity changes."""
    gross = cents(amount(line["quantity"]) * amount(line["unitPrice"]))
    if "discountAmount" in sent and "discountPercent" not in sent:
        given = cents(amount(sent["discountAmount"]))
        line["discountPercent"] = (given * 100 / gross).quantize(Decimal("0.00001")) if gross else ZERO
        line["discountAmount"] = given
    else:
        line["discountAmount"] = cents(gross * amount(line["discountPercent"]) / 100)


def line_amount(line: Record) -> Decimal:
    """Quantity times price less the line discount."""
    return cents(amount(line["quantity"]) * amount(line["unitPrice"])) - amount(line["discountAmount"])


def _line_amount(line: Record) -> None:
    line["lineAmount"] = line_amount(line)


def _spread_invoice_discount(discount: Decimal, lines: list[Record]) -> None:
    """In proportion to the line amounts; the last line takes what rounding leaves."""
    total = sum((line["lineAmount"] for line in lines), ZERO)
    left = discount if total else ZERO
    for number, line in enumerate(lines, start=1):
        share = cents(discount * line["lineAmount"] / total) if total else ZERO
        line["invoiceDiscountAllocation"] = left if number == len(lines) else share
        left -= line["invoiceDiscountAllocation"]


def _tax(line: Record, includes_tax: bool, carried: dict[Decimal, Decimal]) -> None:
    """Tax per line, with the fraction of a cent carried to the next line of the same rate."""
    rate = amount(line["taxPercent"])
    whole = line.pop("lineAmount")
    net = whole - line["invoiceDiscountAllocation"]
    line["amountExcludingTax"], line["totalTaxAmount"] = _split(whole, rate, includes_tax, ZERO)[:2]
    line["netAmount"], line["netTaxAmount"], carried[rate] = _split(net, rate, includes_tax, carried[rate])
    line["amountIncludingTax"] = line["amountExcludingTax"] + line["totalTaxAmount"]
    line["netAmountIncludingTax"] = line["netAmount"] + line["netTaxAmount"]


def _split(value: Decimal, rate: Decimal, includes_tax: bool, carried: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Amount without tax, tax, and the fraction of a cent that rounding left."""
    exact = (value * rate / (100 + rate) if includes_tax else value * rate / 100) + carried
    tax = cents(exact)
    return (value - tax if includes_tax else value), tax, exact - tax
