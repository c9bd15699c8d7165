"""The one factory of Dagster's definitions. The code location, the command line and the tests all call it."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import AssetKey, AssetsDefinition, AssetSpec, BetaWarning, Definitions, PreviewWarning

from .errors import named
from .flows import FLOWS, check_flow_settings
from .orchestration.assets import flow_assets
from .orchestration.duplicates import duplicate_search
from .orchestration.following.round import Followed, round_sensor
from .orchestration.following.watch import watches
from .orchestration.following.watch_health import on_time_check, watch_sensor
from .orchestration.jobs import flow_job, flow_schedule, flow_sensor, mapping_job, mapping_sensor
from .orchestration.reconcile import COUNTS, WHOLE, Ask, comparison
from .orchestration.retention import retention
from .orchestration.stock import stock_sweep
from .orchestration.systems import broken_connection, system_assets
from .settings import Beside, Settings, load_settings
from .sync.connected import ConnectedFlow
from .sync.flow import Flow
from .workbench.reconcile.counts import can_count, count
from .workbench.reconcile.whole import can_reconcile, reconcile


@dataclass
class _Parts:
    """What one connection has in Dagster, without the sensors."""

    settings: Settings
    assets: list[AssetsDefinition | AssetSpec] = field(default_factory=list)
    checks: list[Any] = field(default_factory=list)
    jobs: list[Any] = field(default_factory=list)
    schedules: list[Any] = field(default_factory=list)
    followed: list[tuple[ConnectedFlow, Any]] = field(default_factory=list)  # each flow with its job
    versions: dict[AssetKey, Callable[[], str]] = field(default_factory=dict)  # by mapping-table asset
    mapping_job: Any = None

    def schedule(self, every: Iterable[tuple[Any, Any]]) -> None:
        """Adds jobs, each with its schedule."""
        for job, schedule in every:
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
    sensors += [mapping_sensor([(known, parts.versions, parts.mapping_job)]), watch_sensor([known])]
    return Definitions(
        assets=parts.assets,
        asset_checks=parts.checks,
        jobs=[*parts.jobs, parts.mapping_job],
        sensors=sensors,
        schedules=parts.schedules,
    )


def build_together(connections: Sequence[Beside], flows: tuple[Flow, ...] = FLOWS) -> Definitions:
    """All definitions for several connections: each has its own assets and jobs, all together have three sensors.

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
        tables = [(parts.settings, parts.versions, parts.mapping_job) for parts in of_sensors]
        known = [parts.settings for parts in every]
        sensors = [round_sensor("changes", followed, jobs), mapping_sensor(tables), watch_sensor(known)]
    return Definitions(
        assets=[*broken, *(each for parts in every for each in parts.assets)],
        asset_checks=[each for parts in every for each in parts.checks],
        jobs=jobs,
        sensors=sensors,
        schedules=[each for parts in every for each in parts.schedules],
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
    alone = Definitions(assets=parts.assets, asset_checks=parts.checks, jobs=[*parts.jobs, parts.mapping_job])
    jobs = {job.name: alone.resolve_job_def(job.name) for job in (*parts.jobs, parts.mapping_job)}
    return replace(
        parts,
        jobs=list(jobs.values()),
        mapping_job=jobs[parts.mapping_job.name],
        schedules=[schedule.with_updated_job(jobs[schedule.job_name]) for schedule in parts.schedules],
    )


def _parts(known: Settings, flows: tuple[Flow, ...]) -> _Parts:
    check_flow_settings(known)
    # Years of windows load in one run only with a single-run backfill, which Dagster still calls beta.
    warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=BetaWarning)
    # A check has a result for each window only with partitions, which Dagster calls a preview.
    warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec", category=PreviewWarning)
    every = [ConnectedFlow(flow, known) for flow in flows if flow.is_on(known)]
    parts = _Parts(known, [*system_assets(known, every)])
    parts.schedule([retention(known, every)])
    for connected in every:
        _add(parts, connected)
    if known.prefix:
        parts.schedule(_comparisons(every))
    parts.mapping_job = mapping_job(known, list(parts.versions))
    return parts


def _comparisons(every: Sequence[ConnectedFlow]) -> list[tuple[Any, Any]]:
    """The jobs that ask whether both systems agree on these flows, with their schedules."""
    asked: dict[str, list[tuple[ConnectedFlow, Ask]]] = {
        COUNTS: [(each, count) for each in every if can_count(each)],
        WHOLE: [(each, reconcile) for each in every if can_reconcile(each)],
    }
    return [comparison(flows, name) for name, flows in asked.items() if flows]


def _add(parts: _Parts, connected: ConnectedFlow) -> None:
    """Adds a flow to the parts of its connection."""
    flow = connected.flow
    own, check = flow_assets(connected)
    job = flow_job(connected)
    parts.assets += own
    parts.checks += [check, on_time_check(connected)]
    parts.versions[own[0].key] = connected.mapping_version
    parts.followed.append((connected, job))
    parts.schedule([(job, flow_schedule(connected, job))])
    if flow.emptied:
        parts.schedule([stock_sweep(connected)])
    if not connected.settings.prefix:
        parts.schedule(_comparisons([connected]))
    if flow.document:
        parts.schedule([duplicate_search(connected)])
