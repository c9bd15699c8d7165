"""Opens and attaches the databases of a connection, encrypted where the settings say so (`databases.encrypted`).

Here belongs: how DuckDB gets a file and its key, and how a file becomes an encrypted one, or a plain one again, when
the setting changes: at its next use. DuckDB encrypts what it writes with OpenSSL only, which its extension httpfs
brings; it comes as a wheel of the same version, and nothing is downloaded.
https://duckdb.org/docs/stable/sql/statements/attach
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import util
from pathlib import Path

import duckdb

from ...errors import ConfigurationError, WrongKey
from ...secret_sources import database_key
from ..disk import flushed, log_of
from ..lingering import let_go
from ..sql import literal, quote

NAME = "kept"
"""The name of a database in its connection."""
ROWS_TOGETHER = "ROW_GROUP_SIZE 16384"
"""Closing a database writes its last group of rows again: with DuckDB's 122,880 in a group, 200 MB for pairs."""
WRONG = re.compile("Wrong encryption key")
OTHERWISE = re.compile("encrypted database .* without a key|is not encrypted")
"""What DuckDB says of a file that is encrypted and shall not be, or the reverse."""
UNFINISHED = "converting"
"""The ending of a file that is not whole yet."""


def connect(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Opens a database, encrypted or not, as its settings say; a new one is made.

    Whether a file is encrypted tells DuckDB alone: to look into the file would end the lock that this process has on it
    (fcntl, POSIX).
    Raises: WrongKey; ConfigurationError without the extension; otherwise as DuckDB does.
    """
    try:
        return _open(path, config)
    except duckdb.CatalogException as error:
        if not OTHERWISE.search(str(error)):
            raise
    _convert(path, config)
    return _open(path, config)


def connect_to_read(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Opens a database that is there to be read only.

    Raises: as `connect`; duckdb.CatalogException (OTHERWISE) for one that is not as its settings say yet.
    """
    return _open(path, config, read_only=True)


def _open(
    path: Path, config: dict[str, str | bool | int | float | list[str]], read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    key = _key(path) if database_key(path).encrypted else ""
    if key:
        _extension()
        config = {**config, "allow_unsigned_extensions": True}
    # All connections of a process to one file share one instance, as they do without a name: it has the file's name.
    connection = duckdb.connect(f":memory:{path.absolute()}{' to read' if read_only else ''}", config=config)
    try:
        _attach(connection, path, NAME, key, "IF NOT EXISTS ", read_only)
        connection.execute(f"USE {NAME}")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, read_only: bool = False) -> None:
    """Attaches a database, which was opened before and so is as its settings say, to another connection.

    Raises: as `connect`.
    """
    key = _key(path) if database_key(path).encrypted else ""
    _attach(connection, path, name, key, read_only=read_only)


def copy_from(connection: duckdb.DuckDBPyConnection, name: str, target: Path, encrypted: bool | None = None) -> None:
    """Copies all tables of an attached database into a new file, with the key of that database, wherever the file lies.

    A file that is there goes, such as one that a killed copy has left.

    Args:
        name: the name that the database was attached as.
        encrypted: whether the copy is to be encrypted; None: like the database.
    Raises: as `connect`.
    """
    for left in (target, log_of(target)):
        left.unlink(missing_ok=True)
    sql = "SELECT path, encrypted FROM duckdb_databases() WHERE database_name = ?"
    path, is_encrypted = connection.execute(sql, [name]).fetchone() or (None, False)
    wanted = is_encrypted if encrypted is None else encrypted
    _attach(connection, target, "whole_copy", _key(Path(path or target)) if wanted else "")
    try:
        connection.execute(f"COPY FROM DATABASE {quote(name)} TO whole_copy")
    finally:
        connection.execute("DETACH whole_copy")


def _attach(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    key: str,
    when: str = "",
    read_only: bool = False,
) -> None:
    options = ["READ_ONLY" if read_only else ROWS_TOGETHER]
    if key:
        _load(connection)
        options.append(f"ENCRYPTION_KEY {literal(key)}")
    try:
        connection.execute(f"ATTACH {when}{literal(str(path))} AS {quote(name)} ({', '.join(options)})")
    except duckdb.InvalidInputException as error:
        if WRONG.search(str(error)):
            raise WrongKey(path, "another key") from None
        raise


def _key(path: Path) -> str:
    key = database_key(path).key.get_secret_value()
    if not key:
        raise WrongKey(path, "a key, and none is set")
    return key


def _load(connection: duckdb.DuckDBPyConnection) -> None:
    """Loads the extension, and lets DuckDB encrypt also what it spills to the disk."""
    connection.execute(f"LOAD {literal(str(_extension()))}")
    connection.execute("SET temp_file_encryption = true")


@cache
def _extension() -> Path:
    """The file of the extension, whose signature by DuckDB was checked.

    To check it takes 80 ms of each opening, so it is done once in a process.
    """
    found = util.find_spec("duckdb_extension_httpfs")
    folders = [Path(each) for each in (found.submodule_search_locations or ())] if found else []
    files = [each / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension" for each in folders]
    there = next((each for each in files if each.exists()), None)
    if there is None:
        what = f"Databases are to be encrypted, and duckdb-extension-httpfs {duckdb.__version__} is not installed."
        raise ConfigurationError(what, "`pip install 'winbc-pipeline[encryption]'`.")
    with duckdb.connect() as checking:
        checking.execute(f"LOAD {literal(str(there))}")
    return there


def _convert(path: Path, config: Mapping[str, str | bool | int | float | list[str]]) -> None:
    """Puts an encrypted copy in the place of a plain database, or a plain one in the place of an encrypted one.

    The file is attached for writing until its copy is in its place, so no other process writes it meanwhile. A kill
    leaves one of both, whole.
    """
    let_go()
    wanted, copy = database_key(path).encrypted, path.with_name(f"{path.name}.{UNFINISHED}")
    before = path.stat().st_ino
    with duckdb.connect(config=dict(config)) as connection:
        _attach(connection, path, "present", "" if wanted else _key(path))
        connection.execute("CHECKPOINT present")
        if path.stat().st_ino != before:
            return  # another process was faster
        copy_from(connection, "present", copy, encrypted=wanted)
        os.chmod(copy, 0o600)
        flushed(copy)
        os.replace(copy, path)
