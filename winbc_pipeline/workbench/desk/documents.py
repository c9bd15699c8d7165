"""An order beside its document in Business Central: both totals, both sides' lines, and the difference in cents.

Here belongs: putting both side by side. It reads the target and writes nothing. What counts as a difference:
sync/documents/differences.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from ...errors import UnknownRecord
from ...staging import ledger
from ...sync.connected import ConnectedFlow
from ...sync.documents.candidates import Candidate, needed_document, read
from ...sync.documents.decide import add_rounding, tolerance_of
from ...sync.documents.differences import differences
from ...sync.documents.existing import Found, look_up, with_lines
from ...sync.documents.items import Items
from ...sync.records.target.references import IdsByCode
from ...sync.work import Work
from ...systems.business_central import BusinessCentral
from ...systems.business_central.amounts import cents, line_amount
from ..intervention import EVER, keys_of
from ..unknown import unknown

COMMENT = "Comment"  # a line that sells nothing


@dataclass(frozen=True)
class LinePair:
    """A line of the order beside one of the document; None on the side that has none.

    Attributes:
        number: of the item or account; ours, theirs: `quantity, unitPrice, discountPercent, amount` of each side, the
            amount in cents of the order's currency.
    """

    number: str
    ours: Mapping[str, Decimal] | None
    theirs: Mapping[str, Decimal] | None

    @property
    def difference(self) -> Decimal:
        """The document's amount less the order's."""
        ours, theirs = (side["amount"] if side else Decimal(0) for side in (self.ours, self.theirs))
        return theirs - ours


@dataclass(frozen=True)
class Beside:
    """An order, and the documents with its reference.

    Attributes:
        state, reason: of the ledger; empty for an order that was never planned.
        expected: the order's total with VAT, in its currency; None where no table gives it.
        why_not: why it becomes no document, in words; empty for one that does.
        documents: what Business Central has; more than one is a duplicate.
        lines: of the first document, beside the order's.
        words: how they differ, in words; empty where they agree within `tolerance`.
    """

    key: str
    reference: str
    currency: str
    expected: Decimal | None
    tolerance: Decimal
    state: str
    reason: str
    why_not: str
    documents: tuple[Found, ...]
    lines: tuple[LinePair, ...]
    words: str

    @property
    def document(self) -> Found | None:
        return self.documents[0] if self.documents else None

    @property
    def difference(self) -> Decimal | None:
        """The document's total less the order's, in cents; None where one of the two has none."""
        total = self.document.total if self.document else None
        return None if total is None or self.expected is None else cents(Decimal(total)) - cents(self.expected)


def beside(connected: ConnectedFlow, name: str) -> Beside:
    """An order as it was mapped last, and its document as it is now.

    Args:
        name: the order's number, its external document number, or the document's number.

    Raises: UnknownRecord when nobody knows the order; StoreBusy; WinbcError when Business Central does not answer.
    """
    key = next(iter(keys_of(connected, name)), name)
    target = BusinessCentral(connected.settings)
    try:
        order = _order(connected, target, key)
        found = with_lines(target, look_up(target, order.references))
    finally:
        target.close()
    documents = tuple(each for reference in sorted(order.references) for each in found.get(reference, []))
    tolerance = tolerance_of(order, connected.settings.orders)
    return Beside(
        key=order.key,
        reference=order.reference,
        currency=order.currency or next((str(each.record.get("currencyCode") or "") for each in documents), ""),
        expected=order.expected,
        tolerance=tolerance,
        state=order.known["state"] or "",
        reason=order.known["reason"] or "",
        why_not=order.skip_reason or order.ended or "; ".join(order.errors),
        documents=documents,
        lines=_paired(order.lines, documents[0].lines if documents else ()),
        words=(differences(order, documents[0], tolerance) or "") if documents else "",
    )


def _order(connected: ConnectedFlow, target: BusinessCentral, key: str) -> Candidate:
    flow, settings = connected.flow, connected.settings
    with connected.store.open() as connection:
        ledger.create(connection)
    work = Work(connected, *EVER, run_id="", keys={(flow.main, key)})
    for orders in read(work, connected.compiled(), IdsByCode(target)):
        for order in orders:
            Items(target, partial(needed_document(flow).variants, settings)).find([order])
            add_rounding(order, settings.orders)
            return order
    raise _unknown(connected, key)


def _unknown(connected: ConnectedFlow, key: str) -> UnknownRecord:
    return unknown([connected], key, "order")


def _paired(ours: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> tuple[LinePair, ...]:
    """The lines that sell something, side by side: those of one number in the order of their amounts."""
    sides: dict[str, tuple[list[dict[str, Decimal]], list[dict[str, Decimal]]]] = defaultdict(lambda: ([], []))
    for side, lines in enumerate((ours, theirs)):
        for line in lines:
            if line.get("lineType") != COMMENT:
                sides[str(line.get("lineObjectNumber") or "")][side].append(_figures(line))
    pairs = []
    for number, (own, other) in sides.items():
        for each in (own, other):
            each.sort(key=lambda line: (line["amount"], line["quantity"]))
        for place in range(max(len(own), len(other))):
            pairs.append(LinePair(number, *(side[place] if place < len(side) else None for side in (own, other))))
    return tuple(pairs)


def _figures(line: Mapping[str, Any]) -> dict[str, Decimal]:
    figures = {name: Decimal(line.get(name) or 0) for name in ("quantity", "unitPrice", "discountPercent")}
    return figures | {"amount": line_amount(line)}
