"""The last failed runs in Dagster's storage, for `winbc support-bundle`: which job, when, and the code of the error.

Here belongs: asking Dagster. A failure's text names records, so it is not given.
Concept pages: Instance API.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

MOST = 30
VARIABLE = "DAGSTER_HOME"
CODE = re.compile(r"\bE-[A-Z-]+\b")


def failed_runs(home: Path, tags: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """The last failed runs of a DAGSTER_HOME: job, moment, and the classes and codes of the errors of their steps.

    Args:
        tags: those that the runs have, where it has the runs of several connections.
    """
    if not (home / "dagster.yaml").exists():
        return
    with named(home), DagsterInstance.from_config(str(home)) as instance:
        failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], tags=tags or {})
        for record in instance.get_run_records(failed, limit=MOST):
            run, begun = record.dagster_run, record.start_time or record.create_timestamp.timestamp()
            yield {
                "job": run.job_name,
                "begun": datetime.fromtimestamp(begun, UTC),
                "errors": sorted(_errors(instance, run.run_id)),
            }


@contextmanager
def named(home: Path) -> Iterator[None]:
    """The variable DAGSTER_HOME names a folder until the block ends: the shipped dagster.yaml refers to it."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(home)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        os.environ.update({VARIABLE: before} if before is not None else {})


def _errors(instance: DagsterInstance, run_id: str) -> set[str]:
    found = set()
    failures = instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_FAILURE).records
    for record in failures:
        event = record.event_log_entry.dagster_event
        error = event.step_failure_data.error if event else None
        while error:
            found |= {error.cls_name or "", *CODE.findall(error.message)}
            error = error.cause
    return found - {""}
