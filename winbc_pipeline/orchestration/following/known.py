"""What the databases of a flow say to its sensor, opened only when they are others than when it last looked.

Here belongs: how far the source was followed, and which records a run can settle. What follows from it: tick.py.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...flows import FLOWS
from ...staging import ledger
from ...staging.progress import last_asked
from ...staging.store import Row, Store
from ...sync import session
from ...sync.connected import ConnectedFlow
from ...sync.outcomes import APPROVAL
from ...sync.reading.glance import SECOND, Question
from ...sync.session import Written

# A run by itself can do nothing for what waits for an approval. (DuckDB's extension for PostgreSQL takes no IS DISTINCT
# FROM beside another condition of the same column.)
NO_APPROVAL = f"(reason IS NULL OR reason <> '{APPROVAL}')"
LEASES = {flow.id: flow.lease for flow in FLOWS}


@dataclass(frozen=True)
class Known:
    """What the databases of a flow say.

    Attributes:
        asked: the question of the flow, with the watermark from which on changes count.
        is_new: whether nothing was loaded yet.
        depends: whether records wait for another flow, so that its database counts, too.
        waiting: rows of the ledger that the next run can settle without a person.
        is_first: whether no record has come to an outcome yet, so that the next run is a first load.
    """

    asked: Question
    is_new: bool
    depends: bool
    waiting: list[Row]
    is_first: bool = False


# By database: what it said last, and what `written` said then.
_read: dict[Path, tuple[list[Written], Known]] = {}


def known_of(connected: ConnectedFlow, wait_s: float) -> tuple[list[Written], Known]:
    """What a flow's databases say, and what `written` says of them.

    They are opened only when they are others than when this process last looked.

    Args:
        wait_s: seconds to wait for a database that another process has open.
    """
    path = connected.store.path
    if path in _read:
        before, known = _read[path]
        if before == written(connected, known.depends):
            return before, known
    own, every = written(connected, others=False), written(connected, others=True)
    try:
        known = _asked(connected, wait_s)
    finally:
        for each in (connected.store, *_awaited(connected)):
            each.end_sessions()  # hundreds of flows would keep hundreds of sessions
    _read[path] = (every if known.depends else own), known
    return _read[path]


def written(connected: ConnectedFlow, others: bool) -> list[Written]:
    """What changes when a database was written that a flow's tick reads.

    Args:
        others: whether those of the flows count that this one waits for.
    """
    settings, flow = connected.settings, connected.flow
    every = [(connected.store, flow.lease)]
    if others:
        every += zip(_awaited(connected), (LEASES[other] for other in flow.waits_for), strict=True)
    return [session.written(store, settings, lease) for store, lease in every]


def _asked(connected: ConnectedFlow, wait_s: float) -> Known:
    followed = ledger.watermark(connected.store, connected.flow.id, wait_s)
    is_new = followed is None and last_asked(connected.store, connected.staging.name, wait_s) is None
    is_first = followed is None and ledger.is_empty(connected.store, connected.flow.main, wait_s)
    depends, waiting = (False, []) if is_new else _waiting(connected, wait_s)
    start = datetime.combine(connected.settings.history_start, datetime.min.time(), UTC) - SECOND
    asked = Question(connected, start) if is_new else Question.about(connected, followed or start, wait_s)
    return Known(asked, is_new, depends, waiting, is_first)


def _awaited(connected: ConnectedFlow) -> list[Store]:
    """The databases of the flows that a flow waits for."""
    settings = connected.settings
    return [Store.of(settings, settings.flow_database(other)) for other in connected.flow.waits_for]


def _waiting(connected: ConnectedFlow, wait_s: float) -> tuple[bool, list[Row]]:
    """Whether records wait for another flow, and the ledger rows of those that a run can settle without a person.

    Their answer was lost, a person has approved them, or the flow that they wait for has confirmed a record since they
    began to wait.

    Args:
        wait_s: seconds to wait for a database that another process has open.
    """
    alone = f"(state IN ('PLANNED', 'UNKNOWN') AND {NO_APPROVAL})"
    one = "(part, key) IN (SELECT part, key FROM ledger WHERE reason = 'DEPENDENCY' LIMIT 1)"
    rows = ledger.read(connected.store, f"{alone} OR {one}", wait_s=wait_s)
    if not any(row["reason"] == "DEPENDENCY" for row in rows):
        return False, rows
    where, values = alone, list[datetime]()
    for store in _awaited(connected):
        newest = ledger.newest(store, "CONFIRMED", wait_s) if store.exists() else None
        if newest:
            where += " OR (reason = 'DEPENDENCY' AND moved_at < ?)"
            values.append(newest)
    return True, ledger.read(connected.store, where, values, wait_s=wait_s)
