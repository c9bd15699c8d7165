"""Rows of a source that make one record together, such as the stock of a SKU in several warehouses.

Here belongs: keeping the records in step with their rows, and the note of the last read of everything. Until then a
record may lack rows that nobody has asked for. Which rows make a record, and how: flows/.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from .load import StagingTable, create
from .people.personal import nothing
from .schema import program
from .store import Store, create_table, quote

WHOLE = {"name": "VARCHAR", "asked_at": "TIMESTAMPTZ"}
TABLE = "last_whole_read"
MADE_BY = "put_together_by"
MADE = {"name": "VARCHAR", "made_by": "VARCHAR"}
DIGEST = {"together": "VARCHAR", "digest": "UBIGINT"}
ROWS_AT_ONCE = 500_000
"""Rows that are put together in one statement: its groups stay in memory, and a million SKUs have ten million rows."""
RECORDS_AT_ONCE = 50_000
"""Likewise texts that rows share: what is summed of one takes more memory than its rows, even of a single row."""
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


def _nothing_to_remember(_: duckdb.DuckDBPyConnection, __: str) -> None:
    pass


def portions(connection: duckdb.DuckDBPyConnection, table: str, text: str) -> list[str]:
    """SQL conditions that take the rows of a table some at a time, by a text (SQL): a join of these stays in memory."""
    number = 1 + _count(connection, table) // ROWS_AT_ONCE
    return [f"hash({text}) % {number} = {each}" for each in range(number)]


@dataclass(frozen=True)
class Parts:
    """What the records of a flow are put together of, in its database.

    Attributes:
        rows: the staging table of the rows that are read.
        text: SQL of a text that all rows share that make one record, and the record itself, or that are looked at
            together. Each table that is looked through slice by slice has its fields.
        beside: other tables of such rows.
        remembered: a table of such rows, to which `remember` alone adds: what it finds in rows that are new or changed.
        rules: tables by which every record is made: when one changes, all are put together again.
        remember: is given the name of a table of the rows that are put together now.
    """

    rows: str
    text: str
    beside: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    remember: Callable[[duckdb.DuckDBPyConnection, str], None] = _nothing_to_remember


def put_together(
    connection: duckdb.DuckDBPyConnection,
    table: StagingTable,
    parts: Parts,
    select: str,
    read_at: datetime,
    keep: timedelta,
) -> None:
    """Brings the records of a staging table in step with their rows. The caller has begun a transaction.

    Only records whose rows are not as they were at the last time are put together, and all of them when what they are
    made by is another: the SELECT, a rule, this program.

    Args:
        select: SELECT of the records of a slice (`slice_of` these tables): the table's fields, and its columns
            `_modified_at`, `_window` and `_bad_fields`.
        read_at: the moment of reading, which the history notes.
        keep: how long the history of a record is kept. Its last state stays.
    """
    create(connection, table)
    made_by = _made_by(connection, table, parts, select)
    every = _was_made_by(connection, table) != made_by
    if not _find_changed(connection, parts, every) and not every:
        return
    taken = _take(connection, parts, every)
    _gather(connection, table, parts.text, taken, select)
    target = quote(table.name)
    of_changed = "true" if every else _is_changed(parts)
    connection.execute(
        f"""
        DELETE FROM {target} AS old
        WHERE {of_changed} AND NOT EXISTS (FROM gathered AS g WHERE g._key = old._key)
        """
    )
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
    _note_made_by(connection, table, _made_by(connection, table, parts, select))


def _made_by(connection: duckdb.DuckDBPyConnection, table: StagingTable, parts: Parts, select: str) -> str:
    """What all records are made by, as a hash, and how many there are: one that was lost is made again."""
    told = [program(), select, str(table), parts.text]
    for rules in parts.rules:
        told.append(str(connection.execute(f"SELECT count(*), sum(hash(t)) FROM {quote(rules)} AS t").fetchone()))
    return f"{hashlib.sha256(repr(told).encode()).hexdigest()} {_count(connection, table.name)}"


def _was_made_by(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> str:
    create_table(connection, MADE_BY, MADE)
    row = connection.execute(f"SELECT made_by FROM {MADE_BY} WHERE name = ?", [table.name]).fetchone()
    return str(row[0]) if row else ""


def _note_made_by(connection: duckdb.DuckDBPyConnection, table: StagingTable, made_by: str) -> None:
    connection.execute(f"DELETE FROM {MADE_BY} WHERE name = ?", [table.name])
    connection.execute(f"INSERT INTO {MADE_BY} VALUES (?, ?)", [table.name, made_by])


def _find_changed(connection: duckdb.DuckDBPyConnection, parts: Parts, every: bool) -> bool:
    """Makes the temporary table `changed` of the texts whose rows are not as noted, and notes how they are now."""
    name = f"digest_of_{parts.rows}"
    noted = quote(name)
    create_table(connection, name, DIGEST)
    if every:
        connection.execute(f"DELETE FROM {noted}")
    row_hashes = {parts.rows: "hash(_key, _version, _modified_at, _window)"} | dict.fromkeys(parts.beside, "hash(t)")
    rows = " UNION ALL ".join(
        f"SELECT {_group(parts)} AS together, {row_hash} AS hashed FROM {quote(table)} AS t"
        for table, row_hash in row_hashes.items()
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE changed AS
        SELECT coalesce(new.together, old.together) AS together, new.digest AS digest
        FROM (SELECT together, hash(count(*), sum(hashed)) AS digest FROM ({rows}) GROUP BY together) AS new
        FULL JOIN {noted} AS old ON old.together = new.together
        WHERE new.digest IS DISTINCT FROM old.digest
        """
    )
    connection.execute(f"DELETE FROM {noted} AS old USING changed AS c WHERE old.together = c.together")
    connection.execute(f"INSERT INTO {noted} SELECT together, digest FROM changed WHERE digest IS NOT NULL")
    return _count(connection, "changed") > 0


def _group(parts: Parts) -> str:
    return f"coalesce({parts.text}, '')"


def _is_changed(parts: Parts) -> str:
    return f"{_group(parts)} IN (SELECT together FROM changed)"


def _take(connection: duckdb.DuckDBPyConnection, parts: Parts, every: bool) -> dict[str, str]:
    """The names of tables with the rows that are put together now, by the names of those that they are of.

    What is remembered is added to first.
    """
    taken: dict[str, str] = {}
    for table in (parts.rows, *parts.beside, *parts.remembered):
        taken[table] = table if every else f"changed_{table}"
        if not every:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {quote(taken[table])} AS FROM {quote(table)} WHERE {_is_changed(parts)}"
            )
        if table == parts.rows:
            parts.remember(connection, taken[table])
    return taken


def _gather(
    connection: duckdb.DuckDBPyConnection, table: StagingTable, text: str, taken: Mapping[str, str], select: str
) -> None:
    """Makes the temporary table `gathered` of the records of these rows, slice by slice."""
    every = ", ".join(map(quote, table.fields))
    key = " || '/' || ".join(f"coalesce({quote(name)}, '')" for name in table.key)
    records = f"""
        SELECT {key} AS _key, hash({every}, _bad_fields) AS _version, NULL::BOOLEAN AS _namesakes, *
        FROM ({select})"""
    slices = 1 + max(_count(connection, rows) for rows in taken.values()) // ROWS_AT_ONCE
    slices = max(slices, 1 + _count(connection, "changed") // RECORDS_AT_ONCE)
    for rows in taken.values() if slices > 1 else ():
        _sort(connection, rows, text, slices)
    for number in range(slices):
        for name, rows in taken.items():
            one = f"SELECT * EXCLUDE ({SLICE}) FROM {_sorted(rows)} WHERE {SLICE} = {number}"
            of_all = f"FROM {quote(rows)}"
            _view(connection, slice_of(name), one if slices > 1 else of_all)
        into = "INSERT INTO gathered" if number else "CREATE OR REPLACE TEMP TABLE gathered AS"
        connection.execute(f"{into} {records}")
    for name, rows in taken.items():
        connection.execute(f"DROP VIEW temp.{slice_of(name)}")
        connection.execute(f"DROP TABLE IF EXISTS temp.{_sorted(rows)}")


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


PERSONAL = nothing(TABLE, MADE_BY, "digest_of_*")
"""What these tables hold of people (staging/people/personal.py)."""
