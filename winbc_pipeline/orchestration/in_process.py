"""Runs windows of a flow through Dagster in this process: its storage then knows them as of any other run."""

import os
from collections.abc import Mapping
from datetime import date
from typing import Any

from dagster import DagsterInstance, JobDefinition

from ..staging.lingering import lingering
from ..sync.connected import ConnectedFlow
from .launcher.process import RunProcess, can_fork
from .windows import range_tags

# Configuration of a run that prints none of Dagster's log.
QUIET: Mapping[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_windows(
    connected: ConnectedFlow, job: JobDefinition, instance: DagsterInstance, first: date, last: date
) -> tuple[str, str | None]:
    """One run of all windows between two days, both included.

    It names this process, as a forked run names its own: Dagster then ends it when the process was killed, and only
    then.

    Args:
        job: the flow's job.

    Returns: the id of the run, and why it failed; None when it did not.
    """
    own = RunProcess.with_pid(os.getpid()).tags if can_fork() else {}
    tags = {**range_tags(first, last, connected.settings), **own}
    with lingering():
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False, run_config=QUIET)
    if result.success:
        return result.run_id, None
    failures = (each.step_failure_data for each in result.all_events if each.is_step_failure)
    texts = (failure.user_failure_data.description for failure in failures if failure.user_failure_data)
    unnamed = f"{connected.flow.id} failed: see its run in the Dagster UI."
    return result.run_id, next(filter(None, texts), unnamed)
