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
Use = tuple[Path, int, bool]  # the file, the thread, and whether it has the file alone
Config = Mapping[str, object]
_kept: dict[Path, tuple[Identity, Config, duckdb.DuckDBPyConnection]] = {}
_looked_at: set[tuple[Path, object]] = set()  # of what is kept open: see `once_open`
_blocks = 0
_spans = 0  # outermost blocks so far
_turns = threading.Condition()
_uses: list[Use] = []  # of all threads, now
_waiting: dict[int, Use] = {}  # by thread: the use that it waits for


@contextmanager
def in_turn(path: Path, alone: bool, wait_s: float) -> Iterator[bool]:
    """A use of a file, until the block ends: beside those of other threads, or alone.

    A thread that uses the file already may use it again in any way: it would wait for itself for ever. Of threads that
    wait for each other, one gives up at once, so that the others go on.

    Gives whether the turn came within `wait_s` seconds.
    """
    thread = threading.get_ident()
    use = path.absolute(), thread, alone
    with _turns:
        _waiting[thread] = use
        _turns.notify_all()  # whoever waits may wait for this thread now
        try:
            _turns.wait_for(lambda: not _blockers(use) or _gives_up(thread), wait_s)
        finally:
            del _waiting[thread]
        came = not _blockers(use)
        if came:
            _uses.append(use)
    try:
        yield came
    finally:
        if came:
            with _turns:
                _uses.remove(use)
                _turns.notify_all()


def _blockers(use: Use) -> set[int]:
    """The other threads that use a file in a way that a use has to wait for."""
    path, thread, alone = use
    return {other for file, other, is_alone in _uses if path == file and thread != other and (alone or is_alone)}


def _waited_for(thread: int) -> set[int]:
    """The threads that a thread waits for, and those that these wait for."""
    found: set[int] = set()
    left = [thread]
    while left:
        use = _waiting.get(left.pop())
        new = _blockers(use) - found if use else set()
        found |= new
        left += new
    return found


def _gives_up(thread: int) -> bool:
    """Whether threads wait for each other, and this one is to give up: the one that asks against the order of paths."""
    circle = {other for other in _waited_for(thread) if thread in _waited_for(other)}
    return bool(circle) and min(circle, key=lambda each: (_waiting[each][0], each)) == thread


@contextmanager
def lingering() -> Iterator[None]:
    """Until the block ends, databases stay open between two uses, but for calls over the network."""
    global _blocks, _spans
    with OPENING:
        _spans += not _blocks
        _blocks += 1
    try:
        yield
    finally:
        with OPENING:
            _blocks -= 1
        if not _blocks:
            let_go()


def span() -> int:
    """The number of the outermost block of `lingering` that goes on; 0 outside of any."""
    return _spans if _blocks else 0


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
