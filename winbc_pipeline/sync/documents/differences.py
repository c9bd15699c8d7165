"""How a document in Business Central differs from the order that it stands for: in its total, and in its lines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ...systems.business_central.amounts import differing, line_amount
from .candidates import Candidate
from .existing import Found

Line = tuple[str, Decimal, Decimal]  # number of the item or account, quantity, amount in cents
NAMED = 3  # at most so many lines are named in a message


def differences(order: Candidate, found: Found, tolerance: Decimal = Decimal(0)) -> str | None:
    """Says in words how a document differs from its order; None when nothing differs.

    Args:
        found: the document, with its lines.
        tolerance: an amount up to which a difference of the totals does not count.
    """
    words = [differing(found.total, order.expected, tolerance)]
    if not order.errors:  # The lines of an order with errors are not those that it would be sent with.
        ours, theirs = sold(order.lines), sold(found.lines)
        words += [_named("not in the document", ours - theirs), _named("only in the document", theirs - ours)]
    return "; ".join(each for each in words if each) or None


def is_incomplete(order: Candidate, found: Found, sent: bool) -> bool:
    """Whether an open document is not yet the whole order.

    Args:
        sent: whether we sent the document. We send all lines in one call, so a document with fewer is incomplete. One
            that somebody else made is incomplete only while it sells nothing.
    """
    there, wanted = sold(found.lines).total(), sold(order.lines).total()
    return found.is_open and there < (wanted if sent else 1)


def sold(lines: Iterable[Mapping[str, Any]]) -> Counter[Line]:
    """What lines sell, and how often each: number, quantity, and amount in cents. Comments sell nothing."""
    counted = [line for line in lines if line.get("lineType") != "Comment"]
    numbers = [str(line.get("lineObjectNumber") or "") for line in counted]
    quantities = [Decimal(line.get("quantity") or 0) for line in counted]
    return Counter(zip(numbers, quantities, map(line_amount, counted), strict=True))


def _named(what: str, lines: Counter[Line]) -> str | None:
    if not lines:
        return None
    named = [f"{number} x {quantity.normalize():f} for {amount}" for number, quantity, amount in lines.elements()]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{what}: {', '.join(named[:NAMED])}{more}"
