"""The ledger: what is known of each record's way into the target. One row per part and key, and an event per move.

Here belongs: states, legal moves, the watermark. Source: exactly_once.md sections 2 and 4.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import duckdb

from .. import clock
from ..settings import Settings
from .store import Row, Store, create_table, insert_rows, quote, rows_of


class State(StrEnum):
    """The states of a record."""

    PLANNED = "PLANNED"
    SENDING = "SENDING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"
    CONFLICT = "CONFLICT"
    DUPLICATE = "DUPLICATE"
    NEEDS_HUMAN = "NEEDS_HUMAN"


OPEN = (State.PLANNED, State.SENDING, State.FAILED, State.UNKNOWN, State.CONFLICT, State.DUPLICATE, State.NEEDS_HUMAN)
# It was made in the target, or may have been.
MADE = "state IN ('SENDING', 'UNKNOWN', 'CONFIRMED', 'CONFLICT', 'DUPLICATE', 'NEEDS_HUMAN')"
SETTLED = {State.CONFIRMED, State.FAILED, State.SKIPPED, State.CONFLICT, State.DUPLICATE, State.NEEDS_HUMAN}
LEGAL: dict[State | None, set[State]] = {
    None: {State.PLANNED, State.SENDING, *SETTLED},
    State.PLANNED: {State.PLANNED, State.SENDING, *SETTLED},
    State.SENDING: {State.PLANNED, State.CONFIRMED, State.FAILED, State.UNKNOWN, State.CONFLICT},
    State.UNKNOWN: {State.UNKNOWN, State.SENDING, *SETTLED},
    **{state: {State.PLANNED, State.SENDING, *SETTLED} for state in SETTLED},
}

COLUMNS = {
    "part": "VARCHAR",
    "key": "VARCHAR",
    "state": "VARCHAR",
    "action": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "target_id": "VARCHAR",
    "target_no": "VARCHAR",
    "version": "VARCHAR",
    "hash": "VARCHAR",
    "field_hashes": "VARCHAR",
    "mapping_version": "VARCHAR",
    "window": "DATE",
    "attempt_id": "VARCHAR",
    "intent_at": "TIMESTAMPTZ",  # when it was about to be sent; of what is lost, when it may last have been sent
    "run_id": "VARCHAR",
    "moved_at": "TIMESTAMPTZ",
    "attempt_no": "INTEGER",  # how often it was sent since it was last heard of
    "looked_at": "TIMESTAMPTZ",  # when it was first not found after the quarantine
    "server_at": "TIMESTAMPTZ",  # the target's clock at the intent
    "reference": "VARCHAR",  # by which a document is found again
    "target_set": "VARCHAR",
    "amount": "DECIMAL(18, 5)",  # of a document, in its currency
    "currency": "VARCHAR",
}
EVENT_NAMES = ("part", "key", "state", "action", "reason", "message", "target_no", "version", "hash", "mapping_version")
EVENT = {name: COLUMNS[name] for name in (*EVENT_NAMES, "attempt_id", "run_id", "moved_at")}
# What was sent, for a few days only: it holds people's data, the ledger does not.
SENT = {"part": "VARCHAR", "key": "VARCHAR", "attempt_id": "VARCHAR", "sent_at": "TIMESTAMPTZ", "body": "VARCHAR"}
STATES = ", ".join(f"'{state}'" for state in State)
MOVES = ", ".join(f"('{old or ''}', '{new}')" for old, states in LEGAL.items() for new in sorted(states))


def _tables() -> tuple[str, ...]:
    ledger, event, sent = (
        ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) for columns in (COLUMNS, EVENT, SENT)
    )
    return (
        f"CREATE TABLE IF NOT EXISTS ledger ({ledger}, CHECK (state IN ({STATES})))",
        f"CREATE TABLE IF NOT EXISTS ledger_event ({event}, from_state VARCHAR, "
        f"CHECK ((coalesce(from_state, ''), state) IN ({MOVES})))",
        "CREATE TABLE IF NOT EXISTS watermark (name VARCHAR, moment TIMESTAMPTZ)",
        f"CREATE TABLE IF NOT EXISTS sent_payload ({sent})",
    )


TABLES = _tables()
SHAPE = "; ".join(TABLES)


@dataclass
class Move:
    """A record's next state, and what is known of it from now on (names as in COLUMNS)."""

    part: str
    key: str
    state: State
    known: Row = field(default_factory=dict)


class IllegalMove(Exception):
    """A defect of the program: a record may not go from its state to that one."""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the ledger's tables, or brings those of an earlier version up to date."""
    connection.execute("CREATE TABLE IF NOT EXISTS ledger_shape (shape VARCHAR)")
    if connection.execute("SELECT shape FROM ledger_shape").fetchall() == [(SHAPE,)]:
        return
    for statement in TABLES:
        connection.execute(statement)
    _add_missing(connection, "ledger", COLUMNS)
    _add_missing(connection, "ledger_event", EVENT)
    connection.execute("DELETE FROM ledger_shape")
    connection.execute("INSERT INTO ledger_shape VALUES (?)", [SHAPE])


def _add_missing(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    """Columns that an earlier version did not keep."""
    there = {row[0] for row in connection.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    for name in columns:
        if name not in there:
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {columns[name]}')


def read(store: Store, where: str = "true", values: list[Any] | None = None, wait_s: float | None = None) -> list[Row]:
    """Ledger rows that meet a condition."""
    with store.open(wait_s) as connection:
        create(connection)
        return rows_of(connection, f"SELECT * FROM ledger WHERE {where} ORDER BY part, key", values)


def read_other(settings: Settings, flow: str, where: str) -> list[Row]:
    """The same of another flow, by its id: its file is opened for a moment, and may not be there."""
    path = settings.flow_database(flow)
    return read(Store(path, settings.memory_limit_mb), where) if path.exists() else []


def is_empty(store: Store, part: str) -> bool:
    """Whether nothing is known of any record of a part."""
    with store.open() as connection:
        create(connection)
        return connection.execute("SELECT 1 FROM ledger WHERE part = ? LIMIT 1", [part]).fetchone() is None


def newest(store: Store, state: str, wait_s: float | None = None) -> datetime | None:
    """When a record last came into a state."""
    with store.open(wait_s) as connection:
        create(connection)
        row = connection.execute("SELECT max(moved_at) FROM ledger WHERE state = ?", [state]).fetchone()
        moment: datetime | None = row[0] if row else None
        return moment


def move(store: Store, moves: Iterable[Move], run_id: str, now: datetime | None = None) -> None:
    """Moves records to their next states in one transaction, with an event each; raises IllegalMove."""
    if listed := list(moves):
        with store.transaction() as connection:
            move_within(connection, listed, run_id, now or clock.now())


def keep_bodies(
    connection: duckdb.DuckDBPyConnection, planned: str, part: str, intent_at: datetime, keep_since: datetime
) -> None:
    """Keeps what is about to be sent, as it is planned, inside the transaction of the intents; forgets bodies that were
    sent before `keep_since`."""
    connection.execute("DELETE FROM sent_payload WHERE sent_at < ?", [keep_since])
    connection.execute(
        "INSERT INTO sent_payload BY NAME SELECT part, key, l.attempt_id, l.intent_at AS sent_at, p.body "
        f"FROM ledger AS l JOIN {quote(planned)} AS p USING (part, key) "
        "WHERE part = ? AND l.state = 'SENDING' AND l.intent_at = ?",
        [part, intent_at],
    )


def move_within(connection: duckdb.DuckDBPyConnection, moves: list[Move], run_id: str, now: datetime) -> None:
    """The same inside a transaction of the caller's."""
    create(connection)
    for group in _alike(moves):
        _move_alike(connection, group, run_id, now)


def _alike(moves: Iterable[Move]) -> list[list[Move]]:
    """Moves that give the same fields together, each record once in a group; its moves stay in their order."""
    times: Counter[tuple[str, str]] = Counter()
    groups: dict[tuple[int, frozenset[str]], list[Move]] = {}
    for item in moves:
        groups.setdefault((times[item.part, item.key], frozenset(item.known)), []).append(item)
        times[item.part, item.key] += 1
    return [groups[name] for name in sorted(groups, key=lambda name: name[0])]


def _move_alike(connection: duckdb.DuckDBPyConnection, moves: list[Move], run_id: str, now: datetime) -> None:
    """Moves records inside the database: what is known of them already never leaves it."""
    given = [name for name in COLUMNS if name in moves[0].known]
    columns = {name: COLUMNS[name] for name in ("part", "key", "state", *given)}
    connection.execute("DROP TABLE IF EXISTS moving")
    create_table(connection, "moving", columns, temporary=True)
    rows = [{**item.known, "part": item.part, "key": item.key, "state": item.state.value} for item in moves]
    insert_rows(connection, "moving", columns, rows)
    told = {name: f"m.{quote(name)}" for name in columns}
    told |= {name: f"NULL::{COLUMNS[name]}" for name in ("reason", "message") if name not in given}
    told |= {"run_id": "?::VARCHAR", "moved_at": "?::TIMESTAMPTZ"}
    after = ", ".join(f"{told.get(name, f'l.{quote(name)}')} AS {quote(name)}" for name in COLUMNS)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE moved AS SELECT {after}, l.state AS from_state "
        "FROM moving AS m LEFT JOIN ledger AS l USING (part, key)",
        [run_id, now],
    )
    _check_legal(connection)
    changed = ", ".join(
        f"{quote(name)} = m.{quote(name)}" for name in COLUMNS if name in told and name not in ("part", "key")
    )
    connection.execute(f"UPDATE ledger AS l SET {changed} FROM moved AS m WHERE l.part = m.part AND l.key = m.key")
    connection.execute("INSERT INTO ledger BY NAME SELECT * EXCLUDE (from_state) FROM moved WHERE from_state IS NULL")
    events = ", ".join(quote(name) for name in EVENT)
    connection.execute(f"INSERT INTO ledger_event BY NAME SELECT {events}, from_state FROM moved")


def _check_legal(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises IllegalMove when one of the moves is none of LEGAL."""
    illegal = f"SELECT part, key, from_state, state FROM moved WHERE (coalesce(from_state, ''), state) NOT IN ({MOVES})"
    if row := connection.execute(f"{illegal} LIMIT 1").fetchone():
        raise IllegalMove("{} {}: {} -> {}".format(*row))


def watermark(store: Store, name: str, wait_s: float | None = None) -> datetime | None:
    """The newest source moment up to which every record has a ledger row."""
    with store.open(wait_s) as connection:
        create(connection)
        row = connection.execute("SELECT max(moment) FROM watermark WHERE name = ?", [name]).fetchone()
        moment: datetime | None = row[0] if row else None
        return moment


def advance(connection: duckdb.DuckDBPyConnection, name: str, moment: datetime) -> None:
    """Moves the watermark forward, never back."""
    row = connection.execute("SELECT max(moment) FROM watermark WHERE name = ?", [name]).fetchone()
    if row and row[0] and row[0] >= moment:
        return
    connection.execute("DELETE FROM watermark WHERE name = ?", [name])
    connection.execute("INSERT INTO watermark VALUES (?, ?)", [name, moment])
