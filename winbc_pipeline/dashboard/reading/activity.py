"""Outcomes of records by filter, the newest first, and all that was published of one record.

Here belongs: the queries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ...settings import Settings
from ...staging.ledger import OPEN
from ...staging.published import files
from ...staging.published.outcomes import OUTCOME, rows_in
from ...staging.store import Row, literal, rows_of
from .asking import reading
from .names import having

PAGE = 50  # outcomes on a page
MOST = 10_000  # outcomes that can be paged through
MOST_EXPORTED = 100_000
LOOKS = (8, 32)  # newest days that are looked at before the rest: most often they are enough
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
            conditions.append("contains(sought, lower(?))")
            values.append(self.text)
        for sign, day in ((">=", self.first), ("<=", self.last)):
            if day:
                conditions.append(f"moment::DATE {sign} ?::DATE")
                values.append(day)
        return " AND ".join(conditions), values


def newest(settings: Settings, wanted: Filter, offset: int = 0, limit: int = PAGE) -> list[Row]:
    """Outcomes, the newest first; one more than `limit`, when there are more."""
    condition, values = wanted.sql()
    most = offset + limit + 1

    def ask(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        found: list[Row] = []
        present = having(files.outcome_files(settings, wanted.first, wanted.last), wanted.text)
        for some, newest_of_rest in _by_age(present):
            sql = f"""
                SELECT flow, part, is_main, key, target_no, state, action, reason, message, moment, run_id,
                    amount, currency, difference
                FROM {rows_in(some)}
                WHERE {condition}
                ORDER BY moment DESC, key
                LIMIT {most}"""
            found += rows_of(connection, sql, values)
            found.sort(key=lambda row: (-row["moment"].timestamp(), row["key"]))
            if len(found) >= most and found[most - 1]["moment"].date() > newest_of_rest:
                break
        return found[offset:most]

    return reading(ask)


def _by_age(paths: Sequence[Path]) -> Iterator[tuple[Sequence[Path], date]]:
    """The files with the newest days, and then older ones; with each, the newest day of those that are left."""
    ends = {path: files.days_of(path)[1] for path in paths}
    newest_day = max(ends.values(), default=date.max)
    for begins in (*(newest_day - timedelta(days=days) for days in LOOKS), date.min):
        some = [path for path, day in ends.items() if day > begins]
        ends = {path: day for path, day in ends.items() if day <= begins}
        if some:
            yield some, max(ends.values(), default=date.min)


def story(settings: Settings, flow: str, key: str) -> list[Row]:
    """All published moves of a record in all its parts, the oldest first."""

    def ask(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        sql = f"SELECT * FROM {rows_in(files.outcome_files(settings))} WHERE flow = ? AND key = ? ORDER BY moment"
        return rows_of(connection, sql, [flow, key])

    return reading(ask)
