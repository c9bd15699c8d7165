"""Loads pages of source records into a typed staging table, which keeps the newest version of each record.

Here belongs: getting bytes into DuckDB fast, and typing them. Which source is read, and when, belongs to flows/.
Only the fields that the staging table names are stored.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ..errors import UnreadableAnswer
from . import gone
from .people import erased
from .people.personal import PersonalTable
from .spool import PAGES, Chunk, Spool, remove_leftovers
from .store import Store, create_table, literal, quote, rows_of, unless_blank, writing

Taken = Callable[[duckdb.DuckDBPyConnection, int], None]
Loaded = Callable[[int], object]
# Columns that every staging table has beside the fields of its source.
OWN = {
    "_key": "VARCHAR",
    "_modified_at": "TIMESTAMPTZ",
    "_window": "DATE",
    "_version": "UBIGINT",
    "_bad_fields": "VARCHAR[]",
    "_namesakes": "BOOLEAN",  # whether another record of the source has the same group (StagingTable.identity)
}
# Amounts have up to 13 digits and 5 decimals, as Business Central keeps them. A wider type takes ten times as long.
TYPES = {
    "text": "VARCHAR",
    "decimal": "DECIMAL(18, 5)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
}
# Business Central writes a date, or a moment, that nobody has given so.
ZERO_DATES = {"date": "DATE '0001-01-01'", "datetime": "TIMESTAMPTZ '0001-01-01 00:00:00+00'"}


@dataclass(frozen=True)
class StagingTable:
    """A staging table.

    Attributes:
        fields: the fields of the source and their kinds (see TYPES).
        key: the fields that make the key of a record together.
        modified: the field that holds the moment of the last modification.
        group: the field that tells which records always come together, such as the lines of an order. A record that a
            newer answer for its group no longer has is deleted.
        identity: fields that tell two records of the source apart which have the same group. The first of them never
            changes. The rows of such records are marked in `_namesakes`.
        count: the field with the number of rows of a group. An answer for a group without it does not tell the rows, so
            it takes none away; empty where every answer tells them.
        watched: whether it is noted which records are gone from the source (gone.py).
        marks: SQL over the fields, of the texts by which a record is known that was erased (erased.py). Those are not
            stored again.
    """

    name: str
    fields: Mapping[str, str]
    key: tuple[str, ...]
    modified: str
    group: str = ""
    identity: tuple[str, ...] = ()
    count: str = ""
    watched: bool = False
    marks: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        return {name: TYPES[kind] for name, kind in self.fields.items()}


def create(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    """Makes the staging table where it is missing, and adds columns for fields that the profile names since then."""
    columns = OWN | table.columns
    create_table(connection, table.name, columns)
    there = {row["column_name"] for row in rows_of(connection, f"DESCRIBE {quote(table.name)}")}
    for name in set(columns) - there:
        connection.execute(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(name)} {columns[name]}")


def _no_note(_: duckdb.DuckDBPyConnection, __: int) -> None:
    pass


def _tells_nobody(_: int) -> None:
    pass


def load(
    store: Store,
    table: StagingTable,
    pages: Iterable[bytes],
    read_at: datetime,
    taken: Taken = _no_note,
    seconds: Callable[[], float] = time.monotonic,
    loaded: Loaded = _tells_nobody,
) -> int:
    """Loads all pages into the staging table. The next pages are fetched while these are loaded.

    Args:
        pages: JSON arrays, or newline-delimited JSON objects; all of them of the same form.
        read_at: the moment (UTC) that counts as the modification of records without one.
        taken: called in each transaction with its connection, and how many of the pages are loaded when it ends.
        seconds: a clock that only goes forward; tests give their own.
        loaded: called after each transaction with the number of records read so far.
    Returns: the number of records read.
    Raises: UnreadableAnswer when a page is not whole. Pages before it may stay loaded; a rerun loads them again.
        NotWritable when the disk is full.
    """
    read = 0
    remove_leftovers(store.path.parent)
    with store.open() as connection:
        create(connection, table)
        if table.watched:
            gone.begin(connection, table.name)
        first_load = connection.execute(f"FROM {quote(table.name)} LIMIT 1").fetchone() is None
    with writing(store.path.parent), TemporaryDirectory(prefix=PAGES, dir=store.path.parent) as folder:
        for number, chunk in enumerate(Spool(Path(folder), seconds).chunks(pages)):
            # Later ones are compared with what is there: to look through all of it for each would take ever longer.
            read += _take_in(store, table, chunk, read_at, first_load and number == 0, taken)
            for file in chunk.files:
                file.unlink()
            loaded(read)
    return read


def _take_in(store: Store, table: StagingTable, chunk: Chunk, read_at: datetime, is_first: bool, taken: Taken) -> int:
    """Loads a chunk in one transaction, the first one into an empty table; returns the number of its records."""
    rows = _typed_rows(table, chunk.files, read_at)
    with store.transaction() as connection:
        rows += erased.unless_marked(store.key_folder, table.marks)
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET force_compression = 'fsst'")  # trying every compression takes a quarter longer
        try:
            read = _add_all(connection, table, rows) if is_first else _merge(connection, table, rows)
            if table.watched:
                gone.forget_given(connection, table.name, table.group)
        except duckdb.InvalidInputException:
            raise UnreadableAnswer(f"A page of {table.name} is not whole JSON.", "Nothing of it was taken.") from None
        taken(connection, chunk.pages)
        return read


def _add_all(connection: duckdb.DuckDBPyConnection, table: StagingTable, rows: str) -> int:
    """Adds rows to an empty table."""
    target = quote(table.name)
    read = _count(connection, f"INSERT INTO {target} BY NAME {rows}")
    if table.watched:
        gone.note_given(connection, table.name, table.group, target)
    _mark_namesakes(connection, target, table)
    _keep_newest(connection, target, table.group)
    return read


def _merge(connection: duckdb.DuckDBPyConnection, table: StagingTable, rows: str) -> int:
    """Adds rows: the newest version of each key stays, and unchanged rows are not written."""
    target = quote(table.name)
    connection.execute(f"CREATE TEMP TABLE incoming AS {rows}")
    read = _count(connection, "SELECT count(*) FROM incoming")
    if table.watched:
        gone.note_given(connection, table.name, table.group, "incoming")
    _mark_namesakes(connection, "incoming", table)
    if table.identity:
        _mark_namesakes_of_staged(connection, target, table)
    _keep_newest(connection, "incoming", table.group)
    if table.group:
        _settle_groups(connection, table)
    connection.execute(f"""
        DELETE FROM incoming
        USING {target} AS old
        WHERE old._key = incoming._key
        AND (old._modified_at > incoming._modified_at OR old._version = incoming._version)""")
    connection.execute(f"DELETE FROM {target} AS old USING incoming WHERE old._key = incoming._key")
    connection.execute(f"INSERT INTO {target} BY NAME FROM incoming")
    return read


def _mark_namesakes(connection: duckdb.DuckDBPyConnection, rows: str, table: StagingTable) -> None:
    """Marks rows whose group two records of the source have."""
    if not table.identity:
        return
    group, identity = quote(table.group), ", ".join(map(quote, table.identity))
    connection.execute(f"""
        UPDATE {rows} SET _namesakes = true
        WHERE {group} IN (SELECT {group} FROM {rows} GROUP BY {group} HAVING count(DISTINCT ({identity})) > 1)""")


def _mark_namesakes_of_staged(connection: duckdb.DuckDBPyConnection, target: str, table: StagingTable) -> None:
    """Marks incoming and staged rows of one group that are two records, or of which one is marked already."""
    group, same = quote(table.group), quote(table.identity[0])
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE namesakes AS
        SELECT DISTINCT incoming.{group} AS name
        FROM incoming
        JOIN {target} AS old ON old.{group} = incoming.{group}
        WHERE old.{same} IS DISTINCT FROM incoming.{same} OR old._namesakes OR incoming._namesakes""")
    for rows in ("incoming", target):
        connection.execute(f"UPDATE {rows} SET _namesakes = true WHERE {group} IN (SELECT name FROM namesakes)")


def _settle_groups(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    """Deletes rows that a newer answer for their group no longer has, and incoming rows of groups that are older."""
    target, group = quote(table.name), quote(table.group)
    is_told = f"incoming.{quote(table.count)} IS NOT NULL" if table.count else "true"
    connection.execute(f"""
        CREATE TEMP TABLE leaving AS
        SELECT old._key AS key, max(incoming._window) AS since
        FROM {target} AS old
        JOIN incoming ON old.{group} = incoming.{group} AND old._modified_at <= incoming._modified_at
        WHERE {is_told} AND NOT EXISTS (FROM incoming AS same WHERE same._key = old._key)
        GROUP BY ALL""")
    connection.execute(f"DELETE FROM {target} AS old USING leaving WHERE old._key = leaving.key")
    if table.watched:
        gone.note_left(connection, table.name, "leaving")
    connection.execute(f"""
        DELETE FROM incoming
        USING {target} AS old
        WHERE old.{group} = incoming.{group} AND old._modified_at > incoming._modified_at""")


def _typed_rows(table: StagingTable, files: list[Path], read_at: datetime) -> str:
    """A SELECT of the staging columns over JSON files.

    A value that is not of its type becomes NULL, and its field is named in `_bad_fields`. A text of blanks only becomes
    NULL. The fields of the key and of the group lose blanks at their ends: `W1 ` and `W1` are one record. `_version` is
    DuckDB's hash; a later DuckDB may hash in another way, and then every row looks changed once.
    """
    with files[0].open("rb") as first:
        form = "array" if first.read(64).lstrip()[:1] == b"[" else "newline_delimited"
    # Paths and moments are literals, because bound values make DuckDB read the files twice.
    paths = ", ".join(literal(str(file)) for file in files)
    read = f"{literal(read_at.isoformat())}::TIMESTAMPTZ"
    texts = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in table.fields)
    every = ", ".join(quote(name) for name in table.fields)
    identifying = {*table.key, table.group}
    texts_in = {name: f"trim({quote(name)})" if name in identifying else quote(name) for name in table.fields}
    values = ", ".join(f"{typed(texts_in[name], kind)} AS {quote(name)}" for name, kind in table.fields.items())
    checked = {name: kind for name, kind in table.fields.items() if kind != "text"}
    bad = ", ".join(f"CASE WHEN {is_unreadable(quote(name), kind)} THEN '{name}' END" for name, kind in checked.items())
    key = " || '/' || ".join(f"coalesce(trim({quote(name)}), '')" for name in table.key)
    modified = typed(quote(table.modified), "datetime")
    # A modification in the future, by another clock, belongs to the present window.
    return f"""
        SELECT
            {key} AS _key,
            coalesce({modified}, {read}) AS _modified_at,
            least(_modified_at, {read})::DATE AS _window,
            hash({every}) AS _version,
            list_filter([{bad or "NULL::VARCHAR"}], lambda f: f IS NOT NULL) AS _bad_fields,
            NULL::BOOLEAN AS _namesakes,
            {values}
        FROM read_json([{paths}], format = '{form}', columns = {{{texts}}})"""


def _keep_newest(connection: duckdb.DuckDBPyConnection, table: str, group: str) -> None:
    """Deletes older versions: of whole groups first, then of single records."""
    if group:
        connection.execute(f"""
            DELETE FROM {table} AS old
            USING (
                SELECT {quote(group)} AS parent, max(_modified_at) AS newest
                FROM {table}
                GROUP BY ALL
                HAVING count(DISTINCT _modified_at) > 1
            ) AS present
            WHERE old.{quote(group)} = present.parent AND old._modified_at < present.newest""")
    if _count(connection, f"SELECT count(*) - count(DISTINCT _key) FROM {table}"):
        newest = f"SELECT arg_max(rowid, (_modified_at, rowid)) FROM {table} GROUP BY _key"
        connection.execute(f"DELETE FROM {table} WHERE rowid NOT IN ({newest})")


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def typed(text: str, kind: str) -> str:
    """SQL of a text of the source in the type of a kind.

    It is NULL where the text cannot be read, holds blanks only, or is Business Central's empty date.
    """
    value = _cast(text, kind)
    return f"nullif({value}, {ZERO_DATES[kind]})" if kind in ZERO_DATES else value


def is_unreadable(text: str, kind: str) -> str:
    """SQL that is true where a text of the source cannot be read as its kind."""
    return f"{unless_blank(text)} IS NOT NULL AND {_cast(text, kind)} IS NULL"


def _cast(text: str, kind: str) -> str:
    filled = unless_blank(text)
    return filled if kind == "text" else f"try_cast({filled} AS {TYPES[kind]})"


PERSONAL = (PersonalTable("staging_*", "staged"), PersonalTable("rows_*", "staged"))
"""What these tables hold of people (staging/people/personal.py)."""
