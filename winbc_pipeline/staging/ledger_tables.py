"""The tables of the ledger: the states of a record, the moves that are legal, and what is known of each record.

Here belongs: how the tables are made, and made anew after an upgrade. Reading and moving: ledger.py.
Source: exactly_once.md sections 2 and 4.
"""

from collections.abc import Mapping
from enum import StrEnum

import duckdb

from .. import clock
from . import problems
from .people.personal import PersonalTable, nothing
from .server.instances import is_server
from .sql import with_key


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
# Kept in the database: as long as it is the same, all tables are there.
SHAPE = "; ".join(TABLES)


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


PERSONAL = (
    PersonalTable("ledger", "kept", {"message": "", "field_hashes": ""}),
    PersonalTable("ledger_event", "kept", {"message": ""}),
    PersonalTable("sent_payload", "keyed"),
    *nothing("watermark", "ledger_shape"),
)
"""What these tables hold of people (staging/people/personal.py)."""
