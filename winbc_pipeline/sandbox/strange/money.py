"""What the customer of an odd shop pays: shops do not agree on where they round."""

from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from ..retail_tables import Row

CENT = Decimal("0.01")
HALF_A_CENT = Decimal("0.005")


def cents(amount: Decimal) -> Decimal:
    """An amount rounded to cents, half a cent away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _net(line: Row) -> Decimal:
    """The exact amount of a line without VAT, less its reduction."""
    quantity, price = Decimal(line["quantity"] or 0), Decimal(line["unit_price"] or 0)
    return quantity * price * (100 - Decimal(line["discount_percent"] or 0)) / 100


def _factor(line: Row) -> Decimal:
    return 1 + Decimal(line["vat_rate"] or 0) / 100


def _per_unit(lines: list[Row]) -> Decimal:
    """The price of one piece with VAT is what the customer sees, in cents."""
    total = Decimal(0)
    for line in lines:
        quantity = Decimal(line["quantity"] or 0)
        total += cents(quantity * cents(_net(line | {"quantity": "1"}) * _factor(line)))
    return total


def _per_line(lines: list[Row]) -> Decimal:
    return sum((cents(_net(line) * _factor(line)) for line in lines), Decimal(0))


def _per_rate(lines: list[Row]) -> Decimal:
    """Amounts without VAT in cents, and VAT once for each rate, as books do."""
    bases: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for line in lines:
        bases[_factor(line)] += cents(_net(line))
    return sum((base + cents(base * (factor - 1)) for factor, base in bases.items()), Decimal(0))


def _once(lines: list[Row]) -> Decimal:
    return cents(sum((_net(line) * _factor(line) for line in lines), Decimal(0)))


ROUNDINGS: dict[str, Callable[[list[Row]], Decimal]] = {
    "per unit": _per_unit,
    "per line": _per_line,
    "per rate": _per_rate,
    "once": _once,
}


def total(order: Row, lines: list[Row], rounding: str) -> Decimal:
    """What the customer pays: the lines with VAT as the shop rounds them, and the shipping cost."""
    return ROUNDINGS[rounding](lines) + Decimal(order["shipping_cost"] or 0)


def is_far_off(order: Row, lines: list[Row], rounding: str) -> bool:
    """Whether the shop's rounding moved the total from what books come to by more than cents.

    Half a cent for each line, rounded up to a cent, is what honest roundings of lines come to.
    """
    difference = total(order, lines, rounding) - total(order, lines, "per rate")
    return abs(difference) > (HALF_A_CENT * len(lines)).quantize(CENT, ROUND_UP)
