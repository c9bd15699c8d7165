"""Keeps published outcomes few and young: one file a day, deleted when the ledger's events are.

Here belongs: putting files together. A day's file names the files that it was made of, so that a kill before these are
deleted is mended by the next call.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import duckdb
import orjson
from filelock import FileLock, Timeout

from ...settings import Settings
from ..store import literal
from . import files
from .outcomes import opened, rows_in

MADE_OF = "made_of"  # the note in a day's file
MANY = 8  # files of one day that are worth putting together
ROWS_OF_GROUP = 20_000


def compact(settings: Settings, many: int = MANY) -> int:
    """Puts the files of each day together that has many of them; returns how many days that was.

    While another process does it, nothing is done.
    """
    days = [(day, [*paths]) for day, paths in groupby(files.outcome_files(settings), files.day_of)]
    crowded = [(day, paths) for day, paths in days if len(paths) >= many]
    if not crowded:
        return 0
    with (
        suppress(Timeout),
        FileLock(str(files.folder(settings) / "compaction.lock"), timeout=0),
        opened() as connection,
    ):
        for day, paths in crowded:
            _put_together(connection, settings, day, paths)
        return len(crowded)
    return 0


def _put_together(connection: duckdb.DuckDBPyConnection, settings: Settings, day: date, paths: Iterable[Path]) -> None:
    whole = files.day_file(settings, day)
    taken = _made_of(connection, whole) if whole.exists() else set()
    for path in [path for path in paths if path.name in taken]:
        path.unlink(missing_ok=True)  # a call before this one was killed here
    small = [path for path in paths if path != whole and path.name not in taken]
    _write(connection, whole, rows_in([*([whole] if whole.exists() else []), *small]), [path.name for path in small])
    for path in small:
        path.unlink(missing_ok=True)


def _made_of(connection: duckdb.DuckDBPyConnection, path: Path) -> set[str]:
    found = connection.execute(
        "SELECT value FROM parquet_kv_metadata(?) WHERE key = ?", [str(path), MADE_OF]
    ).fetchone()
    return set(orjson.loads(found[0])) if found else set()


def _write(connection: duckdb.DuckDBPyConnection, path: Path, rows: str, made_of: list[str]) -> None:
    note = literal(orjson.dumps(made_of).decode())
    with files.replacing(path) as half:
        connection.execute(
            f"""
            COPY (FROM {rows} ORDER BY moment) TO {literal(str(half))} (
                FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_OF_GROUP}, KV_METADATA {{{MADE_OF}: {note}}}
            )"""
        )


def keep_young(settings: Settings, now: datetime) -> None:
    """What is done every night: the files of each day become one, and old ones go."""
    compact(settings, many=2)
    forget_old(settings, now)


def forget_old(settings: Settings, now: datetime) -> int:
    """Deletes the outcomes that are older than `event_days`; returns how many files that was."""
    before = (now - timedelta(days=settings.event_days)).date()
    old = files.outcome_files(settings, last=before - timedelta(days=1))
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
