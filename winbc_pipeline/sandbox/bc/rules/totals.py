"""Amounts of sales documents: discounts, VAT in or out of the price, rounding half away from zero.

Here belongs: arithmetic. Which document may change when: sales.py. Amounts are Decimals in the document's currency.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from ...records import Record
from ..data.company import amount, cents
from ..data.refusal import Refused, dialog
from ..data.values import LARGEST

ZERO = Decimal(0)
FIVE_PLACES = Decimal("0.00001")
Group = list[Record]


def calculate(header: Record, lines: list[Record]) -> None:
    """Fills in every calculated amount of the lines and the header's totals."""
    includes_tax = bool(header.get("pricesIncludeTax"))
    groups = _vat_groups(lines)
    _spread_invoice_discount(amount(header["discountAmount"]), groups)
    for group in groups:
        _tax(group, includes_tax)
    header["totalAmountExcludingTax"] = sum((line["netAmount"] for line in lines), ZERO)
    header["totalTaxAmount"] = sum((line["netTaxAmount"] for line in lines), ZERO)
    header["totalAmountIncludingTax"] = header["totalAmountExcludingTax"] + header["totalTaxAmount"]


def set_discount(line: Record, sent: Record, old: Record | None = None) -> None:
    """A discount sent as amount or as percentage fills in the other; a percentage is kept when the gross changes."""
    total = gross(line)
    if "discountAmount" in sent and "discountPercent" not in sent:
        given = cents(amount(sent["discountAmount"]))
        if not 0 <= (given / total if total else -abs(given)) <= 1:
            raise dialog("The value in the Line Discount % field must be between 0 and 100.")
        line["discountPercent"] = five_places(given * 100 / total) if total else ZERO
        line["discountAmount"] = given
    elif old is None or "discountPercent" in sent or total != gross(old):
        line["discountAmount"] = cents(total * amount(line["discountPercent"]) / 100)


def gross(line: Record) -> Decimal:
    """Quantity times price."""
    total = amount(line["quantity"]) * amount(line["unitPrice"])
    if abs(total) >= LARGEST:
        raise Refused(
            400, "Application_EvaluateException", "The amount of the line is outside of the range of its type."
        )
    return cents(total)


def line_amount(line: Record) -> Decimal:
    """Quantity times price less the line discount."""
    return gross(line) - amount(line["discountAmount"])


def five_places(value: Decimal) -> Decimal:
    """Rounded as unit prices and percentages are."""
    return value.quantize(FIVE_PLACES, ROUND_HALF_UP)


def beyond(part: Decimal, whole: Decimal) -> bool:
    """Whether a part is more than the whole, or goes the other way."""
    return abs(part) > abs(whole) or part * whole < 0


def shares(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """An amount in parts; the fraction of a cent that rounding leaves goes on to the next part.

    AL carries it in VATAmountLineRemainder (Sales Line, UpdateVATOnLines); parts without weight are left out.
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
    """Lines that VAT is calculated on together: one VAT group, one sign (AL: VAT Amount Line)."""
    groups: dict[tuple[str, Decimal, bool], Group] = {}
    for line in lines:
        key = (line.get("taxCode", ""), amount(line["taxPercent"]), line_amount(line) >= 0)
        groups.setdefault(key, []).append(line)
    return [groups[key] for key in sorted(groups)]


def _spread_invoice_discount(discount: Decimal, groups: list[Group]) -> None:
    """In proportion to the line amounts: first over the VAT groups, then within each; comment lines have none."""
    amounts = [[line_amount(line) for line in group] for group in groups]
    per_group = shares(discount, [sum(own, ZERO) for own in amounts])
    for group, own, share in zip(groups, amounts, per_group, strict=True):
        for line, part in zip(group, shares(share, own), strict=True):
            line["invoiceDiscountAllocation"] = part


def _tax(group: Group, includes_tax: bool) -> None:
    """Tax per line without the invoice discount, and of the group with it, spread over its lines."""
    rate = amount(group[0]["taxPercent"])
    values = [line_amount(line) - line["invoiceDiscountAllocation"] for line in group]
    taxes = shares(_tax_of(sum(values, ZERO), rate, includes_tax), values)
    for line, value, tax in zip(group, values, taxes, strict=True):
        line["netAmount"], line["netTaxAmount"] = (value - tax if includes_tax else value), tax
        line["netAmountIncludingTax"] = line["netAmount"] + tax
        whole = line_amount(line)
        line["totalTaxAmount"] = _tax_of(whole, rate, includes_tax)
        line["amountExcludingTax"] = whole - line["totalTaxAmount"] if includes_tax else whole
        line["amountIncludingTax"] = line["amountExcludingTax"] + line["totalTaxAmount"]


def _tax_of(value: Decimal, rate: Decimal, includes_tax: bool) -> Decimal:
    return value - cents(value * 100 / (100 + rate)) if includes_tax else cents(value * rate / 100)
