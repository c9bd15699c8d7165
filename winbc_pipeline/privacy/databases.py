"""A person in one database: found, exported, erased. Erasing copies the database, because DuckDB keeps deleted text."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import orjson

from .. import clock
from ..flows import FLOWS
from ..staging import ledger
from ..staging.compact import rewrite
from ..staging.ledger import Move, State
from ..staging.lingering import lingering
from ..staging.people.personal import PersonalTable, table_named
from ..staging.store import Row, Store, literal, quote, rows_of, stored
from ..sync.flow import Flow
from ..sync.outcomes import ERASED
from .person import OF_PEOPLE, Person, among, columns_of, staged_condition
from .registry import TABLES

NEVER_SENT = (State.PLANNED, State.FAILED, State.CONFLICT, State.NEEDS_HUMAN)


@dataclass(frozen=True)
class Held:
    """What one table holds of a person.

    Attributes:
        table: its name; how: what becomes of the rows (PersonalTable.how); rows: how many.
    """

    table: str
    how: str
    rows: int


def flow_of(store: Store) -> Flow | None:
    """The flow whose database this is, also of a copy in a backup; None for another database."""
    return next((each for each in FLOWS if each.id == store.path.stem), None)


def find(store: Store, person: Person) -> list[Held]:
    """What the tables of a database hold of a person."""
    with store.open() as connection:
        return [
            Held(table, declared.how, count)
            for table, declared, condition in _tables(connection, store, person)
            if (count := _count(connection, table, condition))
        ]


def export(store: Store, person: Person) -> dict[str, list[Row]]:
    """All that the tables of a database hold of a person, by table."""
    with store.open() as connection:
        found = {
            table: rows_of(connection, f"FROM {quote(table)} WHERE {condition}")
            for table, _, condition in _tables(connection, store, person)
        }
    return {table: rows for table, rows in found.items() if rows}


def erase(store: Store, person: Person) -> list[Held]:
    """Erases a person from a database, and copies it, so that no byte stays; returns what was erased.

    The caller holds the leases of the flows. A kill leaves the old file or the new one, whole; the same call again
    completes it.
    """
    held = []
    with lingering():
        with store.transaction() as connection:
            for table, declared, condition in _tables(connection, store, person):
                if count := _count(connection, table, condition):
                    held.append(Held(table, declared.how, count))
                    _erase_rows(connection, table, declared, condition)
            _settle(connection, store, person)
        rewrite(store)
    return held


def _tables(
    connection: duckdb.DuckDBPyConnection, store: Store, person: Person
) -> Iterator[tuple[str, PersonalTable, str]]:
    """The tables that may hold something of a person: name, declaration, SQL condition of the rows."""
    flow = flow_of(store)
    for table, columns in _columns(connection).items():
        declared = table_named(table, TABLES)
        if declared is None:
            raise ValueError(f"nobody has declared what the table {table} holds of people")
        condition = _condition(columns, declared, person, flow)
        if condition != "false":
            yield table, declared, condition


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of all tables that stay, by table."""
    sql = """
        SELECT table_name, list(column_name)
        FROM duckdb_columns()
        JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE NOT temporary AND database_name = current_database()
        GROUP BY table_name
        ORDER BY table_name"""
    return dict(connection.execute(sql).fetchall())


def _condition(there: list[str], declared: PersonalTable, person: Person, flow: Flow | None) -> str:
    if declared.how == "passing":
        return "true"
    if declared.how == "ids":
        return " OR ".join(among(column, person.of(kind)) for column, kind in declared.columns.items())
    if declared.how == "texts":
        quoted = (
            f"contains(lower({quote(column)}), {literal(value)})"
            for column in declared.columns
            for value in person.values
        )
        return " OR ".join(quoted) or "false"
    if declared.how == "nothing" or flow is None or not flow.people:
        return "false"
    if declared.how == "staged":
        return staged_condition(flow.people, there, person)
    return _by_key(flow, "_key" if "_key" in there else "key", person)


def _by_key(flow: Flow, column: str, person: Person) -> str:
    """SQL: whether a row with part and key is about a person, or about an order of the person."""
    people = f"part IN ({', '.join(map(literal, OF_PEOPLE))})"
    name, orders = quote(column), sorted(person.orders.get(flow.id, ()))
    of_orders = [f"{name} IN ({', '.join(map(literal, orders))})"] if orders else []
    of_orders += [f"starts_with({name}, {literal(f'{order}/')})" for order in orders]
    conditions = [f"({people} AND {among(column, person.keys)})"] if person.keys else []
    conditions += [f"(NOT {people} AND ({' OR '.join(of_orders)}))"] if of_orders else []
    return " OR ".join(conditions) or "false"


def _erase_rows(connection: duckdb.DuckDBPyConnection, table: str, declared: PersonalTable, condition: str) -> None:
    name = stored(connection, table)
    if declared.how == "texts":
        emptied = ", ".join(f"{quote(column)} = ''" for column in declared.columns)
        connection.execute(f"UPDATE {name} SET {emptied} WHERE {condition}")
        return
    if declared.how == "kept":
        people = f"part IN ({', '.join(map(literal, OF_PEOPLE))})"
        if declared.columns:
            emptied = ", ".join(f"{quote(column)} = NULL" for column in declared.columns)
            connection.execute(f"UPDATE {name} SET {emptied} WHERE ({condition}) AND NOT {people}")
        condition = f"({condition}) AND {people}"
    connection.execute(f"DELETE FROM {name} WHERE {condition}")


def _settle(connection: duckdb.DuckDBPyConnection, store: Store, person: Person) -> None:
    """Gives the person's orders that never arrived an end. A lost one stays lost until it is looked up (ERASED)."""
    flow = flow_of(store)
    if flow is None or not columns_of(connection, "ledger"):
        return
    keys = sorted(person.orders.get(flow.id, ()))
    open_states = ", ".join(map(literal, (*NEVER_SENT, State.UNKNOWN, State.SENDING)))
    where = f"part = {literal(flow.main)} AND state IN ({open_states}) AND key IN (SELECT unnest(?::VARCHAR[]))"
    moves = []
    for row in rows_of(connection, f"SELECT part, key, state FROM ledger WHERE {where}", [keys]):
        lost = row["state"] in (State.UNKNOWN, State.SENDING)
        moves.append(Move(row["part"], row["key"], State.UNKNOWN if lost else State.SKIPPED, {"reason": ERASED}))
    if moves:
        ledger.move_within(connection, moves, "erased by a person", clock.now())


def _count(connection: duckdb.DuckDBPyConnection, table: str, condition: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quote(table)} WHERE {condition}").fetchone()
    return int(row[0]) if row else 0


def as_text(rows: dict[str, list[Row]]) -> str:
    """Exported rows as JSON; amounts are texts, and so stay exact."""
    return orjson.dumps(rows, default=str, option=orjson.OPT_INDENT_2).decode()
