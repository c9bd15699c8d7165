"""A flow is late when its source is silent or a change waits, and a quiet shop is not late.

Source: test_catalogue.md, rows 112 and 114; docs/operations.md, "Is it late?".
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from winbc_pipeline.errors import StoreBusy, SystemUnavailable
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.health import store
from winbc_pipeline.health.facts import Facts
from winbc_pipeline.health.report import FAILURES, FINE, LATE, Report, as_json, prometheus, report
from winbc_pipeline.settings import FlowSettings, Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.staging.notes.pause import pause
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.guards.safe_mode import let_go
from winbc_pipeline.sync.keeping import restored
from winbc_pipeline.sync.session import BINDING, lease

START = datetime(2026, 3, 10, 10, tzinfo=UTC)
ORDERS = flow_named("orders_winstore_to_bc")
DAY = timedelta(days=1)


class Desk:
    """A connection whose sources answer when the test says so, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.now = Settings(data_folder=folder, sensors=True, sensor_seconds=5), START

    @property
    def on(self) -> list[str]:
        return [flow.id for flow in FLOWS if flow.is_on(self.settings)]

    def choose(self, **chosen: Any) -> None:
        self.settings = self.settings.model_copy(update=chosen)

    def passes(self, seconds: float = 0) -> None:
        self.now += timedelta(seconds=seconds)

    def all_answer(self, waiting: bool | None = False) -> None:
        for flow in self.on:
            polls.answered(self.settings, flow, waiting)

    def all_fail(self) -> None:
        for flow in self.on:
            polls.failed(self.settings, flow, SystemUnavailable("Winstore does not answer.", system="Winstore"))

    def report(self) -> Report:
        return report(self.settings, self.now)

    def late(self) -> set[str]:
        return {each.flow for each in self.report().flows if each.late}

    def orders(self) -> dict[str, Any]:
        """What `winbc status --json` says of orders."""
        found = orjson.loads(orjson.dumps(as_json(self.report())))
        return next(each for each in found["flows"] if each["flow"] == ORDERS.id)  # type: ignore[no-any-return]

    def moves(self, state: State, reason: str | None = None, key: str = "W1") -> None:
        known = {"reason": reason, "window": date(2026, 3, 10)}
        ledger.move(ConnectedFlow(ORDERS, self.settings).store, [Move(ORDERS.main, key, state, known)], "run")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    monkeypatch.setattr("winbc_pipeline.clock.now", lambda: desk.now)
    yield desk


def test_a_day_without_changes_is_not_late_and_has_no_problem(desk: Desk) -> None:
    for hours in range(0, 25, 3):
        desk.now = START + timedelta(hours=hours)
        desk.all_answer()
        found = desk.report()
        assert (found.exit_code, found.problems) == (FINE, ())


def test_a_source_that_is_down_makes_every_flow_of_it_late_within_a_minute(desk: Desk) -> None:
    desk.all_answer()
    desk.passes(44)
    desk.all_fail()
    assert desk.late() == set()
    desk.passes(2)  # the watch looks every 15 s
    assert desk.late() == set(desk.on)
    assert desk.report().exit_code == LATE
    assert desk.orders()["why"] == (
        "Its source has not answered since 2026-03-10 10:00:00 UTC. "
        "The last question ended with E-UNREACHABLE: Winstore does not answer."
    )


def test_a_program_that_is_off_is_late_too(desk: Desk) -> None:
    """Row 112: nobody asks, so nothing fails; a look at runs would find nothing."""
    desk.all_answer()
    desk.passes(3600)
    assert desk.late() == set(desk.on)


def test_a_flow_that_was_never_asked_is_late(desk: Desk) -> None:
    assert desk.orders()["late"] == "NEVER_ASKED"


def test_a_slow_sensor_is_given_three_of_its_pauses(desk: Desk) -> None:
    desk.choose(flows={ORDERS.id: FlowSettings(sensor_seconds=60)})
    desk.all_answer()
    desk.passes(179)
    assert ORDERS.id not in desk.late()
    desk.passes(2)
    assert ORDERS.id in desk.late()


def test_a_flow_that_a_schedule_alone_runs_is_given_an_hour_and_a_half(desk: Desk) -> None:
    desk.choose(sensors=False, schedules=True)
    desk.all_answer()
    desk.passes(90 * 60)
    assert desk.late() == set()
    desk.passes(1)
    assert desk.late() == set(desk.on)


def test_a_flow_that_only_people_run_is_not_late(desk: Desk) -> None:
    desk.choose(sensors=False)
    assert (desk.late(), desk.orders()["state"]) == (set(), "by hand")


def test_a_long_run_is_no_silence(desk: Desk) -> None:
    """Nothing is asked while a run has the database open."""
    desk.all_answer()
    for _ in range(10):
        desk.passes(30)
        polls.busy(desk.settings, ORDERS.id)
    assert ORDERS.id not in desk.late()


def test_a_change_that_waits_for_ten_minutes_is_late_though_the_source_answers(desk: Desk) -> None:
    desk.all_answer()
    desk.passes(60)
    for _ in range(11):
        polls.answered(desk.settings, ORDERS.id, waiting=True)
        assert ORDERS.id not in desk.late()
        desk.passes(60)
    polls.answered(desk.settings, ORDERS.id, waiting=True)
    assert desk.orders()["late"] == "WAITS"
    assert desk.orders()["waiting_since"] == "2026-03-10T10:01:00+00:00"
    assert [each.opened_at for each in desk.report().problems if each.flows == (ORDERS.id,)] == [
        START + timedelta(minutes=1)
    ]
    polls.answered(desk.settings, ORDERS.id, waiting=False)
    assert desk.orders()["late"] is None


def test_a_record_in_a_restored_database_waits_since_the_restoring(desk: Desk) -> None:
    """Else every restore would begin with a false alarm: nobody could send it before."""
    desk.moves(State.PLANNED, "NOT_TAKEN")
    desk.passes(3 * 24 * 3600)
    with ConnectedFlow(ORDERS, desk.settings).store.transaction() as connection:
        restored.note(connection, ORDERS, START, desk.now)
    desk.all_answer()
    assert desk.late() == set()
    desk.passes(10 * 60 + 1)
    desk.all_answer()
    assert desk.late() == {ORDERS.id}


def test_a_record_whose_answer_was_lost_waits_from_its_first_loss_on(desk: Desk) -> None:
    desk.moves(State.SENDING)
    desk.moves(State.UNKNOWN, "NO_ANSWER")
    desk.passes(300)
    desk.moves(State.UNKNOWN, "LOOK_AGAIN")
    desk.passes(400)
    desk.all_answer()
    assert desk.orders()["unknown_since"] == "2026-03-10T10:00:00+00:00"
    assert desk.orders()["late"] == "WAITS"


def test_what_waits_for_a_person_or_failed_is_a_failure_and_not_late(desk: Desk) -> None:
    desk.all_answer()
    desk.moves(State.NEEDS_HUMAN, "TRIED_OUT")
    desk.passes(30)
    assert desk.report().exit_code == FAILURES
    assert desk.orders()["person_since"] == "2026-03-10T10:00:00+00:00"
    assert desk.orders()["state"] == "trouble"


def test_a_direction_that_is_off_is_shown_as_off(desk: Desk) -> None:
    flows = {each["flow"]: each for each in as_json(desk.report())["flows"]}
    off = flows["customers_bc_to_winstore"]
    assert (off["state"], off["sensor_seconds"], off["late"]) == ("off", None, None)


def test_a_flow_that_a_person_lets_rest_is_paused_and_not_late_until_then(desk: Desk) -> None:
    pause(desk.settings, ORDERS.id, START + timedelta(hours=1))
    desk.passes(seconds=1800)
    assert (desk.orders()["state"], desk.orders()["late"]) == ("paused", None)
    desk.passes(seconds=1801)
    assert desk.orders()["state"] == "late"


@pytest.mark.parametrize("text", [b"", b"soon\n", b"2026-03-10T11:00:00", b"\xff"])
def test_a_pause_that_nobody_can_read_is_a_problem_and_status_goes_on(desk: Desk, text: bytes) -> None:
    """A power cut may leave an empty file, a person a moment without its zone."""
    pause(desk.settings, ORDERS.id, START + timedelta(hours=1))
    file = next(desk.settings.data_folder.rglob("*.paused"))
    file.write_bytes(text)
    desk.all_answer()
    (problem,) = desk.report().problems
    assert (problem.name.kind, problem.flows) == ("system", (ORDERS.id,))
    assert (problem.words, problem.fix) == (f"{file} holds no moment.", f"`winbc resume {ORDERS.id}` deletes it.")
    assert (desk.orders()["state"], desk.report().exit_code) == ("trouble", FAILURES)


def test_a_flow_is_in_safe_mode_until_a_person_lets_it_go(desk: Desk) -> None:
    assert desk.orders()["safe_mode"] is False
    desk.choose(safe_mode=True)
    assert desk.orders()["safe_mode"] is True
    connected = ConnectedFlow(ORDERS, desk.settings)
    with connected.store.open() as connection:
        connection.execute(BINDING)
        connection.execute("INSERT INTO binding VALUES ('bc.example/company')")
    let_go(connected)
    assert desk.orders()["safe_mode"] is False


def test_who_has_the_lease_is_named_while_it_does(desk: Desk) -> None:
    with lease(ConnectedFlow(ORDERS, desk.settings)):
        held = desk.orders()["lease"]
    assert (held["flow"], held["since"]) == (ORDERS.id, "2026-03-10T10:00:00+00:00")
    assert desk.orders()["lease"] is None


def test_the_figures_for_prometheus_are_read_by_its_parser_and_have_stable_names(desk: Desk) -> None:
    """Row 114."""
    desk.all_answer()
    desk.moves(State.NEEDS_HUMAN, "TRIED_OUT")
    desk.passes(20)
    figures = {
        (sample.name, sample.labels.get("state") or sample.labels.get("kind")): sample.value
        for family in text_string_to_metric_families(prometheus(desk.report()))
        for sample in family.samples
        if sample.labels.get("flow") == ORDERS.id
    }
    assert figures[("winbc_poll_age_seconds", None)] == 20
    assert figures[("winbc_person_seconds", None)] == 20
    assert figures[("winbc_lag_seconds", None)] == 0
    assert figures[("winbc_late", None)] == 0
    assert figures[("winbc_on", None)] == 1
    assert figures[("winbc_records", "NEEDS_HUMAN")] == 1
    assert figures[("winbc_records", "FAILED")] == 0
    assert figures[("winbc_problems", "person")] == 1


def test_a_flow_whose_database_a_run_has_open_is_busy_and_nothing_false_is_said_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.choose(safe_mode=True)
    desk.all_answer()

    def busy(*_: object) -> Facts:
        raise StoreBusy("Another process has the database open.")

    monkeypatch.setattr("winbc_pipeline.health.gather.facts_of", busy)
    orders = desk.orders()
    assert orders["state"] == "busy"
    assert [orders[name] for name in ("safe_mode", "records", "person_since", "followed_until")] == [None] * 4
    own = [line for line in prometheus(desk.report()).splitlines() if f'flow="{ORDERS.id}"' in line]
    assert f'winbc_busy{{connection="default",flow="{ORDERS.id}"}} 1.0' in own
    unknown = ("records", "lag_seconds", "unknown_seconds", "person_seconds", "followed_timestamp_seconds")
    assert not [line for line in own if line.startswith(tuple(f"winbc_{name}{{" for name in unknown))]


def test_a_flow_that_a_guard_of_its_source_stops_is_in_trouble(desk: Desk) -> None:
    desk.all_answer()
    words = f"{ORDERS.id}: source gave 25 of 60 orders, nothing sent."
    store.note_failure(desk.settings, store.Failure(ORDERS.id, "E-SOURCE", "", words, "", desk.now))
    assert desk.orders()["state"] == "trouble"


@pytest.mark.parametrize(("is_served", "asks"), [(True, False), (False, True)])
def test_a_flow_that_nobody_asks_because_nothing_runs_says_so(desk: Desk, is_served: bool, asks: bool) -> None:
    found = report(desk.settings, desk.now, is_served)
    orders = next(each for each in found.flows if each.flow == ORDERS.id)
    assert ("Nobody asks: is `winbc up` running?" in orders.words) is asks
