"""A run in the process of a command is one that Dagster can look after, as if it were forked.

Source: docs/operations.md, "How a run gets its process" and "Red windows".
"""

import os
from datetime import date

import pytest
from dagster import DagsterInstance, job, op
from dagster._core.launcher import WorkerStatus

from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.orchestration.in_process import run_windows
from winbc_pipeline.orchestration.launcher import ForkedRunLauncher, process
from winbc_pipeline.orchestration.launcher.process import RunProcess
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow

DAY = date(2026, 3, 1)


@op
def nothing() -> None:
    """Does nothing."""


@job
def of_nothing() -> None:
    nothing()


@pytest.mark.proof
@pytest.mark.skipif(not process.can_fork(), reason="elsewhere Dagster's own launcher looks after runs")
def test_a_run_in_the_process_of_a_command_names_it_so_that_its_death_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with DagsterInstance.ephemeral() as instance:
        number, why = run_windows(ConnectedFlow(CUSTOMERS, Settings()), of_nothing, instance, DAY, DAY)
        run = instance.get_run_by_id(number)
    assert run and why is None
    named = RunProcess.of(run.tags)
    assert named and (named.pid, named.is_alive) == (os.getpid(), True)
    launcher = ForkedRunLauncher()
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    monkeypatch.setattr(RunProcess, "is_alive", False)
    assert launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
