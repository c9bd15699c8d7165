"""Looking into databases without being in a run's way: read-only, not for long, and never making or changing one.

Here belongs: what is looked at, and for how long. Who looks says so once (`looking`), and every file that is opened
meanwhile is only read. A file has one writer, so a run that begins meanwhile waits until the look ends.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import duckdb

from ..errors import StoreBusy
from . import schema
from .people.encryption import NAME, OTHERWISE, connect_to_read
from .sql import quote

HOLD_S = 1.0
"""Most seconds that a look has a file; what DuckDB does then is broken off, so that no run waits longer."""
CHANGES = re.compile("ALTER VIEW|is of type View")
"""What DuckDB says where a table would have to be changed that is only looked at."""
_wait_s: ContextVar[float | None] = ContextVar("looking", default=None)


@contextmanager
def looking(wait_s: float) -> Iterator[None]:
    """Until the block ends, files of databases are opened to be read only.

    Args:
        wait_s: most seconds to wait for one that a run has.
    """
    before = _wait_s.set(wait_s)
    try:
        yield
    finally:
        _wait_s.reset(before)


def look_s() -> float | None:
    """Most seconds to wait for a file that is only looked at; None where files are opened to be changed."""
    return _wait_s.get()


def connect_to_look(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Opens a file to be read only; a database in memory where there is none.

    Raises: StoreBusy for a file that is to be encrypted first, or to be a plain one; otherwise as DuckDB does.
    """
    if not path.exists():
        return duckdb.connect(config=config)
    try:
        return connect_to_read(path, config)
    except duckdb.CatalogException as error:
        if OTHERWISE.search(str(error)):
            raise _not_as_wanted(path) from None
        raise


def show_tables(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Lets a connection find the tables of a file by their names, as views.

    Tables that are missing in it, and that the program makes where it looks for them, stay in memory.

    Raises: StoreBusy for a file that another version has written.
    """
    connection.execute("SET TimeZone = 'UTC'")
    version = schema.version_of(connection)
    connection.execute("USE memory")
    if version not in (0, schema.VERSION):
        raise _not_as_wanted(path)
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [NAME]).fetchall()
    for (name,) in tables:
        connection.execute(f"CREATE VIEW IF NOT EXISTS {quote(name)} AS FROM {NAME}.{quote(name)}")


@contextmanager
def not_for_long(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Breaks off what a connection does when it has looked for HOLD_S seconds.

    Raises: StoreBusy then, and where the file would have to be changed first.
    """
    timer = threading.Timer(HOLD_S, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise StoreBusy(f"To look at {path} takes too long.", "Ask for less of it.") from None
    except duckdb.Error as error:
        if CHANGES.search(str(error)):
            raise _not_as_wanted(path) from None
        raise
    finally:
        timer.cancel()


def _not_as_wanted(path: Path) -> StoreBusy:
    return StoreBusy(f"{path} was written by another version of winbc.", "The next run brings it up to date.")
