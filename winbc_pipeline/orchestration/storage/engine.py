"""One engine of SQLAlchemy for all SQLite files of Dagster in this process.

An engine keeps the statements that it has compiled. Dagster makes one for each question, so it compiles each time.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, NullPool, create_engine

_wanted = threading.local()


def _connect() -> sqlite3.Connection:
    path: str = _wanted.path
    return sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS, check_same_thread=False)


# Without a pool nothing stays open in it, so a forked process may go on with it.
_engine = create_engine("sqlite://", creator=_connect, poolclass=NullPool)


@contextmanager
def engine_of(path: str) -> Iterator[Engine]:
    """The engine, which connects this thread to one file until the block ends."""
    before = getattr(_wanted, "path", None)
    _wanted.path = path
    try:
        yield _engine
    finally:
        _wanted.path = before


@contextmanager
def transaction(connection: Connection, broken: Callable[[], None]) -> Iterator[Connection]:
    """A transaction on a connection that stays open; inside of one it is the same one.

    Args:
        broken: closes the connection after an error, whatever state it is in, so that the next one is new.
    """
    if connection.in_transaction():
        yield connection
        return
    try:
        with connection.begin():
            yield connection
    except BaseException:
        broken()
        raise


def opened(path: str) -> Connection:
    """A new connection to a file, which another thread may use later."""
    with engine_of(path) as engine:
        return engine.connect()
