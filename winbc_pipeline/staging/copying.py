"""Copies tables of a database into another file without being in a run's way.

Here belongs: a little at a time. Between two looks (looking.py) the file is free, so a run that begins meanwhile waits
for a part of a second. A copy that it has overtaken is given up: one half would be older than the other.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import duckdb

from ..errors import StoreBusy
from .disk import signature
from .looking import looking
from .people import encryption
from .sql import quote
from .store import Store

LOOK_S = 0.3  # after which a look begins no further slice
FREE_S = 0.05  # between two looks
ROWS = 5_000  # of a slice
Slice = tuple[str, int]  # the table, and the number of its first row


def copy_tables(
    source: Store,
    target: Store,
    tables: Mapping[str, str],
    make: Callable[[duckdb.DuckDBPyConnection], None],
    before_look: Callable[[], None],
) -> None:
    """Makes a new file with copies of some tables of a database.

    Args:
        tables: the columns that are wanted (as SQL), by table. On a server all come.
        make: makes those of the tables that are missing.
        before_look: called before each look; what it raises ends the copy.

    Raises: StoreBusy when another process has the database, or changed it before all was copied.
    """
    if source.server:  # there nobody waits for who only reads
        with source.open() as connection:
            make(connection)
            target.take_over(connection, tables)
        return
    with target.open(alone=True):
        pass  # makes the file readable by its owner only
    left: deque[Slice] | None = None
    while left is None or left:
        before_look()
        with looking(source.wait_s), source.open() as connection:
            encryption.attach(connection, target.path, "copy")
            if left is None:
                make(connection)
                left, begun = deque(_slices(connection, tables)), signature(source.path)
            elif signature(source.path) != begun:
                raise StoreBusy(f"{source.path} was changed while it was copied.", "Try again in a moment.")
            _copy_some(connection, tables, left)
            connection.execute("DETACH copy")
        time.sleep(FREE_S)


def _slices(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> Iterator[Slice]:
    """Makes the tables in the copy; gives what is to be copied into them."""
    sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = ?"
    kept = {name for (name,) in connection.execute(sql, [encryption.NAME]).fetchall()}
    for table, columns in tables.items():
        connection.execute(f"CREATE TABLE copy.{quote(table)} AS SELECT {columns} FROM {quote(table)} LIMIT 0")
        if table in kept:
            row = connection.execute(f"SELECT max(rowid) FROM {encryption.NAME}.{quote(table)}").fetchone()
            yield from ((table, first) for first in range(0, ((row and row[0]) or 0) + 1, ROWS))


def _copy_some(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], left: deque[Slice]) -> None:
    """Copies slices for as long as one look may, and takes them from those that are left."""
    ends = time.monotonic() + LOOK_S
    while left:
        table, first = left.popleft()
        connection.execute(
            f"""
            INSERT INTO copy.{quote(table)}
            SELECT {tables[table]}
            FROM {encryption.NAME}.{quote(table)}
            WHERE rowid BETWEEN {first} AND {first + ROWS - 1}"""
        )
        if time.monotonic() >= ends:
            break
