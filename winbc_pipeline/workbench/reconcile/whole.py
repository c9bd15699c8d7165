"""A whole comparison of one flow, from both systems to its findings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ... import clock
from ...staging.store import rows_of
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.flow import Flow
from ...sync.map import map_windows
from ...sync.reading.stage import stage
from ...sync.reading.time_left import Told, silent
from ...sync.session import check_target
from ...sync.work import Work
from ...systems.transport import at_most
from . import actions, documents, records, to_winstore
from .findings import LEFT, SAME, Reconciled, finding_of
from .report import keep
from .scratch import EVER, Scratch, begun

RUN = "reconcile"


@dataclass(frozen=True)
class Way:
    """How the records of one kind of flow are compared.

    Attributes:
        compare: compares all of them, and goes on where it stopped.
        again: compares some of them anew, by part and key, and says what only the target has.
    """

    compare: Callable[[Scratch], None]
    again: Callable[[Scratch, Sequence[tuple[str, str]]], None]


def can_reconcile(connected: ConnectedFlow) -> bool:
    """Whether the target tells what it has of the flow's records."""
    return to_winstore.can_compare(connected) if way_of(connected.flow) == _way(to_winstore) else True


def way_of(flow: Flow) -> Way:
    """How the records of a flow are compared."""
    kind: Any = records
    if flow.document:
        kind = documents
    elif flow.acts_on:
        kind = actions
    elif not sending_of(flow).compares_fields:
        kind = to_winstore
    return _way(kind)


def _way(kind: Any) -> Way:
    return Way(kind.compare, kind.compare_again)


def reconcile(connected: ConnectedFlow, told: Told = silent) -> Reconciled:
    """Reads both systems whole and compares them. Writes to neither, and nothing to the flow's ledger.

    What differs is looked at once more at the end: a run may have sent it meanwhile.

    Raises: CallsSpent when `reconcile.calls` are used up; StoreBusy; ConfigurationError when the ledger was kept for
        another target.
    """
    connected.check_on()
    with begun(connected) as scratch, at_most(connected.settings.reconcile.calls) as budget:
        _check_ledger(scratch)
        if not scratch.is_done("read"):
            told("reading the source")
            stage(scratch.connected, _first_day(scratch), told=told, whole=True)
            scratch.note("read")
        if not scratch.is_done("map"):
            map_windows(Work(scratch.connected, *EVER, RUN))
            scratch.note("map")
        way = way_of(connected.flow)
        told("comparing with the target")
        # Nobody else opens this file, so it stays open across the calls. Mapping needs it closed.
        with scratch.connected.store.open():
            way.compare(scratch)
        told("looking again at what differs")
        _read_again(scratch)
        with scratch.connected.store.open():
            way.again(scratch, scratch.to_look_at_again())
        found = _found(scratch, budget.made)
    keep(connected, found)
    return found


def _first_day(scratch: Scratch) -> date:
    """The first day of history, or of the oldest record that was ever sent: `history_start` may have been moved."""
    with scratch.connected.store.open() as connection:
        ((oldest,),) = connection.execute('SELECT min("window") FROM ledger').fetchall()
    start = scratch.connected.settings.history_start
    return min(oldest or start, start)


def _check_ledger(scratch: Scratch) -> None:
    """Raises ConfigurationError when the ledger was kept for another target, such as a copy of the company.

    Whether the target still has what was sent is what the comparison is to say.
    """
    sending = sending_of(scratch.connected.flow)
    target = sending.open(scratch.connected.settings)
    try:
        check_target(scratch.connected, sending, target, looks=False)
    finally:
        target.close()


def _read_again(scratch: Scratch) -> None:
    """Reads and maps what changed in the source since the comparison began."""
    today = scratch.began.date()
    stage(scratch.connected, today)
    if scratch.has_unmapped():
        map_windows(Work(scratch.connected, today, clock.now().date(), RUN))


def _found(scratch: Scratch, calls: int) -> Reconciled:
    with scratch.connected.store.open() as connection:
        rows = rows_of(
            connection, f"FROM compared WHERE kind NOT IN ('{SAME}', '{LEFT}') ORDER BY part, kind, key, number"
        )
        compared = connection.execute(
            'SELECT part, count(*) FROM compared WHERE "window" IS NOT NULL GROUP BY part ORDER BY part'
        ).fetchall()
        left = connection.execute(
            f"SELECT reason, count(*) FROM compared WHERE kind = '{LEFT}' GROUP BY reason ORDER BY reason"
        ).fetchall()
    return Reconciled(
        flow=scratch.connected.flow.id,
        began=scratch.began,
        ended=clock.now(),
        calls=calls,
        compared={str(part): int(count) for part, count in compared},
        left={str(reason): int(count) for reason, count in left},
        findings=tuple(map(finding_of, rows)),
    )
