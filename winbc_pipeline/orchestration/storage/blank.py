"""A database of a run as Dagster makes it, before its first event. Each further one is a copy of it.

Dagster compares the versions of a database and of its own migrations, and creates ten tables: for each run, in each
process that has to do with it.
"""

import os
import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path

_kept: list[tuple[bytes, str]] = []  # the file, and the version of its tables


def remember(path: str) -> None:
    """Keeps a database that Dagster has just made, to copy it. One in which something may have been written is none."""
    file = Path(path)
    if not _kept and not Path(f"{path}-wal").exists() and not _has_events(file):
        _kept.append((file.read_bytes(), _version(file)))


def copied(path: str) -> bool:
    """Makes a database where there is none; returns whether the one that is there now has the tables of this Dagster.

    Another process may make it at the same moment: whoever is first counts, and the copy appears whole.
    """
    if not _kept:
        return False
    file, (content, version) = Path(path), _kept[0]
    if not file.exists():
        half = file.with_suffix(f".{uuid.uuid4().hex}")
        half.write_bytes(content)
        with suppress(OSError):  # it is there by now, or this disk knows no second name: then Dagster makes it
            os.link(half, file)
        half.unlink()
    return _version(file) == version


def _version(file: Path) -> str:
    """The version of a database's tables; empty where it has none yet."""
    with closing(sqlite3.connect(file)) as connection, suppress(sqlite3.Error):
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found[0]) if found else ""
    return ""


def _has_events(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT 1 FROM event_logs LIMIT 1").fetchone() is not None
