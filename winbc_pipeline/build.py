"""The one factory of Dagster's definitions. The code location, the command line and the tests all call it."""

import warnings

from dagster import AssetsDefinition, AssetSpec, BetaWarning, Definitions

from .flows import FLOWS, check_flow_settings
from .orchestration.assets import flow_assets
from .orchestration.duplicates import duplicate_search
from .orchestration.jobs import flow_job, flow_schedule, flow_sensor, mapping_job, mapping_sensor
from .orchestration.retention import retention
from .orchestration.stock import stock_sweep
from .orchestration.systems import system_assets
from .orchestration.watch import watches
from .settings import Settings, load_settings
from .sync.connected import ConnectedFlow
from .sync.flow import Flow


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
    retention_job, nightly = retention(known)
    every = [ConnectedFlow(flow, known) for flow in flows if flow.is_on(known)]
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
        checks.append(check)
        versions[own[0].key] = connected.mapping_version
        jobs.append(job)
        sensors.append(flow_sensor(connected, job, watch[flow.source]))
        schedules.append(flow_schedule(connected, job))
        if flow.emptied:
            compare, every_few_minutes = stock_sweep(connected)
            jobs.append(compare)
            schedules.append(every_few_minutes)
        if flow.document:
            search, every_night = duplicate_search(connected)
            jobs.append(search)
            schedules.append(every_night)
    job = mapping_job(list(versions))
    jobs.append(job)
    sensors.append(mapping_sensor(versions, known, job))
    return Definitions(assets=assets, asset_checks=checks, jobs=jobs, sensors=sensors, schedules=schedules)
