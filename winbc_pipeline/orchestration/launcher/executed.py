"""The run as `dagster api execute_run` takes it, and what that command does with it.

Dagster has no public function for this. These names are all that is used of its inside; a test holds what they do.
"""

from dagster import DagsterInstance, DagsterRun
from dagster._cli.api import execute_run_command
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value


def described(run: DagsterRun, instance: DagsterInstance) -> str:
    """A run as the last argument of `dagster api execute_run`. Raises ValueError for a run without code."""
    origin = run.job_code_origin
    if origin is None:
        raise ValueError(f"Run {run.run_id} does not say where its code is.")
    return ExecuteRunArgs(job_origin=origin, run_id=run.run_id, instance_ref=instance.get_ref()).get_command_args()[-1]


def execute(run: str) -> None:
    """What `dagster api execute_run` does, in this process. An interrupt cancels the run."""
    body = execute_run_command.callback
    assert body is not None  # noqa: S101 - a command of click always has one
    body(input_json=run, compressed_input_json=None)


def id_of(run: str) -> str:
    """The id of a run as `described` gives it."""
    return deserialize_value(run, ExecuteRunArgs).run_id


def report_cancelled(run_id: str) -> None:
    """Says in Dagster's storage that a run was cancelled before it began. Without it, it would count as being cancelled
    for minutes."""
    with DagsterInstance.get() as instance:
        found = instance.get_run_by_id(run_id)
        if found and not found.is_finished:
            instance.report_run_canceled(found)
