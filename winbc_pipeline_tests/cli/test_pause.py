"""`winbc pause`: no sensor, sweep or command starts a flow until the moment that a person gave.

Source of the promise: docs/operations.md, "Pause".
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from dagster import DagsterInstance, SkipReason, build_schedule_context
from typer.testing import CliRunner, Result

from winbc_pipeline import clock
from winbc_pipeline.build import build_defs
from winbc_pipeline.cli.main import app
from winbc_pipeline.cli.operations.moments import in_words, moment_of
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.following.tick import tick
from winbc_pipeline.orchestration.following.watch import watches
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.notes.pause import pause, paused_until, resume
from winbc_pipeline.sync.connected import ConnectedFlow

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FLOW = "orders_winstore_to_bc"
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINBC_TIME_ZONE", "Europe/Amsterdam")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return Settings()


def winbc(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("18:30", "2026-03-01T17:30"),
        ("12:00", "2026-03-02T11:00"),
        ("2026-07-01 18:30", "2026-07-01T16:30"),
        ("2026-03-05", "2026-03-04T23:00"),
        ("2026-03-01T18:30+00:00", "2026-03-01T18:30"),
        ("90m", "2026-03-01T13:30"),
        ("2h", "2026-03-01T14:00"),
        ("3d", "2026-03-04T12:00"),
    ],
)
def test_a_moment_is_read_in_the_time_zone_of_the_person(settings: Settings, typed: str, meant: str) -> None:
    assert moment_of(typed, settings, NOW).isoformat() == f"{meant}:00+00:00"


def test_a_text_that_is_no_moment_is_told_with_examples(settings: Settings) -> None:
    with pytest.raises(typer.BadParameter, match="noon is no moment. Give one such as 18:30"):
        moment_of("noon", settings, NOW)


def test_a_moment_is_shown_in_the_time_zone_of_the_person(settings: Settings) -> None:
    assert in_words(datetime(2026, 7, 1, 16, 30, tzinfo=UTC), settings) == "2026-07-01 18:30 CEST"


def test_a_pause_ends_by_itself(settings: Settings) -> None:
    pause(settings, FLOW, SOON)
    assert paused_until(settings, FLOW, NOW) == SOON
    assert paused_until(settings, FLOW, SOON) is None


def test_a_pause_holds_for_its_own_flow_only(settings: Settings) -> None:
    pause(settings, FLOW, SOON)
    assert paused_until(settings, "products_winstore_to_bc", NOW) is None


def test_a_file_without_a_moment_is_named_and_can_be_deleted_by_resume(settings: Settings) -> None:
    pause(settings, FLOW, SOON)
    (settings.data_folder / "default" / f"{FLOW}.paused").write_text("later")
    with pytest.raises(ConfigurationError, match="holds no moment. `winbc resume orders_winstore_to_bc` deletes it"):
        paused_until(settings, FLOW, NOW)
    assert resume(settings, FLOW)
    assert paused_until(settings, FLOW, NOW) is None


def test_the_sensor_of_a_paused_flow_asks_nothing_and_says_why(settings: Settings) -> None:
    pause(settings, FLOW, SOON)
    with DagsterInstance.ephemeral() as instance:
        answer = tick(ConnectedFlow(flow_named(FLOW), settings), instance, watches(settings)["winstore"], lambda: NOW)
    assert isinstance(answer, SkipReason)
    assert answer.skip_message == "Paused until 2026-03-01T13:00:00+00:00 (`winbc pause`)."


@pytest.mark.parametrize(
    ("flow", "schedule"),
    [(FLOW, f"{FLOW}_sweep"), ("stock_winstore_to_bc", "stock_winstore_to_bc_figures_sweep")],
)
def test_the_sweep_of_a_paused_flow_starts_no_run(settings: Settings, flow: str, schedule: str) -> None:
    pause(settings, flow, SOON)
    swept = build_defs(settings=settings).resolve_schedule_def(schedule)
    result = swept.evaluate_tick(build_schedule_context(scheduled_execution_time=NOW))
    assert not result.run_requests
    assert "Paused until" in str(result.skip_message)


def test_the_sweep_of_stock_runs_when_the_pause_is_over(settings: Settings) -> None:
    pause(settings, "stock_winstore_to_bc", NOW)
    swept = build_defs(settings=settings).resolve_schedule_def("stock_winstore_to_bc_figures_sweep")
    result = swept.evaluate_tick(build_schedule_context(scheduled_execution_time=NOW))
    assert result.run_requests is not None
    assert len(result.run_requests) == 1


@pytest.mark.usefixtures("settings")
def test_sync_says_that_the_flow_is_paused_and_does_nothing() -> None:
    assert winbc("pause", "orders", "--until", "2h").exit_code == 0
    done = winbc("sync", FLOW)
    assert done.exit_code == 1
    assert f"{FLOW} is paused until 2026-03-01 15:00 CET: nothing was done." in done.output
    assert "winstore.base_url is not set" in str(winbc("sync", FLOW, "--even-paused").exception), "it goes on as usual"


@pytest.mark.usefixtures("settings")
def test_a_repair_of_a_paused_flow_is_refused_as_a_sync_is() -> None:
    winbc("pause", FLOW, "--until", "2h")
    done = winbc("reconcile", FLOW, "--repair")
    assert done.exit_code == 1
    assert f"{FLOW} is paused until 2026-03-01 15:00 CET: nothing was done." in done.output
    assert "is not set" in str(winbc("reconcile", FLOW, "--repair", "--even-paused").exception), "it goes on as usual"


@pytest.mark.parametrize(
    "command",
    [
        ("stock", "sweep"),
        ("retry", "--order", "S1", "--flow", "stock_winstore_to_bc"),
        ("replay", "S1", "--as-mapped-now", "--flow", "stock_winstore_to_bc"),
        ("resolve", "S1", "--resend", "--flow", "stock_winstore_to_bc"),
    ],
    ids=lambda command: command[0],
)
def test_what_sends_by_hand_is_refused_for_a_paused_flow(settings: Settings, command: tuple[str, ...]) -> None:
    connected = ConnectedFlow(flow_named("stock_winstore_to_bc"), settings)
    ledger.move(connected.store, [Move("item", "S1", State.FAILED, {"reason": "BC_REFUSED"})], "run")
    pause(settings, "stock_winstore_to_bc", SOON)
    done = winbc(*command)
    assert done.exit_code == 1
    assert "stock_winstore_to_bc is paused until 2026-03-01 14:00 CET: nothing was done." in done.output
    assert "`winbc resume` ends the pause" in done.output
    assert "is not set" in str(winbc(*command, "--even-paused").exception), "it goes on as usual"


def test_a_record_of_a_paused_flow_can_be_ignored_because_that_sends_nothing(settings: Settings) -> None:
    connected = ConnectedFlow(flow_named("stock_winstore_to_bc"), settings)
    ledger.move(connected.store, [Move("item", "S1", State.FAILED, {"reason": "BC_REFUSED"})], "run")
    pause(settings, "stock_winstore_to_bc", SOON)
    done = winbc("resolve", "S1", "--ignore", "sold out", "--flow", "stock_winstore_to_bc")
    assert "is paused" not in done.output


def test_the_red_windows_of_a_paused_flow_stay_red_and_rerun_says_so(settings: Settings) -> None:
    connected = ConnectedFlow(flow_named(FLOW), settings)
    failed = Move(connected.flow.main, "W1", State.FAILED, {"reason": "MAPPING", "window": NOW.date()})
    ledger.move(connected.store, [failed], "run")
    winbc("pause", FLOW, "--until", "2h")
    done = winbc("rerun", "--failed")
    assert done.exit_code == 1
    assert f"{FLOW} is paused until" in done.output and "Some windows are still red." in done.output
    assert "base_url is not set" in winbc("rerun", "--failed", "--even-paused").output, "it goes on as usual"


@pytest.mark.usefixtures("settings")
def test_status_shows_the_pause_and_resume_ends_it() -> None:
    winbc("pause", FLOW, "--until", "18:30")
    assert "paused until 2026-03-01 18:30 CET" in winbc("status").output
    assert winbc("resume", FLOW).exit_code == 0
    assert "paused" not in winbc("status").output
    assert winbc("resume", FLOW).exit_code == 1


@pytest.mark.usefixtures("settings")
def test_a_moment_that_is_over_pauses_nothing() -> None:
    done = winbc("pause", FLOW, "--until", "2026-02-01")
    assert done.exit_code == 2
    assert "is over" in done.output
    assert "paused" not in winbc("status").output


def test_all_flows_are_paused_at_once(settings: Settings) -> None:
    winbc("pause", "all", "--until", "2h")
    assert paused_until(settings, "stock_bc_to_winstore", NOW)
    assert paused_until(settings, FLOW, NOW)
