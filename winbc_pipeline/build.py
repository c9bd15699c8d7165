"""The one factory of Dagster's definitions. The code location, the command line and the tests all call it."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import AssetKey, AssetsDefinition, AssetSpec, BetaWarning, Definitions, PreviewWarning

from .errors import named
from .flows import FLOWS, check_flow_settings
from .orchestration.assets import flow_assets
from .orchestration.duplicates import duplicate_search
from .orchestration.following.round import Followed, round_sensor
from .orchestration.following.watch import watches
from .orchestration.following.watch_health import on_time_checks, watch_sensor
from .orchestration.jobs import IN_PROCESS, flow_job, flow_schedule, flow_sensor, mapping_job, mapping_sensor
from .orchestration.reconcile import COUNTS, WHOLE, Ask, comparison, comparison_schedule
from .orchestration.retention import retention, retention_schedule
from .orchestration.stock import stock_sweep
from .orchestration.systems import broken_connection, system_assets
from .settings import Beside, Settings, load_settings
from .sync.connected import ConnectedFlow
from .sync.flow import Flow
from .workbench.reconcile.counts import can_count, count
from .workbench.reconcile.whole import can_reconcile, reconcile

ASKS: dict[str, tuple[Callable[[ConnectedFlow], bool], Ask]] = {
    COUNTS: (can_count, count),
    WHOLE: (can_reconcile, reconcile),
}


@dataclass
class _Parts:
    """What one connection has in Dagster, without the sensors and what it shares with others."""

    settings: Settings
    flows: Sequence[ConnectedFlow]
    assets: list[AssetsDefinition | AssetSpec] = field(default_factory=list)
    checks: list[Any] = field(default_factory=list)
    jobs: list[Any] = field(default_factory=list)
    schedules: list[Any] = field(default_factory=list)
    followed: list[tuple[ConnectedFlow, Any]] = field(default_factory=list)  # each flow with its job
    versions: dict[AssetKey, Callable[[], str]] = field(default_factory=dict)  # by mapping-table asset

    def add(self, job: Any, schedule: Any) -> None:
        """Adds a job with its schedule."""
        self.jobs.append(job)
        self.schedules.append(schedule)


def build_defs(*, settings: Settings | None = None, flows: tuple[Flow, ...] = FLOWS) -> Definitions:
    """All definitions for one connection.

    Args:
        settings: the connection; None for the one that winbc.toml and the environment describe.
        flows: the flows that get assets, jobs, sensors and schedules, if the settings switch them on.

    Raises: ConfigurationError for a wrong setting.
    """
    known = settings or load_settings()
    parts, watch = _parts(known, flows), watches(known)
    sensors = [flow_sensor(connected, job, watch[connected.flow.source]) for connected, job in parts.followed]
    sensors += [mapping_sensor([(known, parts.versions)]), watch_sensor([known])]
    return Definitions(
        assets=parts.assets,
        asset_checks=parts.checks,
        jobs=[*parts.jobs, *_shared([parts])],
        sensors=sensors,
        schedules=parts.schedules,
        executor=IN_PROCESS,
    )


def build_together(connections: Sequence[Beside], flows: tuple[Flow, ...] = FLOWS) -> Definitions:
    """All definitions for several connections. Each has assets and flows of its own; all share sensors and four jobs.

    A connection that cannot be used is one asset, which says why. It stops none of the others.

    Args:
        flows: as for `build_defs`.
    """
    every: list[_Parts] = []
    broken: list[AssetSpec] = []
    for each in connections:
        try:
            if each.settings:
                every.append(_resolved(_parts(each.settings, flows)))
            else:
                broken.append(broken_connection(each.name, each.error))
        except Exception as error:  # noqa: BLE001 - also what nobody expects stays that connection's own
            broken.append(broken_connection(each.name, str(named(error))))
    jobs = [job for parts in every for job in parts.jobs]
    followed = [one for parts in every for one in _followed(parts)]
    sensors = []
    if every:
        of_sensors = [parts for parts in every if parts.settings.sensors] or every
        tables = [(parts.settings, parts.versions) for parts in of_sensors]
        known = [parts.settings for parts in every]
        sensors = [round_sensor("changes", followed, jobs), mapping_sensor(tables), watch_sensor(known)]
    return Definitions(
        assets=[*broken, *(each for parts in every for each in parts.assets)],
        asset_checks=[each for parts in every for each in parts.checks],
        jobs=[*jobs, *(_shared(every) if every else [])],
        sensors=sensors,
        schedules=[each for parts in every for each in parts.schedules],
        executor=IN_PROCESS,
    )


def _followed(parts: _Parts) -> list[Followed]:
    """The flows of a connection whose sensors are on."""
    watch, settings = watches(parts.settings), parts.settings
    return [
        Followed(connected, job.name, watch[connected.flow.source])
        for connected, job in parts.followed
        if settings.timing(connected.flow.id).sensors
    ]


def _resolved(parts: _Parts) -> _Parts:
    """The same parts with whole jobs.

    Dagster looks at all assets of a code location for each job of assets. Of a connection it has a few dozens; of fifty
    together, the jobs took four fifths of the time.
    """
    alone = Definitions(assets=parts.assets, asset_checks=parts.checks, jobs=parts.jobs)
    return replace(parts, jobs=[alone.resolve_job_def(job.name) for job in parts.jobs])


def _parts(known: Settings, flows: tuple[Flow, ...]) -> _Parts:
    check_flow_settings(known)
    # Years of windows load in one run only with a single-run backfill, which Dagster still calls beta.
    warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=BetaWarning)
    # A check has a result for each window only with partitions, which Dagster calls a preview.
    warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec", category=PreviewWarning)
    every = [ConnectedFlow(flow, known) for flow in flows if flow.is_on(known)]
    parts = _Parts(known, every, [*system_assets(known, every)], schedules=[retention_schedule(known)])
    if every:
        parts.checks.append(on_time_checks(every))
    for connected in every:
        _add(parts, connected)
    for several in _compared(every):
        for name, asked in _asked(several).items():
            parts.schedules.append(comparison_schedule([connected for connected, _ in asked], name))
    return parts


def _add(parts: _Parts, connected: ConnectedFlow) -> None:
    """Adds a flow to the parts of its connection."""
    own, job = flow_assets(connected), flow_job(connected)
    parts.assets += own
    parts.versions[own[0].key] = connected.mapping_version
    parts.followed.append((connected, job))
    parts.add(job, flow_schedule(connected))
    if connected.flow.emptied:
        parts.add(*stock_sweep(connected))
    if connected.flow.document:
        parts.add(*duplicate_search(connected))


def _shared(every: Sequence[_Parts]) -> list[Any]:
    """The jobs that all connections of a code location share. One of each for every connection would take long to load.

    Each of their runs is of one connection, which has a schedule of its own for each.
    """
    flows = [connected for parts in every for connected in parts.flows]
    return [
        retention([(parts.settings, parts.flows) for parts in every]),
        mapping_job([key for parts in every for key in parts.versions]),
        *(comparison(asked, name) for several in _compared(flows) for name, asked in _asked(several).items()),
    ]


def _compared(flows: Sequence[ConnectedFlow]) -> list[Sequence[ConnectedFlow]]:
    """The flows whose systems are compared by one job: all, or each by itself in a connection by itself."""
    return [flows] if flows and flows[0].settings.prefix else [[each] for each in flows]


def _asked(flows: Sequence[ConnectedFlow]) -> dict[str, list[tuple[ConnectedFlow, Ask]]]:
    """How each comparison asks about those of these flows that it can compare."""
    found = {name: [(each, ask) for each in flows if can(each)] for name, (can, ask) in ASKS.items()}
    return {name: asked for name, asked in found.items() if asked}
