"""Problems are opened and closed in the transaction that moves their records, and other kinds of trouble are found.

Source: exactly_once.md section 4 (what is committed together); test_catalogue.md, row 111.
"""

import shutil
from collections import namedtuple
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import SourceShrank, SystemUnavailable, UnreadableAnswer
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health import expiry, runs, seen, store
from winbc_pipeline.health.facts import facts_of
from winbc_pipeline.health.gather import gather
from winbc_pipeline.health.problem import Problem
from winbc_pipeline.health.volume import low
from winbc_pipeline.settings import AlertSettings, Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import IllegalMove, Move, State
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.watermark import advance_watermark
from winbc_pipeline.systems import transport

from .conftest import Shop

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday
WEEK, MINUTE = timedelta(weeks=1), timedelta(minutes=1)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def connected(tmp_path: Path) -> ConnectedFlow:
    return ConnectedFlow(flow_named("orders_winstore_to_bc"), Settings(data_folder=tmp_path))


def move(connected: ConnectedFlow, now: datetime, *moves: tuple[str, State, str | None]) -> None:
    listed = [
        Move(connected.flow.main, key, state, {"reason": reason, "version": f"{now}"}) for key, state, reason in moves
    ]
    ledger.move(connected.store, listed, "run", now)


def rows(connected: ConnectedFlow) -> list[tuple[Any, ...]]:
    with connected.store.open() as connection:
        return connection.execute("SELECT kind, reason, records, closed_at FROM problem ORDER BY ALL").fetchall()


def found(settings: Settings, now: datetime = NOW) -> dict[str, Problem]:
    """What is wrong, by kind."""
    return {each.name.kind: each for each in all_found(settings, now)}


def all_found(settings: Settings, now: datetime = NOW) -> tuple[Problem, ...]:
    every = [ConnectedFlow(flow, settings) for flow in FLOWS]
    return gather(every, store.remembered(settings, now).failures, now).problems


def test_a_move_that_is_refused_opens_no_problem(connected: ConnectedFlow) -> None:
    """The problem is in the transaction of the failure: both count, or none."""
    move(connected, NOW, ("W0", State.PLANNED, None))
    with pytest.raises(IllegalMove):
        move(connected, NOW, ("W1", State.FAILED, "MAPPING"), ("W0", State.UNKNOWN, "NO_ANSWER"))
    assert rows(connected) == []
    move(connected, NOW, ("W1", State.FAILED, "MAPPING"))
    assert rows(connected) == [("failed", "MAPPING", 1, None)]


def test_a_record_that_fails_again_for_the_same_reason_is_counted_once(connected: ConnectedFlow) -> None:
    for minute in range(3):
        now = NOW + timedelta(minutes=minute)
        move(connected, now, ("W1", State.SENDING, None))
        move(connected, now, ("W1", State.FAILED, "BC_REFUSED"))
    assert rows(connected) == [("failed", "BC_REFUSED", 1, None)], "planning and sending it again does not close it"


def test_a_record_with_another_reason_goes_from_one_problem_to_the_other(connected: ConnectedFlow) -> None:
    move(connected, NOW, ("W1", State.FAILED, "MAPPING"))
    move(connected, NOW + WEEK, ("W1", State.CONFLICT, "CHANGED"))
    assert rows(connected) == [("failed", "MAPPING", 1, NOW + WEEK), ("person", "CHANGED", 1, None)]


@pytest.mark.parametrize(("key", "is_anew"), [("W1", False), ("W2", True)])
def test_a_problem_that_comes_back_says_whether_a_record_is_new_in_it(
    connected: ConnectedFlow, key: str, is_anew: bool
) -> None:
    """Another country that is unknown has the same cause: causes leave out what stands in quotes."""
    move(connected, NOW, ("W1", State.FAILED, "MAPPING"))
    move(connected, NOW + MINUTE, ("W1", State.CONFIRMED, None))
    move(connected, NOW + 2 * MINUTE, (key, State.FAILED, "MAPPING"))
    problems = facts_of(connected, NOW + 2 * MINUTE).problems
    assert [each.is_anew for each in problems] == [False, is_anew]


def test_what_a_person_has_approved_no_longer_waits_for_approval(connected: ConnectedFlow) -> None:
    move(connected, NOW, ("W1", State.PLANNED, "APPROVAL"))
    move(connected, NOW, ("W1", State.PLANNED, "APPROVED"))
    assert rows(connected) == [("guard", "APPROVAL", 1, NOW)]


def test_a_ledger_of_an_earlier_version_has_its_problems_from_the_first_look_on(connected: ConnectedFlow) -> None:
    move(connected, NOW, ("W1", State.FAILED, "MAPPING"), ("W2", State.CONFIRMED, None))
    with connected.store.open() as connection:
        connection.execute("DROP TABLE problem; DROP TABLE problem_record; DELETE FROM ledger_shape")
    assert found(connected.settings)["failed"].records == 1


def test_a_source_that_shrank_waits_for_a_person_and_an_answer_of_another_form_is_drift(
    connected: ConnectedFlow,
) -> None:
    for error in (SourceShrank("Half of it is gone."), UnreadableAnswer("Winstore: no JSON.")):
        with pytest.raises(type(error)), runs.watched(connected):
            raise error
        kind = "guard" if isinstance(error, SourceShrank) else "drift"
        assert found(connected.settings)[kind].name.reason == error.code
    with runs.watched(connected):
        pass
    assert found(connected.settings) == {}


def test_a_sweep_that_succeeds_does_not_end_the_failure_of_the_main_run(connected: ConnectedFlow) -> None:
    """Each job of a flow ends its own failures, and both are the flow's."""

    def system_of_failures() -> set[str]:
        return {each.name.cause for each in all_found(connected.settings)}

    for job, system in (("", "Winstore"), ("sweep", "Business Central")):
        with pytest.raises(SystemUnavailable), runs.watched(connected, job=job):
            raise SystemUnavailable("It does not answer.", system=system)
    assert system_of_failures() == {"Winstore", "Business Central"}
    assert {each.flows for each in all_found(connected.settings)} == {(connected.flow.id,)}
    with runs.watched(connected, job="sweep"):
        pass
    assert system_of_failures() == {"Winstore"}
    with runs.watched(connected):
        pass
    assert system_of_failures() == set()


def sold(connected: ConnectedFlow, today: int, usual: int = 20, weeks: int = 3) -> None:
    """Orders on this weekday before noon, and as many again later that day."""
    for week in range(1, weeks + 1):
        day = NOW - week * WEEK
        for hour in (-1, 1):
            keys = [(f"{week} {hour} {number}", State.CONFIRMED, None) for number in range(usual)]
            move(connected, day + timedelta(hours=hour), *keys)
    move(connected, NOW, *((f"today {number}", State.CONFIRMED, None) for number in range(today)))


def test_less_than_a_third_of_the_same_weekdays_median_by_this_time_of_day_is_told(connected: ConnectedFlow) -> None:
    sold(connected, today=5)
    problem = low(connected, NOW)
    assert problem is not None
    assert problem.words == "5 records came today up to now; on a Tuesday it is 20 (median of 3 weeks)."


@pytest.mark.parametrize(("today", "usual", "weeks"), [(6, 20, 3), (0, 9, 3), (0, 20, 2)])
def test_enough_records_few_usual_ones_and_a_short_history_are_not_told(
    connected: ConnectedFlow, today: int, usual: int, weeks: int
) -> None:
    sold(connected, today, usual, weeks)
    assert low(connected, NOW) is None


def test_a_secret_that_ends_within_thirty_days_is_told(tmp_path: Path) -> None:
    ends = {"client secret": date(2026, 4, 9), "VPN": date(2026, 4, 11)}
    settings = Settings(data_folder=tmp_path, alerts=AlertSettings(expires=ends))
    problem = found(settings)["expiry"]
    assert problem.name.cause == "client secret"
    assert "ends on 2026-04-09" in problem.words
    assert len(expiry.ending(settings, NOW + timedelta(days=2))) == 2


def test_a_certificate_that_a_call_has_shown_is_told_by_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_folder=tmp_path)
    monkeypatch.setitem(transport.certificates, "https://shop.example", NOW + timedelta(days=29))
    seen.note(settings)
    monkeypatch.delitem(transport.certificates, "https://shop.example")
    assert "certificate of https://shop.example ends on 2026-04-08" in found(settings)["expiry"].words


def test_a_disk_with_less_than_a_gigabyte_left_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 999_000_000))
    assert "has 999 MB left" in found(Settings(data_folder=tmp_path))["disk"].words
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 1_000_000_000))
    assert "disk" not in found(Settings(data_folder=tmp_path))


@pytest.mark.proof
def test_a_run_that_has_taken_the_change_ends_its_waiting_and_an_earlier_question_does_not(shop: Shop) -> None:
    """docs/operations.md, "Is it late?": nobody may ask any more, as when sensors are switched off meanwhile."""
    flow, connected = ORDERS_TO_BC.id, ConnectedFlow(ORDERS_TO_BC, shop.settings)
    shop.orders.order("W1")
    polls.answered(shop.settings, flow, waiting=True)
    shop.orders.pass_time(60)
    shop.run()
    assert polls.read(shop.settings, flow).waiting_since is None
    shop.orders.pass_time(60)
    polls.answered(shop.settings, flow, waiting=True)
    advance_watermark(connected)
    assert polls.read(shop.settings, flow).waiting_since is not None
