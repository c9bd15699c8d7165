"""Two daemons follow one connection, a worker is killed: the work is done again elsewhere by itself, each order once.

Source of the promises: docs/scale.md, "Several machines".
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, RunsFilter

from winbc_pipeline.health.gather import SILENT
from winbc_pipeline.settings import load_settings

from ...support import dying
from ...support.flow_cases import FLOW_CASES
from ...support.launched import Office, until
from ...support.sandboxes import HTTP, REPOSITORY
from ...support.workers import workers
from .test_sessions import words_of

pytestmark = pytest.mark.scale
ORDERS, MANY = "orders_winstore_to_bc", 20
CASE = FLOW_CASES[ORDERS]
FOLLOWED = f"safe_mode = false\n[flows.{ORDERS}]\nsensors = true\n"


@contextmanager
def daemons(
    number: int, module: str = "winbc_pipeline.definitions", attribute: str = "defs"
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Dagster's daemons for the connection of this folder, each with a code server, until the block ends."""
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-m", module, "-a", attribute]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with Path("daemon.log").open("wb") as log:
        started = [
            subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
            for _ in range(number)
        ]
    try:
        yield started
    finally:
        for each in started:
            kill(each)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kills a process with its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ended(desk: Office) -> list[str]:
    return runs(desk, DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE)


def runs(desk: Office, *statuses: DagsterRunStatus) -> list[str]:
    return [run.run_id for run in desk.instance.get_runs(RunsFilter(job_name=ORDERS, statuses=list(statuses)))]


def test_what_a_killed_worker_had_is_done_again_by_itself_and_two_daemons_double_nothing(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("winbc.toml").write_text(FOLLOWED)
    # A run of few windows: each has a dozen events.
    monkeypatch.setenv("WINBC_WINDOW", "month")
    monkeypatch.setenv("WINBC_HISTORY_START", "2026-01-01")
    chosen = {"window": "month", "history_start": date(2026, 1, 1)}
    monkeypatch.setattr(desk.sandboxes, "settings", desk.sandboxes.settings.model_copy(update=chosen))
    desk.instance.wipe()
    CASE.many(desk.sandboxes, MANY)
    dying.STAYS.write_text("2")  # its first write makes the customer
    with workers(1) as (first,), daemons(2):
        until(dying.STAYED.exists)
        (run,) = runs(desk, DagsterRunStatus.STARTED)
        with workers(1):
            first.kill()
            dying.STAYS.unlink()
            until(lambda: desk.run(run).status is DagsterRunStatus.FAILURE)
            until(lambda: len(ended(desk)) > 1)  # by itself
            dying.LATER.touch()  # what may have arrived is looked up twice, a minute apart
            HTTP.post(f"{desk.sandboxes.addresses.bc_control}/__clock", json={"advance_s": dying.LATER_S})
            assert desk.sync(ORDERS) == "SUCCESS"
            assert words_of(load_settings(), datetime.now(UTC)) == ""
    arrived = CASE.arrived(desk.sandboxes)
    assert len(arrived) == len(set(arrived)) == MANY
    assert "is silent since" in words_of(load_settings(), datetime.now(UTC) + SILENT), "the daemons are gone"
