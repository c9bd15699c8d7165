"""Tells Dagster of all windows of a step at once: their metadata, what is logged, and the results of their checks.

Dagster has public ways for one window after the other only. Each of them costs as much as there are windows, or a
transaction. A test holds what is used of its inside. How the events are stored: storage/many_windows.py.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from dagster import (
    AssetCheckEvaluation,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
)
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata, DagsterEventType
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator

T = TypeVar("T")


def add_metadata(context: AssetExecutionContext, key: AssetKey, shown: Mapping[str, Mapping[str, Any]]) -> None:
    """Gives the metadata of each window of a layer, by partition key, as `context.add_asset_metadata` does of one.

    `add_asset_metadata` copies and checks what was given before: a second for three years of days.
    """
    step = context.op_execution_context.get_step_execution_context()
    known = dict(step._metadata_accumulator.per_output_metadata)
    known |= {AssetMetadataHandle(asset_key=key, partition_key=name): metadata for name, metadata in shown.items()}
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=known)


def log_windows(context: AssetExecutionContext, shown: Sequence[AssetMaterialization | AssetObservation]) -> None:
    """Logs what there is of many windows, as `context.log_event` does of one, in few transactions."""
    step = context.op_execution_context.get_step_execution_context()
    for event, batch in _batched(f"{context.run.run_id} {step.step.key} windows", shown):
        if isinstance(event, AssetObservation):
            DagsterEvent.asset_observation(step, event, batch)
        else:
            DagsterEvent.asset_materialization(step, event, batch)


def store_results(context: AssetExecutionContext, evaluations: Sequence[AssetCheckEvaluation]) -> None:
    """Stores results of checks in few transactions. `context.log_event` stores one after the other."""
    step = str(context.op_execution_context.op_handle)
    for evaluation, batch in _batched(f"{context.run.run_id} {step} checks", evaluations):
        event = DagsterEvent(
            event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
            job_name=context.run.job_name,
            event_specific_data=evaluation,
            message=f"{evaluation.check_name}, {evaluation.partition}: {'passed' if evaluation.passed else 'failed'}.",
            step_key=step,
        )
        context.instance.report_dagster_event(event, context.run.run_id, logging.DEBUG, batch)


def _batched(name: str, events: Sequence[T]) -> Iterator[tuple[T, DagsterEventBatchMetadata]]:
    """Events, each with what tells Dagster that it stores them together, and which is the last one."""
    for number, event in enumerate(events, 1):
        yield event, DagsterEventBatchMetadata(name, number == len(events))
