"""The version of the tables in a database: an earlier one is brought up to date, a later one is refused.

Here belongs: the number, what changes from one version to the next, and the copy that is kept before. Tables whose rows
can be made again have no version (store.renew_table), and a table or column of a source that is new is simply made.
"""

import os
import threading
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path

import duckdb

from ..errors import ConfigurationError, StoreDamaged
from .ledger_tables import make_anew
from .people.encryption import copy_from
from .people.installation_key import KEY_FILE, key_in, keyed
from .people.personal import nothing
from .people.pseudonyms import forget_hashes, make_keyed
from .server.address import LISTS
from .sql import literal

VERSION = 3
"""Raised whenever tables that were written before no longer suit the program. Files without a number are version 1."""
TABLE = "schema_version"
KEPT = "kept"
"""The folder beside the databases with the copies from before an upgrade or a restore."""
# What a version lacks that the next one has, besides the tables of the ledger, which are always made anew.
STEPS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE IF EXISTS pair ADD COLUMN IF NOT EXISTS parent VARCHAR",
        "ALTER TABLE IF EXISTS load_progress ADD COLUMN IF NOT EXISTS position VARCHAR",
    ),
    2: (f"ALTER TABLE IF EXISTS {TABLE} ADD COLUMN IF NOT EXISTS key_sign VARCHAR",),
}
KEYED = 3
"""The first version whose hashes and keys of people are keyed (pseudonyms.py)."""
PERSONAL = nothing(TABLE)
UPGRADING = threading.Lock()  # one thread of a process upgrades, the others find it done


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, path: Path, key_folder: Path | None = None, on_server: bool = False
) -> None:
    """Makes the tables of a database those of this version. The connection is the only one to the file of a database.

    An earlier version is copied into KEPT first and then changed in one transaction: a killed upgrade begins again.

    Args:
        key_folder: the folder of the key of the installation; None: beside the database, and only where an upgrade
            needs it.
        on_server: whether the database is on a server. None of an earlier version is there.

    Raises: StoreDamaged when a later version of the program has written the database.
    """
    # On a server DuckDB shows a thread the tables that another one of the process is just making, and cannot read them.
    with UPGRADING if on_server else nullcontext():
        is_done = version_of(connection) == VERSION
    if not is_done:
        _bring_up_to_date(connection, path, key_folder or path.parent, on_server)
    if key_folder:
        _check_key(connection, key_folder, on_server)


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection, path: Path, key_folder: Path, on_server: bool) -> None:
    with UPGRADING:
        there = version_of(connection)
        if there > VERSION:
            raise _later(connection, path, there)
        if 0 < there < VERSION and not on_server:
            keep_copy(connection, kept_path(path, there))
        if there < VERSION:
            _upgrade(connection, there, key_folder)


def _check_key(connection: duckdb.DuckDBPyConnection, key_folder: Path, on_server: bool) -> None:
    """Notes which key the hashes in a database are made with; forgets them when that key was lost.

    They would call everything changed. What was sent stays known: it is compared with the target once more. On a server
    another key is more likely that of another machine, so nothing is forgotten.

    Raises: ConfigurationError for another key on a server.
    """
    sign = keyed(key_in(key_folder), "sign of the key")[:12]
    row = connection.execute(f"SELECT key_sign FROM {TABLE}").fetchone()
    before = row[0] if row else None
    if before == sign:
        return
    if before and on_server:
        path = key_folder / KEY_FILE
        hint = f"Copy {KEY_FILE} from the machine that made it, with the same rights."
        raise ConfigurationError(f"{path} is not the key that the state on the server was made with.", hint)
    connection.begin()
    if before and connection.execute("FROM duckdb_tables() WHERE table_name = 'ledger'").fetchone():
        forget_hashes(connection)
    connection.execute(f"UPDATE {TABLE} SET key_sign = ?", [sign])
    connection.commit()


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The version of a database's tables; 0 when it has no tables yet."""
    try:
        row = connection.execute(f"SELECT version FROM {TABLE}").fetchone()
    except duckdb.CatalogException:
        own = f"NOT temporary AND table_name <> {literal(LISTS)}"  # what a server has before all else
        has_tables = connection.execute(f"FROM duckdb_tables() WHERE {own} LIMIT 1").fetchone()
        return 1 if has_tables else 0
    return int(row[0]) if row else 0


def kept_path(path: Path, version: int) -> Path:
    """Where the copy of a database of an earlier version is kept."""
    return path.parent / KEPT / f"{path.stem}.version-{version}{path.suffix}"


def keep_copy(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Writes a whole copy of a database to a new file, which only its owner can read. A copy that is there goes."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = target.with_name(f"{target.name}.unfinished")
    copy_into(connection, unfinished)
    os.chmod(unfinished, 0o600)
    os.replace(unfinished, target)


def copy_into(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copies all tables of a connection's database into a new file, without what was deleted from them.

    A file that is there goes, such as one that a killed copy has left.
    """
    row = connection.execute("SELECT current_database()").fetchone()
    copy_from(connection, row[0] if row else "", target)


def _upgrade(connection: duckdb.DuckDBPyConnection, there: int, key_folder: Path) -> None:
    connection.begin()
    try:
        if there:
            for version in range(there, VERSION):
                for statement in STEPS.get(version, ()):
                    connection.execute(statement)
            make_anew(connection)
            if there < KEYED:
                make_keyed(connection, key_in(key_folder))
        connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (version INTEGER, program VARCHAR, key_sign VARCHAR)")
        connection.execute(f"DELETE FROM {TABLE}")
        connection.execute(f"INSERT INTO {TABLE} (version, program) VALUES (?, ?)", [VERSION, program()])
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def program() -> str:
    """The version of this program."""
    return metadata.version("winbc-pipeline")


def _later(connection: duckdb.DuckDBPyConnection, path: Path, there: int) -> StoreDamaged:
    row = connection.execute(f"SELECT program FROM {TABLE}").fetchone()
    by = f"winbc {row[0]}" if row and row[0] else "a later version of winbc"
    why = f"{by} has written it with tables of version {there}; this winbc ({program()}) knows version {VERSION}"
    hint = "Install that version again. When it is safe to go back: docs/operations.md, Upgrades."
    return StoreDamaged(path, why, hint)
