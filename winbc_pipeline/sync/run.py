"""One flow from source to target, and what became of its records: what assets, command line and tests call."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from ..settings import Settings
from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.store import Row, quote, rows_of
from ..systems.business_central import BusinessCentral
from .flow import Flow
from .map import map_windows
from .plan import plan, planned_table
from .push import lease, push
from .stage import flow_store, stage, staging_table


@dataclass(frozen=True)
class Summary:
    """Counts of one run: records of the flow's main part."""

    read: int
    created: int
    updated: int
    skipped: int
    failed: int


@contextmanager
def _leased_target(flow: Flow, settings: Settings) -> Iterator[BusinessCentral]:
    target = BusinessCentral(settings)
    try:
        with lease(flow, settings):
            yield target
    finally:
        target.close()


def plan_windows(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> None:
    """Plans the windows against the live target; writes nothing to it."""
    with _leased_target(flow, settings) as target:
        plan(flow, settings, target, first, last, run_id)


def push_windows(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> None:
    """Sends the plan of the windows."""
    with _leased_target(flow, settings) as target:
        push(flow, settings, target, first, last, run_id)


def sync(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> Summary:
    """All four layers in turn, without Dagster."""
    stage(flow, settings, first)
    map_windows(flow, settings, first, last)
    plan_windows(flow, settings, first, last, run_id)
    push_windows(flow, settings, first, last, run_id)
    return summary(flow, settings, first, last, run_id)


def planned(flow: Flow, settings: Settings, first: date, last: date) -> list[Row]:
    """The plan of the windows, one row per record."""
    with flow_store(flow, settings).open() as connection:
        sql = f'SELECT * FROM {quote(planned_table(flow))} WHERE "window" BETWEEN ? AND ? ORDER BY part, key'
        return rows_of(connection, sql, [first, last])


def records(flow: Flow, settings: Settings, first: date, last: date) -> list[Row]:
    """The ledger rows of the windows."""
    return ledger.read(flow_store(flow, settings), '"window" BETWEEN ? AND ?', [first, last])


def not_done(rows: list[Row]) -> list[Row]:
    """Those that a person or the next run still has to deal with."""
    return [row for row in rows if row["state"] in OPEN]


def summary(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> Summary:
    """What the run with this id did; a record that was touched before and is unchanged counts as skipped."""
    rows = [row for row in records(flow, settings, first, last) if row["part"] == flow.main]
    failed = {row["key"] for row in not_done(records(flow, settings, first, last))}
    sent = Counter(
        row["action"]
        for row in rows
        if row["run_id"] == run_id and row["state"] == "CONFIRMED" and row["key"] not in failed
    )
    created, updated = sent["create"], sent["update"]
    failures = len({row["key"] for row in rows} & failed) or len(failed)
    return Summary(len(rows), created, updated, len(rows) - created - updated - failures, failures)


def staged_counts(flow: Flow, settings: Settings, first: date, last: date) -> dict[date, int]:
    """Staged records per window."""
    table = quote(staging_table(flow, settings).name)
    with flow_store(flow, settings).open() as connection:
        sql = f"SELECT _window, count(*) AS n FROM {table} WHERE _window BETWEEN ? AND ? GROUP BY ALL"
        return {row["_window"]: row["n"] for row in rows_of(connection, sql, [first, last])}
