"""A run's process is known by its number and the moment when it began, to every process of the machine.

Source: proc_pid_stat(5): field 22 is `starttime`, state Z is a process that has ended and was not waited for.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from dagster import DagsterRun
from dagster._core.launcher import WorkerStatus

from winbc_pipeline.orchestration.launcher import ForkedRunLauncher
from winbc_pipeline.orchestration.launcher.process import NO_PROCESS, RunProcess, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system does not fork")


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_the_tags_of_a_run_name_its_process_to_others(child: "subprocess.Popen[bytes]") -> None:
    process = RunProcess.with_pid(child.pid)
    assert RunProcess.of(process.tags) == process
    assert process.is_alive


def test_a_run_that_was_not_forked_has_no_process() -> None:
    assert RunProcess.of(NO_PROCESS) is None
    assert RunProcess.of({}) is None


def test_a_process_that_nobody_has_waited_for_is_not_alive(child: "subprocess.Popen[bytes]") -> None:
    process = RunProcess.with_pid(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.is_alive


def test_a_number_that_another_process_has_now_is_neither_alive_nor_interrupted() -> None:
    earlier = replace(RunProcess.with_pid(os.getpid()), began=1)
    assert not earlier.is_alive
    assert not earlier.interrupt(), "it would have interrupted this test"


def test_a_process_of_another_machine_is_not_interrupted() -> None:
    elsewhere = replace(RunProcess.with_pid(os.getpid()), machine="another")
    assert not elsewhere.is_here
    assert not elsewhere.interrupt()


@pytest.mark.parametrize(("is_killed", "status"), [(False, WorkerStatus.RUNNING), (True, WorkerStatus.FAILED)])
def test_run_monitoring_is_told_whether_the_process_is_there(
    child: "subprocess.Popen[bytes]", is_killed: bool, status: WorkerStatus
) -> None:
    """Else the place of a killed run in the queue would never be free again."""
    run = DagsterRun("job", tags=RunProcess.with_pid(child.pid).tags)
    if is_killed:
        child.kill()
        child.wait()
    assert ForkedRunLauncher().check_run_worker_health(run).status == status


def test_a_run_from_before_the_machine_started_anew_has_ended() -> None:
    """Its number may be that of another process by now."""
    earlier = replace(RunProcess.with_pid(os.getpid()), machine="an earlier boot")
    health = ForkedRunLauncher().check_run_worker_health(DagsterRun("job", tags=earlier.tags))
    assert health.status == WorkerStatus.FAILED
