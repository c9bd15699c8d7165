"""A run of nothing, in a folder of its own: what every run does once, the forked ones then need not do any more.

Dagster's statements are compiled, an empty database of a run is there to copy, and what is imported late is loaded.
"""

import tempfile

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    DagsterInstance,
    DailyPartitionsDefinition,
    MaterializeResult,
    asset,
    materialize,
)

from ..in_process import QUIET

NAME = "nothing"
DAY = "2026-01-01"
_PLACE = {"module": "winbc_pipeline.orchestration.storage", "class": "KeptOpenStorage"}
_NO_LOGS = {"module": "dagster.core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}


@asset(
    name=NAME,
    partitions_def=DailyPartitionsDefinition(DAY),
    check_specs=[AssetCheckSpec("is_there", asset=NAME)],
    pool=NAME,
)
def _nothing(context: AssetExecutionContext) -> object:
    context.add_asset_metadata({"records": 0})
    yield AssetCheckResult(passed=True)
    yield MaterializeResult()


def warm_up() -> None:
    """Runs it, and leaves no file, thread or process behind."""
    with tempfile.TemporaryDirectory() as folder:
        storage = {"custom": {**_PLACE, "config": {"base_dir": folder}}}
        given = {"storage": storage, "compute_logs": _NO_LOGS, "telemetry": {"enabled": False}}
        with DagsterInstance.local_temp(folder, overrides=given) as instance:
            materialize([_nothing], instance=instance, partition_key=DAY, run_config=QUIET)
