"""Deletes from a flow's database what was kept long enough, and then gives the room back.

Here belongs: which rows end, and when. Never deleted: the ledger and the pairs, which say what was sent; and what was
read of master data and stock, of which sums, the impact of an edit and a trace are made. Staged statuses of Winstore
stay too: they are a number and a word, and the way back asks them whether a status would go backwards.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from ... import clock
from ...settings import Settings
from ...staging import ledger
from ...staging.compact import compact, is_due
from ...staging.ledger import OPEN, State
from ...staging.load import create as create_staging
from ...staging.pairs import Pairs
from ...staging.schema import KEPT
from ...staging.store import Store, literal, quote, renew_table, stored
from ..connected import ConnectedFlow
from ..map import MAPPED, mapped_table
from ..plan_table import PLANNED, planned_table
from ..session import lease
from ..watermark import versions

WAITS = "NOT_PAID"  # an order that may still be given up when its time has come
KEPT_DAYS = 30  # of copies from before an upgrade or a restore


@dataclass(frozen=True)
class Deleted:
    """How many rows were deleted, and by how many bytes the file became smaller.

    Attributes:
        staged: rows that were read of the source; those that were made of them are not counted.
    """

    bodies: int
    events: int
    staged: int
    smaller: int

    def in_words(self) -> str:
        counts = f"{self.bodies} bodies, {self.events} events, {self.staged} staged rows deleted"
        return f"{counts}, {self.smaller} bytes less"


def tidy(connected: ConnectedFlow) -> Deleted:
    """Deletes what was kept long enough, under the flow's lease, and compacts the file once a week.

    Raises: StoreBusy while a run of the flow goes on.
    """
    with lease(connected):
        bodies, events, staged = _delete(connected, clock.now())
        smaller = sum(compact(store) for store in _stores(connected) if is_due(store))
    return Deleted(bodies, events, staged, smaller)


def forget_kept(settings: Settings) -> int:
    """Deletes the copies of a connection's databases that were kept KEPT_DAYS ago; returns how many."""
    before = clock.now() - timedelta(days=KEPT_DAYS)
    old = [
        each
        for each in (settings.data_folder / settings.connection / KEPT).glob("*")
        if datetime.fromtimestamp(each.stat().st_mtime, UTC) < before
    ]
    for each in old:
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    return len(old)


def _stores(connected: ConnectedFlow) -> Iterator[Store]:
    """The databases that are the flow's alone under its lease: its own, and the pairs of master data."""
    yield connected.store
    flow = connected.flow
    if flow.pairs and not flow.document:
        pairs = Pairs(connected.settings, flow.pairs).store
        if pairs.exists():
            yield pairs


def _delete(connected: ConnectedFlow, now: datetime) -> tuple[int, int, int]:
    settings = connected.settings
    with connected.store.transaction() as connection:
        ledger.create(connection)
        bodies = _older(connection, "sent_payload", "sent_at", now - timedelta(days=settings.payload_days))
        events = _older(connection, "ledger_event", "moved_at", now - timedelta(days=settings.event_days))
        if connected.flow.guarded:
            return bodies, events, 0
        staged = _delete_ended(connection, connected, now - timedelta(days=settings.order_days))
        _delete_what_was_made(connection, connected)
    return bodies, events, staged


def _older(connection: duckdb.DuckDBPyConnection, table: str, column: str, moment: datetime) -> int:
    row = connection.execute(f"DELETE FROM {table} WHERE {column} < ?", [moment]).fetchone()
    return int(row[0]) if row else 0


def _delete_ended(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, before: datetime) -> int:
    """Notes the keys of the orders that ended before a moment in the table `ended`, and deletes their staged rows.

    An order has ended when the ledger has an outcome of the very version that is staged, and nothing of it, such as
    its customer, is still to be done.
    """
    flow, staging = connected.flow, quote(connected.staging.name)
    key, open_states = flow.part(flow.main).key, ", ".join(map(literal, OPEN))
    create_staging(connection, connected.staging)
    waits = " OR ".join(
        f"{part.key} IN (SELECT key FROM ledger WHERE part = {literal(part.name)} AND state IN ({open_states}))"
        for part in flow.parts
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE ended AS
        SELECT v.key
        FROM ({versions(connected)}) AS v
        JOIN ledger AS l ON l.part = ? AND l.key = v.key AND l.version = v.version
        WHERE
            l.state IN ('{State.CONFIRMED}', '{State.SKIPPED}')
            AND l.reason IS DISTINCT FROM '{WAITS}'
            AND greatest(l.moved_at, v.moment) < ?
            AND v.key NOT IN (SELECT {key} FROM {staging} WHERE {key} IS NOT NULL AND ({waits}))
        """,
        [flow.main, before],
    )
    if flow.acts_on:
        return 0
    row = connection.execute(f"DELETE FROM {staging} WHERE {key} IN (FROM ended)").fetchone()
    return int(row[0]) if row else 0


def _delete_what_was_made(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow) -> None:
    """Deletes the mapped and planned rows that were made of staged rows which are gone."""
    flow, staging = connected.flow, quote(connected.staging.name)
    renew_table(connection, mapped_table(flow), MAPPED)
    renew_table(connection, planned_table(flow), PLANNED)
    still = "key NOT IN (FROM ended)" if flow.acts_on else "true"
    for part in flow.parts:
        needed = f"SELECT {part.key} FROM {staging} WHERE {part.key} IS NOT NULL"
        needed = f"SELECT key FROM ({needed}) AS s(key) WHERE {still}"
        for table, column in ((mapped_table(flow), "_key"), (planned_table(flow), "key")):
            rows = f"part = {literal(part.name)} AND {column} NOT IN ({needed})"
            connection.execute(f"DELETE FROM {stored(connection, table)} WHERE {rows}")
