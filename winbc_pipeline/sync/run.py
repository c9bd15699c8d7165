"""One flow from source to target, and what became of its records: what assets, command line and tests call."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

import duckdb

from ..settings import Settings
from ..staging import ledger
from ..staging.ledger import OPEN
from ..staging.store import Row, quote, rows_of
from ..systems.business_central import BusinessCentral
from ..systems.winstore import Winstore
from . import documents, posts
from .binding import check_binding, check_winstore
from .documents import actions, duplicates
from .documents.due import SENT
from .flow import Flow
from .map import map_windows, mapped_table
from .plan import plan
from .planned import planned_table
from .push import lease, push
from .shown import with_changes
from .stage import flow_store, stage, staging_table
from .work import Work

SHOWN = 50
ALLOCATIONS = 100_000  # between two collections, instead of Python's 700
SWITCH_S = 0.002
Begin = Callable[[str], None]
Step = Callable[..., None]
_TROUBLE = ", ".join(
    f"'{outcome}'" for outcome in (*OPEN, "error", "fail", "conflict", "hold", "wait", "duplicate", "human")
)


@dataclass(frozen=True)
class Summary:
    """Counts of one run: records of the flow's main part."""

    read: int
    created: int
    updated: int
    skipped: int
    failed: int


@dataclass(frozen=True)
class Seen:
    """One window of a layer: records by outcome, and the first of them as `part, key, outcome, reason`.

    Attributes:
        documents: of a flow that makes documents, `outcome, reason, currency, records, amount`.
    """

    counts: dict[str, int]
    records: list[Row]
    documents: list[Row] = field(default_factory=list)


def _silent(_: str) -> None:
    pass


Target = TypeVar("Target", BusinessCentral, Winstore)


@contextmanager
def leased(flow: Flow, settings: Settings, target: Target) -> Iterator[Target]:
    """The target while nobody else writes to this flow's ledger; raises StoreBusy when another run goes on."""
    try:
        with lease(flow, settings), _for_many_records():
            yield target
    finally:
        target.close()


@contextmanager
def _for_many_records() -> Iterator[None]:
    """Python looks for cycles rarely: records come by the hundred thousand, and hold none. A thread that works does not
    keep the one waiting that only takes an answer."""
    usual, patience = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(ALLOCATIONS, *usual[1:])
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        sys.setswitchinterval(patience)


def steps_of(flow: Flow) -> tuple[Step, Step]:
    """How a flow plans and how it sends: records, documents, or actions on documents."""
    if flow.acts_on:
        return actions.plan, actions.push
    return (documents.plan, documents.push) if flow.document else (plan, push)


def plan_windows(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> None:
    """Plans the windows against the live target; writes nothing to it."""
    work = Work(flow, settings, first, last, run_id)
    if flow.target == "winstore":
        with leased(flow, settings, Winstore(settings)) as winstore:
            check_winstore(flow, settings)
            posts.plan(work, winstore)
        return
    with leased(flow, settings, BusinessCentral(settings)) as target:
        check_binding(flow, settings, target)
        steps_of(flow)[0](work, target)


def push_windows(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> None:
    """Sends the plan of the windows."""
    work = Work(flow, settings, first, last, run_id)
    if flow.target == "winstore":
        with leased(flow, settings, Winstore(settings)) as winstore:
            posts.push(work, winstore)
        return
    with leased(flow, settings, BusinessCentral(settings)) as target:
        steps_of(flow)[1](work, target)


def search_duplicates(flow: Flow, settings: Settings, since: datetime, run_id: str) -> list[str]:
    """Looks for second documents of the orders that were confirmed since a moment, and marks those orders DUPLICATE;
    returns their keys. Nothing is deleted."""
    with leased(flow, settings, BusinessCentral(settings)) as target:
        check_binding(flow, settings, target)
        return duplicates.search(Work(flow, settings, date.min, date.max, run_id), target, since)


def dry_run(flow: Flow, settings: Settings, first: date, last: date, run_id: str, begin: Begin = _silent) -> None:
    """The layers up to planned, without Dagster; `begin` is told each layer's name."""
    begin("staging")
    stage(flow, settings, first)
    begin("mapped")
    map_windows(flow, settings, first, last)
    begin("planned")
    plan_windows(flow, settings, first, last, run_id)


def sync(flow: Flow, settings: Settings, first: date, last: date, run_id: str, begin: Begin = _silent) -> Summary:
    """All four layers in turn, without Dagster."""
    dry_run(flow, settings, first, last, run_id, begin)
    begin("synced")
    push_windows(flow, settings, first, last, run_id)
    return summary(flow, settings, first, last, run_id)


def planned(flow: Flow, settings: Settings, first: date, last: date) -> list[Row]:
    """The plan of the windows, one row per record."""
    with flow_store(flow, settings).open() as connection:
        sql = f'SELECT * FROM {quote(planned_table(flow))} WHERE "window" BETWEEN ? AND ? ORDER BY part, key'
        return [with_changes(row) for row in rows_of(connection, sql, [first, last])]


def records(flow: Flow, settings: Settings, first: date, last: date) -> list[Row]:
    """The ledger rows of the windows."""
    return ledger.read(flow_store(flow, settings), '"window" BETWEEN ? AND ?', [first, last])


def not_done(rows: list[Row]) -> list[Row]:
    """Those that a person or the next run still has to deal with."""
    return [row for row in rows if row["state"] in OPEN]


def summary(flow: Flow, settings: Settings, first: date, last: date, run_id: str) -> Summary:
    """What the run with this id did; a record that was touched before and is unchanged counts as skipped."""
    everything = records(flow, settings, first, last)
    rows = [row for row in everything if row["part"] == flow.main]
    failed = {row["key"] for row in not_done(everything)}
    sent = Counter(
        row["action"]
        for row in rows
        if row["run_id"] == run_id and row["state"] == "CONFIRMED" and row["key"] not in failed
    )
    created = sent["create"]
    updated = sum(sent[action] for action in ("update", *SENT) if action != "create")
    own = len({row["key"] for row in rows} & failed)
    return Summary(len(rows), created, updated, len(rows) - created - updated - own, len(failed))


def seen(flow: Flow, settings: Settings, layer: str, first: date, last: date) -> dict[date, Seen]:
    """What people see of a layer (staging, mapped, planned, synced), per window; records in trouble come first."""
    with flow_store(flow, settings).open() as connection:
        connection.execute(f"CREATE TEMP VIEW seen AS {_layer_rows(flow, settings, layer)}")
        counts = rows_of(
            connection,
            'SELECT "window", outcome, count(*) AS records FROM seen WHERE "window" BETWEEN ? AND ? GROUP BY ALL',
            [first, last],
        )
        shown = rows_of(
            connection,
            'SELECT * FROM seen WHERE "window" BETWEEN ? AND ? QUALIFY row_number() OVER '
            f'(PARTITION BY "window" ORDER BY outcome IN ({_TROUBLE}) DESC, part, key) <= {SHOWN}',
            [first, last],
        )
        sums = _sums(connection, flow, layer, first, last)
    views: dict[date, Seen] = {}
    for row in counts:
        views.setdefault(row["window"], Seen({}, [])).counts[row["outcome"].lower()] = row["records"]
    for row in shown:
        views[row["window"]].records.append(row)
    for row in sums:
        views[row["window"]].documents.append(row)
    return views


def _sums(connection: duckdb.DuckDBPyConnection, flow: Flow, layer: str, first: date, last: date) -> list[Row]:
    """Documents and what they come to, by window, outcome, reason and currency."""
    if not flow.document or layer not in ("planned", "synced"):
        return []
    table, outcome = _outcomes(flow, layer)
    return rows_of(
        connection,
        f'SELECT "window", {outcome} AS outcome, reason, currency, count(*) AS records, sum(amount) AS amount '
        f'FROM {table} WHERE part = ? AND "window" BETWEEN ? AND ? GROUP BY ALL ORDER BY ALL',
        [flow.main, first, last],
    )


def _outcomes(flow: Flow, layer: str) -> tuple[str, str]:
    """The table of one of the last two layers, and its column that tells what became of a record."""
    return (quote(planned_table(flow)), "action") if layer == "planned" else ("ledger", "state")


def _layer_rows(flow: Flow, settings: Settings, layer: str) -> str:
    """SELECT of `window, part, key, outcome, reason`: no personal data."""
    if layer == "staging":
        return f"""SELECT _window AS "window", '{flow.entity}' AS part, _key AS key, 'read' AS outcome,
            CASE WHEN len(_bad_fields) > 0 THEN 'not of its type: ' || array_to_string(_bad_fields, ', ') END AS reason
            FROM {quote(staging_table(flow, settings).name)}"""
    if layer == "mapped":
        return f"""SELECT _window AS "window", part, _key AS key, coalesce(skip_reason, errors[1].field || ': ' ||
            errors[1].rule) AS reason, CASE WHEN len(errors) > 0 THEN 'error' WHEN skip_reason IS NOT NULL THEN 'skip'
            ELSE 'mapped' END AS outcome FROM {quote(mapped_table(flow))}"""
    table, outcome = _outcomes(flow, layer)
    return f'SELECT "window", part, key, {outcome} AS outcome, reason FROM {table}'
