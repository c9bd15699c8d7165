"""How commands end and what they say meanwhile: Ctrl-C, progress in a pipe, narrow tables, Dagster's processes."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, job
from rich.console import Console

from winbc_pipeline.cli.dagster_home import check_port, child, claimed, other_configuration, prepare, wait_until_served
from winbc_pipeline.cli.output import add_row, bar, table_of
from winbc_pipeline.errors import ConfigurationError, NotDone, SystemUnavailable
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.launcher.process import RunProcess, can_fork
from winbc_pipeline.settings import Settings

from ..support import forked
from ..support.sandboxes import HTTP, Sandboxes, environment_of

pytestmark = pytest.mark.proof

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
ASKS = """
import typer
from rich.console import Console
from winbc_pipeline.cli.failures import interruptible

with interruptible(Console(), "Ending."):
    typer.run(lambda: typer.prompt("?"))
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP


def wait_for(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.01)


@job
def some_job() -> None: ...


@pytest.fixture
def dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DAGSTER_HOME", "set back after the test")
    with claimed(tmp_path) as home:
        yield home


def test_ctrl_c_ends_a_run_that_waits_for_an_answer(sandboxes: Sandboxes) -> None:
    """It says so, prints no traceback, and the next run completes it: nothing is lost, nothing is there twice."""
    sandboxes.fill(articles=[{"sku": f"S{n:02}", "article_key": f"{n}"} for n in range(30)])
    sandboxes.fault("bc", {"kind": "slow", "seconds": 8, "path": "$batch", "method": "POST"})
    output = sandboxes.folder / "output"
    process = forked.started(["sync", "products"], environment_of(sandboxes), output)
    wait_for(lambda: not HTTP.get(f"{sandboxes.addresses.bc_control}/__faults").json()["faults"])
    began = time.monotonic()
    os.kill(process.pid or 0, signal.SIGINT)
    process.join(10)
    assert time.monotonic() - began < 5
    assert process.exitcode == 130
    assert "Ending. What was committed stays" in output.read_text()
    assert "Traceback" not in output.read_text()
    assert sandboxes.sync("products").failed == 0
    assert sorted(item["number"] for item in sandboxes.bc()["records"]["items"]) == [f"S{n:02}" for n in range(30)]


def test_ctrl_c_while_a_person_is_asked_is_no_failure_of_records(tmp_path: Path) -> None:
    """Source of the promise: docs/commands.md, exit codes."""
    process = subprocess.Popen(
        [sys.executable, "-c", ASKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=os.environ
    )
    assert process.stdout is not None
    assert process.stdout.read(1) == b"?", "it asks"
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=10)[0]
    assert (process.returncode, b"Ending." in printed) == (130, True)


@pytest.mark.parametrize("program", [SLEEP, STUBBORN])
def test_children_end_with_the_block_within_five_seconds(tmp_path: Path, program: str) -> None:
    (tmp_path / "waiting.py").write_text(program)
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with child(["waiting"], subprocess.PIPE) as process:
            assert process.stdout is not None
            with process.stdout as printed:
                printed.readline()
            began = time.monotonic()
    assert time.monotonic() - began < 5
    assert process.returncode in (-signal.SIGTERM, -signal.SIGKILL)


def test_a_ui_that_dies_is_noticed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(SystemUnavailable, match=r"The dashboard ended by itself \(exit code 3\). See .*ui.log"):
        wait_until_served(process, 1, tmp_path / "ui.log")


def test_a_ui_that_never_answers_is_noticed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(SystemUnavailable, match="The dashboard does not answer on port 1 after 0 s"):
            wait_until_served(process, 1, tmp_path / "ui.log", most_s=0.3)
        process.communicate(b"\n")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} is taken"):
            check_port(port)


def test_one_process_serves_a_connection(dagster_home: Path) -> None:
    with pytest.raises(NotDone, match="Another `winbc up`"), claimed(dagster_home.parent):
        pass


def test_a_killed_run_gives_its_place_in_the_queue_back(dagster_home: Path) -> None:
    prepare(dagster_home, Settings())
    with DagsterInstance.get() as instance:
        run = instance.create_run_for_job(some_job, status=DagsterRunStatus.STARTED)
        done = instance.create_run_for_job(some_job, status=DagsterRunStatus.SUCCESS)
    prepare(dagster_home, Settings())
    with DagsterInstance.get() as instance:
        after = [instance.get_run_by_id(each.run_id) for each in (run, done)]
    assert [each.status for each in after if each] == [DagsterRunStatus.CANCELED, DagsterRunStatus.SUCCESS]


@pytest.mark.skipif(not can_fork(), reason="elsewhere a run does not name its process")
def test_a_run_that_is_at_work_in_another_command_is_left(dagster_home: Path) -> None:
    """docs/operations.md, "How a run gets its process": `winbc up` leaves a rerun that is at work."""
    prepare(dagster_home, Settings())
    with DagsterInstance.get() as instance:
        tags = RunProcess.with_pid(os.getpid()).tags
        run = instance.create_run_for_job(some_job, status=DagsterRunStatus.STARTED, tags=tags)
    prepare(dagster_home, Settings())
    with DagsterInstance.get() as instance:
        after = instance.get_run_by_id(run.run_id)
    assert after and after.status == DagsterRunStatus.STARTED


def test_check_says_when_dagster_yaml_is_that_of_an_older_version(dagster_home: Path) -> None:
    """docs/operations.md, "Upgrades"."""
    assert other_configuration(dagster_home, Settings()) == ""
    prepare(dagster_home, Settings())
    assert other_configuration(dagster_home, Settings()) == ""
    file = dagster_home / "dagster.yaml"
    file.write_text(file.read_text().partition("sensors:")[0])
    prepare(dagster_home, Settings())
    assert f"{file} is not the one that this version ships." in other_configuration(dagster_home, Settings())


def test_progress_in_a_pipe_is_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO())
    with bar(console, "Loading", 2, every_s=0.01) as begin:
        begin("planned")
        wait_for(lambda: "Loading: planned (" in capsys.readouterr().err)
    assert console.file.getvalue() == "", "results can be piped on without it"  # type: ignore[attr-defined]


def test_names_of_flows_are_whole_at_80_columns() -> None:
    """As in the table of the demo and in `winbc status`."""
    console = Console(file=io.StringIO(), width=80)
    names = ("flow", "read", "created", "updated", "skipped", "failed", "s")
    table = table_of(*names, whole="flow")
    for flow in FLOWS:
        add_row(table, flow.id, *[100_000] * 5, 100.5)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    for word in (*names, *(flow.id for flow in FLOWS)):
        assert any(word in line.split() for line in lines), word
