"""Keeps published outcomes few and young, so that a page opens few files; they go when the ledger's events go.

Here belongs: putting files together. A run does it when many of a day have come; each night those of a day become one,
and those of a week that is over. A file names those that it was made of, so that a kill before these are deleted is
mended by the next call.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

import duckdb
import orjson
from filelock import FileLock, Timeout

from ...settings import Settings
from ..store import literal
from . import files
from .outcomes import OUTCOME, opened, rows_in

MADE_OF = "made_of"  # the note in a file that was put together
MANY = 12  # files of a day that are worth putting together; each costs a page a millisecond
ROWS_OF_GROUP = 20_000
EVER = date.min


def compact(settings: Settings, many: int = MANY) -> None:
    """Puts the files of runs of each day together that has many of them, and the files that were made so, likewise.

    So no row is written again for every few runs. While another process does it, nothing is done.
    """
    kinds = groupby(files.outcome_files(settings), lambda path: (files.days_of(path), files.is_of_run(path)))
    _put_together(settings, [some for _, paths in kinds if len(some := [*paths]) >= many])


def keep_young(settings: Settings, now: datetime) -> None:
    """What is done every night: the files of each day, and of each week that is over, become one, and old ones go."""
    kept = (now - timedelta(days=settings.event_days)).date()
    for path in files.outcome_files(settings, last=kept - timedelta(days=1)):
        if files.days_of(path)[1] < kept:
            path.unlink(missing_ok=True)
    spans = groupby(files.outcome_files(settings), lambda path: _span(path, now.date()))
    crowds = [[*paths] for _, paths in spans]
    _put_together(settings, [some for some in crowds if len(some) > 1 or files.days_of(some[0])[0] < kept], kept)


def _span(path: Path, today: date) -> date:
    """The first day of those whose files become one with a file: of its week once that is over, else of the file."""
    first, _ = files.days_of(path)
    monday = first - timedelta(days=first.weekday())
    return monday if today - monday >= timedelta(days=7) else first


def _put_together(settings: Settings, crowds: Sequence[Sequence[Path]], kept: date = EVER) -> None:
    """Puts each crowd of files into one.

    Args:
        kept: the first day whose rows are kept.
    """
    if not crowds:
        return
    with (
        suppress(Timeout),
        FileLock(str(files.folder(settings) / "compaction.lock"), timeout=0),
        opened() as connection,
    ):
        for crowd in crowds:
            days = [files.days_of(path) for path in crowd]
            first, last = max(kept, min(days)[0]), max(ends for _, ends in days)
            made = [path for path in files.outcome_files(settings, first, last) if not files.is_of_run(path)]
            taken = {name for path in made for name in _made_of(connection, path)}
            whole = [path for path in crowd if not (files.is_of_run(path) and files.is_unfinished(settings, path))]
            if present := [path for path in whole if path.name not in taken and path.exists()]:
                _write(connection, files.made_file(settings, first, last), present, kept)
            for path in whole:  # a call before this one may have been killed here
                path.unlink(missing_ok=True)


def _made_of(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    found = connection.execute(
        "SELECT value FROM parquet_kv_metadata(?) WHERE key = ?", [str(path), MADE_OF]
    ).fetchone()
    names: list[str] = orjson.loads(found[0]) if found else []
    return names


def _write(connection: duckdb.DuckDBPyConnection, path: Path, parts: Sequence[Path], kept: date) -> None:
    note = literal(orjson.dumps([part.name for part in parts]).decode())
    begins = datetime.combine(kept, time.min, UTC)
    with files.replacing(path) as half:
        connection.execute(
            f"""
            COPY (
                FROM {rows_in(parts)}
                WHERE moment >= TIMESTAMPTZ '{begins.isoformat()}'
                ORDER BY {OUTCOME} DESC, flow, key, moment
            ) TO {literal(str(half))} (
                FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_OF_GROUP}, KV_METADATA {{{MADE_OF}: {note}}}
            )"""
        )
