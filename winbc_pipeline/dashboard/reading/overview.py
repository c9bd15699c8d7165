"""What the overview shows: each flow's card, the days before, what is wrong, both systems.

Here belongs: putting it together. What became of records: counts.py. How a flow is, and what late means: health/.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from ...flows import FLOWS
from ...health.lateness import FlowHealth
from ...health.problem import SYSTEMS, Problem
from ...health.publishing.progress import Progress, at_work
from ...health.report import Report, report_of_published
from ...settings import Settings
from ...sync.flow import Flow
from .counts import Counts, Day, counted

DAYS = 30
# Kinds of problems in the order in which a person should look at them.
FIRST = ("guard", "person", "system", "drift", "failed", "disk", "daemon", "late", "volume", "expiry")


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


def overview(settings: Settings, now: datetime) -> Overview:
    """How the connection is at a moment."""
    found = report_of_published(settings, now)
    days = counted(settings, [now.date() - timedelta(days=number) for number in reversed(range(DAYS))])
    healths = {each.flow: each for each in found.flows}
    cards = [_card(settings, flow, healths[flow.id], days, now) for flow in FLOWS]
    problems = sorted(found.problems, key=lambda each: (FIRST.index(each.name.kind), each.opened_at))
    return Overview(
        found,
        tuple(card for card in cards if card.health.is_on),
        tuple(card.flow for card in cards if not card.health.is_on),
        tuple(problems),
        tuple(_system(found, problems, system) for system in SYSTEMS),
    )


def _card(settings: Settings, flow: Flow, health: FlowHealth, days: Mapping[date, Day], now: datetime) -> Card:
    by_day = tuple((day, each.counts.get(flow.id, Counts())) for day, each in days.items())
    amounts = days[now.date()].amounts.get(flow.id, {})
    return Card(flow, health, by_day, amounts, at_work(settings, flow.id, now))


def _system(found: Report, problems: Iterable[Problem], system: str) -> SystemHealth:
    name = SYSTEMS[system]
    asked = [each for each in found.flows if each.is_on and each.flow.partition(f"_{system}_to_")[1]]
    answered = max((each.poll.answered_at for each in asked if each.poll.answered_at), default=None)
    wrong = [each for each in problems if each.name.kind == "system" and each.name.cause == name]
    if not wrong:
        return SystemHealth(name, answered, None)
    return SystemHealth(name, answered, min(each.opened_at for each in wrong), wrong[0].words)
