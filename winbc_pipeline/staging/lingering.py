"""Databases that stay open from one use to the next: opening and closing a file is the dearest part of a short use.

A run opens its file some forty times. Nobody else can open it meanwhile, so it is never kept during a call over the
network, and only inside of `lingering`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..calling import before_calls, is_calling

# DuckDB refuses to open a file ("already attached") while another thread of the process closes it.
OPENING = threading.RLock()
Identity = tuple[int, int]
_kept: dict[Path, tuple[Identity, duckdb.DuckDBPyConnection]] = {}
_blocks = 0


@contextmanager
def lingering() -> Iterator[None]:
    """Until the block ends, databases stay open between two uses, but for calls over the network."""
    global _blocks
    with OPENING:
        _blocks += 1
    try:
        yield
    finally:
        with OPENING:
            _blocks -= 1
        if not _blocks:
            let_go()


def keep(path: Path, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the database of a connection, which is kept open where it may; else that connection."""
    with OPENING:
        file = identity(path)
        if not _blocks or is_calling() or path in _kept or file is None:
            return connection
        _kept[path] = file, connection
        return connection.cursor()


def kept(path: Path) -> duckdb.DuckDBPyConnection | None:
    """Another connection to a database that is kept open; None where there is none, or its file is another one now."""
    with OPENING:
        if path not in _kept:
            return None
        file, connection = _kept[path]
        if file == identity(path):
            return connection.cursor()
        let_go()
        return None


def let_go() -> None:
    """Closes what is kept open. What is still used stays open until its use ends."""
    with OPENING:
        while _kept:
            _, (_, connection) = _kept.popitem()
            connection.close()


def identity(path: Path) -> Identity | None:
    """What tells a file from another one that gets its path; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


before_calls(let_go)
