"""Which messages are due at a moment? Data in, data out: nothing here is sent or stored.

A problem is told once, at once if it is not temporary; then after an hour, six hours, and every day; and when it is
mended. What follows from another problem is not told. However much goes wrong, few messages go out: what is over the
budget goes together in the next one. Less important messages use up nothing of the budget of those that weigh more,
and those that say that something is mended have a budget of their own.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import chain
from typing import Literal

from ..settings import AlertSettings
from .gather import Gathered
from .problem import STOPS, SYSTEMS, Name, Problem
from .store import Sent, Track

HOUR = timedelta(hours=1)
STEPS = (timedelta(), HOUR, 6 * HOUR)  # when it is told that a problem is open, after the first time; then every day
DAY = 24 * HOUR
FORGOTTEN = HOUR  # a problem that comes again later than this after it was mended is a new one
TOGETHER = HOUR / 2  # what is due so soon goes with what is due now
AFTERMATH = timedelta(minutes=10)  # what follows from a problem may outlast it so long
MOST_SINGLE = 3  # new problems that get messages of their own at the same moment
# At most so many messages follow each other; then one in each REFILL. So 12 hours bring 12 at most.
BURST, REFILL = 6, 2 * HOUR
LOOK_BACK = 2 * DAY  # of messages that count for the budget
# How much a message weighs, by the most important thing in it.
MENDED, REMINDER, RECORDS, RUNS = -1, 0, 1, 2
WEIGHTS = {"failed": RECORDS, "person": RECORDS, "disk": RUNS, "daemon": RUNS} | dict.fromkeys(STOPS, RUNS)
What = Literal["new", "still", "mended"]


@dataclass(frozen=True)
class Item:
    """A problem in a message, and what is said of it; of a guard's, `safe` are its flows in safe mode."""

    what: What
    problem: Problem
    track: Track
    safe: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """MENDED, REMINDER (told before, or no failure), RECORDS, or RUNS (it stops runs)."""
        if self.what == "mended":
            return MENDED
        return WEIGHTS.get(self.problem.name.kind, REMINDER) if self.what == "new" else REMINDER


@dataclass(frozen=True)
class Draft:
    """A message that is due.

    Attributes:
        channels: names of channels. The first that takes it gets it; empty for all in the order of the settings.
        items: what it tells.
        full_until: when it uses up the budget: until when others that do not weigh more are held.
    """

    channels: tuple[str, ...]
    items: tuple[Item, ...]
    full_until: datetime | None = None

    @property
    def weight(self) -> int:
        return max(item.weight for item in self.items)


@dataclass(frozen=True)
class Held:
    """How many problems are due to be told and are held, and until when the first of them is."""

    count: int
    until: datetime


def follow(gathered: Gathered, tracks: Mapping[Name, Track], now: datetime) -> dict[Name, Track]:
    """The tracks as the problems are now. What is mended and was never told is forgotten."""
    problems = {each.name: each for each in gathered.problems if each.closed_at is None}
    mended = {each.name: each.closed_at for each in gathered.problems if each.closed_at}
    followed = {name: _opened(each, tracks.get(name), now) for name, each in problems.items()}
    for name, track in tracks.items():
        if name in problems or name.flow in gathered.off:
            continue
        if track.closed_at is None and name.flow not in gathered.unread:
            track = replace(track, closed_at=mended.get(name) or now)
        if track.sent and not _is_forgotten(track, now):
            followed[name] = track
    return followed


def _opened(problem: Problem, track: Track | None, now: datetime) -> Track:
    """The track of an open problem. It keeps the flows that were mended before the others, so that all are resolved."""
    opened = _since(problem, track, now)
    before = track.flows.split() if track and track.closed_at is None else []
    return replace(
        opened, flows=" ".join(dict.fromkeys([*before, *problem.flows])), words=opened.words or problem.words
    )


def _since(problem: Problem, track: Track | None, now: datetime) -> Track:
    if track is None or _is_forgotten(track, now):
        return Track(problem.opened_at, records=problem.records)
    if track.closed_at and track.told:  # nobody has heard that it was mended
        return replace(track, closed_at=None, records=max(track.records, problem.records))
    if track.closed_at and problem.is_anew:
        return Track(problem.opened_at, records=problem.records)
    if track.closed_at:
        again = replace(track, opened_at=problem.opened_at, closed_at=None, records=problem.records)
        return replace(again, sent=1, first_sent_at=track.closed_at)  # told again an hour after it was mended
    return replace(track, records=max(track.records, problem.records))


def _is_forgotten(track: Track, now: datetime) -> bool:
    return track.closed_at is not None and not track.told and now - track.closed_at > FORGOTTEN


def due(
    gathered: Gathered,
    before: Mapping[Name, Track],
    tracks: Mapping[Name, Track],
    sent: Sequence[Sent],
    alerts: AlertSettings,
    now: datetime,
) -> list[Draft]:
    """The messages that are due.

    Args:
        before: the tracks of the look before this one.
        tracks: the same as `follow` gave them now.
        sent: messages that went out since LOOK_BACK.
    """
    return _drafts(_items(gathered, before, tracks, alerts, now), sent, alerts, now)


def held(
    gathered: Gathered, before: Mapping[Name, Track], sent: Sequence[Sent], alerts: AlertSettings, now: datetime
) -> Held | None:
    """What is due and waits, because the budget is used up; None for nothing."""
    items = _items(gathered, before, follow(gathered, before, now), alerts, now)
    told = {item.problem.name for draft in _drafts(items, sent, alerts, now) for item in draft.items}
    left = [item for item in items if item.problem.name not in told]
    return Held(len(left), min(_free_at(sent, item.weight, now) for item in left)) if left else None


def _items(
    gathered: Gathered, before: Mapping[Name, Track], tracks: Mapping[Name, Track], alerts: AlertSettings, now: datetime
) -> list[Item]:
    """What is to be told now, were there no budget."""
    if not alerts.urls:
        return []
    problems = {each.name: each for each in gathered.problems if each.closed_at is None}
    items = [_mended(name, track) for name, track in tracks.items() if track.closed_at and track.told]
    soon = []
    for name, problem in problems.items():
        moment = _due_at(problem, tracks[name], name in before, alerts)
        if moment and moment <= now + TOGETHER and not _is_silenced(problem, problems, tracks, now):
            item = Item("still" if tracks[name].sent else "new", problem, tracks[name])
            if moment <= now:
                items.append(item)
            elif item.what == "still":
                soon.append(item)
    if any(item.what != "mended" for item in items):
        items += soon
    quiet = is_quiet(alerts, now)
    safe = {each.flow for each in gathered.healths if each.safe_mode}
    return [_with_safe(item, safe) for item in items if not quiet or item.problem.name.kind in alerts.urgent]


def _with_safe(item: Item, safe: Set[str]) -> Item:
    is_guard = item.problem.name.kind == "guard"
    return replace(item, safe=tuple(flow for flow in item.problem.flows if flow in safe)) if is_guard else item


def _drafts(items: list[Item], sent: Sequence[Sent], alerts: AlertSettings, now: datetime) -> list[Draft]:
    """The messages of what is due. Where these are more than may go out, each route gets one."""
    drafts = []
    for own in ([item for item in items if item.what != "mended"], [item for item in items if item.what == "mended"]):
        routes = _by_route(own, alerts)
        single = list(chain.from_iterable(_of_route(route, each) for route, each in routes.items()))
        allowed = _allowed(single, sent, now)
        if len(allowed) < len(single):
            allowed = _allowed([Draft(route, tuple(each)) for route, each in routes.items()], sent, now)
        drafts += allowed
    return drafts


def _allowed(drafts: Iterable[Draft], sent: Sequence[Sent], now: datetime) -> list[Draft]:
    """Those that the budget allows, the most important first."""
    allowed, taken = [], list(sent)
    for draft in sorted(drafts, key=lambda each: -each.weight):
        if budget(taken, draft.weight, now) >= 1:
            taken.append(Sent(now, draft.weight))
            is_last = draft.weight != MENDED and budget(taken, draft.weight, now) < 1
            allowed.append(replace(draft, full_until=_free_at(taken, draft.weight, now) if is_last else None))
    return allowed


def budget(sent: Iterable[Sent], weight: int, now: datetime) -> float:
    """How many messages of a weight may go out now: those that went out count that weigh as much or more."""
    level, last = float(BURST), now
    for moment in sorted(each.moment for each in sent if _counts(each.weight, weight)):
        level = min(level + max(moment - last, timedelta()) / REFILL, BURST) - 1
        last = moment
    return min(level + (now - last) / REFILL, BURST)


def _counts(sent: int, weight: int) -> bool:
    return sent == MENDED if weight == MENDED else sent >= weight


def _free_at(sent: Iterable[Sent], weight: int, now: datetime) -> datetime:
    """When the next message of a weight may go out."""
    return now + max(1 - budget(sent, weight, now), 0) * REFILL


def is_quiet(alerts: AlertSettings, now: datetime) -> bool:
    """Whether messages that are not urgent wait for the morning."""
    if not alerts.quiet:
        return False
    start, end = (time.fromisoformat(each) for each in alerts.quiet.split("-"))
    clock = now.astimezone(alerts.time_zone).time()
    return start <= clock < end if start <= end else clock >= start or clock < end


def told(draft: Draft, now: datetime) -> dict[Name, Track]:
    """The tracks of a draft's problems once it was taken."""
    tracks = {}
    for item in draft.items:
        track = item.track
        if item.what == "mended":
            tracks[item.problem.name] = replace(track, told=False)
        else:
            first = track.first_sent_at or now
            tracks[item.problem.name] = replace(track, told=True, sent=track.sent + 1, first_sent_at=first)
    return tracks


def _mended(name: Name, track: Track) -> Item:
    flows = tuple(track.flows.split())
    problem = Problem(name, track.opened_at, track.closed_at, track.records, words=track.words, flows=flows)
    return Item("mended", problem, track)


def _due_at(problem: Problem, track: Track, is_known: bool, alerts: AlertSettings) -> datetime | None:
    """When the next message about an open problem is due; None while it must be seen once more.

    A flow may look late for a moment, because the program was off: the first look asks its source again.
    """
    if track.sent:
        later = STEPS[track.sent] if track.sent < len(STEPS) else DAY * (track.sent - len(STEPS) + 1)
        return (track.first_sent_at or track.opened_at) + later
    if problem.is_temporary:
        return track.opened_at + timedelta(minutes=alerts.temporary_minutes)
    return track.opened_at if is_known or problem.name.kind != "late" else None


def _is_silenced(
    problem: Problem, problems: Mapping[Name, Problem], tracks: Mapping[Name, Track], now: datetime
) -> bool:
    """Whether a problem follows from another one."""
    name = problem.name
    if name.reason == "STOPPED":
        return any(other.flow == name.flow and other.kind == "failed" and other != name for other in problems)
    if name.reason == "E-UNREACHABLE":
        return any(other.reason == "E-AUTH" and other.cause == name.cause for other in problems)
    if name.kind != "late" and not (name.kind == "failed" and problem.is_temporary):
        return False
    stops = [other for other in problems.values() if other.name.kind in STOPS]
    if any(name.flow in other.flows for other in stops):
        return True
    return any(
        other.cause in SYSTEMS.values() and (track.closed_at is None or now - track.closed_at < AFTERMATH)
        for other, track in tracks.items()
    )


def _by_route(items: Iterable[Item], alerts: AlertSettings) -> dict[tuple[str, ...], list[Item]]:
    routes: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        routes.setdefault(_route(item.problem, alerts), []).append(item)
    return routes


def _route(problem: Problem, alerts: AlertSettings) -> tuple[str, ...]:
    flows = {problem.name.flow, *problem.flows}
    for route in alerts.routes:
        if (not route.kinds or problem.name.kind in route.kinds) and (not route.flows or flows & set(route.flows)):
            return route.send
    return alerts.send


def _of_route(route: tuple[str, ...], items: Iterable[Item]) -> list[Draft]:
    """One message for each new problem, unless these are many, and one for all the rest."""
    fresh: dict[tuple[str, ...], list[Item]] = {}
    rest = []
    for item in items:
        name = item.problem.name
        if item.what != "new":
            rest.append(item)
        elif name.kind == "late":
            fresh.setdefault(("late",), []).append(item)
        else:
            fresh.setdefault((name.flow, name.kind, name.reason), []).append(item)
    if len(fresh) > MOST_SINGLE:
        fresh = {("all",): [item for own in fresh.values() for item in own]}
    return [Draft(route, tuple(own)) for own in (*fresh.values(), rest) if own]
