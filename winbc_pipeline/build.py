"""The one factory behind the code location, the command line and the tests."""

import warnings

from dagster import BetaWarning, Definitions

from .flows import FLOWS
from .orchestration.assets import flow_assets
from .orchestration.duplicates import duplicate_search
from .orchestration.jobs import flow_job, flow_schedule, flow_sensor, mapping_job, mapping_sensor
from .orchestration.retention import retention
from .settings import Settings, load_settings
from .sync.connected import ConnectedFlow
from .sync.flow import Flow


def build_defs(*, settings: Settings | None = None, flows: tuple[Flow, ...] = FLOWS) -> Definitions:
    """All definitions for one connection; raises ConfigurationError for a wrong setting."""
    known = settings or load_settings()
    # A single-run backfill is what this program wants, beta or not.
    warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=BetaWarning)
    retention_job, nightly = retention(known)
    assets, checks, jobs, sensors, schedules = [], [], [retention_job], [], [nightly]
    versions = {}
    for flow in flows:
        connected = ConnectedFlow(flow, known)
        own, check = flow_assets(connected)
        job = flow_job(flow)
        assets += own
        checks.append(check)
        versions[own[0].key] = connected.mapping_version
        jobs.append(job)
        sensors.append(flow_sensor(connected, job))
        schedules.append(flow_schedule(connected, job))
        if flow.document:
            search, every_night = duplicate_search(connected)
            jobs.append(search)
            schedules.append(every_night)
    job = mapping_job(list(versions))
    jobs.append(job)
    sensors.append(mapping_sensor(versions, known, job))
    return Definitions(assets=assets, asset_checks=checks, jobs=jobs, sensors=sensors, schedules=schedules)
