"""Which of Dagster's mutations each role may call. What is not listed here is for the role admin alone.

The names are those of Dagster 1.13 (`dagster_graphql/schema/roots/mutation.py`); a test compares them with the
installed one, so that a new mutation is a decision.
"""

from collections.abc import Collection

from .access import Role

OPERATE = frozenset(
    {
        "launchPipelineExecution",
        "launchRun",
        "launchMultipleRuns",
        "launchPipelineReexecution",
        "launchRunReexecution",
        "launchPartitionBackfill",
        "resumePartitionBackfill",
        "reexecutePartitionBackfill",
        "cancelPartitionBackfill",
        "terminatePipelineExecution",
        "terminateRun",
        "terminateRuns",
        "startSchedule",
        "stopRunningSchedule",
        "resetSchedule",
        "startSensor",
        "stopSensor",
        "resetSensor",
        "scheduleDryRun",
        "sensorDryRun",
        "reloadWorkspace",
        "reloadRepositoryLocation",
    }
)
"""Runs, retries, stops; switches what follows the systems on and off; loads the settings and tables anew."""

HARMLESS = frozenset({"logTelemetry", "setNuxSeen"})
"""What Dagster's UI sends by itself. Telemetry and its introduction are off in the shipped dagster.yaml."""

ADMIN = frozenset(
    {
        "setSensorCursor",
        "deletePipelineRun",
        "deleteRun",
        "shutdownRepositoryLocation",
        "wipeAssets",
        "reportRunlessAssetEvents",
        "reportAssetCheckEvaluations",
        "addDynamicPartition",
        "deleteDynamicPartitions",
        "setAppManagedComponent",
        "deleteAppManagedComponent",
        "refreshComponentState",
        "setAutoMaterializePaused",
        "setConcurrencyLimit",
        "deleteConcurrencyLimit",
        "freeConcurrencySlotsForRun",
        "freeConcurrencySlots",
    }
)
"""What changes or deletes what Dagster remembers, or how much runs at the same time."""


def refused(role: Role, mutations: Collection[str]) -> list[str]:
    """Those of some mutations that a role may not call, in the order of their names."""
    allowed: dict[Role, frozenset[str]] = {
        "view": HARMLESS,
        "operate": HARMLESS | OPERATE,
        "admin": HARMLESS | OPERATE | ADMIN,
    }
    return sorted(set(mutations) - allowed[role])
