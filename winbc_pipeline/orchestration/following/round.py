"""One sensor for all connections of a code location: it asks all their sources what changed, and requests many runs.

Here belongs: how a round goes, and that no connection holds up another one. What a flow's tick decides: tick.py.
A sensor for each flow, as a connection by itself has, would be hundreds of them. Concept page: Sensors.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from ... import clock
from ...errors import StoreBusy, WinbcError, named
from ...staging.notes import polls
from ...sync.connected import ConnectedFlow
from ...sync.reading.glance import Change
from .instance import instance_of
from .known import Known, known_of
from .tick import Tick, first_load, paused
from .watch import LOOP_S, Watch

LOG = logging.getLogger(__name__)
AT_ONCE = 16
"""Systems that are asked at once. More would wait for the processor, and their answers would count as late."""
Answers = dict["Asked", Change | WinbcError | None]


@dataclass(frozen=True, eq=False)
class Followed:
    """A flow that the sensor follows: its job, and the watch of its source in its connection."""

    connected: ConnectedFlow
    job: str
    watch: Watch


@dataclass(frozen=True, eq=False)
class Asked:
    """A flow whose source is to be asked, and what its databases say."""

    followed: Followed
    tick: Tick
    known: Known


Found = RunRequest | SkipReason | Asked | Exception
"""What a step comes to."""


def round_sensor(name: str, followed: Sequence[Followed], jobs: Sequence[Any]) -> SensorDefinition:
    """The sensor that follows all flows of several connections.

    Args:
        followed: the flows whose sensors the settings switch on.
        jobs: those of all flows.
    """

    @sensor(
        name=name,
        jobs=jobs,
        minimum_interval_seconds=LOOP_S - 1,
        default_status=DefaultSensorStatus.RUNNING if followed else DefaultSensorStatus.STOPPED,
        description="Asks the sources of all connections what changed, and requests runs of those windows.",
    )
    def changes(context: SensorEvaluationContext) -> SensorResult:
        requests, failed = one_round(followed, instance_of(context), clock.now)
        words = f"Not asked, or without an answer: {', '.join(failed)}." if failed else "Nothing changed."
        return SensorResult(run_requests=requests, skip_reason=None if requests else SkipReason(words))

    return changes


def one_round(
    followed: Sequence[Followed], instance: DagsterInstance, now: Callable[[], datetime]
) -> tuple[list[RunRequest], list[str]]:
    """The requests of one round over all flows, and the jobs of those flows whose source gave no answer."""
    requests: list[RunRequest] = []
    failed: list[str] = []
    asked: list[Asked] = []

    def note(one: Followed, found: Found) -> None:
        if isinstance(found, Exception):
            failed.append(one.job)
        elif isinstance(found, Asked):
            asked.append(found)
        elif isinstance(found, RunRequest):
            key = f"{one.job} {found.run_key}"  # Dagster compares the keys of all runs of a sensor
            requests.append(found.with_replaced_attrs(job_name=one.job, run_key=key))

    # Both steps may have to ask whether a system is back, so they too go on beside each other.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one, found in zip(
            followed, pool.map(lambda one: _tried(one, _begun, one, instance, now), followed), strict=True
        ):
            note(one, found)
        answers = _answers(asked).items()
        steps = pool.map(lambda told: _tried(told[0].followed, _follows, *told), answers)
        for (each, _), found in zip(answers, steps, strict=True):
            note(each.followed, found)
    return requests, failed


def _tried(one: Followed, work: Callable[..., RunRequest | SkipReason | Asked], *given: Any) -> Found:
    """What a step for one flow comes to; a fault stops no other flow."""
    try:
        return work(*given)
    except Exception as error:  # noqa: BLE001 - also what nobody expects stays that flow's own
        if not isinstance(error, WinbcError):  # others are noted with the question, and told by alerts
            LOG.error("%s: %s", one.job, named(error))
        return error


def _begun(one: Followed, instance: DagsterInstance, now: Callable[[], datetime]) -> RunRequest | SkipReason | Asked:
    """What a flow's own databases say already, or what is to be asked."""
    connected = one.connected
    if resting := paused(connected, now()):
        return resting
    try:
        _, known = known_of(connected, 0)
    except StoreBusy:
        polls.busy(connected.settings, connected.flow.id)
        return SkipReason("A run of this flow is at work.")
    if known.is_new:
        return first_load(connected, instance, one.watch, now())
    return Asked(one, Tick(connected, instance, one.watch, now), known)


def _follows(each: Asked, answer: Change | WinbcError | None) -> RunRequest | SkipReason:
    if isinstance(answer, WinbcError):
        raise answer
    return each.tick.follows(each.known.asked, answer, each.known.waiting, each.known.is_first)


def _answers(asked: Sequence[Asked]) -> Answers:
    """The answers of all sources. Those that were down are asked last, so that none waits for them."""
    by_watch: dict[Watch, list[Asked]] = defaultdict(list)
    for each in asked:
        by_watch[each.followed.watch].append(each)
    ordered = sorted(by_watch, key=lambda watch: watch.is_down)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda watch: _asked(watch, by_watch[watch]), ordered))
    return {each: answer for answers in done for each, answer in answers.items()}


def _asked(watch: Watch, asked: Sequence[Asked]) -> Answers:
    """The answers of one source, which a watch waits for no longer than glance.GLANCE_S."""
    futures = watch.begin([each.tick.question(each.known) for each in asked])
    return {each: _answer(future) for each, future in zip(asked, futures, strict=True)}


def _answer(future: "Future[Change | None]") -> Change | WinbcError | None:
    fault = future.exception()
    return named(fault) if fault else future.result()
