"""How assets, groups, pools, jobs, sensors and schedules are named: after their connection, where several are served.

A code location of one connection has plain names. In one of several, each name begins with its connection's.
"""

from collections.abc import Mapping

from dagster import AssetKey, DagsterRun

from ..settings import Settings

TAG = "winbc/connection"
MAPPING = "mapping_tables"
"""The job of all mapping tables of a code location."""
PLAIN = 2  # parts of the key of an asset without its connection


def named(settings: Settings, name: str) -> str:
    """A name in Dagster of what belongs to a connection, such as `utrecht__orders_winstore_to_bc`."""
    prefix = settings.prefix
    return f"{prefix}__{name}" if prefix else name


def key_of(settings: Settings, *path: str) -> AssetKey:
    """The key of an asset of a connection, such as `utrecht/synced/orders_winstore_to_bc`."""
    prefix = settings.prefix
    return AssetKey((prefix, *path) if prefix else path)


def tags_of(settings: Settings) -> Mapping[str, str]:
    """The tags of a connection's runs, by which Dagster's UI finds them; none where it has its code location alone."""
    return {TAG: settings.prefix} if settings.prefix else {}


def connections_of(run: DagsterRun) -> set[str]:
    """The prefixes of the connections that a run may be of; an empty one where it does not tell.

    A run that somebody began at an asset or a check has no tag, but the keys of its assets.
    """
    if TAG in run.tags:
        return {run.tags[TAG]}
    keys = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
    return {key.path[0] if len(key.path) > PLAIN else "" for key in keys} or {""}


def is_of(run: DagsterRun, settings: Settings) -> bool:
    """Whether a run of a job that all connections of a code location share does the work of a connection.

    A run that does not tell, such as one that somebody began by hand, does that of all.
    """
    told = connections_of(run)
    return settings.prefix in told or told == {""}


def loaded_for(run: DagsterRun) -> set[str]:
    """The prefixes of the connections that the process of a run loads; an empty one for all.

    The job of the mapping tables has a step for each of them, and Dagster begins no run whose steps are not all there:
    somebody may give it the tag of one connection, but choose no assets.
    """
    return {""} if run.job_name == MAPPING and not run.asset_selection else connections_of(run)
