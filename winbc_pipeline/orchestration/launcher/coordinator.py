"""The run coordinator that dagster.yaml names."""

import threading

from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from . import fork_server
from .gentle import is_gentle

BEFORE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
# Sensors submit from several threads: of two that see an empty queue, one launches.
_launching = threading.Lock()


class PromptRunCoordinator(QueuedRunCoordinator):
    """Launches a run at once while no other one waits or is at work; else it queues the run, as Dagster does.

    A run that an echo has probably woken holds only those up which need its database: its process yields to theirs.
    The daemon looks into the queue once a second, so a change waits half a second less on the average. Only a process
    that has a fork server launches by itself (the daemon, after its first run): another one would have to make a
    server first.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Launches or queues a run. Returns it as it is then."""
        run = context.dagster_run
        is_new = run.status == DagsterRunStatus.NOT_STARTED
        if is_new and fork_server.server_pid() is not None and _launching.acquire(blocking=False):
            try:
                others = self._instance.get_runs(RunsFilter(statuses=BEFORE))
                if not any(_holds_up(run, other) for other in others):
                    self._instance.launch_run(run.run_id, context.workspace)
                    return self._instance.get_run_by_id(run.run_id) or run
            finally:
                _launching.release()
        return super().submit_run(context)


def _holds_up(run: DagsterRun, other: DagsterRun) -> bool:
    """Whether a run waits for another one that is queued or at work."""
    if not is_gentle(other.tags) or is_gentle(run.tags) or other.status == DagsterRunStatus.QUEUED:
        return True
    pools, taken = _pools(run), _pools(other)
    return pools is None or taken is None or not pools.isdisjoint(taken)


def _pools(run: DagsterRun) -> set[str] | None:
    """The pools in which a run takes a place; None where it does not say."""
    known = run.run_op_concurrency
    return None if known is None else {*known.root_key_counts, *(known.all_pools or ())}
