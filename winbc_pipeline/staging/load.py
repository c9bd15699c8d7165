"""Takes pages of source records into a typed staging table, newest version per key.

Here belongs: getting bytes into DuckDB fast and keeping them typed. Which source and when belongs to flows/.
Fields that nobody named are never stored.
"""

import queue
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ..errors import UnreadableAnswer
from .store import Store, create_table, literal, quote, rows_of, unless_blank

PAGES, LEFT_BEHIND_S = "pages-", 3600
CHUNK_BYTES = 112 * 2**20  # about one row group of records of 1 KB
OWN = {
    "_key": "VARCHAR",
    "_modified_at": "TIMESTAMPTZ",
    "_window": "DATE",
    "_version": "UBIGINT",
    "_bad_fields": "VARCHAR[]",
}
# Amounts: up to 13 digits and 5 decimals, as Business Central keeps them; a wider type costs ten times the time.
TYPES = {
    "text": "VARCHAR",
    "decimal": "DECIMAL(18, 5)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class StagingTable:
    """A staging table: name, fields (text, decimal, boolean, datetime), key fields, modification field.

    `group` is the field of records that always come together, such as the lines of an order: what a newer answer no
    longer has is gone.
    """

    name: str
    fields: Mapping[str, str]
    key: tuple[str, ...]
    modified: str
    group: str = ""

    @property
    def columns(self) -> dict[str, str]:
        return {name: TYPES[kind] for name, kind in self.fields.items()}


def create(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    """Makes the staging table where it is missing, and columns that the profile has come to name."""
    columns = OWN | table.columns
    create_table(connection, table.name, columns)
    there = {row["column_name"] for row in rows_of(connection, f"DESCRIBE {quote(table.name)}")}
    for name in set(columns) - there:
        connection.execute(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(name)} {columns[name]}")


def load(store: Store, table: StagingTable, pages: Iterable[bytes], read_at: datetime) -> int:
    """Stages all pages; the next ones are fetched while these are taken in.

    Args:
        pages: all JSON arrays, or all newline-delimited JSON objects.
        read_at: the moment (UTC) that dates records without a modification moment.
    Returns: the number of records read.
    Raises: UnreadableAnswer when a page is not whole; the pages before it may be staged, which a rerun repeats.
    """
    read = 0
    _remove_leftovers(store)
    with store.open() as connection:
        create(connection, table)
        first_load = connection.execute(f"FROM {quote(table.name)} LIMIT 1").fetchone() is None
    with TemporaryDirectory(prefix=PAGES, dir=store.path.parent) as folder:
        for files in _ahead(_spooled(pages, Path(folder))):
            read += _take_in(store, table, files, read_at, first_load)
            for file in files:
                file.unlink()
    return read


def _remove_leftovers(store: Store) -> None:
    """Pages that a killed run left behind: they hold people's data."""
    for folder in store.path.parent.glob(f"{PAGES}*"):
        if time.time() - folder.stat().st_mtime > LEFT_BEHIND_S:
            shutil.rmtree(folder, ignore_errors=True)


def _spooled(pages: Iterable[bytes], folder: Path) -> Iterator[list[Path]]:
    """Writes pages to files, and hands them on in chunks that bound memory and fill DuckDB's row groups."""
    files: list[Path] = []
    size = 0
    for number, page in enumerate(pages):
        if len(page) < 16 and page.strip() in (b"", b"[]"):
            continue
        files.append(folder / f"{number}.json")
        files[-1].write_bytes(page)
        size += len(page)
        if size >= CHUNK_BYTES:
            yield files
            files, size = [], 0
    if files:
        yield files


def _take_in(store: Store, table: StagingTable, files: list[Path], read_at: datetime, first_load: bool) -> int:
    """Takes the files in, in one transaction: newest version per key, unchanged rows left alone."""
    target, rows = quote(table.name), _typed_rows(table, files, read_at)
    with store.transaction() as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET force_compression = 'fsst'")  # trying every compression costs a quarter more
        try:
            if first_load:
                read = _count(connection, f"INSERT INTO {target} BY NAME {rows}")
                _keep_newest(connection, target, table.group)
                return read
            connection.execute(f"CREATE TEMP TABLE incoming AS {rows}")
        except duckdb.InvalidInputException:
            raise UnreadableAnswer(f"A page of {table.name} is not whole JSON.", "Nothing of it was taken.") from None
        read = _count(connection, "SELECT count(*) FROM incoming")
        _keep_newest(connection, "incoming", table.group)
        if table.group:
            connection.execute(
                f"DELETE FROM {target} AS old USING incoming WHERE old.{quote(table.group)} = "
                f"incoming.{quote(table.group)} AND old._modified_at <= incoming._modified_at "
                "AND NOT EXISTS (FROM incoming AS same WHERE same._key = old._key)"
            )
            connection.execute(
                f"DELETE FROM incoming USING {target} AS old WHERE old.{quote(table.group)} = "
                f"incoming.{quote(table.group)} AND old._modified_at > incoming._modified_at"
            )
        connection.execute(
            f"DELETE FROM incoming USING {target} AS old WHERE old._key = incoming._key "
            "AND (old._modified_at > incoming._modified_at OR old._version = incoming._version)"
        )
        connection.execute(f"DELETE FROM {target} AS old USING incoming WHERE old._key = incoming._key")
        connection.execute(f"INSERT INTO {target} BY NAME FROM incoming")
        return read


def _typed_rows(table: StagingTable, files: list[Path], read_at: datetime) -> str:
    """A SELECT of the staging columns over JSON files; a value that is not of its type becomes NULL and a bad field,
    a text of blanks only becomes NULL.

    Literals throughout, because bound values make DuckDB read the files twice. A later DuckDB may hash otherwise: rows
    then look changed once, no more.
    """
    with files[0].open("rb") as first:
        form = "array" if first.read(64).lstrip()[:1] == b"[" else "newline_delimited"
    paths = ", ".join(literal(str(file)) for file in files)
    texts = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in table.fields)
    values = ", ".join(f"{typed(quote(name), kind)} AS {quote(name)}" for name, kind in table.fields.items())
    bad = ", ".join(
        f"CASE WHEN {is_bad(quote(n), kind)} THEN '{n}' END" for n, kind in table.fields.items() if kind != "text"
    )
    now = f"{literal(read_at.isoformat())}::TIMESTAMPTZ"  # a moment in the future belongs to the present window
    key = " || '/' || ".join(f"coalesce(trim({quote(name)}), '')" for name in table.key)
    modified, every = typed(quote(table.modified), "datetime"), ", ".join(quote(name) for name in table.fields)
    return (
        f"SELECT {key} AS _key, "
        f"coalesce({modified}, {now}) AS _modified_at, "
        f"least(_modified_at, {now})::DATE AS _window, hash({every}) AS _version, "
        f"list_filter([{bad or 'NULL::VARCHAR'}], lambda f: f IS NOT NULL) AS _bad_fields, {values} "
        f"FROM read_json([{paths}], format = '{form}', columns = {{{texts}}})"
    )


def _keep_newest(connection: duckdb.DuckDBPyConnection, table: str, group: str) -> None:
    if group:
        connection.execute(
            f"DELETE FROM {table} AS old USING (SELECT {quote(group)} AS parent, max(_modified_at) AS newest "
            f"FROM {table} GROUP BY ALL HAVING count(DISTINCT _modified_at) > 1) AS present "
            f"WHERE old.{quote(group)} = present.parent AND old._modified_at < present.newest"
        )
    if _count(connection, f"SELECT count(*) - count(DISTINCT _key) FROM {table}"):
        newest = f"SELECT arg_max(rowid, (_modified_at, rowid)) FROM {table} GROUP BY _key"
        connection.execute(f"DELETE FROM {table} WHERE rowid NOT IN ({newest})")


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def typed(text: str, kind: str) -> str:
    """SQL of a source's text in the type of a kind; NULL where it cannot be read or holds blanks only."""
    filled = unless_blank(text)
    return filled if kind == "text" else f"try_cast({filled} AS {TYPES[kind]})"


def is_bad(text: str, kind: str) -> str:
    """SQL of whether a source's text cannot be read as its kind."""
    return f"{unless_blank(text)} IS NOT NULL AND {typed(text, kind)} IS NULL"


def _ahead(chunks: Iterable[list[Path]]) -> Iterator[list[Path]]:
    """The same chunks, one made ahead by a thread of its own; an error of the source is raised here."""
    handed: queue.Queue[list[Path] | BaseException | None] = queue.Queue(maxsize=1)

    ended = threading.Event()

    def hand_over(item: list[Path] | BaseException | None) -> bool:
        while not ended.is_set():
            try:
                handed.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fetch() -> None:
        try:
            if all(hand_over(chunk) for chunk in chunks):
                hand_over(None)
        except BaseException as error:  # noqa: BLE001 - handed over to the reader
            hand_over(error)

    threading.Thread(target=fetch, daemon=True).start()
    try:
        while (item := handed.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
