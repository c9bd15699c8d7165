"""Computes what a document will come to, as Business Central does, before it is sent.

Source: behaviour.md section 14, and the AL code that the sandbox follows. A line's discount is rounded to cents. VAT is
computed per rate, and apart for positive and negative lines. Half a cent is rounded away from zero.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """The amount in cents, half a cent rounded away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def tolerance(lines: int, most: Decimal) -> Decimal:
    """How far a document's total may be from the source's and still be the same money, in cents.

    A shop rounds each line, Business Central each VAT rate: half a cent for each line, rounded up to a cent.

    Args:
        lines: how many lines sell something.
        most: the amount that it never exceeds.
    """
    return min(most, (lines * CENT / 2).quantize(CENT, ROUND_UP))


def line_amount(line: Mapping[str, Any]) -> Decimal:
    """The amount of a line in cents: quantity times price, less the line's discount.

    Args:
        line: fields as in `salesOrderLine`.
    """
    gross = cents(_number(line, "quantity") * _number(line, "unitPrice"))
    if line.get("discountAmount"):
        return gross - cents(_number(line, "discountAmount"))
    percent = _number(line, "discountPercent")
    return gross - cents(gross * percent / 100) if percent else gross


def total_with_tax(header: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> Decimal | None:
    """The total of a document with VAT, in cents.

    None when a line does not say its rate (`vatPercent`). None also when the header has an invoice discount, because
    Business Central spreads that over the lines by rules of its own.
    """
    if header.get("discountAmount"):
        return None
    groups: dict[tuple[str, Decimal, bool], Decimal] = {}
    for line in lines:
        if line.get("vatPercent") is None:
            return None
        amount = line_amount(line)
        group = (str(line.get("taxCode") or ""), _number(line, "vatPercent"), amount >= 0)
        groups[group] = groups.get(group, Decimal(0)) + amount
    total = sum(groups.values(), Decimal(0))
    if header.get("pricesIncludeTax"):
        return total
    return total + sum(cents(base * rate / 100) for (_, rate, _), base in groups.items())


def differing(there: Decimal | int | None, expected: Decimal | None, tolerance: Decimal = Decimal(0)) -> str | None:
    """Says in words how the total of a document differs from the source's total.

    Args:
        there: the document's total with VAT; expected: the source's. Both may be unknown.
        tolerance: an amount up to which a difference does not count.

    Returns:
        None when the totals are the same to the cent, when they differ within the tolerance, or when one is unknown.
    """
    if there is None or expected is None:
        return None
    document, source = cents(Decimal(there)), cents(expected)
    if abs(document - source) <= tolerance:
        return None
    return f"total with VAT: {document} in Business Central, {source} in Winstore"


def _number(line: Mapping[str, Any], name: str) -> Decimal:
    value = line.get(name)
    return value if isinstance(value, Decimal) else Decimal(value or 0)
