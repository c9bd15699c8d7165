"""Outcomes of records by filter, the newest first, and all that was published of one record.

Here belongs: the queries. Files that a compaction takes away meanwhile are looked up anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from ...settings import Settings
from ...staging.ledger import OPEN
from ...staging.published import files
from ...staging.published.compaction import compact
from ...staging.published.outcomes import OUTCOME, opened, rows_in
from ...staging.store import Row, literal, rows_of

PAGE = 50  # outcomes on a page
MOST = 10_000  # outcomes that can be paged through
MOST_EXPORTED = 100_000
MANY_FILES = 60
LOOKS = (2, 10, 1000)  # days of files that are looked at: most often the newest are enough
TRIES = 3
T = TypeVar("T")
DONE_WORDS = {  # SQL of what people call the outcomes
    "created": "state = 'CONFIRMED' AND action = 'create'",
    "updated": "state = 'CONFIRMED' AND coalesce(action, 'skip') NOT IN ('create', 'skip')",
    "skipped": "(state = 'SKIPPED' OR state = 'CONFIRMED' AND coalesce(action, 'skip') = 'skip')",
    "open": f"state IN ({', '.join(map(literal, OPEN))})",
}


@dataclass(frozen=True)
class Filter:
    """Which outcomes. What is empty counts for nothing.

    Attributes:
        text: the record's key, or its number in the target, or a part of either.
        state: a state of the ledger, or one of DONE_WORDS.
        first, last: days (UTC).
    """

    flow: str = ""
    text: str = ""
    state: str = ""
    reason: str = ""
    run: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def given(self) -> dict[str, str]:
        """What is not empty, as texts of an address."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in named.items() if value}

    def sql(self) -> tuple[str, list[Any]]:
        """The condition, and its bound values."""
        conditions, values = [OUTCOME], list[Any]()
        for column, value in (("flow", self.flow), ("reason", self.reason), ("run_id", self.run)):
            if value:
                conditions.append(f"{column} = ?")
                values.append(value)
        if self.state:
            conditions.append(f"({DONE_WORDS.get(self.state, f'state = {literal(self.state)}')})")
        if self.text:
            conditions.append("(contains(lower(key), lower(?)) OR contains(lower(target_no), lower(?)))")
            values += [self.text, self.text]
        for sign, day in ((">=", self.first), ("<=", self.last)):
            if day:
                conditions.append(f"moment::DATE {sign} ?::DATE")
                values.append(day)
        return " AND ".join(conditions), values


def newest(settings: Settings, wanted: Filter, offset: int = 0, limit: int = PAGE) -> list[Row]:
    """Outcomes, the newest first; one more than `limit`, when there are more."""
    condition, values = wanted.sql()

    def ask(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        found: list[Row] = []
        for some in _by_age(files.outcome_files(settings, wanted.first)):
            sql = f"""
                SELECT flow, part, is_main, key, target_no, state, action, reason, message, moment, run_id,
                    amount, currency, difference
                FROM {rows_in(some)}
                WHERE {condition}
                ORDER BY moment DESC, key
                LIMIT {limit + 1} OFFSET {offset}"""
            found = rows_of(connection, sql, values)
            if len(found) > limit:
                break
        return found

    return reading(settings, ask)


def _by_age(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """The files of the newest days, then of more days, then all."""
    days = sorted({files.day_of(path) for path in paths}, reverse=True)
    for count in LOOKS:
        first = days[min(count, len(days)) - 1] if days else None
        yield [path for path in paths if first and files.day_of(path) >= first]
        if count >= len(days):
            return


def story(settings: Settings, flow: str, key: str) -> list[Row]:
    """All published moves of a record in all its parts, the oldest first."""

    def ask(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        sql = f"SELECT * FROM {rows_in(files.outcome_files(settings))} WHERE flow = ? AND key = ? ORDER BY moment"
        return rows_of(connection, sql, [flow, key])

    return reading(settings, ask)


def reasons(settings: Settings, since: date) -> list[str]:
    """The reason codes of the outcomes since a day."""

    def ask(connection: duckdb.DuckDBPyConnection) -> list[str]:
        sql = f"SELECT DISTINCT reason FROM {rows_in(files.outcome_files(settings, since))} WHERE reason IS NOT NULL"
        return sorted(reason for (reason,) in connection.execute(sql).fetchall())

    return reading(settings, ask)


def reading(settings: Settings, ask: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """Asks the published files. A file that went meanwhile is no error: its rows are in another one."""
    if len(files.outcome_files(settings)) > MANY_FILES:
        compact(settings)
    for attempt in range(TRIES):
        try:
            with opened() as connection:
                return ask(connection)
        except duckdb.IOException:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")
