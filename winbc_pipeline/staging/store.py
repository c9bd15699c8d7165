"""The one place that opens DuckDB.

Here belongs: opening a database, waiting for its lock, quoting, reading and writing rows. A connection is opened for
local work and never held during an HTTP call. SQL of the store must also run on DuckLake, so it has no indexes, no
keys and no ON CONFLICT.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import orjson

from ..errors import LeaseLost, NotWritable, StoreBusy, StoreDamaged
from ..settings import Settings
from . import schema
from .disk import log_of
from .lingering import OPENING, forget_other, identity, in_turn, keep, let_go, once_open
from .looking import connect_to_look, look_s, not_for_long, show_tables
from .people import encryption
from .people.installation_key import key_in, keyed_sql
from .server import address as servers
from .server import instances
from .server.instances import as_stored as as_stored
from .server.instances import drop_table as drop_table
from .server.instances import stored as stored
from .server.lease import LOST, fence
from .sql import literal as literal  # everybody who opens a database takes them from here
from .sql import quote as quote

Row = dict[str, Any]
Opened = TypeVar("Opened")
BLANK = r"[ \t\n\r\x{00A0}]*"  # a pattern of texts without anything to read: blanks, tabs, line breaks
ROWS_AT_ONCE = 2000
HEADERS = 12_288  # bytes of a database without any table
# What DuckDB says of a file that another process holds (Linux and macOS; Windows), and of one that it cannot write.
HELD = re.compile(
    "Could not set lock|Conflicting lock|used by another process"
    "|different configuration"  # another thread of this process has it open with another memory limit
)
UNWRITTEN = re.compile(
    "Could not (?:write|create|truncate|sync)|Cannot (?:open|create) file|Failed to create directory"
    "|fsync|No space left|max_temp_directory_size"
)
# What DuckDB says when a session with a server has ended, or none can be had.
SILENT = re.compile(
    "server closed the connection|connection to server|[Cc]onnection refused|terminating connection"
    "|no connection to the server|SSL SYSCALL|could not (?:receive|send) data|[Uu]nable to connect"
    '|the database system is|too many (?:clients|connections)|Failed to execute query "(?:COMMIT|ROLLBACK)"'
)
# What the operating system says when something cannot be written: no room, not allowed, no folder.
NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


def unless_blank(text: str) -> str:
    """SQL of a text (given as SQL), with NULL in the place of a text that holds blanks only.

    The first condition holds for most texts and costs next to nothing; it saves them the regular expression.
    """
    blank = f"regexp_full_match({text}, '{BLANK}')"
    return f"CASE WHEN {text} BETWEEN '!' AND '~' THEN {text} WHEN NOT {blank} THEN {text} END"


class Store:
    """The database of one flow: a DuckDB file, or a schema of a PostgreSQL server on which DuckDB works.

    It is made when it is first opened; a file is readable by its owner only.

    Args:
        path: the file. On a server it gives the schema its name, and pages on their way into the database a folder.
        wait_s: seconds to wait while another process holds the lock of the file.
        key_folder: the folder of the key of the installation. With it SQL may say `keyed(text)`: the HMAC of a text, as
            64 hexadecimal digits (installation_key.py). Without it that is no function.
        server: the address of a PostgreSQL server, with its password; empty for a file.
    """

    def __init__(
        self,
        path: Path,
        memory_limit_mb: int = 256,
        wait_s: float = 30,
        key_folder: Path | None = None,
        *,
        server: str = "",
    ) -> None:
        self.path, self.memory_limit_mb, self.wait_s, self.key_folder = path, memory_limit_mb, wait_s, key_folder
        self.server = server

    @classmethod
    def of(cls, settings: Settings, path: Path, memory_limit_mb: int = 0) -> "Store":
        """A database of a connection, where its settings say that the state is.

        Args:
            path: what its file would be.
            memory_limit_mb: another limit than that of the settings.
        """
        return cls(path, memory_limit_mb or settings.memory_limit_mb, server=settings.state.address)

    @property
    def schema(self) -> str:
        """The name of its schema on a server."""
        return servers.schema_of(self.path)

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f'schema "{self.schema}" of {servers.shown(self.server)}' if self.server else str(self.path)

    def exists(self) -> bool:
        """Whether it was made already."""
        return servers.has_schema(self.server, self.schema) if self.server else self.path.exists()

    def end_sessions(self) -> None:
        """Ends what this process keeps of it between two uses: sessions with the server. Of a file nothing is kept."""
        if self.server:
            instances.end_sessions(self.server, self.schema)

    @contextmanager
    def open(self, wait_s: float | None = None, alone: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection until the block ends. Extensions are not loaded by themselves.

        While somebody only looks (looking.py), it reads the file and changes nothing of it.

        Args:
            wait_s: seconds to wait for the lock; None: as the store says.
            alone: whether the settings that the block changes are its own, as for `lock_down`: no other thread has the
                file open meanwhile.
        Raises: StoreBusy when another process or thread keeps it, StoreDamaged when the file cannot be read,
            NotWritable when it cannot be written; the last two also for what happens in the block.
        """
        wait_s, look = self.wait_s if wait_s is None else wait_s, None if self.server else look_s()
        wait_s = wait_s if look is None else min(wait_s, look)
        ends = time.monotonic() + wait_s
        with in_turn(self.path, alone or look is not None, wait_s) as is_ours:
            if not is_ours:
                raise _busy(self.path, f"PID {os.getpid()}")
            with self._opened(ends, alone) if look is None else self._looked_at(ends) as connection:
                yield connection

    @contextmanager
    def _opened(self, ends: float, alone: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connect(ends, alone)
        with self._closing(connection):
            self._look_once(lambda: self._bring_up_to_date(connection))
            self._define_keyed(connection)
            yield connection

    @contextmanager
    def _looked_at(self, ends: float) -> Iterator[duckdb.DuckDBPyConnection]:
        let_go()
        try:
            connection = self._once_free(ends, lambda: connect_to_look(self.path, self.config()))
        except duckdb.Error as error:
            self._explain(error)
            raise
        with self._closing(connection), not_for_long(connection, self.path):
            show_tables(connection, self.path)
            self._define_keyed(connection)
            yield connection

    @contextmanager
    def _closing(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            self._explain(error)
            raise
        finally:
            with OPENING:
                connection.close()

    def _define_keyed(self, connection: duckdb.DuckDBPyConnection) -> None:
        if self.key_folder:
            key = key_in(self.key_folder)
            connection.execute(f"CREATE OR REPLACE TEMP MACRO keyed(text) AS {keyed_sql(key, 'text')}")

    def _look_once(self, look: Callable[[], None]) -> None:
        if self.server:
            instances.once(self.server, self.schema, self.key_folder, look)
        else:
            once_open(self.path, self.key_folder, look)

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection) -> None:
        with writing(self.path):
            schema.bring_up_to_date(connection, self.path, self.key_folder, bool(self.server))

    @contextmanager
    def transaction(self, alone: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a transaction: its statements all count when the block ends, or none when it fails.

        Args:
            alone: as for `open`.
        """
        with self.open(alone=alone) as connection:
            connection.begin()
            try:
                if self.server:
                    fence(connection, self.server)
                yield connection
            except BaseException:
                with suppress(duckdb.Error):  # a full disk may have ended the transaction already
                    connection.rollback()
                raise
            connection.commit()

    def take_over(self, source: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
        """Makes this file, with copies of tables of another database.

        Args:
            source: a connection to the other database.
            tables: names of tables of the other database, which may be temporary.
        """
        if self.server:
            raise ValueError("only a file is made of another database")
        with self.open(alone=True):
            pass  # makes the file readable by its owner only
        encryption.attach(source, self.path, "copy")
        for table in tables:
            source.execute(f"CREATE TABLE copy.{quote(table)} AS FROM {quote(table)}")
        source.execute("DETACH copy")

    def _connect(self, ends: float, alone: bool) -> duckdb.DuckDBPyConnection:
        with writing(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.server:
            return instances.opened(self.server, self.schema, self.config(), alone)
        is_new = not self.path.exists()
        if is_new and self.log.exists():  # DuckDB would begin a new database, and delete the log
            raise StoreDamaged(self.path, f"it is gone, while the log of its last changes is there ({self.log.name})")
        try:
            return self._once_free(ends, lambda: self._open_file(alone))
        except duckdb.Error as error:
            self._explain(error, is_new)
            raise

    def _once_free(self, ends: float, use: Callable[[], Opened]) -> Opened:
        """Waits until no other process has the file; raises StoreBusy when one still has it at a moment."""
        pause = 0.01
        while True:
            try:
                return use()
            except duckdb.Error as error:
                if not HELD.search(str(error)):
                    raise
                if time.monotonic() >= ends:
                    raise _busy(self.path, str(error)) from None
                let_go()  # its holder may wait for what this process keeps
            time.sleep(min(pause, max(ends - time.monotonic(), 0)))
            pause = min(pause * 2, 1)

    @property
    def log(self) -> Path:
        """The write-ahead log of the file (disk.log_of)."""
        return log_of(self.path)

    def _open_file(self, alone: bool = False) -> duckdb.DuckDBPyConnection:
        """Opens the file that has the path once it is open: another process may just have put another one there."""
        let_go() if alone else forget_other(self.path, self.config())
        while True:
            before = identity(self.path)
            connection = self._connection()
            if before in (None, identity(self.path)):
                break
            connection.close()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            with writing(self.path):
                os.chmod(self.path, 0o600)
        except BaseException:
            connection.close()
            raise
        if not alone:
            keep(self.path, self.config(), self._connection)
        return connection

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with OPENING:
            return encryption.connect(self.path, self.config())

    def _explain(self, error: duckdb.Error, is_new: bool = False) -> None:
        """Raises NotWritable or StoreDamaged when that is what an error of DuckDB means.

        Args:
            is_new: whether the file was to be made. What is left of it without room for its headers is deleted, or the
                next run would take it for a damaged one.
        """
        text = str(error).splitlines()[0]
        if self.server:
            self._explain_server(error)
            return
        if UNWRITTEN.search(text):
            if is_new and self.path.is_file() and self.path.stat().st_size < HEADERS:
                self.path.unlink()
            room = "the disk has no room for what does not fit into memory"
            raise NotWritable(self.path, room if "max_temp" in text else text.rpartition(": ")[2].strip()) from error
        if isinstance(error, duckdb.IOException):  # its text names files and numbers only
            raise StoreDamaged(self.path, text.removeprefix("IO Error: ").rstrip(".")) from error
        if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
            raise StoreDamaged(self.path, f"DuckDB gave up ({type(error).__name__})") from error

    def _explain_server(self, error: duckdb.Error) -> None:
        """Raises LeaseLost, NotWritable or StateUnavailable when that is what an error of the server means."""
        instances.forget(self.server, self.schema)
        if LOST in str(error):
            raise LeaseLost(self.schema) from None
        if SILENT.search(str(error)) or servers.FULL.search(str(error)):
            raise servers.failed(self.server, error) from None

    def config(self) -> dict[str, str | bool | int | float | list[str]]:
        """How DuckDB works on the file."""
        return {
            "memory_limit": f"{self.memory_limit_mb}MB",
            "threads": 1,  # the other core is for Python and HTTP; mapping takes both
            "temp_directory": str(self.path.parent / "spill"),
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }


def _busy(path: Path, text: str) -> StoreBusy:
    holder = re.search(r"PID (\d+)", text)
    who = f"process {holder.group(1)}" if holder else "another process"
    return StoreBusy(f"{path} is in use by {who}.", "End that process or wait for its run; nothing was lost.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises NotWritable in the place of an error of the operating system that says that a path cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM + NOT_ALLOWED:
            raise
        raise NotWritable(error.filename or path, error.strerror or "not allowed") from error


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a new database in memory, which is gone when the block ends."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    """Forbids files, network and further settings on a connection, as mapping queries need it."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def compress_with_zstd(connection: duckdb.DuckDBPyConnection) -> None:
    """Compresses with zstd, for tables of payloads: writing them takes half as long as trying every compression."""
    connection.execute("SET force_compression = 'zstd'")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> list[Row]:
    """The result of a query as dictionaries."""
    cursor = connection.execute(sql, values or [])
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def create_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    temporary: bool = False,
    unique: Iterable[tuple[str, ...]] = (),
) -> None:
    """Makes a table where it is missing. A temporary table is gone when the connection closes.

    Args:
        unique: columns which no two rows share; only a server looks after that.
    """
    has_lists = any("STRUCT" in kind for kind in columns.values())
    if not temporary and (has_lists or unique) and instances.is_server(connection):
        instances.create_table(connection, table, columns, unique)
        return
    typed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    table_kind = "TEMP TABLE" if temporary else "TABLE"
    connection.execute(f"CREATE {table_kind} IF NOT EXISTS {quote(table)} ({typed})")


def renew_table(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    """Makes a table whose rows can be made again. A table of other columns, from an earlier version, is dropped."""
    if _shape_of(connection, stored(connection, table)) not in ([], _shape_as_kept(connection, columns)):
        drop_table(connection, table)
    create_table(connection, table, columns)


Shape = list[tuple[str, str]]
_shapes: dict[tuple[tuple[str, str], ...], Shape] = {}


def _shape_of(connection: duckdb.DuckDBPyConnection, table: str) -> Shape:
    """Names and types of the columns of a table, whose name is given as SQL; empty where it is missing."""
    try:
        found = connection.execute(f"DESCRIBE {table}").fetchall()
    except duckdb.CatalogException:
        return []
    return [(name, kind) for name, kind, *_ in found]


def _shape_as_kept(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> Shape:
    """The same of a table with these columns. DuckDB is asked once for each: it writes types in its own way."""
    wanted = instances.plain_columns(columns) if instances.is_server(connection) else columns
    name = tuple(wanted.items())
    if name not in _shapes:
        create_table(connection, "wanted_shape", wanted, temporary=True)
        _shapes[name] = _shape_of(connection, "wanted_shape")
        connection.execute("DROP TABLE wanted_shape")
    return _shapes[name]


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], rows: list[Row]) -> None:
    """Adds rows to a table. A column that a row does not give becomes NULL; other names in a row are left out.

    Rows go in as lists of JSON texts: inserting one by one takes milliseconds each, and one list of all rows can be
    larger than DuckDB's memory.
    """
    structure, wanted = orjson.dumps(dict(columns)).decode(), columns.keys()
    names = ", ".join(quote(name) for name in columns)
    insert = f"""
        INSERT INTO {quote(table)} ({names})
        SELECT r.*
        FROM (SELECT from_json(row, ?) AS r FROM (SELECT unnest(?::VARCHAR[]) AS row))"""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        named = [row if row.keys() <= wanted else {name: row.get(name) for name in columns} for row in some]
        contents = [orjson.dumps(row, default=str).decode() for row in named]
        connection.execute(insert, [structure, contents])
