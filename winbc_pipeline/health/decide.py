"""Which messages are due at a moment? Data in, data out: nothing here is sent or stored.

A problem is told once, at once if it is not temporary; then after an hour, six hours, and every day; and when it is
mended. What follows from another problem is not told. However much goes wrong, few messages go out: what is over the
budget goes together in the next one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Literal

from ..settings import AlertSettings
from .gather import Gathered
from .problem import SYSTEMS, Name, Problem
from .store import Track

HOUR = timedelta(hours=1)
STEPS = (timedelta(), HOUR, 6 * HOUR)  # when it is told that a problem is open, after the first time; then every day
DAY = 24 * HOUR
FORGOTTEN = HOUR  # a problem that comes again later than this after it was mended is a new one
TOGETHER = HOUR / 2  # what is due so soon goes with what is due now
AFTERMATH = timedelta(minutes=10)  # what follows from a problem may outlast it so long
MOST_SINGLE = 3  # new problems that get messages of their own at the same moment
# At most so many messages follow each other; then one in each REFILL. So 12 hours bring 12 at most.
BURST, REFILL = 6, 2 * HOUR
What = Literal["new", "still", "mended"]


@dataclass(frozen=True)
class Item:
    """A problem in a message, and what is said of it."""

    what: What
    problem: Problem
    track: Track


@dataclass(frozen=True)
class Draft:
    """A message that is due.

    Attributes:
        channels: names of channels. The first that takes it gets it; empty for all in the order of the settings.
        items: what it tells.
    """

    channels: tuple[str, ...]
    items: tuple[Item, ...]


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
    return replace(opened, flows=" ".join(dict.fromkeys([*before, *problem.flows])), words=opened.words or problem.words)


def _since(problem: Problem, track: Track | None, now: datetime) -> Track:
    if track is None or _is_forgotten(track, now):
        return Track(problem.opened_at, records=problem.records)
    if track.closed_at and track.told:  # nobody has heard that it was mended
        return replace(track, closed_at=None, records=max(track.records, problem.records))
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
    sent_at: Sequence[datetime],
    alerts: AlertSettings,
    now: datetime,
) -> list[Draft]:
    """The messages that are due.

    Args:
        before: the tracks of the look before this one.
        tracks: the same as `follow` gave them now.
        sent_at: when messages went out, of the last half day at least.
    """
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
    return _drafts(items + soon, alerts, budget(sent_at, now), now) if items else []


def _drafts(items: list[Item], alerts: AlertSettings, left: int, now: datetime) -> list[Draft]:
    """The messages of what is due. Where these are more than may go out, each route gets one."""
    if is_quiet(alerts, now):
        items = [item for item in items if item.problem.name.kind in alerts.urgent]
    routes = _by_route(items, alerts)
    drafts = [draft for route, own in routes.items() for draft in _of_route(route, own)]
    if len(drafts) > left:
        drafts = [Draft(route, tuple(own)) for route, own in routes.items()]
    return drafts[:left]


def budget(sent_at: Iterable[datetime], now: datetime) -> int:
    """How many messages may go out now."""
    level, last = float(BURST), now
    for moment in sorted(sent_at):
        level = min(level + max(moment - last, timedelta()) / REFILL, BURST) - 1
        last = moment
    return int(max(min(level + (now - last) / REFILL, BURST), 0))


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
    stops = [other for other in problems.values() if other.name.kind in ("system", "guard", "drift")]
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
