"""What the overview shows: each flow's card, the days before, what is wrong, both systems.

Here belongs: putting it together. How a flow is, and what late means: health/.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import duckdb

from ...flows import FLOWS
from ...health.lateness import FlowHealth
from ...health.problem import SYSTEMS, Problem
from ...health.publishing.progress import Progress, at_work
from ...health.report import Report, report_of_published
from ...settings import Settings
from ...staging.published import files
from ...staging.published.outcomes import OUTCOME, rows_in
from ...staging.store import rows_of
from ...sync.flow import Flow
from .activity import DONE_WORDS, reading

DAYS = 30
# Kinds of problems in the order in which a person should look at them.
FIRST = ("guard", "person", "system", "drift", "failed", "disk", "late", "volume", "expiry")


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
class Card:
    """One flow in one direction.

    Attributes:
        days: the last days up to today, the oldest first.
        amounts: totals of the documents that arrived today, by currency (empty: the company's own).
        progress: the run that is at work; None for none.
    """

    flow: Flow
    health: FlowHealth
    days: tuple[tuple[date, Counts], ...]
    amounts: Mapping[str, Decimal]
    progress: Progress | None

    @property
    def today(self) -> Counts:
        return self.days[-1][1]

    @property
    def busiest(self) -> int:
        """Records of the day with most of them."""
        return max((counts.read for _, counts in self.days), default=0)


@dataclass(frozen=True)
class SystemHealth:
    """One of both systems.

    Attributes:
        answered_at: when it last answered a question; None for never.
        failed_at: since when it fails; None while it does not.
        words: how it fails.
    """

    name: str
    answered_at: datetime | None
    failed_at: datetime | None
    words: str = ""


@dataclass(frozen=True)
class Overview:
    """All of the page."""

    report: Report
    cards: tuple[Card, ...]
    off: tuple[Flow, ...]
    problems: tuple[Problem, ...]
    systems: tuple[SystemHealth, ...]


@dataclass
class _Read:
    """Counts by flow and day, and amounts of one day by flow and currency."""

    counts: dict[tuple[str, date], Counts] = field(default_factory=dict)
    amounts: dict[str, dict[str, Decimal]] = field(default_factory=dict)


def overview(settings: Settings, now: datetime) -> Overview:
    """How the connection is at a moment."""
    found, today = report_of_published(settings, now), now.date()
    before = _before(settings, today - timedelta(days=DAYS - 1), today - timedelta(days=1))
    read = _of_days(settings, today, today)
    healths = {each.flow: each for each in found.flows}
    cards = [_card(settings, flow, healths[flow.id], before.counts | read.counts, read, now) for flow in FLOWS]
    problems = sorted(found.problems, key=lambda each: (FIRST.index(each.name.kind), each.opened_at))
    return Overview(
        found,
        tuple(card for card in cards if card.health.is_on),
        tuple(card.flow for card in cards if not card.health.is_on),
        tuple(problems),
        tuple(_system(found, problems, system) for system in SYSTEMS),
    )


def _card(
    settings: Settings,
    flow: Flow,
    health: FlowHealth,
    counts: Mapping[tuple[str, date], Counts],
    today: _Read,
    now: datetime,
) -> Card:
    days = [now.date() - timedelta(days=number) for number in reversed(range(DAYS))]
    by_day = tuple((day, counts.get((flow.id, day), Counts())) for day in days)
    return Card(flow, health, by_day, today.amounts.get(flow.id, {}), at_work(settings, flow.id, now))


def _system(found: Report, problems: Iterable[Problem], system: str) -> SystemHealth:
    name = SYSTEMS[system]
    asked = [each for each in found.flows if each.is_on and each.flow.partition(f"_{system}_to_")[1]]
    answered = max((each.poll.answered_at for each in asked if each.poll.answered_at), default=None)
    wrong = [each for each in problems if each.name.kind == "system" and each.name.cause == name]
    if not wrong:
        return SystemHealth(name, answered, None)
    return SystemHealth(name, answered, min(each.opened_at for each in wrong), wrong[0].words)


def _before(settings: Settings, first: date, last: date) -> _Read:
    """The counts of days that are over. They are read anew only when their files have changed."""
    signs = tuple((str(path), path.stat().st_mtime_ns) for path in files.outcome_files(settings, first, last))
    return _kept(settings.state_folder.as_posix(), first, last, signs, _Asked(settings))


class _Asked:
    """Settings that all count as the same, so that they are no part of what is kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4)
def _kept(_: str, first: date, last: date, __: tuple[tuple[str, int], ...], asked: _Asked) -> _Read:
    return _of_days(asked.settings, first, last)


def _of_days(settings: Settings, first: date, last: date) -> _Read:
    """The counts of these days, and the amounts of all of them together."""

    def ask(connection: duckdb.DuckDBPyConnection) -> _Read:
        counted = ", ".join(
            f"count(*) FILTER ({'is_main AND ' if name != 'open' else ''}{condition}) AS {name}"
            for name, condition in DONE_WORDS.items()
        )
        connection.execute(
            f"""
            CREATE TEMP TABLE last_outcome AS
            SELECT
                flow, is_main, moment::DATE AS day, key, part,
                arg_max(state, moment) AS state, arg_max(action, moment) AS action,
                arg_max(amount, moment) AS amount, arg_max(coalesce(currency, ''), moment) AS currency
            FROM {rows_in(files.outcome_files(settings, first))}
            WHERE {OUTCOME} AND moment::DATE BETWEEN ? AND ?
            GROUP BY ALL""",
            [first, last],
        )
        read = _Read()
        for row in rows_of(connection, f"SELECT flow, day, {counted} FROM last_outcome GROUP BY ALL"):
            counts = Counts(row["created"], row["updated"], row["skipped"], row["open"])
            read.counts[row["flow"], row["day"]] = counts
        sums = f"""
            SELECT flow, currency, sum(amount)
            FROM last_outcome
            WHERE is_main AND amount IS NOT NULL AND ({DONE_WORDS["created"]} OR {DONE_WORDS["updated"]})
            GROUP BY ALL
            ORDER BY ALL"""
        for flow, currency, amount in connection.execute(sums).fetchall():
            read.amounts.setdefault(flow, {})[currency] = amount
        return read

    return reading(settings, ask)
