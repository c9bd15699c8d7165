"""Moves the state of a connection from files to a PostgreSQL server, or back.

Here belongs: the copy of each table, and its comparison by rows and hashes. All databases are copied and compared
before the first one is put away, so a kill at any moment loses nothing, and the same call again completes it. Until
then no run gets a lease (sync/session.py, UNFINISHED_MOVE).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from ... import clock
from ...errors import NotDone
from ...settings import Settings, StateSettings
from ...staging import ledger, ledger_tables, progress, row_versions
from ...staging.apart import APART
from ...staging.apart import UNIQUE as UNIQUE_APART
from ...staging.disk import log_of
from ...staging.pairs import PAIR
from ...staging.pairs import UNIQUE as UNIQUE_PAIRS
from ...staging.people.encryption import attach
from ...staging.schema import KEPT, TABLE
from ...staging.server.address import LISTS, drop, names_on
from ...staging.store import Store, as_stored, create_table, quote, rows_of, stored, writing
from ...sync.keeping.comparisons import is_one
from ...sync.session import UNFINISHED_MOVE
from .backup import DATABASES, databases
from .restore import at_rest

Side = Literal["postgres", "files"]
OWN = (TABLE, LISTS)  # each side makes these by itself
NUMBER_OF_SERVER = "DECIMAL(20,0)"  # how a server keeps a number of 64 bits without a sign


@dataclass(frozen=True)
class Moved:
    """A database that was copied: its name, and its rows by table."""

    name: str
    rows: dict[str, int]


def _silent(_: Moved) -> None:
    pass


def move_state(settings: Settings, to: Side, told: Callable[[Moved], object] = _silent) -> list[Moved]:
    """Moves the state of a connection; returns what was moved.

    Files that were moved are in a folder of KEPT afterwards; what was moved from a server is deleted there.

    Args:
        told: is told of each database that was copied and compared.
    Raises: NotDone without an address of a server, while a move to the other side is unfinished, when both sides have
        a ledger, or when a copy is not what it was made of; then the state is where it was. StoreBusy while a run goes
        on.
    """
    server = settings.state.address
    if not server:
        raise NotDone("Nobody has said which server.", "Set `state.database`: docs/scale.md.")
    with _at_rest_on_both(settings):
        paths = _to_move(settings, to)
        if not paths and not (settings.state_folder / UNFINISHED_MOVE).exists():
            return []
        _begin(settings, to)
        done = []
        for path in paths:
            both = (_store(settings, path, ""), _store(settings, path, server))
            moved = _to_server(*both) if to == "postgres" else _to_file(*both)
            done.append(moved)
            told(moved)
        _put_away(settings, to, paths)
        (settings.state_folder / UNFINISHED_MOVE).unlink()
    return done


def _begin(settings: Settings, to: Side) -> None:
    """Notes that a move begins, or goes on. Nothing that a side knows alone may be overwritten by the other one."""
    unfinished = settings.state_folder / UNFINISHED_MOVE
    begun = unfinished.read_text(encoding="utf-8") if unfinished.exists() else ""
    if begun not in ("", to):
        raise NotDone(f"A move to {begun} is unfinished.", f"`winbc move-state --to {begun}` completes it.")
    target: Side = "files" if to == "postgres" else "postgres"
    server = settings.state.address if to == "postgres" else ""
    for path in [] if begun else _to_move(settings, target):
        if "_to_" in path.stem and not is_one(path) and ledger.read(_store(settings, path, server)):
            raise NotDone(f"{path.stem} has a ledger on both sides.", "Decide which one counts: docs/scale.md.")
    with writing(settings.state_folder):
        unfinished.write_text(to, encoding="utf-8")


@contextmanager
def _at_rest_on_both(settings: Settings) -> Iterator[None]:
    in_files = settings.model_copy(update={"state": StateSettings()})
    with ExitStack() as stack:
        for each in (in_files, settings):
            stack.enter_context(at_rest(each, moving=True))
        yield


def _to_move(settings: Settings, to: Side) -> list[Path]:
    """The databases of the side that is left, by the paths of their files."""
    if to == "postgres":
        return databases(settings)
    folder = settings.state_folder
    return [folder / f"{name}{DATABASES}" for name in names_on(settings.state.address, settings.connection)]


def _store(settings: Settings, path: Path, server: str) -> Store:
    key_folder = settings.state_folder if "_to_" in path.name else None
    return Store(path, settings.memory_limit_mb, key_folder=key_folder, server=server)


def _to_server(file: Store, server: Store) -> Moved:
    with file.open() as connection:
        connection.execute("CHECKPOINT")  # what is only in the log could not be read by another one
    with server.open(alone=True) as connection:
        attach(connection, file.path, "other", read_only=True)
        tables = _tables(connection, "other")
        _make_keyed(connection, tables)
        rows = {}
        for table, columns in tables.items():
            create_table(connection, table, columns)
            select = f"SELECT {_listed(columns)} FROM other.{quote(table)}"
            connection.begin()
            connection.execute(f"DELETE FROM {stored(connection, table)}")
            made = as_stored(connection, select, columns)
            connection.execute(f"INSERT INTO {stored(connection, table)} BY NAME {made}")
            connection.commit()
            rows[table] = _same(connection, table, columns, f"other.{quote(table)}", quote(table))
    return Moved(file.path.stem, rows)


def _to_file(file: Store, server: Store) -> Moved:
    with file.open(alone=True):
        pass  # makes it, with the tables of this version
    with server.open(alone=True) as connection:
        attach(connection, file.path, "other")
        rows = {}
        for table, columns in _tables(connection, "state").items():
            other = f"other.{quote(table)}"
            declared = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
            make = ledger_tables.OWN_TABLES.get(table, "").replace(f"EXISTS {table} ", f"EXISTS {other} ")
            connection.execute(f"DROP TABLE IF EXISTS {other}")
            connection.execute(make or f"CREATE TABLE {other} ({declared})")
            connection.execute(f"INSERT INTO {other} BY NAME SELECT {_listed(columns)} FROM {quote(table)}")
            rows[table] = _same(connection, table, columns, quote(table), other)
        connection.execute("DETACH other")
    return Moved(file.path.stem, rows)


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, dict[str, str]]:
    """The tables of an attached database with their columns; lists of structures as they are read."""
    found = rows_of(
        connection, "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND NOT temporary", [database]
    )
    names = sorted(row["table_name"] for row in found if row["table_name"] not in OWN)
    tables = {}
    for name in names:
        place = f"other.{quote(name)}" if database == "other" else quote(name)
        described = rows_of(connection, f"DESCRIBE SELECT * FROM {place}")
        kinds = {row["column_name"]: row["column_type"] for row in described}
        tables[name] = {column: "UBIGINT" if kind == NUMBER_OF_SERVER else kind for column, kind in kinds.items()}
    return tables


def _make_keyed(connection: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, str]]) -> None:
    """Makes the tables that have keys and checks on a server, where the other side has them."""
    if "ledger" in tables:
        ledger_tables.create(connection)
    if "load_progress" in tables:
        progress.create(connection)
    if "row_version_read" in tables:
        row_versions.create(connection)
    if "pair" in tables:
        create_table(connection, "pair", PAIR, unique=UNIQUE_PAIRS)
    if "apart" in tables:
        create_table(connection, "apart", APART, unique=UNIQUE_APART)


def _listed(columns: dict[str, str]) -> str:
    return ", ".join(map(quote, columns))


def _same(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], before: str, after: str) -> int:
    """The number of rows of a table; raises NotDone unless they are the same on both sides, in whatever order.

    Values are compared as texts. PostgreSQL keeps no character of the code zero, so it does not count.
    """
    texts = ", ".join(f"replace({quote(name)}::VARCHAR, chr(0), '')" for name in columns)
    sql = f"SELECT count(*), sum(hash({texts})::HUGEINT)"
    there, here = (connection.execute(f"{sql} FROM {each}").fetchone() for each in (before, after))
    if there != here or there is None:
        raise NotDone(f"{table} is not what it was copied from.", "Nothing was put away. Run it again.")
    return int(there[0])


def _put_away(settings: Settings, to: Side, paths: list[Path]) -> None:
    if to == "files":
        for path in paths:
            drop(settings.state.address, Store.of(settings, path).schema)
        return
    kept = settings.state_folder / KEPT / f"before-move-{clock.now():%Y%m%d-%H%M%S}"
    with writing(kept):
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in paths:
            for each in (path, log_of(path)):
                if each.exists():
                    each.rename(kept / each.name)
