"""DuckDB's engine on tables of PostgreSQL, through DuckDB's own extension. One instance for each process and database.

Here belongs: loading the extension, attaching a schema, and what a table of the server cannot hold as DuckDB has it.
An instance holds no lock of the server between two uses, so it stays during calls over the network.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from ...errors import ConfigurationError, StateUnavailable
from ..lingering import OPENING, span
from ..sql import literal, quote
from .address import LISTS, failed, forget_schema, make_schema

SERVER = "state"
"""The name by which an instance knows the server's tables."""
EXTENSION = "duckdb_extension_postgres_scanner"
Config = Mapping[str, str | bool | int | float | list[str]]
Name = tuple[str, str, str]
_kept: dict[Name, duckdb.DuckDBPyConnection] = {}
_checked: list[bool] = []
Lists = dict[str, dict[str, str]]
"""By table, its columns with lists of structures and their types."""
Notes = dict[object, Any]
_notes: dict[tuple[str, str], tuple[int, Notes]] = {}  # by address and schema: see `_noted`
_CHANGING = object()  # a note that the lists of a schema are changed in this run
_of_parent: list[dict[Name, duckdb.DuckDBPyConnection]] = []  # never closed: that would end the parent's sessions


def opened(address: str, schema: str, config: Config, alone: bool) -> duckdb.DuckDBPyConnection:
    """A connection to a schema of the server.

    Args:
        alone: whether it gets an instance of its own, whose settings end with it.
    Raises: StateUnavailable when the server does not answer.
    """
    if alone:
        return _used(_instance(address, schema, config), address, schema)
    try:
        return _used(_kept_instance(address, schema, config).cursor(), address, schema)
    except StateUnavailable:  # the server may have been restarted, or the schema made anew, since it was last used
        return _used(_kept_instance(address, schema, config).cursor(), address, schema)


def _kept_instance(address: str, schema: str, config: Config) -> duckdb.DuckDBPyConnection:
    name = (address, schema, str(config.get("memory_limit")))
    with OPENING:
        if name not in _kept:
            _kept[name] = _instance(address, schema, config)
        return _kept[name]


def once(address: str, schema: str, name: object, look: Callable[[], None]) -> None:
    """Looks at a schema once in a run. A server is not asked again at each of its dozens of uses.

    Another program may change the schema meanwhile, but no run of the flow: this one has the lease.

    Args:
        name: what is looked at.
    """
    noted = _noted(address, schema)
    if name not in noted:
        look()
        noted[name] = True


def _noted(address: str, schema: str) -> Notes:
    """What this process knows of a schema until the run ends, or an error; outside of a run, nothing."""
    now = span()
    with OPENING:
        if not now or _notes.get((address, schema), (0,))[0] != now:
            _notes[address, schema] = now, {}
        return _notes[address, schema][1]


def _used(connection: duckdb.DuckDBPyConnection, address: str, schema: str) -> duckdb.DuckDBPyConnection:
    try:
        connection.execute(f"USE {SERVER}.{quote(schema)}")
        connection.execute("SET TimeZone = 'UTC'")
        _show_lists(connection, _noted(address, schema))
    except duckdb.Error as error:
        connection.close()
        forget(address, schema)
        raise failed(address, error) from None
    return connection


def forget(address: str, schema: str) -> None:
    """Keeps the instances of a schema no longer, after an error: what they know of its tables may no longer be true."""
    forget_schema(address, schema)
    end_sessions(address, schema)


def end_sessions(address: str, schema: str) -> None:
    """Keeps the instances of a schema no longer, and with them sessions with the server.

    They end with the last connection to them: to close one would close the connections of other threads.
    """
    with OPENING:
        _notes.pop((address, schema), None)
        for name in [each for each in _kept if each[:2] == (address, schema)]:
            del _kept[name]


def forget_all() -> None:
    """Keeps no instance any longer."""
    with OPENING:
        _kept.clear()


def _leave_to_parent() -> None:
    _of_parent.append(dict(_kept))
    _kept.clear()


if sys.platform != "win32":  # which has no forks
    os.register_at_fork(after_in_child=_leave_to_parent)


def _instance(address: str, schema: str, config: Config) -> duckdb.DuckDBPyConnection:
    make_schema(address, schema)
    # Checking the signature of the extension takes longer than all else. Once is enough for a process.
    connection = duckdb.connect(config={**config, "allow_unsigned_extensions": bool(_checked)})
    connection.execute(f"LOAD {literal(str(_extension()))}")
    _checked.append(True)
    try:
        connection.execute("SET pg_null_byte_replacement = ''")  # PostgreSQL's texts hold none
        # It would ask three times for each statement. A session that was ended between two uses is replaced without it.
        connection.execute("SET pg_pool_health_check_query = ''")
        connection.execute(f"ATTACH {literal(address)} AS {SERVER} (TYPE postgres, SCHEMA {literal(schema)})")
    except duckdb.Error as error:  # its text holds the address
        connection.close()
        raise failed(address, error) from None
    return connection


@lru_cache(maxsize=1)
def _extension() -> Path:
    """The file of the extension, of the wheel that was made for this DuckDB. Nothing is downloaded."""
    found = importlib.util.find_spec(EXTENSION)
    folders = found.submodule_search_locations if found else []
    for folder in folders or []:
        for path in Path(folder).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"):
            return path
    hint = "Install winbc-pipeline[postgres]."
    raise ConfigurationError(f"state.database needs DuckDB's extension for PostgreSQL {duckdb.__version__}.", hint)


def is_server(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a connection works on tables of the server."""
    return connection.execute("SELECT current_database()").fetchone() == (SERVER,)


def plain_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The types of columns as the server has them, as DuckDB reads them back."""
    return {name: _plain(kind) for name, kind in columns.items()}


def _plain(kind: str) -> str:
    if "STRUCT" in kind:
        return "VARCHAR"
    return {"UBIGINT": "DECIMAL(20, 0)", "UINTEGER": "BIGINT"}.get(kind, kind)


def create_table(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], unique: Iterable[tuple[str, ...]]
) -> None:
    """Makes a table of the server where it is missing. Its lists of structures are read as such from here on.

    Args:
        unique: columns which no two rows share.
    """
    declared = [f"{quote(name)} {kind}" for name, kind in plain_columns(columns).items()]
    declared += [f"UNIQUE ({', '.join(map(quote, names))})" for names in unique]
    connection.execute(f"CREATE TABLE IF NOT EXISTS {stored(connection, table)} ({', '.join(declared)})")
    lists = {name: kind for name, kind in columns.items() if "STRUCT" in kind}
    if not lists:
        return
    noted = connection.execute(f"SELECT column_name, kind FROM {LISTS} WHERE table_name = ?", [table]).fetchall()
    if dict(noted) != lists:
        _ask_again(connection)
        connection.execute(f"DELETE FROM {LISTS} WHERE table_name = ?", [table])
        for name, kind in lists.items():
            connection.execute(f"INSERT INTO {LISTS} VALUES (?, ?, ?)", [table, name, kind])
    _show(connection, table, lists)


def _show_lists(connection: duckdb.DuckDBPyConnection, noted: Notes) -> None:
    """Makes a temporary view for each table with lists of structures: by its name they are read as such."""
    known: Lists | None = noted.get(LISTS)
    if known is None:
        known = {}
        for table, column, kind in connection.execute(f"SELECT table_name, column_name, kind FROM {LISTS}").fetchall():
            known.setdefault(table, {})[column] = kind
        with OPENING:
            if _CHANGING not in noted:
                noted[LISTS] = known
    for table, lists in known.items():
        _show(connection, table, lists)


def _ask_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets this run ask for the lists of a schema at each use: it changes them, and the change may yet be undone."""
    row = connection.execute("SELECT current_schema()").fetchone()
    with OPENING:
        for (_, schema), (_, noted) in _notes.items():
            if (schema,) == row:
                noted[_CHANGING] = True
                noted.pop(LISTS, None)


def _show(connection: duckdb.DuckDBPyConnection, table: str, lists: Mapping[str, str]) -> None:
    casts = ", ".join(f"{quote(name)}::JSON::{kind} AS {quote(name)}" for name, kind in lists.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {quote(table)} AS SELECT * REPLACE ({casts}) FROM {stored(connection, table)}"
    )


def stored(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of a table's name where rows are added to it, deleted or changed."""
    if not is_server(connection):
        return quote(table)
    row = connection.execute("SELECT current_schema()").fetchone()
    return f"{SERVER}.{quote(row[0] if row else '')}.{quote(table)}"


def drop_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Drops a table where it is there; on a server, its lists of structures are no longer shown."""
    connection.execute(f"DROP TABLE IF EXISTS {stored(connection, table)}")
    if is_server(connection):
        deleted = connection.execute(f"DELETE FROM {LISTS} WHERE table_name = ?", [table]).fetchone()
        if deleted != (0,):
            _ask_again(connection)
        connection.execute(f"DROP VIEW IF EXISTS temp.{quote(table)}")


def as_stored(connection: duckdb.DuckDBPyConnection, select: str, columns: Mapping[str, str]) -> str:
    """SELECT of rows as they are added to a table of these columns: on a server, lists of structures become JSON."""
    lists = [name for name, kind in columns.items() if "STRUCT" in kind]
    if not lists or not is_server(connection):
        return select
    text = "CASE WHEN {0} IS NOT NULL THEN to_json({0})::VARCHAR END AS {0}"
    texts = ", ".join(text.format(quote(name)) for name in lists)
    return f"SELECT * REPLACE ({texts}) FROM ({select})"
