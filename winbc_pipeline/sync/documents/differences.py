"""How a document that is there differs from the order that it stands for: its total, its lines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from .amounts import differing, line_amount
from .candidates import Candidate
from .existing import Found

Line = tuple[str, Decimal, Decimal]
NAMED = 3  # lines named at most


def differences(order: Candidate, found: Found, tolerance: Decimal = Decimal(0)) -> str | None:
    """In words; None when total (but for the tolerance) and lines are the same. `found` has its lines."""
    words = [differing(found.total, order.expected, tolerance)]
    if not order.errors:  # else its lines are not what they would be
        ours, theirs = sold(order.lines), sold(found.lines)
        words += [_named("not in the document", ours - theirs), _named("only in the document", theirs - ours)]
    return "; ".join(each for each in words if each) or None


def is_incomplete(order: Candidate, found: Found, sent: bool) -> bool:
    """Whether an open document has nothing in it, or less than was `sent` in one call: it is not the order yet."""
    there, wanted = sold(found.lines).total(), sold(order.lines).total()
    return found.is_open and there < (wanted if sent else 1)


def sold(lines: Iterable[Mapping[str, Any]]) -> Counter[Line]:
    """What is sold: number, quantity and amount of each line, in cents."""
    counted = [line for line in lines if line.get("lineType") != "Comment"]
    numbers = [str(line.get("lineObjectNumber") or "") for line in counted]
    quantities = [Decimal(line.get("quantity") or 0) for line in counted]
    return Counter(zip(numbers, quantities, map(line_amount, counted), strict=True))


def _named(what: str, lines: Counter[Line]) -> str | None:
    named = [f"{number} x {quantity.normalize():f} for {amount}" for number, quantity, amount in lines.elements()]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{what}: {', '.join(named[:NAMED])}{more}" if named else None
