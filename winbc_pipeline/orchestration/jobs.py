"""One job per flow, and what starts it: a watermark sensor and a sweeping schedule, both switchable in the settings.

Concept pages: Jobs, Sensors, Schedules. A sensor tick opens the flow's database for a moment and asks the source once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagster import (
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    define_asset_job,
    in_process_executor,
    schedule,
    sensor,
)

from .. import clock
from ..errors import StoreBusy
from ..settings import Settings
from ..staging import ledger
from ..staging.store import Store
from ..sync.flow import Flow
from ..sync.overdue import overdue
from ..sync.stage import flow_store, newest_change

AGAIN_S = 300
WAIT_DAYS = 30  # how long a status waits for its order
MOST_WINDOWS = 30
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def flow_job(flow: Flow) -> Any:
    """Staging to synced in one process."""
    return define_asset_job(flow.id, AssetSelection.groups(flow.id), executor_def=in_process_executor)


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags for all windows from first to last in one run."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def flow_sensor(flow: Flow, settings: Settings, job: Any) -> SensorDefinition:
    """Asks the source whether anything changed since the watermark, and requests a run of the windows that did."""

    @sensor(
        name=f"{flow.id}_changes",
        job=job,
        minimum_interval_seconds=5,
        default_status=DefaultSensorStatus.RUNNING if settings.sensors else DefaultSensorStatus.STOPPED,
    )
    def changes() -> RunRequest | SkipReason:
        try:
            return _request(flow, settings, clock.now())
        except StoreBusy:
            return SkipReason("A run of this flow is at work.")

    return changes


def _request(flow: Flow, settings: Settings, now: datetime) -> RunRequest | SkipReason:
    """A run for what is new, or for what a lost answer left open. Asked for again every few minutes until it is done:
    the run key of a run that failed would otherwise hold the change back until the next one."""
    store = flow_store(flow, settings)
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    seen = ledger.watermark(store, flow.id, wait_s=0) or start
    newest, window = newest_change(flow, settings, seen)
    waiting = _waiting(flow, settings, store)
    if newest is None and not waiting:
        return SkipReason(f"Nothing changed since {seen.isoformat()}.")
    first = min([day for day in (window, *waiting, now.date()) if day])
    again = "" if newest and newest > now else f" at {int(now.timestamp()) // AGAIN_S}"
    return RunRequest(
        run_key=f"{newest.isoformat() if newest else 'open records'}{again}",
        tags=range_tags(max(first, settings.history_start), now.date()),
    )


def _waiting(flow: Flow, settings: Settings, store: Store) -> list[date]:
    """Windows of records that go on by themselves: a lost answer, or what they wait for has come."""
    values: list[datetime] = []
    where = "state IN ('PLANNED', 'UNKNOWN')"
    for other in flow.waits_for:
        path = settings.flow_database(other)
        newest = ledger.newest(Store(path), "CONFIRMED", wait_s=0) if path.exists() else None
        if newest:
            where, values = f"{where} OR (reason = 'DEPENDENCY' AND moved_at < ?)", [*values, newest]
    return [row["window"] for row in ledger.read(store, where, values, wait_s=0)]


def mapping_job(tables: Sequence[AssetKey]) -> Any:
    """The mapping tables with their checks, without the flows."""
    return define_asset_job("mapping_tables", AssetSelection.assets(*tables), executor_def=in_process_executor)


def mapping_sensor(tables: Mapping[AssetKey, Callable[[], str]], settings: Settings, job: Any) -> SensorDefinition:
    """Notices an edit of the tables: they are checked, and what was made with the old ones shows as out of date.

    Args:
        tables: gives the present version of each asset of mapping tables.
    """

    @sensor(
        name="mapping_tables_edited",
        job=job,
        minimum_interval_seconds=10,
        default_status=DefaultSensorStatus.RUNNING if settings.sensors else DefaultSensorStatus.STOPPED,
    )
    def edited(context: SensorEvaluationContext) -> SensorResult:
        now = {key.to_user_string(): version() for key, version in tables.items()}
        before, moment = json.loads(context.cursor or "{}"), clock.now().isoformat()
        changed = [key for key in tables if before.get(key.to_user_string()) != now[key.to_user_string()]]
        requests = [RunRequest(run_key=f"{key.to_user_string()} {moment}", asset_selection=[key]) for key in changed]
        return SensorResult(run_requests=requests, cursor=json.dumps(now))

    return edited


def nightly_schedule(job: JobDefinition, cron: str, settings: Settings) -> ScheduleDefinition:
    """Runs a job every night (UTC), where schedules are on."""
    return ScheduleDefinition(
        name=f"{job.name}_nightly",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if settings.schedules else DefaultScheduleStatus.STOPPED,
    )


def flow_schedule(flow: Flow, settings: Settings, job: Any) -> ScheduleDefinition:
    """Sweeps: late changes inside the overlap, windows with records that are not done or have waited too long."""

    @schedule(
        name=f"{flow.id}_sweep",
        job=job,
        cron_schedule=settings.sweep_cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if settings.schedules else DefaultScheduleStatus.STOPPED,
    )
    def sweep(context: ScheduleEvaluationContext) -> Sequence[RunRequest] | SkipReason:
        store = flow_store(flow, settings)
        seen = ledger.watermark(store, flow.id)
        if seen is None:
            return SkipReason("Nothing was loaded yet.")
        states = ", ".join(f"'{state}'" for state in ledger.OPEN)
        first = max((seen - timedelta(minutes=settings.overlap_minutes)).date(), settings.history_start)
        now = context.scheduled_execution_time
        where = f"state IN ({states}) OR (reason IN ('NO_DOCUMENT', 'HELD') AND \"window\" > ?)"
        rows = ledger.read(store, where, [now.date() - timedelta(days=WAIT_DAYS)])
        waiting = sorted({row["window"] for row in rows if row["window"] < first})
        late = [window for window in overdue(flow, settings) if window < first and window not in waiting]
        single = [*waiting[:MOST_WINDOWS], *late[:MOST_WINDOWS]]
        spans = [(first, now.date()), *((window, window) for window in single)]
        return [RunRequest(run_key=f"{now.isoformat()} {span[0]}", tags=range_tags(*span)) for span in spans]

    return sweep
