"""The ledger: the state of each record on its way into the target. One row per part and key, and one event per move.

Here belongs: reading it, moving records, the watermark. What a row is, and which moves are legal: ledger_tables.py.
Source: exactly_once.md sections 2 and 4.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb

from .. import clock
from ..settings import Settings
from . import problems
from .ledger_tables import COLUMNS, EVENT, MOVES, SENT
from .ledger_tables import MAY_BE_IN_TARGET as MAY_BE_IN_TARGET  # whoever reads the ledger takes its words from here
from .ledger_tables import NOT_ON_ITS_WAY as NOT_ON_ITS_WAY
from .ledger_tables import OPEN as OPEN
from .ledger_tables import SETTLED as SETTLED
from .ledger_tables import State as State
from .ledger_tables import create as create
from .store import Row, Store, create_table, insert_rows, quote, rows_of

MADE: Counter[State] = Counter()
"""How many moves this process has made, by the state that they lead to, for whoever shows how far a run is."""


@dataclass
class Move:
    """The next state of a record. `known` holds values of COLUMNS that change with it; all others stay."""

    part: str
    key: str
    state: State
    known: Row = field(default_factory=dict)


class IllegalMove(Exception):
    """A defect of the program: a record may not move from its present state to the next one."""


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


def is_empty(store: Store, part: str, wait_s: float | None = None) -> bool:
    """Whether the ledger has no row for a part.

    Args:
        wait_s: as for `read`.
    """
    with store.open(wait_s) as connection:
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
