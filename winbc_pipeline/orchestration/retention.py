"""Deletes at night what was kept long enough: in the flows' databases, and old runs in Dagster's storage.

Here belongs: which run is still needed. A run is superseded when all its windows were materialised again. Any other
run stays, however old it is: without it its windows would look as if they had never run. Settings in dagster.yaml
purge the ticks of sensors and schedules. What goes from the databases: sync/keeping/retention.py.
Concept pages: Runs, Instance API.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    EventLogRecord,
    Failure,
    JobDefinition,
    OpExecutionContext,
    RunsFilter,
    ScheduleDefinition,
    job,
    op,
)

from .. import clock
from ..errors import StoreBusy, WinbcError
from ..settings import Settings, prefixes
from ..staging.published.compaction import keep_young
from ..sync.connected import ConnectedFlow
from ..sync.keeping.comparisons import forget_left
from ..sync.keeping.retention import forget_kept, tidy
from .assets import TABLES
from .jobs import IN_PROCESS, nightly_schedule
from .names import connections_of, is_of

FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]

Kept = tuple[Settings, Sequence[ConnectedFlow]]
"""A connection and its flows."""


def purge_runs(instance: DagsterInstance, before: datetime, prefix: str = "", there: Collection[str] = ()) -> int:
    """Deletes the finished runs from before a moment that are superseded; returns how many.

    Args:
        prefix: that of the connection whose runs they are (names.py).
        there: the prefixes of all connections that have a folder, this one's among them. Runs of others, which were
            removed, go too. Without this one's, the folders were not seen, and no other run goes.
    """
    old = instance.get_run_records(RunsFilter(statuses=FINISHED, created_before=before), ascending=True)
    runs = {record.dagster_run.run_id: connections_of(record.dagster_run) for record in old}
    gone = [run_id for run_id, told in runs.items() if prefix in there and told.isdisjoint({*there, ""})]
    gone += [run_id for run_id, told in runs.items() if told == {prefix} and _is_superseded(instance, run_id)]
    for run_id in gone:
        instance.delete_run(run_id)
        _delete_files(instance, run_id)
    return len(gone)


def _delete_files(instance: DagsterInstance, run_id: str) -> None:
    """Deletes the files of a run that Dagster leaves behind: what it printed, and its own file of events."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    for left in (Path(instance.root_directory) / "history" / "runs").glob(f"{run_id}.db*"):
        left.unlink()


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
    newest = _newest(instance, asset, None if asset.path[-2] == TABLES else window)
    return newest is not None and newest.run_id != run_id and newest.timestamp > moment


def _newest(instance: DagsterInstance, asset: AssetKey, window: str | None) -> EventLogRecord | None:
    wanted = AssetRecordsFilter(asset, asset_partitions=[window] if window else None)
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


RETENTION = "run_retention"


def retention(every: Sequence[Kept]) -> JobDefinition:
    """The job that deletes what was kept long enough. Each of its runs is of one connection (names.py)."""

    @op(name="purge_old_runs", config_schema={})
    def purge(context: OpExecutionContext) -> None:
        there = prefixes()
        for settings, _ in every:
            if is_of(context.run, settings):
                before = clock.now() - timedelta(days=settings.run_history_days)
                deleted = purge_runs(context.instance, before, settings.prefix, there)
                context.log.info(f"{deleted} runs from before {before.date()} deleted")

    @op(name="tidy_databases", config_schema={})
    def tidy_all(context: OpExecutionContext) -> None:
        broken = [fault for kept in every if is_of(context.run, kept[0]) for fault in _tidied(context, *kept)]
        if broken:
            raise Failure(" ".join(broken), allow_retries=False)

    @job(
        name=RETENTION,
        executor_def=IN_PROCESS,
        description="Deletes superseded old runs, and from the databases what was kept long enough.",
    )
    def run_retention() -> None:
        purge()
        tidy_all()

    return run_retention


def retention_schedule(settings: Settings) -> ScheduleDefinition:
    """The schedule that runs the job for a connection every night."""
    return nightly_schedule(settings, RETENTION, RETENTION, "30 2 * * *", settings.schedules)


def _tidied(context: OpExecutionContext, settings: Settings, flows: Iterable[ConnectedFlow]) -> list[str]:
    """Tidies the databases of a connection; returns what went wrong, in words."""
    broken = []
    try:
        forget_kept(settings)
        forget_left(settings)
        keep_young(settings, clock.now())
    except WinbcError as error:
        broken.append(str(error))
    for connected in flows:
        if not connected.store.exists():
            continue
        try:
            context.log.info(f"{connected.flow.id}: {tidy(connected).in_words()}")
        except StoreBusy as busy:
            context.log.info(f"{busy} The next night tidies it.")
        except WinbcError as error:
            broken.append(str(error))
    return broken
