"""The one factory of Dagster's definitions. The code location, the command line and the tests all call it."""

import warnings

from dagster import AssetsDefinition, AssetSpec, BetaWarning, Definitions, PreviewWarning

from .flows import FLOWS, check_flow_settings
from .orchestration.assets import flow_assets
from .orchestration.duplicates import duplicate_search
from .orchestration.following.watch import watches
from .orchestration.following.watch_health import on_time_check, watch_sensor
from .orchestration.jobs import flow_job, flow_schedule, flow_sensor, mapping_job, mapping_sensor
from .orchestration.reconcile import COUNTS, WHOLE, Ask, comparison
from .orchestration.retention import retention
from .orchestration.stock import stock_sweep
from .orchestration.systems import system_assets
from .settings import Settings, load_settings
from .sync.connected import ConnectedFlow
from .sync.flow import Flow
from .workbench.reconcile.counts import can_count, count
from .workbench.reconcile.whole import can_reconcile, reconcile


def build_defs(*, settings: Settings | None = None, flows: tuple[Flow, ...] = FLOWS) -> Definitions:
    """All definitions for one connection.

    Args:
        settings: the connection; None for the one that winbc.toml and the environment describe.
        flows: the flows that get assets, jobs, sensors and schedules, if the settings switch them on.

    Raises: ConfigurationError for a wrong setting.
    """
    known = settings or load_settings()
    check_flow_settings(known)
    # Years of windows load in one run only with a single-run backfill, which Dagster still calls beta.
    warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=BetaWarning)
    # A check has a result for each window only with partitions, which Dagster calls a preview.
    warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec", category=PreviewWarning)
    every = [ConnectedFlow(flow, known) for flow in flows if flow.is_on(known)]
    retention_job, nightly = retention(known, every)
    assets: list[AssetsDefinition | AssetSpec] = [*system_assets(every)]
    checks, sensors = [], []
    jobs, schedules = [retention_job], [nightly]
    watch = watches(known)
    versions = {}  # by mapping-table asset
    for connected in every:
        flow = connected.flow
        own, check = flow_assets(connected)
        job = flow_job(flow)
        assets += own
        checks += [check, on_time_check(connected)]
        versions[own[0].key] = connected.mapping_version
        jobs.append(job)
        sensors.append(flow_sensor(connected, job, watch[flow.source]))
        schedules.append(flow_schedule(connected, job))
        if flow.emptied:
            compare, every_few_minutes = stock_sweep(connected)
            jobs.append(compare)
            schedules.append(every_few_minutes)
        asked: list[tuple[str, Ask]] = [(COUNTS, count)] if can_count(connected) else []
        asked += [(WHOLE, reconcile)] if can_reconcile(connected) else []
        for name, ask in asked:
            compare, at_night = comparison(connected, name, ask)
            jobs.append(compare)
            schedules.append(at_night)
        if flow.document:
            search, every_night = duplicate_search(connected)
            jobs.append(search)
            schedules.append(every_night)
    job = mapping_job(list(versions))
    jobs.append(job)
    sensors += [mapping_sensor(versions, known, job), watch_sensor(known)]
    return Definitions(assets=assets, asset_checks=checks, jobs=jobs, sensors=sensors, schedules=schedules)
