"""Runs windows of a flow through Dagster in this process: its storage then knows them as of any other run."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from dagster import DagsterInstance, JobDefinition

from ..staging.lingering import lingering
from ..sync.connected import ConnectedFlow
from .launcher.process import RunProcess, can_fork
from .windows import range_tags

# Configuration of a run that prints none of Dagster's log.
QUIET: Mapping[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def _loaded_left_alone() -> Iterator[None]:
    """Python's collector leaves alone what there is, until the block ends.

    A run over years makes thousands of events, and the collector would go through Dagster and its definitions again and
    again. A forked run finds them frozen, too (launcher/preload.py).
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


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
    with lingering(), _loaded_left_alone():
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False, run_config=QUIET)
    if result.success:
        return result.run_id, None
    failures = (each.step_failure_data for each in result.all_events if each.is_step_failure)
    texts = (failure.user_failure_data.description for failure in failures if failure.user_failure_data)
    unnamed = f"{connected.flow.id} failed: see its run in the Dagster UI."
    return result.run_id, next(filter(None, texts), unnamed)
