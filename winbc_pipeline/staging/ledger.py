"""The ledger: the state of each record on its way into the target. One row per part and key, and one event per move.

Here belongs: states, legal moves, the watermark. Source: exactly_once.md sections 2 and 4.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import duckdb

from .. import clock
from ..settings import Settings
from . import problems
from .people.personal import PersonalTable, nothing
from .server.instances import is_server
from .sql import with_key
from .store import Row, Store, create_table, insert_rows, quote, rows_of


class State(StrEnum):
    """The states of a record (exactly_once.md section 2)."""

    PLANNED = "PLANNED"
    SENDING = "SENDING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"
    CONFLICT = "CONFLICT"
    DUPLICATE = "DUPLICATE"
    NEEDS_HUMAN = "NEEDS_HUMAN"


# Something is still to be done in these states, which are all but CONFIRMED and SKIPPED.
OPEN = (State.PLANNED, State.SENDING, State.FAILED, State.UNKNOWN, State.CONFLICT, State.DUPLICATE, State.NEEDS_HUMAN)
# SQL: the record was made in the target, or may have been.
MAY_BE_IN_TARGET = "state IN ('SENDING', 'UNKNOWN', 'CONFIRMED', 'CONFLICT', 'DUPLICATE', 'NEEDS_HUMAN')"
NOT_ON_ITS_WAY = "state NOT IN ('SENDING', 'UNKNOWN')"
# It is known what became of the record.
SETTLED = (State.CONFIRMED, State.FAILED, State.SKIPPED, State.CONFLICT, State.DUPLICATE, State.NEEDS_HUMAN)
# Next states by present state; None is a record that the ledger does not know yet.
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
    "intent_at": "TIMESTAMPTZ",  # just before it was sent; for a lost record, the last moment it may have been sent
    "run_id": "VARCHAR",
    "moved_at": "TIMESTAMPTZ",
    "attempt_no": "INTEGER",  # times that it was sent since the target last answered
    "looked_at": "TIMESTAMPTZ",  # when a search after the quarantine first did not find it
    "server_at": "TIMESTAMPTZ",  # the target's clock at the intent
    "reference": "VARCHAR",  # by which a document is found again in the target
    "target_set": "VARCHAR",
    "amount": "DECIMAL(18, 5)",  # total of a document, in its currency
    "currency": "VARCHAR",
    "difference": "DECIMAL(18, 5)",  # of a document that was made: its total in the target less `amount`
}
EVENT_NAMES = ("part", "key", "state", "action", "reason", "message", "target_no", "version", "hash", "mapping_version")
EVENT = {name: COLUMNS[name] for name in (*EVENT_NAMES, "attempt_id", "run_id", "moved_at")}
# The bodies that were sent. They hold people's data, so they are kept for a few days only; the ledger holds none.
SENT = {"part": "VARCHAR", "key": "VARCHAR", "attempt_id": "VARCHAR", "sent_at": "TIMESTAMPTZ", "body": "VARCHAR"}
STATES = ", ".join(f"'{state}'" for state in State)
MOVES = ", ".join(f"('{old or ''}', '{new}')" for old, states in LEGAL.items() for new in sorted(states))


def _declared(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _tables() -> dict[str, str]:
    known_state = f"CHECK (state IN ({STATES}))"
    legal_move = f"CHECK ((coalesce(from_state, ''), state) IN ({MOVES}))"
    declared = {
        "ledger": f"{_declared(COLUMNS)}, {known_state}",
        "ledger_event": f"{_declared(EVENT)}, from_state VARCHAR, {legal_move}",
        "watermark": "name VARCHAR, moment TIMESTAMPTZ",
        "sent_payload": _declared(SENT),
    }
    return {name: f"CREATE TABLE IF NOT EXISTS {name} ({columns})" for name, columns in declared.items()}


def _tables_on_server() -> tuple[str, ...]:
    """The same tables with keys: there no lock of a file keeps two writers apart."""
    moves = ", ".join(f"'{old or ''}>{new}'" for old, states in LEGAL.items() for new in sorted(states))
    legal_move = f"CHECK ((coalesce(from_state, '') || '>' || state) IN ({moves}))"
    event = f"CREATE TABLE IF NOT EXISTS ledger_event ({_declared(EVENT)}, from_state VARCHAR, {legal_move})"
    keys = {"ledger": "part, key", "watermark": "name"}
    with_keys = {name: with_key(OWN_TABLES[name], key) for name, key in keys.items()}
    return (*(OWN_TABLES | with_keys | {"ledger_event": event}).values(), *problems.TABLES_ON_SERVER)


OWN_TABLES = _tables()
"""By name, how each table is made. A change of one needs a new version of the schema (schema.py)."""
TABLES = (*OWN_TABLES.values(), *problems.TABLES)
MADE: Counter[State] = Counter()
"""How many moves this process has made, by the state that they lead to, for whoever shows how far a run is."""
# Kept in the database: as long as it is the same, all tables are there.
SHAPE = "; ".join(TABLES)


@dataclass
class Move:
    """The next state of a record. `known` holds values of COLUMNS that change with it; all others stay."""

    part: str
    key: str
    state: State
    known: Row = field(default_factory=dict)


class IllegalMove(Exception):
    """A defect of the program: a record may not move from its present state to the next one."""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the ledger's tables where they are missing. Those of an earlier version were made anew (schema.py)."""
    connection.execute("CREATE TABLE IF NOT EXISTS ledger_shape (shape VARCHAR)")
    if connection.execute("SELECT shape FROM ledger_shape").fetchall() == [(SHAPE,)]:
        return
    for statement in _tables_on_server() if is_server(connection) else TABLES:
        connection.execute(statement)
    problems.take_over(connection, clock.now())
    connection.execute("DELETE FROM ledger_shape")
    connection.execute("INSERT INTO ledger_shape VALUES (?)", [SHAPE])


def make_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the ledger's tables of an earlier version as they are now, with all that is in them.

    The columns of a table could be added one by one, but not the states and moves that it allows.
    """
    there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    for table in there.intersection(OWN_TABLES):
        connection.execute(f"ALTER TABLE {table} RENAME TO before_upgrade")
        connection.execute(OWN_TABLES[table])
        connection.execute(f"INSERT INTO {table} BY NAME FROM before_upgrade")
        connection.execute("DROP TABLE before_upgrade")
    if "ledger" in there:
        connection.execute("CREATE OR REPLACE TABLE ledger_shape (shape VARCHAR)")
        create(connection)


def read(store: Store, where: str = "true", values: list[Any] | None = None, wait_s: float | None = None) -> list[Row]:
    """The ledger rows that meet a condition, by part and key.

    Args:
        where: SQL over the columns of the ledger, with `?` for each of the values.
        wait_s: seconds to wait for the database; None: as the store says.
    """
    with store.open(wait_s) as connection:
        create(connection)
        return rows_of(connection, f"SELECT * FROM ledger WHERE {where} ORDER BY part, key", values)


def read_other(settings: Settings, flow: str, where: str) -> list[Row]:
    """The ledger rows of another flow, by its id, that meet a condition; none when that flow has no database yet."""
    store = Store.of(settings, settings.flow_database(flow))
    return read(store, where) if store.exists() else []


def is_empty(store: Store, part: str) -> bool:
    """Whether the ledger has no row for a part."""
    with store.open() as connection:
        create(connection)
        return connection.execute("SELECT 1 FROM ledger WHERE part = ? LIMIT 1", [part]).fetchone() is None


def look_again(store: Store, part: str, names: Collection[str]) -> None:
    """Forgets what was last sent of records, so that their next plan compares them with the target again.

    Args:
        names: keys of records, or ids of their records in the target.
    """
    with store.open() as connection:
        create(connection)
        connection.execute(
            """
            UPDATE ledger
            SET hash = NULL
            WHERE part = ? AND state = 'CONFIRMED'
            AND (key IN (SELECT unnest(?::VARCHAR[])) OR target_id IN (SELECT unnest(?::VARCHAR[])))
            """,
            [part, list(names), list(names)],
        )


def unlink(store: Store, part: str, target_id: str) -> None:
    """Forgets that records of a part are linked to a record of the target. What may be on its way there is left alone.

    Their next plan looks for the partner anew.
    """
    with store.open() as connection:
        create(connection)
        connection.execute(
            f"""
            UPDATE ledger
            SET target_id = NULL, target_no = NULL, hash = NULL, field_hashes = NULL
            WHERE part = ? AND target_id = ? AND {NOT_ON_ITS_WAY}
            """,
            [part, target_id],
        )


def newest(store: Store, state: str, wait_s: float | None = None) -> datetime | None:
    """The moment of the last move of a record that is in this state now; None when there is no such record."""
    with store.open(wait_s) as connection:
        create(connection)
        row = connection.execute("SELECT max(moved_at) FROM ledger WHERE state = ?", [state]).fetchone()
        moment: datetime | None = row[0] if row else None
        return moment


def move(store: Store, moves: Iterable[Move], run_id: str, now: datetime | None = None) -> None:
    """Moves records to their next states in one transaction, and writes an event for each move.

    Raises: IllegalMove; then no record has moved.
    """
    if listed := list(moves):
        with store.transaction() as connection:
            move_within(connection, listed, run_id, now or clock.now())


def keep_bodies(
    connection: duckdb.DuckDBPyConnection, planned: str, part: str, intent_at: datetime, keep_since: datetime
) -> None:
    """Keeps the bodies that are about to be sent, in the transaction that records the intents.

    Args:
        planned: the name of the planned table, which holds the bodies.
        intent_at: the moment of the intents whose bodies are kept.
        keep_since: bodies that were sent before this moment are deleted.
    """
    connection.execute("DELETE FROM sent_payload WHERE sent_at < ?", [keep_since])
    connection.execute(
        f"""
        INSERT INTO sent_payload BY NAME
        SELECT part, key, l.attempt_id, l.intent_at AS sent_at, p.body
        FROM ledger AS l
        JOIN {quote(planned)} AS p USING (part, key)
        WHERE part = ? AND l.state = 'SENDING' AND l.intent_at = ?""",
        [part, intent_at],
    )


def keep_sent(connection: duckdb.DuckDBPyConnection, intents: Iterable[Move], bodies: Iterable[str], days: int) -> None:
    """Keeps the bodies of records that are about to be sent, as `keep_bodies` does for bodies as they are planned.

    Args:
        intents: the moves to SENDING, with `attempt_id` and `intent_at`.
        bodies: the body of each of them (JSON).
        days: how long bodies are kept.
    """
    rows = [
        {"part": each.part, "key": each.key, "attempt_id": each.known["attempt_id"], "body": body}
        | {"sent_at": each.known["intent_at"]}
        for each, body in zip(intents, bodies, strict=True)
    ]
    connection.execute("DELETE FROM sent_payload WHERE sent_at < ?", [clock.now() - timedelta(days=days)])
    insert_rows(connection, "sent_payload", SENT, rows)


def move_within(connection: duckdb.DuckDBPyConnection, moves: list[Move], run_id: str, now: datetime) -> None:
    """Moves records as `move` does, inside a transaction that the caller has begun."""
    create(connection)
    for group in _alike(moves):
        _move_alike(connection, group, run_id, now)
    MADE.update(item.state for item in moves)


def _alike(moves: Iterable[Move]) -> list[list[Move]]:
    """Moves in groups that give values to the same columns; the moves of one record stay in their order.

    A record stands in a group once, so its second move comes in a later group than its first.
    """
    times: Counter[tuple[str, str]] = Counter()
    groups: dict[tuple[int, frozenset[str]], list[Move]] = {}
    for item in moves:
        groups.setdefault((times[item.part, item.key], frozenset(item.known)), []).append(item)
        times[item.part, item.key] += 1
    return [groups[name] for name in sorted(groups, key=lambda name: name[0])]


def _move_alike(connection: duckdb.DuckDBPyConnection, moves: list[Move], run_id: str, now: datetime) -> None:
    """Moves records that give values to the same columns, inside the database: their rows are never read into Python.

    The temporary table `moving` holds the moves, `moved` the rows as they are afterwards.
    """
    given = [name for name in COLUMNS if name in moves[0].known]
    columns = {name: COLUMNS[name] for name in ("part", "key", "state", *given)}
    connection.execute("DROP TABLE IF EXISTS moving")
    create_table(connection, "moving", columns, temporary=True)
    rows = [{**item.known, "part": item.part, "key": item.key, "state": item.state.value} for item in moves]
    insert_rows(connection, "moving", columns, rows)
    changed = _changed(columns)
    after = ", ".join(f"{changed.get(name, f'l.{quote(name)}')} AS {quote(name)}" for name in COLUMNS)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moved AS
        SELECT {after}, l.state AS from_state
        FROM moving AS m
        LEFT JOIN ledger AS l USING (part, key)""",
        [run_id, now],
    )
    _check_legal(connection)
    names = [quote(name) for name in COLUMNS if name in changed and name not in ("part", "key")]
    values = ", ".join(f"{name} = m.{name}" for name in names)
    connection.execute(f"UPDATE ledger AS l SET {values} FROM moved AS m WHERE l.part = m.part AND l.key = m.key")
    connection.execute("INSERT INTO ledger BY NAME SELECT * EXCLUDE (from_state) FROM moved WHERE from_state IS NULL")
    events = ", ".join(quote(name) for name in EVENT)
    connection.execute(f"INSERT INTO ledger_event BY NAME SELECT {events}, from_state FROM moved")
    problems.note(connection, now)


def _changed(given: Iterable[str]) -> dict[str, str]:
    """SQL of the columns that a move changes. Reason and message are of one move, so they go unless they are given."""
    changed = {name: f"m.{quote(name)}" for name in given}
    changed |= {name: f"NULL::{COLUMNS[name]}" for name in ("reason", "message") if name not in changed}
    return changed | {"run_id": "?::VARCHAR", "moved_at": "?::TIMESTAMPTZ"}


def _check_legal(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises IllegalMove for the first move that is not in LEGAL."""
    illegal = connection.execute(f"""
        SELECT part, key, from_state, state
        FROM moved
        WHERE (coalesce(from_state, ''), state) NOT IN ({MOVES})
        LIMIT 1""")
    if row := illegal.fetchone():
        raise IllegalMove("{} {}: {} -> {}".format(*row))


def watermark(store: Store, name: str, wait_s: float | None = None) -> datetime | None:
    """The newest moment of the source up to which every record has a ledger row; None before the first."""
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


PERSONAL = (
    PersonalTable("ledger", "kept", {"message": "", "field_hashes": ""}),
    PersonalTable("ledger_event", "kept", {"message": ""}),
    PersonalTable("sent_payload", "keyed"),
    *nothing("watermark", "ledger_shape"),
)
"""What these tables hold of people (staging/people/personal.py)."""
