"""The run launcher of dagster_workers.yaml."""

from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, ResumeRunContext, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from ...settings import load_settings
from ..launcher.process import RunProcess
from .celery_app import CONFIG, TASK, queue_of
from .sessions import executing, is_executing
from .version import version

BEGUN = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
ANSWER_S = 2.0  # that workers have to say who has a run


class WorkerRunLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which knows whether a run's process lives, and stands a task that comes twice.

    Dagster's own asks Celery, whose results never tell that a worker is gone (dagster-io/dagster#33493).
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        settings = load_settings()
        self._state, self._connection, self._version = settings.state.address, settings.connection, version()
        queue = queue_of(self._version, self._connection)
        super().__init__(queue, settings.workers.address, None, config_source=CONFIG, inst_data=inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """It has no settings in dagster.yaml: winbc.toml has them."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "WorkerRunLauncher":
        """The launcher that dagster.yaml names."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Gives a run to the workers of this version."""
        run = context.dagster_run
        given = {"connection": self._connection, "run_id": run.run_id, "version": self._version}
        self._launch_celery_task_run(run, self.celery.signature(TASK, kwargs=given, immutable=True), TASK)

    @property
    def supports_resume_run(self) -> bool:
        """A run that lost its process is repeated as a new one."""
        return False

    def resume_run(self, context: ResumeRunContext) -> None:
        """Never called: see `supports_resume_run`."""
        raise NotImplementedError

    def terminate(self, run_id: str) -> bool:
        """Cancels a run; returns whether its process was asked to end, or that it has none and is cancelled.

        One that has begun and was not launched, such as that of `winbc rerun`, has no lock. Its own machine can end it.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if run.status in BEGUN and DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            process = RunProcess.of(run.tags)
            if process is None or not process.is_alive:
                return False
            self._instance.report_run_canceling(run)
            return process.interrupt()
        self._instance.report_run_canceling(run)
        with executing(self._state, self._connection, run_id) as is_nowhere:
            if is_nowhere:  # whoever gets the task later finds that the run has ended
                self._instance.report_run_canceled(run, "It was cancelled while no worker had it.")
                return True
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        answers = self.celery.control.revoke(task, terminate=True, signal="SIGINT", reply=True, timeout=ANSWER_S)
        return any(task in str(answer) for answer in answers or ())

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a process executes a run. What it asks of Dagster comes last: a run ends before its lock does.

        A run that was not launched, such as that of `winbc rerun`, is looked after by who began it.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags or is_executing(self._state, run.run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        found = self._instance.get_run_by_id(run.run_id)
        if found is None or found.is_finished:
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        words = "The worker that executed it is gone. The next run of the flow completes what is missing."
        return CheckRunHealthResult(WorkerStatus.FAILED, words)

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Nothing: Celery keeps no results here."""
        return None
