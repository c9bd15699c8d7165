"""Makes a database file smaller and forgets for good what was deleted: DuckDB keeps both the room and the text.

Here belongs: the copy, and the swap that a kill at any moment leaves whole. Which files, and when: sync/keeping/.
"""

import os
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from .. import clock
from ..errors import StoreBusy
from .disk import flushed
from .lingering import let_go
from .people.encryption import attach, copy_from
from .people.personal import nothing
from .server.address import write_anew
from .store import Store, create_table, writing

NOTE = "compacted"
COLUMNS = {"moment": "TIMESTAMPTZ"}
EVERY = timedelta(days=7)
UNFINISHED = "compact"  # the ending of a copy that is not whole yet


def is_due(store: Store) -> bool:
    """Whether a file was last compacted a week ago, or never."""
    if store.server:
        return False  # PostgreSQL looks after that by itself
    with store.open() as connection:
        create_table(connection, NOTE, COLUMNS)
        row = connection.execute(f"SELECT max(moment) FROM {NOTE}").fetchone()
    last: datetime | None = row[0] if row else None
    return last is None or clock.now() - last >= EVERY


def compact(store: Store) -> int:
    """Puts a copy without deleted rows in the place of a database; returns by how many bytes the file became smaller.

    The caller holds the lease of the flow. No other process can write the database from the moment at which it is
    copied until the copy is in its place, and one that opened the old file opens the new one (Store). A kill leaves
    the old file or the new one, whole, and at most a copy that the next call deletes. On Windows, which replaces no
    file that is open, the file stays as it is.

    Returns 0 and changes nothing when another process opens the database at the same moment.
    Raises: StoreBusy while another process keeps it.
    """
    before, copy = store.path.stat().st_size, store.path.with_name(f"{store.path.name}.{UNFINISHED}")
    with store.transaction() as connection:
        create_table(connection, NOTE, COLUMNS)
        connection.execute(f"DELETE FROM {NOTE}")
        connection.execute(f"INSERT INTO {NOTE} VALUES (?)", [clock.now()])
    with suppress(duckdb.IOException, PermissionError):  # another process may be faster; the next week tries again
        _put_in_place(store, copy)
    return before - store.path.stat().st_size


def rewrite(store: Store, wait_s: float = 30.0) -> None:
    """Puts a copy without deleted rows in the place of a database now: no byte of what was deleted stays in the file.

    Args:
        wait_s: seconds to wait while other processes keep it.
    Raises: StoreBusy when another process still keeps it then. Either file is whole; the same call again completes it.
    """
    if store.server:
        write_anew(store.server, store.schema)
        return
    copy = store.path.with_name(f"{store.path.name}.{UNFINISHED}")
    before, ends = store.path.stat().st_ino, time.monotonic() + wait_s
    while store.path.stat().st_ino == before:
        with store.open(wait_s) as connection:
            connection.execute("CHECKPOINT")  # what is only in the log would be copied without its end
        with suppress(duckdb.IOException, PermissionError):
            _put_in_place(store, copy)
        if store.path.stat().st_ino == before and time.monotonic() > ends:
            raise StoreBusy(f"{store.path} is in use.", "Try again: what is done stays done.")


def _put_in_place(store: Store, copy: Path) -> None:
    let_go()  # one process cannot open a file twice
    with writing(copy), duckdb.connect(config=store.config()) as connection:
        attach(connection, store.path, "present", read_only=True)
        if not store.log.exists():  # else it would be taken for the log of the copy
            copy_from(connection, "present", copy)
            _swap(copy, store.path)


def _swap(copy: Path, path: Path) -> None:
    """Puts a copy in the place of a file, so that the disk has one of the two whole whatever happens."""
    os.chmod(copy, 0o600)
    flushed(copy)
    os.replace(copy, path)
    if sys.platform != "win32":
        flushed(path.parent)


PERSONAL = nothing(NOTE)
"""What these tables hold of people (staging/people/personal.py)."""
