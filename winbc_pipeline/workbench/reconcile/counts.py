"""Counts and sums what was sent and what of it is in the target now: cheap enough for every night.

It reads the ids and amounts of the target by pages and nothing of the source. What counts do not show, a whole
comparison does: whole.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from ...staging import ledger
from ...staging.store import Row, literal, quote, renew_table, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.documents.existing import INVOICE, ORDER, TOTAL
from ...sync.map import MAPPED, mapped_table
from ...sync.part import Part
from ...sync.reading.stage import BEGINNING
from ...sync.stock.winstore_stock import WinstoreStock
from ...systems.business_central import BusinessCentral
from ...systems.transport import at_most
from ...systems.winstore import Winstore
from .target import listed_parts

Amounts = dict[str, Decimal | None]  # by id or reference; None where nothing is summed
SENT = "state = 'CONFIRMED' AND target_id IS NOT NULL AND action IS DISTINCT FROM 'delete'"


@dataclass(frozen=True)
class Count:
    """What was sent of a part, and what of it is in the target.

    Attributes:
        sent, there: how many records.
        sum_sent, sum_there: totals of documents with VAT, whatever the currency, or pieces of stock; else None.
    """

    part: str
    sent: int
    there: int
    sum_sent: Decimal | None = None
    sum_there: Decimal | None = None

    @property
    def agrees(self) -> bool:
        return (self.sent, self.sum_sent) == (self.there, self.sum_there)


@dataclass(frozen=True)
class Counted:
    """What counting a flow came to."""

    flow: str
    calls: int
    counts: tuple[Count, ...]

    @property
    def agrees(self) -> bool:
        return all(each.agrees for each in self.counts)

    @property
    def figures(self) -> Mapping[str, int | str]:
        """All counts and sums, each with a name; sums as text, because they are exact."""
        found: dict[str, int | str] = {"calls": self.calls}
        for each in self.counts:
            found |= {f"{each.part}_sent": each.sent, f"{each.part}_there": each.there}
            if each.sum_sent is not None:
                found |= {f"{each.part}_sum_sent": str(each.sum_sent), f"{each.part}_sum_there": str(each.sum_there)}
        return found

    @property
    def in_words(self) -> str:
        """What does not agree."""
        words = [f"{each.part}: {_words(each)}" for each in self.counts if not each.agrees]
        return "; ".join(words) or "all that was sent is there"


def _words(count: Count) -> str:
    sums = f", {count.sum_there} of {count.sum_sent} in sum" if count.sum_sent != count.sum_there else ""
    return f"{count.there} of {count.sent} records are in the target{sums}"


def can_count(connected: ConnectedFlow) -> bool:
    """Whether the target can list what the flow sent. An action leaves no record of its own."""
    return not connected.flow.acts_on and sending_of(connected.flow).compares_fields


def count(connected: ConnectedFlow) -> Counted:
    """Counts and sums one flow.

    Raises: CallsSpent when `reconcile.calls` are used up: what it did is lost, for it takes few calls.
    """
    with at_most(connected.settings.reconcile.calls) as budget:
        counts = [_counted(connected, part, names, read) for part, names, read in _questions(connected)]
    return Counted(connected.flow.id, budget.made, tuple(counts))


Read = Callable[[ConnectedFlow, Part], Iterator[tuple[str, Any]]]


def _questions(connected: ConnectedFlow) -> Iterator[tuple[Part, list[str], Read]]:
    """The parts that are counted, with the parts that share their set, and how the target is read."""
    flow = connected.flow
    main = flow.part(flow.main)
    if flow.document:
        yield main, [main.name], _documents
    elif main.owns:
        yield main, [main.name], _stock_of_bc if flow.target == "bc" else _stock_of_winstore
    else:
        for part in listed_parts(connected):
            alike = [each.name for each in connected.parts if each.entity_set == part.entity_set and not each.picture]
            yield part, alike, _records_of_bc if flow.target == "bc" else _records_of_winstore


def _counted(connected: ConnectedFlow, part: Part, names: list[str], read: Read) -> Count:
    sent = _sent(connected, part, names)
    found: Amounts = {}
    for name, amount in read(connected, part):
        if name in sent and name not in found:
            found[name] = None if amount is None else Decimal(str(amount))
    if not (connected.flow.document or part.owns):
        return Count(part.name, len(sent), len(found))
    return Count(part.name, len(sent), len(found), _sum(sent), _sum(found))


def _sum(amounts: Amounts) -> Decimal:
    total = sum((each for each in amounts.values() if each is not None), Decimal(0))
    return total.quantize(Decimal("0.01"))


def _sent(connected: ConnectedFlow, part: Part, names: list[str]) -> Amounts:
    """What was sent and is to be there: amounts by id, or by reference for documents."""
    name, amount = "target_id", "NULL"
    if connected.flow.document:  # posting gives a document another id
        name, amount = "upper(reference)", "amount + coalesce(difference, 0)"
    if part.owns:
        amount = f"try_cast(m.updates ->> '$.{connected.flow.emptied}' AS DECIMAL(18, 5))"
    listed = ", ".join(map(literal, names))
    with connected.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(connected.flow), MAPPED)
        rows = rows_of(
            connection,
            f"""
            SELECT {name} AS name, any_value({amount}) AS amount
            FROM ledger AS l
            LEFT JOIN {quote(mapped_table(connected.flow))} AS m ON m.part = l.part AND m._key = l.key
            WHERE l.part IN ({listed}) AND {SENT}
            GROUP BY 1
            """,
        )
    return {row["name"]: row["amount"] for row in rows if row["name"]}


def _pages(connected: ConnectedFlow, path: str) -> Iterator[Row]:
    target = BusinessCentral(connected.settings)
    try:
        for page in target.pages(path):
            yield from orjson.loads(page)
    finally:
        target.close()


def _records_of_bc(connected: ConnectedFlow, part: Part) -> Iterator[tuple[str, Any]]:
    return ((row["id"], None) for row in _pages(connected, f"{part.entity_set}?$select=id"))


def _stock_of_bc(connected: ConnectedFlow, _: Part) -> Iterator[tuple[str, Any]]:
    return ((row["id"], row["inventory"]) for row in _pages(connected, "items?$select=id,inventory"))


def _documents(connected: ConnectedFlow, _: Part) -> Iterator[tuple[str, Any]]:
    """An order counts before its invoices, which may be several."""
    for place in (ORDER, INVOICE):
        query = f"{place}?$select=id,externalDocumentNumber,{TOTAL}&$filter=externalDocumentNumber ne ''"
        for row in _pages(connected, query):
            yield row["externalDocumentNumber"].upper(), row[TOTAL]


def _records_of_winstore(connected: ConnectedFlow, part: Part) -> Iterator[tuple[str, Any]]:
    winstore = Winstore(connected.settings)
    key = winstore.profile.entity(part.entity_set).key[0]
    try:
        for rows in winstore.changed_since(part.entity_set, BEGINNING):
            yield from ((str(row[key]), None) for row in rows)
    finally:
        winstore.close()


def _stock_of_winstore(connected: ConnectedFlow, _: Part) -> Iterator[tuple[str, Any]]:
    target = WinstoreStock(connected.settings)
    try:
        target.refresh(whole=True)
        for row in target.figures():
            yield f"{row['sku']}/{row['warehouse']}", row["quantity"]
    finally:
        target.close()
