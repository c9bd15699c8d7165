"""What became of records day by day, and the amounts that arrived.

Here belongs: the queries. Today, and the days before it, are each read anew only when their files have changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from ...settings import Settings
from ...staging.published import files
from ...staging.published.outcomes import OUTCOME, rows_in
from ...staging.store import rows_of
from .activity import DONE_WORDS
from .asking import reading

Signs = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Counts:
    """What became of the records of one flow on one day: each record counts once, by its last outcome that day."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def read(self) -> int:
        return self.created + self.updated + self.skipped + self.failed


@dataclass(frozen=True)
class Day:
    """What became of the records of a day.

    Attributes:
        counts: by flow.
        amounts: totals of the documents that arrived, by flow and by currency (empty: the company's own).
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    amounts: dict[str, dict[str, Decimal]] = field(default_factory=dict)


# By folder, first and last day: the files when they were read, and what they had.
_known: dict[tuple[Path, date, date], tuple[Signs, Mapping[date, Day]]] = {}
KEPT = 8


def counted(settings: Settings, days: Sequence[date]) -> Mapping[date, Day]:
    """What became of the records of days that follow each other, the oldest first."""
    *before, today = days
    found = _of(settings, before[0], before[-1]) | _of(settings, today, today)
    return {day: found.get(day, Day()) for day in days}


def _of(settings: Settings, first: date, last: date) -> dict[date, Day]:
    place, signs = (files.outcomes_folder(settings), first, last), list[tuple[str, int]]()
    for path in files.outcome_files(settings, first, last):
        with suppress(FileNotFoundError):  # its rows are in another file now
            signs.append((path.name, path.stat().st_mtime_ns))

    def ask(connection: duckdb.DuckDBPyConnection) -> Mapping[date, Day]:
        return _read(connection, files.outcome_files(settings, first, last), first, last)

    known = _known.get(place)
    if known is None or known[0] != tuple(signs):
        known = _known[place] = tuple(signs), reading(ask)
        while len(_known) > KEPT:
            _known.pop(next(iter(_known)), None)
    return dict(known[1])


def _read(connection: duckdb.DuckDBPyConnection, paths: Iterable[Path], first: date, last: date) -> Mapping[date, Day]:
    numbers = ", ".join(
        f"count(*) FILTER ({'is_main AND ' if name != 'open' else ''}{condition}) AS {name}"
        for name, condition in DONE_WORDS.items()
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE last_outcome AS
        SELECT
            flow, is_main, moment::DATE AS day, key, part,
            arg_max(state, moment) AS state, arg_max(action, moment) AS action,
            arg_max(amount, moment) AS amount, arg_max(coalesce(currency, ''), moment) AS currency
        FROM {rows_in(paths)}
        WHERE {OUTCOME} AND moment::DATE BETWEEN ? AND ?
        GROUP BY ALL""",
        [first, last],
    )
    days: dict[date, Day] = {}
    for row in rows_of(connection, f"SELECT day, flow, {numbers} FROM last_outcome GROUP BY ALL"):
        counts = Counts(row["created"], row["updated"], row["skipped"], row["open"])
        days.setdefault(row["day"], Day()).counts[row["flow"]] = counts
    sums = f"""
        SELECT day, flow, currency, sum(amount)
        FROM last_outcome
        WHERE is_main AND amount IS NOT NULL AND ({DONE_WORDS["created"]} OR {DONE_WORDS["updated"]})
        GROUP BY ALL
        ORDER BY ALL"""
    for day, flow, currency, amount in connection.execute(sums).fetchall():
        days[day].amounts.setdefault(flow, {})[currency] = amount
    return days
