"""What the PostgreSQL server knows of who is at work. No run is executed here.

Source of the promises: docs/scale.md, "Several machines".
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, job
from dagster._core.launcher import WorkerStatus
from dagster._daemon.types import DaemonHeartbeat
from redis import Redis

from winbc_pipeline.errors import ConfigurationError, StateUnavailable
from winbc_pipeline.health import report
from winbc_pipeline.health.gather import SILENT
from winbc_pipeline.orchestration.anywhere import SlotRunCoordinator, execute
from winbc_pipeline.orchestration.anywhere.celery_app import queue_of
from winbc_pipeline.orchestration.anywhere.sessions import executing, is_executing, most_runs, registered
from winbc_pipeline.orchestration.anywhere.worker import Presence
from winbc_pipeline.orchestration.launcher.process import RunProcess
from winbc_pipeline.orchestration.storage import on_server
from winbc_pipeline.settings import Settings, WorkerSettings, load_settings
from winbc_pipeline.staging.server import address
from winbc_pipeline.staging.server.address import CONNECT_S

from ...support.launched import Office, until
from ...support.postgres import Server

pytestmark = pytest.mark.scale


@job
def some_job() -> None:
    pass


def test_as_many_runs_are_let_out_as_workers_of_this_version_can_begin(postgres: Server) -> None:
    """Of a connection: its own, and those places that no run of any connection has."""
    address = postgres.address
    sessions = [registered(address, "new", 2), registered(address, "new", 3), registered(address, "old", 4)]
    try:
        assert most_runs(address, "new", "shop") == 5
        with executing(address, "shop", "1"), executing(address, "other", "2"), executing(address, "other", "3"):
            assert most_runs(address, "new", "shop") == 2 + 1
            assert most_runs(address, "new", "third") == 2
    finally:
        for each in sessions:
            each.close()
    until(lambda: most_runs(address, "new", "shop") == 0)  # the server ends a session a moment later


def let_out(desk: Office) -> int:
    queue = desk.other.get_concurrency_config().run_queue_config
    assert queue
    return queue.max_concurrent_runs


def test_a_slot_is_given_away_once_and_none_while_redis_is_away(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another connection has let out waits in Redis for a moment, and has no session yet."""
    settings, own = load_settings(), execute.version()
    session = registered(settings.state.address, own, 2)
    try:
        assert let_out(desk) == 2
        with Redis.from_url(settings.workers.address) as client:
            client.rpush(queue_of(own, "another"), "a task")
            assert let_out(desk) == 1
            client.delete(queue_of(own, "another"))
        monkeypatch.setenv("WINBC_WORKERS__BROKER", "redis://127.0.0.1:9/0")
        assert let_out(desk) == 0
    finally:
        session.close()


def test_the_process_of_a_run_asks_for_no_slots(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets no run out; Dagster asks there for the limits of pools alone."""
    monkeypatch.setattr("winbc_pipeline.orchestration.anywhere.coordinator.most_runs", lambda *_: 1 / 0)
    monkeypatch.setattr(SlotRunCoordinator, "lets_out", False)
    assert desk.other.get_concurrency_config().run_queue_config


def test_one_process_executes_a_run_and_others_are_told_at_once(postgres: Server) -> None:
    address = postgres.address
    with executing(address, "shop", "run") as first, executing(address, "shop", "run") as second:
        assert (first, second) == (True, False)
        assert is_executing(address, "run")
    until(lambda: not is_executing(address, "run"))


def test_a_worker_registers_again_when_the_server_was_restarted(postgres: Server) -> None:
    settings, ended = Settings(state={"database": postgres.address}), []
    presence = Presence(settings, "version", 2, lambda: ended.append(1))
    presence.look()
    assert most_runs(postgres.address, "version", "shop") == 2
    postgres.stop(signal.SIGQUIT)
    presence.look()  # there is no server
    postgres.start()
    presence.look()
    assert most_runs(postgres.address, "version", "shop") == 2
    presence.leave()
    assert not ended


def test_a_task_waits_while_the_server_is_away(postgres: Server) -> None:
    """It was acknowledged, so nobody else would begin its run."""
    postgres.stop()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            postgres.start()

    execute.wait_for(postgres.address, sleep)
    assert pauses == [execute.PAUSE_S] * 3


def test_a_task_does_not_wait_longer_than_dagster_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a question goes nowhere, so that it takes as long as an answer is waited for."""
    now = 0.0

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    @contextmanager
    def asked(address: str) -> Iterator[None]:
        passes(CONNECT_S)
        raise StateUnavailable(address)
        yield

    monkeypatch.setattr(execute, "asked", asked)
    with pytest.raises(StateUnavailable):
        execute.wait_for("postgresql://x@127.0.0.1:9/x", passes, lambda: now)
    assert execute.START_S - CONNECT_S <= now <= execute.START_S + CONNECT_S
    configuration = (resources.files("winbc_pipeline") / "defaults" / "dagster_workers.yaml").read_text()
    assert f"start_timeout_seconds: {execute.START_S}\n" in configuration


def test_a_worker_whose_program_was_replaced_takes_no_more_runs_and_ends(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winbc_pipeline.orchestration.anywhere.worker.version", lambda: "of the files")
    ended: list[int] = []
    presence = Presence(Settings(state={"database": postgres.address}), "loaded", 2, lambda: ended.append(1))
    for _ in range(5):
        presence.look()
    until(lambda: most_runs(postgres.address, "loaded", "shop") == 0)
    assert ended == [1]


def test_a_process_with_replaced_code_fails_its_run_which_dagster_then_repeats(desk: Office) -> None:
    run = desk.instance.create_run_for_job(some_job, status=DagsterRunStatus.STARTING)
    execute.execute(Path.cwd(), "another version", run.run_id)
    assert desk.run(run.run_id).status is DagsterRunStatus.FAILURE
    assert any(execute.OTHER_CODE in entry.message for entry in desk.instance.all_logs(run.run_id))


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS])
def test_a_run_that_has_begun_before_is_not_executed(desk: Office, status: DagsterRunStatus) -> None:
    run = desk.instance.create_run_for_job(some_job, status=status)
    execute.execute(Path.cwd(), execute.version(), run.run_id)
    assert desk.run(run.run_id).status is status


def test_a_run_that_is_cancelled_in_the_first_moments_of_its_process_is_reported_as_cancelled(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "_may_begin", interrupted)
    run = desk.instance.create_run_for_job(some_job, status=DagsterRunStatus.CANCELING)
    execute.execute(Path.cwd(), execute.version(), run.run_id)
    assert desk.run(run.run_id).status is DagsterRunStatus.CANCELED


def test_a_silent_daemon_is_told_by_any_machine(desk: Office) -> None:
    """Dagster notes every 30 seconds that it lives, so it is known within two minutes."""
    settings, now = load_settings(), datetime.now(UTC)
    desk.instance.wipe_daemon_heartbeats()
    assert "was never started" in words_of(settings, now)
    desk.instance.add_daemon_heartbeat(DaemonHeartbeat(now.timestamp(), "SENSOR", "one", []))
    assert words_of(settings, now + timedelta(seconds=60)) == ""
    assert "is silent since" in words_of(settings, now + SILENT)
    assert timedelta(seconds=30) + SILENT < timedelta(minutes=2)


def words_of(settings: Settings, now: datetime) -> str:
    found = report.report(settings, now)
    assert not found.problems or found.exit_code
    return "".join(each.words for each in found.problems if each.name.kind == "daemon")


def test_workers_without_a_server_for_the_state_are_refused() -> None:
    with pytest.raises((ConfigurationError, ValueError), match="workers.broker needs state.database"):
        Settings(workers=WorkerSettings(broker="redis://127.0.0.1/0"), state={"database": ""})


def test_the_brokers_password_comes_from_the_environment_only() -> None:
    with pytest.raises(ValueError, match="WINBC_WORKERS__PASSWORD"):
        WorkerSettings(broker="redis://:secret@127.0.0.1/0")
    given = WorkerSettings(broker="redis://127.0.0.1:6379/0", password="a/b")
    assert given.address == "redis://:a%2Fb@127.0.0.1:6379/0"


def test_no_byte_of_a_run_that_quotes_an_erased_person_is_left_in_dagsters_tables(
    desk: Office, postgres: Server
) -> None:
    """docs/privacy.md: by design no run quotes anybody; whoever finds one all the same can have it erased."""
    settings, canary = load_settings(), "canary@planted.example"
    quotes = desk.instance.create_run_for_job(some_job, tags={"note": canary.upper()})
    other = desk.instance.create_run_for_job(some_job)
    assert len(on_server.quoting(settings, [canary])) >= 1
    assert on_server.erase(settings, [canary]) > 0
    assert on_server.quoting(settings, [canary]) == {}
    assert desk.instance.get_run_by_id(quotes.run_id) is None
    assert desk.instance.get_run_by_id(other.run_id)
    with address.asked(postgres.address) as cursor:
        cursor.execute("CHECKPOINT")
    files = [file for file in (postgres.folder / "data" / "base").rglob("*") if file.is_file()]
    assert not any(canary.encode() in file.read_bytes().lower() for file in files)


def test_a_run_that_no_launcher_gave_to_a_worker_is_left_to_who_began_it(desk: Office) -> None:
    """As that of `winbc rerun --failed`, which has no lock."""
    tags = RunProcess("another machine", 1, 1).tags
    run = desk.instance.create_run_for_job(some_job, status=DagsterRunStatus.STARTED, tags=tags)
    assert desk.other.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert not desk.other.run_launcher.terminate(run.run_id)
    assert desk.run(run.run_id).status is DagsterRunStatus.STARTED, "it goes on writing"


def test_a_run_of_a_command_is_cancelled_on_its_own_machine(desk: Office) -> None:
    listens = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", listens], stdin=-1, stdout=-1) as command:
        assert command.stdout
        command.stdout.readline()
        tags = RunProcess.with_pid(command.pid).tags
        run = desk.instance.create_run_for_job(some_job, status=DagsterRunStatus.STARTED, tags=tags)
        assert desk.other.run_launcher.terminate(run.run_id)
        assert command.wait() == -signal.SIGINT
    assert desk.run(run.run_id).status is DagsterRunStatus.CANCELING, "its process says when it has ended"
