"""The amounts of sales documents: discounts, and VAT that the price includes or not.

Here belongs: arithmetic. Amounts are Decimals in the document's currency and are rounded half away from zero.
Not here: which document may change when (sales.py, lines.py).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from ...records import Record
from ..data.company import amount, cents
from ..data.refusal import Refused, dialog_error
from ..data.values import DECIMAL_LIMIT

ZERO = Decimal(0)
FIVE_PLACES = Decimal("0.00001")
Group = list[Record]


def calculate(header: Record, lines: list[Record]) -> None:
    """Fills in the calculated amounts of all lines, and the totals of the header."""
    includes_tax = bool(header.get("pricesIncludeTax"))
    groups = _vat_groups(lines)
    _spread_invoice_discount(amount(header["discountAmount"]), groups)
    for group in groups:
        _tax(group, includes_tax)
    header["totalAmountExcludingTax"] = sum((line["netAmount"] for line in lines), ZERO)
    header["totalTaxAmount"] = sum((line["netTaxAmount"] for line in lines), ZERO)
    header["totalAmountIncludingTax"] = header["totalAmountExcludingTax"] + header["totalTaxAmount"]


def set_discount(line: Record, sent: Record, old: Record | None = None) -> None:
    """Fills in a line's discount, which a client sends as an amount or as a percentage.

    When the quantity or the price changes later, the percentage stays and the amount follows.
    """
    total = gross(line)
    if "discountAmount" in sent and "discountPercent" not in sent:
        given = cents(amount(sent["discountAmount"]))
        # A line of 0 takes no discount but 0.
        share = given / total if total else -abs(given)
        if not 0 <= share <= 1:
            raise dialog_error("The value in the Line Discount % field must be between 0 and 100.")
        line["discountPercent"] = five_places(given * 100 / total) if total else ZERO
        line["discountAmount"] = given
    elif old is None or "discountPercent" in sent or total != gross(old):
        line["discountAmount"] = cents(total * amount(line["discountPercent"]) / 100)


def gross(line: Record) -> Decimal:
    """Quantity times price, or times cost on a purchase, rounded to cents."""
    total = amount(line["quantity"]) * amount(line["directUnitCost"] if "directUnitCost" in line else line["unitPrice"])
    if abs(total) >= DECIMAL_LIMIT:
        message = "The amount of the line is outside of the range of its type."
        raise Refused(400, "Application_EvaluateException", message)
    return cents(total)


def line_amount(line: Record) -> Decimal:
    """Quantity times price less the line discount."""
    return gross(line) - amount(line["discountAmount"])


def five_places(value: Decimal) -> Decimal:
    """Rounded to five decimal places, as unit prices and percentages are."""
    return value.quantize(FIVE_PLACES, ROUND_HALF_UP)


def exceeds(part: Decimal, whole: Decimal) -> bool:
    """Whether a part is larger than the whole, or has the opposite sign."""
    return abs(part) > abs(whole) or part * whole < 0


def split_amount(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Splits an amount in proportion to weights. The parts add up to the amount; a weight of 0 gets nothing.

    The fraction of a cent that is lost by rounding one part goes to the next part. AL carries it in
    VATAmountLineRemainder (Sales Line, UpdateVATOnLines).
    """
    whole, reached, given = sum(weights, ZERO), ZERO, ZERO
    parts = []
    for weight in weights:
        reached += weight
        part = cents(total * reached / whole) - given if weight and whole else ZERO
        given += part
        parts.append(part)
    return parts


def _vat_groups(lines: list[Record]) -> list[Group]:
    """The lines in groups with one VAT rate and one sign. VAT is calculated per group (AL: VAT Amount Line)."""
    groups: dict[tuple[str, Decimal, bool], Group] = {}
    for line in lines:
        key = (line.get("taxCode", ""), amount(line["taxPercent"]), line_amount(line) >= 0)
        groups.setdefault(key, []).append(line)
    return [groups[key] for key in sorted(groups)]


def _spread_invoice_discount(discount: Decimal, groups: list[Group]) -> None:
    """Spreads the invoice discount over the VAT groups, and then over the lines of each group.

    Both are in proportion to the line amounts, so a comment line gets nothing.
    """
    amounts = [[line_amount(line) for line in group] for group in groups]
    per_group = split_amount(discount, [sum(own, ZERO) for own in amounts])
    for group, own, share in zip(groups, amounts, per_group, strict=True):
        for line, part in zip(group, split_amount(share, own), strict=True):
            line["invoiceDiscountAllocation"] = part


def _tax(group: Group, includes_tax: bool) -> None:
    """Fills in the tax of the lines of one VAT group.

    The net amounts are after the invoice discount: the group's tax is rounded once, then spread over the lines.
    The other amounts are before the invoice discount, and their tax is calculated line by line.
    """
    rate = amount(group[0]["taxPercent"])
    values = [line_amount(line) - line["invoiceDiscountAllocation"] for line in group]
    taxes = split_amount(_tax_of(sum(values, ZERO), rate, includes_tax), values)
    for line, value, tax in zip(group, values, taxes, strict=True):
        line["netAmount"] = value - tax if includes_tax else value
        line["netTaxAmount"] = tax
        line["netAmountIncludingTax"] = line["netAmount"] + tax
        whole = line_amount(line)
        line["totalTaxAmount"] = _tax_of(whole, rate, includes_tax)
        line["amountExcludingTax"] = whole - line["totalTaxAmount"] if includes_tax else whole
        line["amountIncludingTax"] = line["amountExcludingTax"] + line["totalTaxAmount"]


def _tax_of(value: Decimal, rate: Decimal, includes_tax: bool) -> Decimal:
    if includes_tax:
        return value - cents(value * 100 / (100 + rate))
    return cents(value * rate / 100)
