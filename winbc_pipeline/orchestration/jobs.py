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
from ..flows.unpaid import windows_given_up
from ..settings import Settings
from ..staging import ledger
from ..staging.store import Store
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.stage import newest_change
from .windows import range_tags, window_of

AGAIN_S = 300
WAIT_DAYS = 30  # how long a status waits for its order
MOST_WINDOWS = 30


def flow_job(flow: Flow) -> Any:
    """Staging to synced in one process."""
    return define_asset_job(flow.id, AssetSelection.groups(flow.id), executor_def=in_process_executor)


def flow_sensor(connected: ConnectedFlow, job: Any) -> SensorDefinition:
    """Asks the source whether anything changed since the watermark, and requests a run of the windows that did."""
    flow, settings = connected.flow, connected.settings

    @sensor(
        name=f"{flow.id}_changes",
        job=job,
        minimum_interval_seconds=5,
        default_status=DefaultSensorStatus.RUNNING if settings.sensors else DefaultSensorStatus.STOPPED,
    )
    def changes() -> RunRequest | SkipReason:
        try:
            return _request(connected, clock.now())
        except StoreBusy:
            return SkipReason("A run of this flow is at work.")

    return changes


def _request(connected: ConnectedFlow, now: datetime) -> RunRequest | SkipReason:
    """A run for what is new, or for what a lost answer left open.

    It is asked for again every few minutes until it is done: the run key of a run that failed would otherwise hold the
    change back until the next change.
    """
    settings, store = connected.settings, connected.store
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    followed = ledger.watermark(store, connected.flow.id, wait_s=0) or start
    newest, oldest_day = newest_change(connected, followed)
    waiting = _waiting(connected)
    if newest is None and not waiting:
        return SkipReason(f"Nothing changed since {followed.isoformat()}.")
    first = min([day for day in (oldest_day, *waiting, now.date()) if day])
    again = "" if newest and newest > now else f" at {int(now.timestamp()) // AGAIN_S}"
    return RunRequest(
        run_key=f"{newest.isoformat() if newest else 'open records'}{again}",
        tags=range_tags(max(first, settings.history_start), now.date(), settings),
    )


def _waiting(connected: ConnectedFlow) -> list[date]:
    """Days of records that go on by themselves: a lost answer, or what they wait for has come."""
    values: list[datetime] = []
    where = "state IN ('PLANNED', 'UNKNOWN')"
    for other in connected.flow.waits_for:
        path = connected.settings.flow_database(other)
        newest = ledger.newest(Store(path), "CONFIRMED", wait_s=0) if path.exists() else None
        if newest:
            where, values = f"{where} OR (reason = 'DEPENDENCY' AND moved_at < ?)", [*values, newest]
    return [row["window"] for row in ledger.read(connected.store, where, values, wait_s=0)]


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


def flow_schedule(connected: ConnectedFlow, job: Any) -> ScheduleDefinition:
    """Sweeps: late changes inside the overlap, windows with records that are not done or have waited too long."""
    flow, settings = connected.flow, connected.settings

    @schedule(
        name=f"{flow.id}_sweep",
        job=job,
        cron_schedule=settings.sweep_cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if settings.schedules else DefaultScheduleStatus.STOPPED,
    )
    def sweep(context: ScheduleEvaluationContext) -> Sequence[RunRequest] | SkipReason:
        followed = ledger.watermark(connected.store, flow.id)
        if followed is None:
            return SkipReason("Nothing was loaded yet.")
        now = context.scheduled_execution_time
        first = max((followed - timedelta(minutes=settings.overlap_minutes)).date(), settings.history_start)
        windows = _windows_in_trouble(connected, window_of(first, settings), now.date())
        spans = [(first, now.date()), *((window, window) for window in windows)]
        return [
            RunRequest(run_key=f"{now.isoformat()} {start}", tags=range_tags(start, end, settings))
            for start, end in spans
        ]

    return sweep


def _windows_in_trouble(connected: ConnectedFlow, before: date, today: date) -> list[date]:
    """Windows before a day with records that are not done, and windows of orders that are given up by now."""
    settings = connected.settings
    states = ", ".join(f"'{state}'" for state in ledger.OPEN)
    where = f"state IN ({states}) OR (reason IN ('NO_DOCUMENT', 'HELD') AND \"window\" > ?)"
    rows = ledger.read(connected.store, where, [today - timedelta(days=WAIT_DAYS)])
    waiting = {window_of(row["window"], settings) for row in rows}
    given_up = {window_of(day, settings) for day in windows_given_up(connected)} - waiting
    both = [sorted(window for window in windows if window < before) for windows in (waiting, given_up)]
    return [window for windows in both for window in windows[:MOST_WINDOWS]]
