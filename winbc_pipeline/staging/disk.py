"""What lies on the disk beside a database, and when the disk has it."""

import os
from pathlib import Path


def log_of(path: Path) -> Path:
    """The write-ahead log of a database: what was committed, and is not in its file yet."""
    return path.with_name(f"{path.name}.wal")


def signature(path: Path) -> tuple[tuple[int, int], ...]:
    """What changes with every commit: size and moment of a database and of its log."""
    return tuple(map(_state, (path, log_of(path))))


def _state(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except FileNotFoundError:  # it may go at any moment
        return 0, 0
    return found.st_size, found.st_mtime_ns


def flushed(path: Path) -> None:
    """Waits until the disk has a file, or a folder's list of its files."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
