"""Databases that stay open between two uses of them: opening and closing a file takes most of the time of a small sync.

While they do, no other process can open them, so a test with other processes lets go of them first.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import duckdb

from winbc_pipeline.staging import store as stores
from winbc_pipeline.staging.people.encryption import NAME
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync import map as mapping
from winbc_pipeline.workbench import missing_rows, preview

OPEN_FILE, COMPARISON = Store._open_file, "reconcile_"
_kept: dict[Path, tuple[int, duckdb.DuckDBPyConnection]] = {}
_looked_at: set[tuple[int, object]] = set()
_patches = ExitStack()


@contextmanager
def kept_open() -> Iterator[None]:
    """Databases stay open until the block ends, or until `let_go`."""
    with _patches:
        _patches.callback(_close)
        _patches.enter_context(patch.object(Store, "_open_file", _open_file))
        _patches.enter_context(patch.object(stores, "once_open", _once_open))
        _patches.enter_context(patch.object(stores, "look_s", lambda: None))  # it is open to be changed already
        for place in (mapping, missing_rows, preview):  # would lock the database that stays open
            _patches.enter_context(patch.object(place, "lock_down", lambda _: None))
        yield


def let_go() -> None:
    """From here on a database is open as long as the program uses it."""
    _patches.close()


def _close() -> None:
    for _, connection in _kept.values():
        connection.close()
    _kept.clear()
    _looked_at.clear()


def _once_open(path: Path, name: object, look: Callable[[], None]) -> None:
    file = _kept[path][0] if path in _kept else 0
    if (file, name) not in _looked_at:
        look()
    if file:
        _looked_at.add((file, name))


def _open_file(store: Store, alone: bool = False) -> duckdb.DuckDBPyConnection:
    # What is made now may be attached to another database next, and that of a comparison is deleted and made anew.
    if not store.path.exists() or store.path.name.startswith(COMPARISON):
        return OPEN_FILE(store, alone=True)
    kept, file = _kept.get(store.path), store.path.stat().st_ino
    if kept is None or kept[0] != file:
        if kept:
            kept[1].close()
        kept = _kept[store.path] = (file, OPEN_FILE(store, alone=True))
        kept[1].execute("SET GLOBAL TimeZone = 'UTC'")
    connection = kept[1].cursor()
    connection.execute(f"USE {NAME}")
    return connection
