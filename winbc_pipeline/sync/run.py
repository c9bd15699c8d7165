"""One flow from source to target, and what became of its records: what assets, command line and tests call."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.store import Row
from .connected import ConnectedFlow
from .dispatch import sending_of
from .documents import SENDING as DOCUMENTS
from .documents import duplicates
from .documents.outbox import SENT
from .map import map_windows
from .session import check_target, leased
from .stage import stage
from .work import Work

Begin = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """Counts of one run: records of the flow's main part."""

    read: int
    created: int
    updated: int
    skipped: int
    failed: int


def _silent(_: str) -> None:
    pass


def plan_windows(work: Work) -> None:
    """Plans the windows against the live target; writes nothing to it."""
    sending = sending_of(work.flow)
    with leased(work.connected, sending) as target:
        check_target(work.connected, sending, target)
        sending.plan(work, target)


def push_windows(work: Work) -> None:
    """Sends the plan of the windows."""
    sending = sending_of(work.flow)
    with leased(work.connected, sending) as target:
        sending.push(work, target)


def search_duplicates(connected: ConnectedFlow, since: datetime, run_id: str) -> list[str]:
    """Looks for second documents of the orders that were confirmed since a moment, and marks those orders DUPLICATE;
    returns their keys. Nothing is deleted."""
    with leased(connected, DOCUMENTS) as target:
        check_target(connected, DOCUMENTS, target)
        return duplicates.search(Work(connected, date.min, date.max, run_id), target, since)


def dry_run(work: Work, begin: Begin = _silent) -> None:
    """The layers up to planned, without Dagster; `begin` is told each layer's name."""
    begin("staging")
    stage(work.connected, work.first)
    begin("mapped")
    map_windows(work)
    begin("planned")
    plan_windows(work)


def sync(work: Work, begin: Begin = _silent) -> Summary:
    """All four layers in turn, without Dagster."""
    dry_run(work, begin)
    begin("synced")
    push_windows(work)
    return summary(work)


def records(connected: ConnectedFlow, first: date, last: date) -> list[Row]:
    """The ledger rows of the windows."""
    return ledger.read(connected.store, '"window" BETWEEN ? AND ?', [first, last])


def not_done(rows: list[Row]) -> list[Row]:
    """Those that a person or the next run still has to deal with."""
    return [row for row in rows if row["state"] in OPEN]


def summary(work: Work) -> Summary:
    """What the run of a work did; a record that was touched before and is unchanged counts as skipped."""
    everything = records(work.connected, work.first, work.last)
    rows = [row for row in everything if row["part"] == work.flow.main]
    failed = {row["key"] for row in not_done(everything)}
    sent = Counter(
        row["action"]
        for row in rows
        if row["run_id"] == work.run_id and row["state"] == "CONFIRMED" and row["key"] not in failed
    )
    created = sent["create"]
    updated = sum(sent[action] for action in ("update", *SENT) if action != "create")
    own_failed = len({row["key"] for row in rows} & failed)
    skipped = len(rows) - created - updated - own_failed
    return Summary(len(rows), created, updated, skipped, len(failed))
