"""Deletes old runs from Dagster's storage, which otherwise grows by some kilobytes with every change.

Here belongs: which run is still needed. A run is superseded when all its windows were materialised again. Any other
run stays, however old it is: without it its windows would look as if they had never run. Settings in dagster.yaml
purge the ticks of sensors and schedules.
Concept pages: Runs, Instance API.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    EventLogRecord,
    JobDefinition,
    OpExecutionContext,
    RunsFilter,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from .. import clock
from ..settings import Settings
from .assets import TABLES
from .jobs import nightly_schedule

FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def purge_runs(instance: DagsterInstance, before: datetime) -> int:
    """Deletes the finished runs from before a moment that are superseded; returns how many."""
    old = instance.get_run_records(RunsFilter(statuses=FINISHED, created_before=before), ascending=True)
    run_ids = [record.dagster_run.run_id for record in old]
    superseded = [run_id for run_id in run_ids if _is_superseded(instance, run_id)]
    for run_id in superseded:
        instance.delete_run(run_id)
    return len(superseded)


def _is_superseded(instance: DagsterInstance, run_id: str) -> bool:
    return all(_made_later(instance, run_id, *target) for target in _targets(instance, run_id))


def _targets(instance: DagsterInstance, run_id: str) -> Iterator[tuple[AssetKey, str | None, float]]:
    """What a run planned to materialise: asset, window (None for an asset without), moment (seconds since 1970)."""
    kind = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        if event is None or event.asset_key is None:
            continue
        data = event.asset_materialization_planned_data
        windows = data.partitions_subset.get_partition_keys() if data.partitions_subset else [data.partition]
        for window in windows:
            yield event.asset_key, window, record.event_log_entry.timestamp


def _made_later(instance: DagsterInstance, run_id: str, asset: AssetKey, window: str | None, moment: float) -> bool:
    """Whether another run has materialised an asset's window since a moment."""
    # Dagster plans the unpartitioned mapping tables of such a run with the window, too.
    newest = _newest(instance, asset, None if asset.path[0] == TABLES else window)
    return newest is not None and newest.run_id != run_id and newest.timestamp > moment


def _newest(instance: DagsterInstance, asset: AssetKey, window: str | None) -> EventLogRecord | None:
    wanted = AssetRecordsFilter(asset, asset_partitions=[window] if window else None)
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


def retention(settings: Settings) -> tuple[JobDefinition, ScheduleDefinition]:
    """The job that purges old runs, and the schedule that runs it every night (UTC)."""

    @op(name="purge_old_runs")
    def purge(context: OpExecutionContext) -> None:
        before = clock.now() - timedelta(days=settings.run_history_days)
        deleted = purge_runs(context.instance, before)
        context.log.info(f"{deleted} runs from before {before.date()} deleted")

    @job(name="run_retention", executor_def=in_process_executor, description="Deletes superseded old runs.")
    def run_retention() -> None:
        purge()

    return run_retention, nightly_schedule(run_retention, "30 2 * * *", settings.schedules)
