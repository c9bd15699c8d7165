"""What a document will come to, computed as Business Central does before it is sent.

Source: behaviour.md section 14 and the AL that the sandbox follows: a line's discount is rounded to cents, VAT is
computed per rate and sign of the lines, half a cent goes away from zero.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """Rounded half away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def line_amount(line: Mapping[str, Any]) -> Decimal:
    """Quantity times price less the line's discount, in cents."""
    gross = cents(_number(line, "quantity") * _number(line, "unitPrice"))
    if line.get("discountAmount"):
        return gross - cents(_number(line, "discountAmount"))
    percent = _number(line, "discountPercent")
    return gross - cents(gross * percent / 100) if percent else gross


def total_with_tax(header: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> Decimal | None:
    """The document's total with VAT; None when a line does not say its rate (`vatPercent`), or the header has an
    invoice discount, which is spread by rules of its own."""
    if header.get("discountAmount"):
        return None
    groups: dict[tuple[str, Decimal, bool], Decimal] = {}
    for line in lines:
        if line.get("vatPercent") is None:
            return None
        amount = line_amount(line)
        group = (str(line.get("taxCode") or ""), _number(line, "vatPercent"), amount >= 0)
        groups[group] = groups.get(group, Decimal(0)) + amount
    included = bool(header.get("pricesIncludeTax"))
    return sum(
        (base if included else base + cents(base * rate / 100) for (_, rate, _), base in groups.items()), Decimal(0)
    )


def differing(there: Decimal | int | None, expected: Decimal | None, tolerance: Decimal = Decimal(0)) -> str | None:
    """In words, how a document's total differs from what the source says, to the cent; None when it does not by more
    than the tolerance, or one of the two is not known."""
    if there is None or expected is None or abs(cents(Decimal(there)) - cents(expected)) <= tolerance:
        return None
    return f"total with VAT: {cents(Decimal(there))} in Business Central, {cents(expected)} in Winstore"


def _number(line: Mapping[str, Any], name: str) -> Decimal:
    value = line.get(name)
    return value if isinstance(value, Decimal) else Decimal(value or 0)
