"""What the Dagster UI shows of a flow's health: results per window, and lateness without any run.

Source of the promise: reliability.md, "Is it late?" of operations.md.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    SensorResult,
    SkipReason,
    build_sensor_context,
)

from winbc_pipeline import clock
from winbc_pipeline.build import build_defs
from winbc_pipeline.errors import StoreBusy, SystemUnavailable, UnreadableAnswer
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.orchestration import jobs
from winbc_pipeline.orchestration.following.tick import tick
from winbc_pipeline.orchestration.following.watch import watches
from winbc_pipeline.orchestration.following.watch_health import CHECK
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.sandboxes import Sandboxes

FLOW = "orders_winstore_to_bc"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)


class Ui:
    """A window in which all went well, one with a failed order, and two empty ones."""

    def __init__(self, sandboxes: Sandboxes, instance: DagsterInstance) -> None:
        self.sandboxes, self.instance = sandboxes, instance
        sandboxes.settings = sandboxes.settings.model_copy(update={"history_start": FIRST, "sensors": True})

    @property
    def definitions(self) -> Definitions:
        return build_defs(settings=self.sandboxes.settings)

    def run(self) -> ExecuteInProcessResult:
        tags = range_tags(FIRST, LAST, self.sandboxes.settings)
        job = self.definitions.resolve_job_def(FLOW)
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def look(self, cursor: str | None = None) -> SensorResult:
        """A tick of the sensor that watches."""
        context = build_sensor_context(instance=self.instance, cursor=cursor)
        result = self.definitions.resolve_sensor_def("alerts")(context)
        assert isinstance(result, SensorResult)
        return result


@pytest.fixture
def ui(sandboxes: Sandboxes, tmp_path: Path) -> Iterator[Ui]:
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield Ui(sandboxes, instance)


@pytest.mark.proof
def test_each_window_has_results_of_its_own_and_says_how_to_recover(ui: Ui) -> None:
    orders = [{"order_number": f"W{day}", "modified_at": f"2026-03-0{day}T10:00:00.000Z"} for day in (2, 3)]
    lines = [{"order_number": "W2"}, {"order_number": "W3", "vat_rate": "77"}]
    ui.sandboxes.fill(orders=orders, lines=lines)
    ui.sandboxes.seed_bc(
        items=[{"number": "SKU-1", "displayName": "Mug", "type": "Inventory", "taxGroupCode": "VAT21"}]
    )
    stored = ui.instance.get_records_for_run(ui.run().run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION).records
    results = [each.event_log_entry.asset_check_evaluation for each in stored]
    found = {(each.check_name, each.partition): each for each in results if each and each.partition}
    assert {name: each.passed for name, each in found.items()} == {
        **{(check, "2026-03-02"): True for check in ("few_failed", "few_skipped", "totals_agree", "none_left_failed")},
        **{(check, "2026-03-03"): False for check in ("few_failed", "none_left_failed")},
        **{(check, "2026-03-03"): True for check in ("few_skipped", "totals_agree")},
    }
    left = found[("none_left_failed", "2026-03-03")]
    assert left.metadata["open_records"].value == 1
    assert "materialize the window again; or use `winbc retry`" in (left.description or "")


def test_a_source_that_is_down_is_late_in_the_ui_within_a_minute_and_starts_no_run(
    ui: Ui, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, now = ui.sandboxes.settings, datetime(2026, 3, 10, 10, tzinfo=UTC)
    on = {flow.id for flow in FLOWS if flow.is_on(settings)}
    monkeypatch.setattr("winbc_pipeline.clock.now", lambda: now)
    for flow in on:
        polls.answered(settings, flow, waiting=False)
    first = ui.look()
    assert {event.check_name for event in first.asset_events} == {CHECK}
    assert all(event.passed for event in first.asset_events)
    assert ui.look(first.cursor).asset_events == [], "what did not change is not reported again"
    now += timedelta(seconds=46)  # the sensor looks every 15 s
    late = ui.look(first.cursor)
    assert {event.asset_key.path[-1] for event in late.asset_events if not event.passed} == on
    assert not first.run_requests
    assert not late.run_requests


def test_a_tick_that_finds_a_run_at_work_notes_it_so_that_a_long_run_is_no_silence(
    ui: Ui, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusy("The database is in use.")

    monkeypatch.setattr(jobs, "tick", busy)
    changes = ui.definitions.resolve_sensor_def(f"{FLOW}_changes")
    changes(build_sensor_context(instance=ui.instance))
    assert polls.read(ui.sandboxes.settings, FLOW).busy_at is not None


def test_a_tick_of_a_source_that_is_down_is_skipped_and_no_traceback_is_logged(
    ui: Ui, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch says it once in the log, and the check `on_time` and the alerts to people."""

    def down(*_: object) -> None:
        raise SystemUnavailable("Winstore cannot be reached.")

    monkeypatch.setattr(jobs, "tick", down)
    answer = ui.definitions.resolve_sensor_def(f"{FLOW}_changes")(build_sensor_context(instance=ui.instance))
    assert isinstance(answer, SkipReason)
    assert "Winstore cannot be reached." in (answer.skip_message or "")


def test_an_answer_that_nobody_can_read_fails_its_first_tick_only(ui: Ui, monkeypatch: pytest.MonkeyPatch) -> None:
    error = UnreadableAnswer("The answer is no JSON.")

    def unreadable(*_: object) -> None:
        polls.failed(ui.sandboxes.settings, FLOW, error)  # as the watch does
        raise error

    monkeypatch.setattr(jobs, "tick", unreadable)
    changes = ui.definitions.resolve_sensor_def(f"{FLOW}_changes")
    with pytest.raises(UnreadableAnswer):
        changes(build_sensor_context(instance=ui.instance))
    assert isinstance(changes(build_sensor_context(instance=ui.instance)), SkipReason)


def test_a_tick_notes_that_the_source_answers_or_why_not(ui: Ui) -> None:
    connected = ConnectedFlow(flow_named(FLOW), ui.sandboxes.settings)
    with connected.store.transaction() as connection:
        ledger.create(connection)
        ledger.advance(connection, FLOW, datetime(2026, 3, 1, tzinfo=UTC))
    tick(connected, ui.instance, watches(connected.settings)["winstore"], clock.now)
    answered = polls.read(connected.settings, FLOW)
    assert answered.answered_at is not None
    assert (answered.waiting_since, answered.failed_at) == (None, None)
    winstore = connected.settings.winstore.model_copy(update={"base_url": "http://127.0.0.1:9/iposws/api/osd"})
    down = connected.settings.model_copy(update={"winstore": winstore})
    with pytest.raises(SystemUnavailable):
        tick(ConnectedFlow(flow_named(FLOW), down), ui.instance, watches(down)["winstore"], clock.now)
    failed = polls.read(connected.settings, FLOW)
    assert (failed.answered_at, failed.error, failed.system) == (answered.answered_at, "E-UNREACHABLE", "Winstore")
