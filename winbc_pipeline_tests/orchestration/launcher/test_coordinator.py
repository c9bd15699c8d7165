"""A run begins at once when nothing else is at work, and waits in Dagster's queue otherwise."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, job, op
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.storage.dagster_run import RunOpConcurrency
from dagster._core.test_utils import instance_for_test

from winbc_pipeline.orchestration.launcher import PromptRunCoordinator, fork_server
from winbc_pipeline.orchestration.launcher.gentle import TAGS

LAUNCHER = {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}
COORDINATOR = {"module": "winbc_pipeline.orchestration.launcher", "class": "PromptRunCoordinator"}
QUEUED = "left to Dagster's queue"


@op
def nothing() -> None:
    """Does nothing."""


@job
def some_work() -> None:
    nothing()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setattr(fork_server, "server_pid", lambda: 1)
    monkeypatch.setattr(QueuedRunCoordinator, "submit_run", lambda *_: QUEUED)  # it wants code that is served
    with instance_for_test(
        overrides={"run_launcher": LAUNCHER, "run_coordinator": COORDINATOR}, temp_dir=str(tmp_path)
    ) as instance:
        yield instance


def submitted(instance: DagsterInstance, *pools: str, tags: Mapping[str, str] | None = None) -> object:
    """What became of a new run: its status, or QUEUED."""
    made: DagsterRun = instance.create_run_for_job(some_work, tags=dict(tags or {}))
    needs = RunOpConcurrency(
        root_key_counts=dict.fromkeys(pools, 1), has_unconstrained_root_nodes=False, all_pools=set(pools)
    )
    instance.delete_run(made.run_id)
    run = instance.add_run(made._replace(run_op_concurrency=needs))
    coordinator = instance.run_coordinator
    assert isinstance(coordinator, PromptRunCoordinator)
    became: Any = coordinator.submit_run(SubmitRunContext(run, cast(Any, None)))
    return became.status if isinstance(became, DagsterRun) else became


def test_the_only_run_is_launched_at_once(instance: DagsterInstance) -> None:
    assert submitted(instance) == DagsterRunStatus.STARTING


def test_a_run_waits_in_the_queue_while_another_one_is_at_work(instance: DagsterInstance) -> None:
    submitted(instance)

    assert submitted(instance) == QUEUED


def test_a_run_that_an_echo_has_woken_holds_only_those_up_which_need_its_database(instance: DagsterInstance) -> None:
    assert submitted(instance, "customers", tags=TAGS) == DagsterRunStatus.STARTING
    assert submitted(instance, "customers") == QUEUED
    assert submitted(instance, "orders", tags=TAGS) == QUEUED, "of echoes one goes after the other"
    assert submitted(instance, "orders") == DagsterRunStatus.STARTING


def test_a_process_without_a_fork_server_leaves_the_run_to_the_daemon(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "server_pid", lambda: None)

    assert submitted(instance) == QUEUED


def test_of_two_runs_that_are_submitted_together_one_is_launched_and_one_queued(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sensors submit from several threads, and the pools of flows are kept by the queue alone."""
    launch, second = instance.launch_run, list[object]()

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(instance, "launch_run", launch)
        with ThreadPoolExecutor(1) as pool:
            second.append(pool.submit(submitted, instance).result())
        return launch(*given)

    monkeypatch.setattr(instance, "launch_run", meanwhile)

    assert (submitted(instance), second) == (DagsterRunStatus.STARTING, [QUEUED])
