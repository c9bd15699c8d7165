"""Runs of Dagster that this process launches as its daemon does, with the shipped dagster.yaml."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, RunsFilter
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter
from dagster._core.remote_origin import RemoteJobOrigin
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import ModuleTarget

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.configuration import shipped
from winbc_pipeline.orchestration.launcher import ForkedRunLauncher, fork_server
from winbc_pipeline.orchestration.launcher.process import RunProcess
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import load_settings

from .flow_cases import FLOW_CASES
from .forked import FORKS
from .forked import __name__ as preloaded_by_others
from .sandboxes import Sandboxes, environment_of

MOST_S = 240
STARTED = "Started process for run (pid: "
LOCATION = "served"


@dataclass
class Office:
    """A connection whose runs are launched. Runs are named by their ids.

    Attributes:
        other: Dagster as another process sees it, whose launcher has launched nothing.
        workspace: where the code is served; None while only forks are launched.
    """

    sandboxes: Sandboxes
    instance: DagsterInstance
    other: DagsterInstance
    workspace: WorkspaceRequestContext | None = None

    @property
    def launcher(self) -> ForkedRunLauncher:
        """The launcher of another process."""
        launcher = self.other.run_launcher
        assert isinstance(launcher, ForkedRunLauncher)
        return launcher

    @contextmanager
    def served(self) -> Iterator[None]:
        """The code is served, as Dagster's own launcher needs it, until the block ends."""
        target = ModuleTarget("winbc_pipeline.definitions", "defs", os.getcwd(), LOCATION)
        with WorkspaceProcessContext(self.instance, target) as process:
            self.workspace = process.create_request_context()
            yield
            self.workspace = None

    def launch(self, flow: str) -> str:
        """Launches a run of the window that holds the test records of a flow."""
        run = self._made(flow)
        self.instance.launch_run(run, workspace=self.workspace)  # type: ignore[arg-type]
        return run

    def takes_the_place(self, flow: str, run_id: str) -> bool:
        """Whether a run keeps Dagster's daemon from letting another run of its flow out of the queue.

        Runs that other tests have killed stay in progress, because nobody looks after them here: they do not count.
        """
        run, storage = self.run(self._made(flow)), self.instance.event_log_storage
        assert run.run_op_concurrency
        for pool in run.run_op_concurrency.all_pools or ():
            storage.initialize_concurrency_limit_to_default(pool)  # as the daemon does when it first sees a pool
        at_work = self.instance.get_run_records(RunsFilter(run_ids=[run_id], statuses=IN_PROGRESS_RUN_STATUSES))
        counter = GlobalOpConcurrencyLimitsCounter(
            self.instance,
            [run],
            at_work,
            storage.get_concurrency_keys(),
            storage.get_pool_limits(),
            pool_granularity=self.instance.get_concurrency_config().pool_config.pool_granularity,
        )
        return counter.is_blocked(run)

    def _made(self, flow: str) -> str:
        day = FLOW_CASES[flow].day
        recon = ReconstructableRepository.for_module("winbc_pipeline.definitions", "defs", os.getcwd())
        run = self.instance.create_run_for_job(
            build_defs(settings=self.sandboxes.settings).resolve_job_def(flow),
            tags=range_tags(day, day, self.sandboxes.settings),
            job_code_origin=recon.get_reconstructable_job(flow).get_python_origin(),
            remote_job_origin=self._remote_origin(flow),
        )
        return run.run_id

    def _remote_origin(self, flow: str) -> RemoteJobOrigin | None:
        if self.workspace is None:
            return None
        (repository,) = self.workspace.get_code_location(LOCATION).get_repositories().values()
        return repository.get_full_job(flow).get_remote_origin()

    def pid(self, run_id: str) -> int:
        """The number of a run's process, once it has begun, whoever launched it."""
        until(lambda: STARTED in self._told(run_id))
        return int(self._told(run_id).partition(STARTED)[2].partition(")")[0])

    def _told(self, run_id: str) -> str:
        return "\n".join(entry.message for entry in self.instance.all_logs(run_id))

    def run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run
        return run

    def process(self, run_id: str) -> RunProcess:
        process = RunProcess.of(self.run(run_id).tags)
        assert process
        return process

    def ended(self, run_id: str) -> str:
        """How a run ended."""
        until(lambda: self.run(run_id).is_finished)
        return self.run(run_id).status.value

    def sync(self, flow: str) -> str:
        """Launches a run and waits for its end."""
        return self.ended(self.launch(flow))


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that other processes do."""
    ends = time.monotonic() + MOST_S
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.2)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def office(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The present folder is that of a connection, whose runs can be launched until the block ends."""
    home = sandboxes.folder / "home"
    home.mkdir()
    given = {"DAGSTER_HOME": str(home), "WINBC_BC__BATCH_SIZE": "10", "WINBC_GUARDS__ENABLED": "false"}
    for name, value in (environment_of(sandboxes) | sandboxes.addresses.environment() | given).items():
        monkeypatch.setenv(name, value)
    Path(home, "dagster.yaml").write_text(shipped(load_settings()), encoding="utf-8")
    try:
        with DagsterInstance.get() as instance, DagsterInstance.get() as other:
            yield Office(sandboxes, instance, other)
    finally:
        fork_server.end()
        FORKS.set_forkserver_preload([preloaded_by_others])
