"""Databases that stay open from one use to the next: opening and closing a file is the dearest part of a short use.

A run opens its file some forty times. Nobody else can open it meanwhile, so it is never kept during a call over the
network, and only inside of `lingering`. Threads of one process share an open file with its settings, so who changes
these has it alone (`in_turn`).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..calling import before_calls, is_calling

# DuckDB refuses to open a file ("already attached") while another thread of the process closes it.
OPENING = threading.RLock()
Identity = tuple[int, int]
Config = Mapping[str, object]
_kept: dict[Path, tuple[Identity, Config, duckdb.DuckDBPyConnection]] = {}
_looked_at: set[tuple[Path, object]] = set()  # of what is kept open: see `once_open`
_blocks = 0
_turns = threading.Condition()
_uses: list[tuple[Path, int, bool]] = []  # of all threads, now: the file, the thread, and whether it has the file alone


@contextmanager
def in_turn(path: Path, alone: bool, wait_s: float) -> Iterator[bool]:
    """A use of a file, until the block ends: beside those of other threads, or alone.

    A thread that uses the file already may use it again in any way: it would wait for itself for ever.

    Gives whether the turn came within `wait_s` seconds.
    """
    use = path.absolute(), threading.get_ident(), alone
    with _turns:
        came = _turns.wait_for(lambda: not _is_taken(*use), wait_s)
        if came:
            _uses.append(use)
    try:
        yield came
    finally:
        if came:
            with _turns:
                _uses.remove(use)
                _turns.notify_all()


def _is_taken(path: Path, thread: int, alone: bool) -> bool:
    """Whether another thread uses a file in a way that a use has to wait for."""
    return any(path == file and thread != other and (alone or is_alone) for file, other, is_alone in _uses)


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


def keep(path: Path, config: Config, connect: Callable[[], duckdb.DuckDBPyConnection]) -> None:
    """Keeps a database open that is open now, where it may be kept.

    Args:
        config: how it was opened.
        connect: opens it once more. A connection of its own is kept: closing one also closes the cursors made of it.
    """
    with OPENING:
        file = identity(path)
        if _blocks and not is_calling() and path not in _kept and file:
            _kept[path] = file, config, connect()


def once_open(path: Path, name: object, look: Callable[[], None]) -> None:
    """Looks at a database once while it stays open: nobody else can change it meanwhile.

    Args:
        name: what is looked at.
    """
    with OPENING:
        is_done = (path, name) in _looked_at
    if is_done:
        return
    look()
    with OPENING:
        if path in _kept:
            _looked_at.add((path, name))


def forget_other(path: Path, config: Config) -> None:
    """Closes what is kept open where the path has another file now, or it shall be opened in another way.

    DuckDB would go on with the old file, and refuses to open one in two ways at once.
    """
    with OPENING:
        if path in _kept and _kept[path][:2] != (identity(path), config):
            let_go()


def let_go() -> None:
    """Closes what is kept open. What is still used stays open until its use ends."""
    with OPENING:
        _looked_at.clear()
        while _kept:
            _, (*_, connection) = _kept.popitem()
            connection.close()


def identity(path: Path) -> Identity | None:
    """What tells a file from another one that gets its path; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


before_calls(let_go)
