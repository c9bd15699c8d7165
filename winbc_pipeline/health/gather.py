"""All that is wrong in a connection at a moment: problems of records, failed runs, silence of a source, and more.

Here belongs: putting them together. What each of them is: facts.py, lateness.py, volume.py, expiry.py.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..errors import ConfigurationError, StateUnavailable, StoreDamaged, StoreUnavailable
from ..settings import Settings, load_settings, served_from
from ..staging.notes import polls
from ..staging.notes.pause import paused_until
from ..staging.server.daemon import heard_at
from ..sync.connected import ConnectedFlow
from ..sync.session import holder_of
from . import expiry, volume
from .facts import Facts, facts_of
from .lateness import WAITS, FlowHealth, flow_health
from .problem import EVERY, STOPS, SYSTEMS, Name, Problem
from .store import Failure

# Kinds of errors that end a run; all others are `system`.
KIND_OF_ERROR = {"E-SOURCE": "guard", "E-ANSWER": "drift"}
WAIT_S = 0.5  # for a database that a run has open at this moment
MEGABYTE = 1_000_000
SILENT = timedelta(seconds=75)
"""A daemon that said nothing for so long is gone. It notes each 30 seconds that it lives (Dagster's
DEFAULT_HEARTBEAT_INTERVAL_SECONDS)."""
AWAY_FIX = "Look at the server. When it answers, flows go on by themselves."
Look = Callable[[ConnectedFlow, datetime], tuple[Facts, Problem | None]]


@dataclass(frozen=True)
class Gathered:
    """What is wrong.

    Attributes:
        problems: open ones, and those that were closed lately.
        healths: of the flows that are on.
        unread: ids of flows whose database was in use, so that nothing is known of them now.
        off: ids of flows that the settings have switched off.
    """

    problems: tuple[Problem, ...]
    healths: tuple[FlowHealth, ...] = ()
    unread: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()


def from_ledger(connected: ConnectedFlow, now: datetime) -> tuple[Facts, Problem | None]:
    """What a flow's ledger says, and the problem that few records of it came.

    Raises: StoreUnavailable while a run has its database open.
    """
    try:
        return facts_of(connected, now, WAIT_S), volume.low(connected, now, WAIT_S)
    finally:
        connected.store.end_sessions()  # looks at hundreds of flows would keep hundreds of sessions


def gather(
    every: Sequence[ConnectedFlow], failures: Iterable[Failure], now: datetime, look: Look = from_ledger
) -> Gathered:
    """What is wrong in a connection.

    Args:
        every: all its flows, also those that are off.
        failures: why their last runs failed.
        look: tells of a flow what `from_ledger` does.
    """
    settings, on = every[0].settings, [each for each in every if each.flow.is_on(every[0].settings)]
    healths, few, unread, damaged = _read(on, now, look)
    problems = [problem for health in healths for problem in health.facts.problems]
    problems += [_late(health, now) for health in healths if health.late]
    problems += _failures(
        [*failures, *damaged, *_unanswered(on), *_unread_pauses(on, now), *_away(on, now)],
        {each.flow.id for each in on},
    )
    problems += [*few, *expiry.ending(settings, now), *_disk(settings, now), *_silent(settings, now)]
    stopped = {flow for each in problems if each.name.kind in STOPS for flow in each.flows}
    healths = [replace(each, is_stopped=each.flow in stopped) for each in healths]
    off = {each.flow.id for each in every} - {each.flow.id for each in on}
    return Gathered(tuple(problems), tuple(healths), frozenset(unread), frozenset(off))


def _read(
    on: Iterable[ConnectedFlow], now: datetime, look: Look
) -> tuple[list[FlowHealth], list[Problem], set[str], list[Failure]]:
    """How the flows are, where few records came, the ids of flows whose database could not be read, and where it is
    damaged."""
    healths, few, unread, damaged = [], [], set(), []
    for connected in on:
        facts = Facts(is_known=False)
        try:
            facts, low = look(connected, now)
            few += [low] if low else []
        except StoreUnavailable as error:
            unread.add(connected.flow.id)
            if isinstance(error, StoreDamaged):
                damaged.append(Failure(connected.flow.id, error.code, "", error.message, error.hint, now))
        healths.append(flow_health(connected, facts, now))
    return healths, few, unread, damaged


def _late(health: FlowHealth, now: datetime) -> Problem:
    poll, name = health.poll, Name(health.flow, "late", health.late, "")
    since = health.waiting_since if health.late == WAITS else poll.answered_at or poll.busy_at
    return Problem(name, since or now, words=health.words, flows=(health.flow,))


def _unanswered(on: Iterable[ConnectedFlow]) -> list[Failure]:
    """Failures of questions to a source, as those of runs."""
    found = []
    for each in on:
        flow, poll = each.flow, polls.read(each.settings, each.flow.id)
        if poll.failed_at and each.settings.timing(flow.id).sensors:
            system = poll.system or SYSTEMS[flow.source]
            found.append(Failure(flow.id, poll.error, system, poll.words, "", poll.failed_at))
    return found


def _unread_pauses(on: Iterable[ConnectedFlow], now: datetime) -> Iterator[Failure]:
    """Pauses that nobody can read, as failures: they stop every run of their flow."""
    for each in on:
        try:
            paused_until(each.settings, each.flow.id, now)
        except ConfigurationError as error:
            yield Failure(each.flow.id, error.code, "", error.message, error.hint, now)


def _away(on: Iterable[ConnectedFlow], now: datetime) -> Iterator[Failure]:
    """That the server with the state does not answer, as failures: it stops every run of each flow."""
    for each in on:
        try:
            if each.settings.state.address:
                holder_of(each)  # the answer, or the want of one, of a moment ago
        except StateUnavailable as error:
            yield Failure(each.flow.id, error.code, "", error.message, AWAY_FIX, now)


def _failures(failures: Iterable[Failure], on: set[str]) -> list[Problem]:
    """One problem for all failures of one reason and system, whatever flows they have stopped."""
    groups: dict[Name, list[Failure]] = {}
    for each in failures:
        if each.of_flow in on:
            kind = KIND_OF_ERROR.get(each.reason, "system")
            # The words of a source that shrank hold counts, which change with each read.
            cause = each.system or (
                each.of_flow if kind == "guard" else hashlib.sha256(each.words.encode()).hexdigest()[:8]
            )
            name = Name(EVERY, kind, each.reason, cause)
            groups.setdefault(name, []).append(each)
    return [
        Problem(
            name,
            min(each.since for each in group),
            words=group[0].words,
            fix=next((each.fix for each in group if each.fix), ""),
            flows=tuple(dict.fromkeys(each.of_flow for each in group)),
        )
        for name, group in groups.items()
    ]


def _disk(settings: Settings, now: datetime) -> list[Problem]:
    if not settings.data_folder.exists():
        return []
    free = shutil.disk_usage(settings.data_folder).free
    if free >= settings.alerts.disk_mb * MEGABYTE:
        return []
    words = f"The disk of the data folder has {free // MEGABYTE} MB left."
    fix = "Make room. When it is full, runs stop with E-DISK, and nobody can be told of it from here."
    return [Problem(Name(EVERY, "disk", "DISK", ""), now, words=words, fix=fix)]


def _silent(settings: Settings, now: datetime) -> Iterator[Problem]:
    """That Dagster's daemon is silent, where runs are the work of workers. Any machine can tell."""
    above = served_from(settings) if settings.workers.broker else None
    follower = load_settings(above) if above else settings  # whose daemon it is
    if not follower.workers.broker:
        return
    try:
        heard = heard_at(follower.state.address, follower.connection)
    except StateUnavailable:  # then it cannot be known
        return
    if heard is None or now - heard >= SILENT:
        since = f"is silent since {heard:%Y-%m-%d %H:%M:%S} UTC" if heard else "was never started"
        words = f"Dagster's daemon {since}. Nothing follows the systems, and no run begins."
        fix = "Start it with `winbc up`, on the machine that had it or on another one."
        yield Problem(Name(EVERY, "daemon", "DAEMON", ""), heard or now, words=words, fix=fix)
