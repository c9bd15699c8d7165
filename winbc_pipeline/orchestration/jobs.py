"""One job per flow, and what starts it: a watermark sensor and a sweeping schedule, both switchable in the settings.

Concept pages: Jobs, Sensors, Schedules. A sensor tick opens the flow's database for a moment and asks the source once.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorDefinition,
    SkipReason,
    define_asset_job,
    in_process_executor,
    schedule,
    sensor,
)

from ..errors import StoreUnavailable, WinbcError
from ..settings import Settings
from ..staging import ledger
from ..sync.flow import Flow
from ..sync.stage import flow_store, newest_change

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
            return _request(flow, settings)
        except StoreUnavailable:
            return SkipReason("A run of this flow is at work.")
        except WinbcError as error:
            return SkipReason(str(error))

    return changes


def _request(flow: Flow, settings: Settings) -> RunRequest | SkipReason:
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    seen = ledger.watermark(flow_store(flow, settings), flow.id, wait_s=0) or start
    newest, window = newest_change(flow, settings, seen)
    if newest is None or window is None:
        return SkipReason(f"Nothing changed since {seen.isoformat()}.")
    return RunRequest(
        run_key=newest.isoformat(),
        tags=range_tags(max(window, settings.history_start), datetime.now(UTC).date()),
    )


def flow_schedule(flow: Flow, settings: Settings, job: Any) -> ScheduleDefinition:
    """Sweeps: late changes inside the overlap, and windows with records that are not done."""

    @schedule(
        name=f"{flow.id}_sweep",
        job=job,
        cron_schedule=settings.sweep_cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if settings.schedules else DefaultScheduleStatus.STOPPED,
    )
    def sweep(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        store = flow_store(flow, settings)
        seen = ledger.watermark(store, flow.id)
        if seen is None:
            return SkipReason("Nothing was loaded yet.")
        states = ", ".join(f"'{state}'" for state in ledger.OPEN)
        waiting = [row["window"] for row in ledger.read(store, f"state IN ({states})")]
        first = min([(seen - timedelta(minutes=settings.overlap_minutes)).date(), *waiting])
        return RunRequest(tags=range_tags(max(first, settings.history_start), context.scheduled_execution_time.date()))

    return sweep
