"""Finds documents that are in Business Central twice, while sending and every night (exactly_once.md 3.7)."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from ...staging import ledger
from ...staging.ledger import Move, State
from ...systems.business_central import BusinessCentral
from ..sending import chunks_of
from ..work import Work
from .candidates import CHUNK
from .existing import INVOICE, ORDER, SHIPMENT, Found, look_up, several_message

# The fields that tell whether two records are one document, by place.
FIELDS = {
    ORDER: ("number", "externalDocumentNumber"),
    INVOICE: ("number", "externalDocumentNumber", "orderNumber", "status"),
    SHIPMENT: ("number", "externalDocumentNumber", "orderNumber"),
}


Twice = Mapping[str, list[Found]]  # the documents of each reference that has more than one


def search(work: Work, target: BusinessCentral, since: datetime) -> list[str]:
    """Looks for second documents of the orders that were confirmed since a moment, and marks these orders.

    Returns:
        The keys of the orders with more than one document.

    Raises:
        WinbcError: a lookup was not answered.
    """
    confirmed = "part = ? AND state = 'CONFIRMED' AND reference IS NOT NULL AND moved_at >= ?"
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(f"SELECT reference FROM ledger WHERE {confirmed}", [work.flow.main, since])
        references = [reference for (reference,) in found.fetchall()]
    with ThreadPoolExecutor(1) as beside:
        looks = DuplicateSearch(target, beside)
        for some in chunks_of(references, CHUNK):
            looks.add(some)
        return mark(work, looks.found_twice())


def mark(work: Work, twice: Twice) -> list[str]:
    """Moves orders with two documents to DUPLICATE, for a person to decide. Nothing is deleted.

    Returns:
        The keys of these orders.
    """
    if not twice:
        return []
    rows = ledger.read(work.store, "part = ? AND list_contains(?, reference)", [work.flow.main, sorted(twice)])
    known = {row["key"]: {"reason": "DUPLICATE", "message": several_message(twice[row["reference"]])} for row in rows}
    moves = [Move(work.flow.main, key, State.DUPLICATE, why) for key, why in known.items()]
    ledger.move(work.store, moves, work.run_id)
    return sorted(known)


class DuplicateSearch:
    """Looks up the references of confirmed documents, many in one lookup.

    Args:
        beside: a pool of one thread, in which the lookups run.
    """

    def __init__(self, target: BusinessCentral, beside: ThreadPoolExecutor) -> None:
        self.target, self.beside = target, beside
        self.waiting: list[str] = []
        self.begun: list[Future[dict[str, list[Found]]]] = []

    def add(self, references: Iterable[str]) -> None:
        """Adds references, and begins a lookup once there are enough of them."""
        self.waiting += references
        if len(self.waiting) >= CHUNK:
            self._begin()

    def found_twice(self) -> dict[str, list[Found]]:
        """Waits for all lookups; gives the documents of each reference that has more than one.

        Raises:
            WinbcError: a lookup was not answered.
        """
        if self.waiting:
            self._begin()
        return dict(each for look in self.begun for each in look.result().items())

    def _begin(self) -> None:
        self.begun.append(self.beside.submit(self._twice, self.waiting))
        self.waiting = []

    def _twice(self, references: list[str]) -> dict[str, list[Found]]:
        there = look_up(self.target, references, FIELDS)
        return {reference: documents for reference, documents in there.items() if len(documents) > 1}
