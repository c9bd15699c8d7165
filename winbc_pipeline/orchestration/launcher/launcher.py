"""The run launcher that dagster.yaml names."""

import logging
import sys

from dagster import DagsterRun, DagsterRunStatus, DefaultRunLauncher
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus

from ..names import loaded_for
from . import fork_server
from .executed import described
from .gentle import is_gentle
from .process import NO_PROCESS, TAG, RunProcess, can_fork
from .versions import version
from .worker import GO, GO_GENTLY, work

NOT_BEGUN = (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING)
LOOPBACK = (None, "localhost", "127.0.0.1", "::1")


class ForkedRunLauncher(DefaultRunLauncher):
    """Forks the process of a run from a server that has Dagster, the definitions and all libraries loaded.

    A run that cannot be forked is launched as Dagster does it by default: on systems that do not fork, for code of
    another computer or another Python, and after any fault of the server. No run is lost or executed twice: a forked
    process begins only once it is known to everybody and permitted.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Starts a run. It returns once the run's process has its permission."""
        run = context.dagster_run
        if can_fork() and _is_ours(run):
            try:
                self._fork(run)
                return
            except Exception as error:  # noqa: BLE001 - any fault: the default launcher has no part in it
                words = (
                    f"The run could not be forked ({type(error).__name__}: {error}). Dagster's own launcher starts it."
                )
                logging.getLogger("dagster").warning(words)
                self._instance.report_engine_event(words, run, cls=self.__class__)
        # A process that was given up, or that of the run which this one repeats, is not its process.
        self._instance.add_run_tags(run.run_id, NO_PROCESS)
        if not self._was_cancelled(run.run_id):
            super().launch_run(context)

    def _fork(self, run: DagsterRun) -> None:
        """Forks a run. Raises an error only when its process was not permitted to begin."""
        pid, permission = fork_server.forked(version(), work, described(run, self._instance))
        with permission:
            process = RunProcess.with_pid(pid)
            self._instance.add_run_tags(run.run_id, process.tags)
            if not self._was_cancelled(run.run_id):
                permission.send((GO_GENTLY if is_gentle(run.tags) else GO, loaded_for(run)))

    def _was_cancelled(self, run_id: str) -> bool:
        """Whether a run was cancelled before its process began. Then it has ended, and nothing is started for it.

        It is asked after the tag is written. Who cancels looks at the tag after saying so, and one of the two sees the
        other.
        """
        run = self._instance.get_run_by_id(run_id)
        if run and run.status == DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, "It was cancelled before it began.")
        return run is None or run.is_finished or run.status == DagsterRunStatus.CANCELING

    def terminate(self, run_id: str) -> bool:
        """Cancels a run, whichever process asks; returns whether its process was asked to end."""
        run = self._instance.get_run_by_id(run_id)
        if not run or run.is_finished:
            return False
        is_new = run.status in NOT_BEGUN and TAG not in run.tags
        if is_new:  # its launcher is just about to give it a process, or finds that it was cancelled
            self._instance.report_run_canceling(run)
            run = self._instance.get_run_by_id(run_id) or run
            if TAG not in run.tags:
                return True
        process = RunProcess.of(run.tags)
        if process is None:
            return bool(super().terminate(run_id)) or is_new  # type: ignore[no-untyped-call]
        if not is_new:
            self._instance.report_run_canceling(run)
        if process.interrupt():
            return True
        if process.is_here:
            self._instance.report_run_canceled(run, "The process of this run had ended before.")
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's run monitoring may ask, and frees the place of a run whose process was killed."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run is there. What the default launcher started, its own server looks after."""
        process = RunProcess.of(run.tags)
        if process is None or process.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        words = f"Its process ({process.pid}) has ended. The next run of the flow completes what is missing."
        return CheckRunHealthResult(WorkerStatus.FAILED, words)


def _is_ours(run: DagsterRun) -> bool:
    """Whether the code of a run is on this computer, for this Python."""
    origin = run.job_code_origin
    remote = run.remote_job_origin
    if origin is None:
        return False
    host = getattr(remote.repository_origin.code_location_origin, "host", None) if remote else None
    return origin.executable_path == sys.executable and host in LOOPBACK
