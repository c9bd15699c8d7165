"""The dagster.yaml that this version ships: one for runs on this machine, one for runs in workers."""

from importlib import resources

from ..settings import Settings

CONFIGURATION = "dagster.yaml"
"""Its name in DAGSTER_HOME."""
WITH_WORKERS = "dagster_workers.yaml"


def shipped(settings: Settings) -> str:
    """The text of the shipped configuration that fits the settings."""
    name = WITH_WORKERS if settings.workers.broker else CONFIGURATION
    return resources.files("winbc_pipeline.defaults").joinpath(name).read_text(encoding="utf-8")
