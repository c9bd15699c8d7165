"""A round over all connections of a code location: none waits for another one's system.

Source of the promises: docs/operations.md, "Several connections in one place".
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRequest

from winbc_pipeline import clock
from winbc_pipeline.errors import SystemUnavailable
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.following import round as rounds
from winbc_pipeline.orchestration.following import watch
from winbc_pipeline.orchestration.following.known import Known
from winbc_pipeline.orchestration.following.round import Followed, one_round
from winbc_pipeline.orchestration.following.watch import watches
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.glance import Answer, Change, Question

FLOW = flow_named("customers_winstore_to_bc")
FOLLOWED = datetime(2026, 3, 1, tzinfo=UTC)
CHANGE = Change(FOLLOWED.replace(day=2), FOLLOWED.date())
NAMES = [f"shop{number}" for number in range(40)]


@dataclass
class Sources:
    """The source systems of all connections: what they answer, by the connection's name, and who was asked."""

    answer: Callable[[str], Answer] = lambda _: None
    asked: list[str] = field(default_factory=list)
    ping: Callable[[], None] = lambda: None

    def together(self, questions: Sequence[Question]) -> list[list[Question]]:
        return [list(questions)]

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        name = questions[0].connected.settings.connection
        self.asked.append(name)
        return [self.answer(name)] * len(questions)

    def close(self) -> None:
        pass


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    made = Sources()
    monkeypatch.setattr(watch, "Glance", lambda *_: made)

    def known_of(connected: ConnectedFlow, _: float) -> tuple[list[None], Known]:
        return [], Known(Question(connected, FOLLOWED), is_new=False, depends=False, waiting=[])

    monkeypatch.setattr(rounds, "known_of", known_of)
    return made


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[list[Followed]]:
    every = [Settings(data_folder=tmp_path, connection=name) for name in NAMES]
    yield [Followed(ConnectedFlow(FLOW, each), f"{each.connection}__job", watches(each)["winstore"]) for each in every]


def go(followed: Sequence[Followed]) -> tuple[list[RunRequest], list[str]]:
    with DagsterInstance.ephemeral() as instance:
        return one_round(followed, instance, clock.now)


def test_a_system_that_hangs_delays_no_other(sources: Sources, followed: list[Followed]) -> None:
    others, waited = threading.Event(), list[bool]()

    def answer(name: str) -> Answer:
        if name == NAMES[0]:
            waited.append(others.wait(10))  # it answers once all others have been asked, so it must not hold one up
        elif set(NAMES[1:]) <= set(sources.asked):
            others.set()
        return None

    sources.answer = answer
    assert go(followed) == ([], [])
    assert waited == [True]


def test_a_connection_whose_runs_failed_because_a_system_is_away_delays_no_other(
    sources: Sources, followed: list[Followed]
) -> None:
    """Before a run is requested again, the other system is asked whether it is back: up to four seconds each."""
    others, pings, waited = threading.Event(), itertools.count(), list[bool]()

    def ping() -> None:
        if next(pings) == 0:
            waited.append(others.wait(10))  # it answers once another connection's system has been asked
        others.set()

    sources.ping, sources.answer = ping, lambda _: CHANGE
    with DagsterInstance.ephemeral() as instance:
        instance.add_run(DagsterRun(job_name=FLOW.id, status=DagsterRunStatus.FAILURE))
        requests, _ = one_round(followed, instance, clock.now)
    assert len(requests) == len(NAMES)
    assert waited == [True]


def test_a_round_ends_although_a_system_never_answers(
    sources: Sources, followed: list[Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winbc_pipeline.sync.reading.glance.GLANCE_S", 1)
    end = threading.Event()

    def answer(name: str) -> Answer:
        if name == NAMES[0]:
            end.wait(60)
        return CHANGE if name == NAMES[1] else None

    sources.answer = answer
    try:
        requests, failed = go(followed)
    finally:
        end.set()
    assert {request.job_name for request in requests} == {"shop0__job", "shop1__job"}, "what is not known is looked at"
    assert failed == []


def test_systems_that_were_down_are_asked_last(
    sources: Sources, followed: list[Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "AT_ONCE", 1)
    down = NAMES[:5]
    sources.answer = lambda name: SystemUnavailable("It is down.", "", "winstore") if name in down else None
    _, failed = go(followed)
    assert failed == [f"{name}__job" for name in down]
    sources.asked.clear()
    go(followed)
    assert sources.asked == [*NAMES[5:], *down]
    assert polls.read(followed[0].connected.settings, FLOW.id).error == "E-UNREACHABLE"


def test_a_fault_that_nobody_expects_stays_its_connections_own(
    sources: Sources, followed: list[Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    known_of = rounds.known_of

    def broken(connected: ConnectedFlow, wait_s: float) -> object:
        if connected.settings.connection == NAMES[0]:
            raise RuntimeError("a defect")
        return known_of(connected, wait_s)

    monkeypatch.setattr(rounds, "known_of", broken)
    sources.answer = lambda _: CHANGE
    requests, failed = go(followed)
    assert len(requests) == len(NAMES) - 1
    assert failed == [f"{NAMES[0]}__job"]


def test_the_run_key_tells_flows_of_one_sensor_apart(sources: Sources, followed: list[Followed]) -> None:
    sources.answer = lambda _: CHANGE
    requests, _ = go(followed)
    assert len({request.run_key for request in requests}) == len({request.job_name for request in requests})
    assert len(requests) == len(NAMES)
