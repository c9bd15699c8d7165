"""Rows of a source that make one record together, such as the stock of a SKU in several warehouses.

Here belongs: keeping the records in step with their rows, and the note of the last read of everything. Until then a
record may lack rows that nobody has asked for. Which rows make a record, and how: flows/.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb

from .load import StagingTable, create
from .people.personal import nothing
from .store import Store, create_table, quote

WHOLE = {"name": "VARCHAR", "asked_at": "TIMESTAMPTZ"}
TABLE = "last_whole_read"
ROWS_AT_ONCE = 500_000
"""Rows that are put together in one statement: its groups stay in memory, and a million SKUs have ten million rows."""
SLICE = "_slice"


def last_whole(store: Store, name: str) -> datetime | None:
    """When everything was last read into a staging table, by our clock; None when it never was."""
    with store.open() as connection:
        create_table(connection, TABLE, WHOLE)
        row = connection.execute(f"SELECT max(asked_at) FROM {TABLE} WHERE name = ?", [name]).fetchone()
    moment: datetime | None = row[0] if row else None
    return moment


def note_whole(store: Store, name: str, asked_at: datetime) -> None:
    """Notes that everything was read."""
    with store.transaction() as connection:
        create_table(connection, TABLE, WHOLE)
        connection.execute(f"DELETE FROM {TABLE} WHERE name = ?", [name])
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", [name, asked_at])


def history_table(staging: str) -> str:
    """Name of the table with what the records of a staging table were: its fields, `_key` and `_read_at`."""
    return f"history_of_{staging}"


def create_history(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    """Makes the table of the history where it is missing, and adds columns for fields that are new."""
    create(connection, StagingTable(history_table(table.name), {**table.fields, "_read_at": "datetime"}, (), ""))


def slice_of(table: str) -> str:
    """SQL: the rows of a table that are put together now. There are such while `put_together` is at work."""
    return quote(f"slice_of_{table}")


def portions(connection: duckdb.DuckDBPyConnection, table: str, text: str) -> list[str]:
    """SQL conditions that take the rows of a table some at a time, by a text (SQL): a join of these stays in memory."""
    number = 1 + _count(connection, table) // ROWS_AT_ONCE
    return [f"hash({text}) % {number} = {each}" for each in range(number)]


def put_together(
    connection: duckdb.DuckDBPyConnection,
    table: StagingTable,
    rows: Mapping[str, str],
    select: str,
    read_at: datetime,
    keep: timedelta,
) -> None:
    """Brings the records of a staging table in step with their rows. The caller has begun a transaction.

    Args:
        rows: the tables of the rows, and for each the SQL of a text that all of its rows share that make one record,
            or that are looked at together.
        select: SELECT of the records of a slice (`slice_of` these tables): the table's fields, and its columns
            `_modified_at`, `_window` and `_bad_fields`.
        read_at: the moment of reading, which the history notes.
        keep: how long the history of a record is kept. Its last state stays.
    """
    create(connection, table)
    _gather(connection, table, rows, select)
    target = quote(table.name)
    connection.execute(f"DELETE FROM {target} AS old WHERE NOT EXISTS (FROM gathered AS g WHERE g._key = old._key)")
    connection.execute(
        f"DELETE FROM gathered AS g USING {target} AS old WHERE old._key = g._key AND old._version = g._version"
    )
    connection.execute(f"DELETE FROM {target} AS old USING gathered AS g WHERE old._key = g._key")
    connection.execute(f"INSERT INTO {target} BY NAME FROM gathered")
    create_history(connection, table)
    history = quote(history_table(table.name))
    connection.execute(
        f"""
        DELETE FROM {history} AS old
        WHERE old._read_at < ? AND EXISTS (FROM gathered AS g WHERE g._key = old._key)
        """,
        [read_at - keep],
    )
    connection.execute(f"INSERT INTO {history} BY NAME SELECT *, ?::TIMESTAMPTZ AS _read_at FROM gathered", [read_at])


def _gather(connection: duckdb.DuckDBPyConnection, table: StagingTable, rows: Mapping[str, str], select: str) -> None:
    """Makes the temporary table `gathered` of all records, slice by slice."""
    every = ", ".join(map(quote, table.fields))
    key = " || '/' || ".join(f"coalesce({quote(name)}, '')" for name in table.key)
    records = f"""
        SELECT {key} AS _key, hash({every}, _bad_fields) AS _version, NULL::BOOLEAN AS _namesakes, *
        FROM ({select})"""
    slices = 1 + max(_count(connection, name) for name in rows) // ROWS_AT_ONCE
    for name, text in rows.items() if slices > 1 else ():
        _sort(connection, name, text, slices)
    for number in range(slices):
        for name in rows:
            one = f"SELECT * EXCLUDE ({SLICE}) FROM {_sorted(name)} WHERE {SLICE} = {number}"
            of_all = f"FROM {quote(name)}"
            _view(connection, slice_of(name), one if slices > 1 else of_all)
        into = "INSERT INTO gathered" if number else "CREATE OR REPLACE TEMP TABLE gathered AS"
        connection.execute(f"{into} {records}")
    for name in rows:
        connection.execute(f"DROP VIEW temp.{slice_of(name)}")
        connection.execute(f"DROP TABLE IF EXISTS temp.{_sorted(name)}")


def _sort(connection: duckdb.DuckDBPyConnection, table: str, text: str, slices: int) -> None:
    """Makes a temporary copy of a table, slice after slice: whoever reads one skips the blocks of the others."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_sorted(table)} AS
        SELECT *, (hash({text}) % {slices})::USMALLINT AS {SLICE}
        FROM {quote(table)}
        ORDER BY {SLICE}
        """
    )


def _sorted(table: str) -> str:
    return quote(f"sorted_{table}")


def _view(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {quote(table)}").fetchone()
    return int(found[0]) if found else 0


PERSONAL = nothing(TABLE)
"""What these tables hold of people (staging/people/personal.py)."""
