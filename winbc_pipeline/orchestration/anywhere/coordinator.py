"""The run coordinator of dagster_workers.yaml."""

from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig

from ...errors import StateUnavailable
from ...settings import load_settings
from .celery_app import waiting
from .sessions import most_runs
from .version import version


class SlotRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which lets out as many runs as workers of this version can begin at once.

    A run that no worker can begin stays in the queue. Inside Celery it would count as failed after some minutes.
    """

    lets_out = True
    """False in the process of a run: Dagster asks there, too, for what it knows of pools."""
    _version = ""

    def get_run_queue_config(self) -> RunQueueConfig:
        """How many runs may be at work now. None is let out while one of the servers does not answer."""
        if not self.lets_out:
            return super().get_run_queue_config()
        settings = load_settings()
        self._version = self._version or version()  # of the code that this process began with
        # What the daemons of other connections have let out in this moment has no process yet.
        let_out = waiting(settings.workers.address, self._version)
        try:
            most = most_runs(settings.state.address, self._version, settings.connection)
        except StateUnavailable:
            most = 0
        free = 0 if let_out is None else max(most - let_out, 0)
        return super().get_run_queue_config()._replace(max_concurrent_runs=free)
