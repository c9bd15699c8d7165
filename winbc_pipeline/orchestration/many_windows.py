"""Tells Dagster of all windows of a step at once: their metadata, and the results of their checks.

Dagster has public ways for one window after the other only. Each of them costs as much as there are windows, or a
transaction. A test holds what is used of its inside. How the events are stored: storage/many_windows.py.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetCheckEvaluation, AssetExecutionContext, AssetKey
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata, DagsterEventType
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator


def add_metadata(context: AssetExecutionContext, key: AssetKey, shown: Mapping[str, Mapping[str, Any]]) -> None:
    """Gives the metadata of each window of a layer, by partition key, as `context.add_asset_metadata` does of one.

    `add_asset_metadata` copies and checks what was given before: a second for three years of days.
    """
    step = context.op_execution_context.get_step_execution_context()
    known = dict(step._metadata_accumulator.per_output_metadata)
    known |= {AssetMetadataHandle(asset_key=key, partition_key=name): metadata for name, metadata in shown.items()}
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=known)


def store_results(context: AssetExecutionContext, evaluations: Sequence[AssetCheckEvaluation]) -> None:
    """Stores results of checks in few transactions. `context.log_event` stores one after the other."""
    step = str(context.op_execution_context.op_handle)
    for number, evaluation in enumerate(evaluations, 1):
        event = DagsterEvent(
            event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
            job_name=context.run.job_name,
            event_specific_data=evaluation,
            message=f"{evaluation.check_name}, {evaluation.partition}: {'passed' if evaluation.passed else 'failed'}.",
            step_key=step,
        )
        batch = DagsterEventBatchMetadata(f"{context.run.run_id} {step} checks", number == len(evaluations))
        context.instance.report_dagster_event(event, context.run.run_id, logging.DEBUG, batch)
