"""An order beside its document in Business Central: both totals, both sides' lines, and the difference in cents.

Here belongs: putting both side by side. It reads the target and writes nothing. What counts as a difference:
sync/documents/differences.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from ...errors import UnknownRecord
from ...staging import ledger
from ...sync.connected import ConnectedFlow
from ...sync.documents.candidates import Candidate, needed_document, read
from ...sync.documents.decide import add_rounding, tolerance_of
from ...sync.documents.differences import differences
from ...sync.documents.existing import TOTAL, Found, look_up, look_up_by_number, with_lines
from ...sync.documents.items import Items
from ...sync.records.target.references import IdsByCode
from ...sync.work import Work
from ...systems.business_central import BusinessCentral
from ...systems.business_central.amounts import cents, line_amount, total_with_tax
from ..intervention import EVER, keys_of
from ..unknown import unknown

COMMENT = "Comment"  # a line that sells nothing


@dataclass(frozen=True)
class Sums:
    """Amounts without VAT, of VAT and with VAT, in cents of the order's currency; None for one that nobody tells."""

    excluding: Decimal | None
    vat: Decimal | None
    including: Decimal | None

    def less(self, other: "Sums") -> "Sums":
        """The differences to other ones; None where one of the two is not known."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Sums(*(None if None in pair else pair[0] - pair[1] for pair in pairs))

    @property
    def largest(self) -> Decimal:
        """The largest of those that are known, without its sign."""
        return max((abs(each) for each in astuple(self) if each is not None), default=Decimal(0))


@dataclass(frozen=True)
class Line:
    """A line of one side.

    Attributes:
        vat_code: Business Central's tax code; vat_percent: the rate, None where the side does not tell it.
        amount: in cents, with or without VAT as the side's prices are.
    """

    quantity: Decimal
    price: Decimal
    discount: Decimal
    amount: Decimal
    vat_code: str
    vat_percent: Decimal | None
    sums: Sums


@dataclass(frozen=True)
class LinePair:
    """A line of the order beside one of the document; None on the side that has none.

    Attributes:
        number: of the item or account.
    """

    number: str
    ours: Line | None
    theirs: Line | None

    @property
    def difference(self) -> Sums:
        """The document's amounts less the order's."""
        return _sums(self.theirs).less(_sums(self.ours))

    @property
    def other_code(self) -> bool:
        """Whether both sides name a VAT code, and not the same."""
        codes = {side.vat_code for side in (self.ours, self.theirs) if side and side.vat_code}
        return len(codes) > 1

    @property
    def other_rate(self) -> bool:
        """Whether both sides name a VAT rate, and not the same."""
        rates = {side.vat_percent for side in (self.ours, self.theirs) if side and side.vat_percent is not None}
        return len(rates) > 1


def _sums(line: Line | None) -> Sums:
    return line.sums if line else Sums(Decimal(0), Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Beside:
    """An order, and the documents with its reference.

    Attributes:
        state, reason: of the ledger; empty for an order that was never planned.
        expected: the order's total with VAT, in its currency; None where no table gives it.
        why_not: why it becomes no document, in words; empty for one that does.
        documents: what Business Central has; more than one is a duplicate.
        lines: of the first document, beside the order's.
        ours, theirs: the totals of order and document.
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
    ours: Sums
    theirs: Sums
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
        name: the order's number, its external document number, or the number of its document: also that of the invoice
            or the shipment that was posted of it.

    Raises: UnknownRecord when nobody knows the order; StoreBusy; WinbcError when Business Central does not answer.
    """
    known = keys_of(connected, name)
    target = BusinessCentral(connected.settings)
    try:
        key = next(iter(known or _keys_of_document(connected, target, name)), name)
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
        lines=_paired(_ours(order), _theirs(documents[0]) if documents else []),
        ours=_our_totals(order),
        theirs=_their_totals(documents[0]) if documents else Sums(None, None, None),
        words=(differences(order, documents[0], tolerance) or "") if documents else "",
    )


def _keys_of_document(connected: ConnectedFlow, target: BusinessCentral, number: str) -> list[str]:
    """Keys of the orders of which Business Central has a document with a number."""
    references = (str(each.record.get("externalDocumentNumber") or "") for each in look_up_by_number(target, number))
    return [key for reference in references if reference for key in keys_of(connected, reference)]


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


def _ours(order: Candidate) -> list[tuple[str, Line]]:
    """The order's lines that sell something, each after its number."""
    includes = bool(order.header.get("pricesIncludeTax"))
    return [_line(line, line.get("vatPercent"), includes) for line in order.lines if line.get("lineType") != COMMENT]


def _theirs(document: Found) -> list[tuple[str, Line]]:
    """The document's lines that sell something, each after its number."""
    includes = bool(document.record.get("pricesIncludeTax"))
    return [_line(line, line.get("taxPercent"), includes) for line in document.lines if line.get("lineType") != COMMENT]


def _line(line: Mapping[str, Any], percent: Any, includes: bool) -> tuple[str, Line]:
    rate = None if percent is None else Decimal(percent)
    amount, quantity, price, discount = (
        line_amount(line),
        *(Decimal(line.get(name) or 0) for name in ("quantity", "unitPrice", "discountPercent")),
    )
    sums = _told_sums(line) or _computed(amount, rate, includes)
    made = Line(quantity, price, discount, amount, str(line.get("taxCode") or ""), rate, sums)
    return str(line.get("lineObjectNumber") or ""), made


def _told_sums(line: Mapping[str, Any]) -> Sums | None:
    """The amounts that Business Central tells of a line; None where it tells none, as of a shipment."""
    names = ("amountExcludingTax", "totalTaxAmount", "amountIncludingTax")
    if any(line.get(name) is None for name in names):
        return None
    return Sums(*(cents(Decimal(line[name])) for name in names))


def _computed(amount: Decimal, rate: Decimal | None, includes: bool) -> Sums:
    """The amounts of one line alone. Business Central rounds per VAT rate, so the sum of its lines may be another."""
    if rate is None:
        return Sums(None, None, amount) if includes else Sums(amount, None, None)
    vat = cents(amount * rate / (100 + rate if includes else 100))
    return Sums(amount - vat, vat, amount) if includes else Sums(amount, vat, amount + vat)


def _our_totals(order: Candidate) -> Sums:
    """What the customer pays, and what of it is VAT."""
    including = order.expected if order.expected is not None else total_with_tax(order.header, order.lines)
    parts = [line.sums.excluding for _, line in _ours(order)]
    known = [part for part in parts if part is not None]
    excluding = sum(known, Decimal(0)) if len(known) == len(parts) else None
    if including is None or excluding is None:
        return Sums(excluding, None, including)
    return Sums(excluding, cents(including) - excluding, cents(including))


def _their_totals(document: Found) -> Sums:
    """What Business Central tells of a document; nothing of a shipment."""
    names = ("totalAmountExcludingTax", "totalTaxAmount", TOTAL)
    told = (document.record.get(name) for name in names)
    return Sums(*(None if value is None else cents(Decimal(value)) for value in told))


def _paired(ours: Iterable[tuple[str, Line]], theirs: Iterable[tuple[str, Line]]) -> tuple[LinePair, ...]:
    """The lines side by side: those of one number in the order of their prices and amounts."""
    sides: dict[str, tuple[list[Line], list[Line]]] = defaultdict(lambda: ([], []))
    for side, lines in enumerate((ours, theirs)):
        for number, line in lines:
            sides[number][side].append(line)
    pairs = []
    for number, (own, other) in sides.items():
        for each in (own, other):
            each.sort(key=lambda line: (line.price, line.amount, line.quantity))
        for place in range(max(len(own), len(other))):
            pairs.append(LinePair(number, *(side[place] if place < len(side) else None for side in (own, other))))
    return tuple(pairs)
