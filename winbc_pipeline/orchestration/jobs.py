"""One job per flow, and what starts it: a watermark sensor and a sweeping schedule, both switchable in the settings.

What a sensor does at each tick: tick.py. Concept pages: Jobs, Sensors, Schedules.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    DagsterInvalidDefinitionError,
    DefaultScheduleStatus,
    DefaultSensorStatus,
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
from ..errors import ConfigurationError, StoreBusy, WinbcError
from ..flows.unpaid import days_given_up
from ..settings import Settings
from ..staging import ledger
from ..staging.notes import polls
from ..sync.connected import ConnectedFlow
from .following.apart import apart
from .following.instance import instance_of
from .following.known import NO_APPROVAL
from .following.tick import paused, tick
from .following.watch import DOWN, Watch
from .following.watch_health import CHECK, synced
from .names import MAPPING, named, tags_of
from .windows import range_tags, window_of

Versions = Mapping[AssetKey, Callable[[], str]]
"""For each asset of mapping tables, the function that gives its present version."""
IN_PROCESS = in_process_executor.configured(lambda _: {}, "in_process", {})
"""How every run is executed: a step in a process of its own takes seconds to begin. It takes no configuration, which
Dagster would describe for each job."""
SHARED_S = 60  # from one look at the tables of several connections to the next: it reads all their files
WAIT_DAYS = 30  # how long a status waits for its order
MOST_WINDOWS = 30  # windows of each kind that one sweep runs


def flow_job(connected: ConnectedFlow) -> Any:
    """The job that takes a flow from staging to synced, in one process."""
    settings = connected.settings
    name = named(settings, connected.flow.id)
    late = AssetSelection.checks(AssetCheckKey(synced(settings, connected.flow.id), CHECK))  # the sensor reports it
    chosen = AssetSelection.groups(name) - late
    return define_asset_job(name, chosen, tags=tags_of(settings), executor_def=IN_PROCESS)


def flow_sensor(connected: ConnectedFlow, job: Any, watch: Watch) -> SensorDefinition:
    """The sensor that asks the source what changed since the watermark, and requests a run of those windows.

    The daemon looks every 5 s which sensors are due, a moment early or late. A whole interval would miss every second
    look.

    Args:
        watch: that of the flow's source.
    """
    flow = connected.flow
    timing = connected.settings.timing(flow.id)

    @sensor(
        name=named(connected.settings, f"{flow.id}_changes"),
        job=job,
        minimum_interval_seconds=max(1, timing.sensor_seconds - 1),
        default_status=DefaultSensorStatus.RUNNING if timing.sensors else DefaultSensorStatus.STOPPED,
    )
    def changes(context: SensorEvaluationContext) -> RunRequest | SkipReason:
        before = polls.read(connected.settings, flow.id)
        try:
            return tick(connected, instance_of(context), watch, clock.now)
        except StoreBusy:
            polls.busy(connected.settings, flow.id)  # that run will move the watermark: the next tick asks again
            return SkipReason("A run of this flow is at work.")
        except WinbcError as error:
            if isinstance(error, DOWN) or (before.failed_at and before.error == error.code):
                return SkipReason(str(error))  # the log, the alerts and `on_time` say it once
            raise

    return changes


def mapping_job(tables: Sequence[AssetKey]) -> Any:
    """The job that runs the mapping tables of all connections with their checks, without the flows."""
    return define_asset_job(MAPPING, AssetSelection.assets(*tables), executor_def=IN_PROCESS)


def mapping_sensor(tables: Sequence[tuple[Settings, Versions]]) -> SensorDefinition:
    """The sensor that notices an edit of the tables and requests a run of their job for the connection.

    The run checks the tables. Dagster then shows what was made with the old tables as out of date.

    Args:
        tables: of each connection.
    """
    on = any(settings.sensors for settings, _ in tables)

    @sensor(
        name="mapping_tables_edited",
        job_name=MAPPING,
        minimum_interval_seconds=10 if len(tables) == 1 else SHARED_S,
        default_status=DefaultSensorStatus.RUNNING if on else DefaultSensorStatus.STOPPED,
    )
    def edited(context: SensorEvaluationContext) -> SensorResult:
        before: dict[str, str] = json.loads(context.cursor or "{}")
        found = apart({known.connection: partial(_versions, own) for known, own in tables})
        requests, after = [], dict[str, str]()
        for settings, own in tables:
            known = {name: before.get(name) for key in own if (name := key.to_user_string())}
            now = found.get(settings.connection, known)
            changed = [key for key in own if known[name := key.to_user_string()] != now[name]]
            if changed:
                run_key = named(settings, clock.now().isoformat())
                requests.append(RunRequest(run_key=run_key, tags=tags_of(settings), asset_selection=changed))
            after |= {name: version for name, version in now.items() if version}
        return SensorResult(run_requests=requests, cursor=json.dumps(after))

    return edited


def _versions(tables: Versions) -> dict[str, str]:
    return {key.to_user_string(): version() for key, version in tables.items()}


def nightly_schedule(settings: Settings, name: str, job: str, cron: str, on: bool) -> ScheduleDefinition:
    """The schedule that runs a job for a connection every night (UTC).

    Args:
        job: its name in Dagster. The job may be one that all connections of a code location share.
        on: whether it starts switched on.
    """
    return ScheduleDefinition(
        name=named(settings, f"{name}_nightly"),
        job_name=job,
        tags=tags_of(settings),
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if on else DefaultScheduleStatus.STOPPED,
    )


def flow_schedule(connected: ConnectedFlow) -> ScheduleDefinition:
    """The schedule that sweeps up what the sensor does not see.

    These are late changes inside the overlap, windows with records that are not done, and windows of orders that are
    given up by now.

    Raises: ConfigurationError for a cron expression that Dagster does not take.
    """
    flow, settings = connected.flow, connected.settings
    timing = settings.timing(flow.id)

    def sweep(context: ScheduleEvaluationContext) -> Sequence[RunRequest] | SkipReason:
        return _sweep(connected, context.scheduled_execution_time)

    try:
        return schedule(
            name=named(settings, f"{flow.id}_sweep"),
            job_name=named(settings, flow.id),
            cron_schedule=timing.cron,
            execution_timezone="UTC",
            default_status=DefaultScheduleStatus.RUNNING if timing.schedules else DefaultScheduleStatus.STOPPED,
        )(sweep)
    except DagsterInvalidDefinitionError:
        own = settings.flows.get(flow.id)
        setting = f"flows.{flow.id}.cron" if own and own.cron is not None else "sweep_cron"
        hint = "Give minute, hour, day, month and weekday (UTC), such as `0 * * * *` (hourly) or `*/15 6-22 * * *`."
        raise ConfigurationError(f"The setting {setting}: `{timing.cron}` is no cron expression.", hint) from None


def _sweep(connected: ConnectedFlow, now: datetime) -> Sequence[RunRequest] | SkipReason:
    """A request of a run from the overlap to now, and one for each earlier window in trouble."""
    settings = connected.settings
    if resting := paused(connected, clock.now()):
        return resting
    followed = ledger.watermark(connected.store, connected.flow.id)
    if followed is None:
        return SkipReason("Nothing was loaded yet.")
    overlap = (followed - timedelta(minutes=settings.overlap_minutes)).date()
    first = max(overlap, settings.history_start)
    windows = _windows_in_trouble(connected, window_of(first, settings), now.date())
    spans = [(first, now.date()), *((window, window) for window in windows)]  # one run for each
    return [
        RunRequest(run_key=f"{now.isoformat()} {start}", tags=range_tags(start, end, settings)) for start, end in spans
    ]


def _windows_in_trouble(connected: ConnectedFlow, before: date, today: date) -> list[date]:
    """First days of the windows before a day that need another run, the oldest MOST_WINDOWS of each kind.

    They hold records that are not done, statuses that still wait for their order, or orders that are given up by now.
    """
    settings = connected.settings
    states = ", ".join(f"'{state}'" for state in ledger.OPEN)
    where = f"""(state IN ({states}) AND {NO_APPROVAL}) OR (reason IN ('NO_DOCUMENT', 'HELD') AND "window" > ?)"""
    rows = ledger.read(connected.store, where, [today - timedelta(days=WAIT_DAYS)])
    waiting = {window_of(row["window"], settings) for row in rows}
    given_up = {window_of(day, settings) for day in days_given_up(connected)} - waiting
    windows: list[date] = []
    for kind in (waiting, given_up):
        windows += sorted(window for window in kind if window < before)[:MOST_WINDOWS]
    return windows
