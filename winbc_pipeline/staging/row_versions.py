"""Up to which row version the changes of Business Central were read, for each staging table.

With the companion app a read begins where the one before has ended, and misses nothing that was committed late. The
notes stay when the app goes, and are believed again when it comes back: until then nothing below them was missed.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from .people.personal import nothing
from .server.instances import is_server
from .sql import with_key
from .store import Store, rows_of

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS row_version_read (
        name VARCHAR,
        below BIGINT,
        since TIMESTAMPTZ,
        made_of VARCHAR,
        whole_at TIMESTAMPTZ,
        asked_at TIMESTAMPTZ
    )""",
    "CREATE TABLE IF NOT EXISTS row_version_begun (name VARCHAR, below BIGINT)",
)
TABLES_ON_SERVER = tuple(with_key(table, "name") for table in TABLES)
PERSONAL = nothing("row_version_read", "row_version_begun")


@dataclass(frozen=True)
class Read:
    """What was read: all changes with a row version below `below`, of records that changed at or after `since`.

    Attributes:
        made_of: what decided which fields and records were read.
        whole_at: when all of it was last read by moments.
        asked_at: when the last read asked. Both by the source's clock.
    """

    below: int
    since: datetime
    made_of: str
    whole_at: datetime
    asked_at: datetime


def last_read(store: Store, name: str, wait_s: float | None = None) -> Read | None:
    """What was read into a staging table; None where no row version is known.

    Args:
        wait_s: seconds to wait for the database; None: as the store says.
    """
    with store.open(wait_s) as connection:
        # Whoever only looks makes no table.
        there = connection.execute("SELECT 1 FROM duckdb_columns() WHERE table_name = 'row_version_read'").fetchone()
        columns = "below, since, made_of, whole_at, asked_at"
        select = f"SELECT {columns} FROM row_version_read WHERE name = ?"
        rows = rows_of(connection, select, [name]) if there else []
    return Read(**rows[0]) if rows else None


def note_read(store: Store, name: str, read: Read) -> None:
    """Notes what was read and staged."""
    with store.transaction() as connection:
        create(connection)
        connection.execute("DELETE FROM row_version_read WHERE name = ?", [name])
        row = [name, read.below, read.since, read.made_of, read.whole_at, read.asked_at]
        connection.execute("INSERT INTO row_version_read VALUES (?, ?, ?, ?, ?, ?)", row)


def begun(store: Store, name: str, below: int, goes_on: bool) -> int | None:
    """The row version from which the changes after a load are read: that of its beginning, however often it was killed.

    An earlier one does no harm. None when the load began without the companion app.

    Args:
        below: the minimum active row version now.
        goes_on: whether the load goes on where a killed one stopped.
    """
    with store.transaction() as connection:
        create(connection)
        if goes_on:
            row = connection.execute("SELECT below FROM row_version_begun WHERE name = ?", [name]).fetchone()
            return min(int(row[0]), below) if row else None
        connection.execute("DELETE FROM row_version_begun WHERE name = ?", [name])
        connection.execute("INSERT INTO row_version_begun VALUES (?, ?)", [name, below])
    return below


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables where they are missing."""
    for statement in TABLES_ON_SERVER if is_server(connection) else TABLES:
        connection.execute(statement)
