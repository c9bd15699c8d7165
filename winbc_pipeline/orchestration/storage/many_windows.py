"""Rows of many windows at once: what Dagster's events become in its tables, with each text and statement made once.

Dagster makes an event, its text and a statement anew for each window, and a run over years has thousands. The rows are
those that Dagster would have stored. The tables' connections: kept_open.py.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import AssetCheckEvaluation, DagsterEventType, EventLogEntry
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import Connection, bindparam

Row = dict[str, Any]
RESULT_PLANNED = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
WINDOW = json.dumps("<window>")  # stands for a window in the text of an event

_columns = AssetCheckExecutionsTable.c
_result_of_window = AssetCheckExecutionsTable.update().where(
    _columns.asset_key == bindparam("of_asset"),
    _columns.check_name == bindparam("of_check"),
    _columns.run_id == bindparam("of_run"),
    _columns.partition == bindparam("of_window"),
)


@dataclass(frozen=True)
class Stored:
    """One row of an event in the log, and its id in the index."""

    event: EventLogEntry
    row: Row
    number: int


def rows_of_event(event: EventLogEntry, row_of: Callable[[EventLogEntry], Row]) -> list[Row]:
    """The rows of an event in the log: one, or one for each window where a layer of many windows is planned.

    Args:
        row_of: makes the row of one event, with its text.
    """
    planned = event.dagster_event and event.dagster_event.event_specific_data
    if not (isinstance(planned, AssetMaterializationPlannedData) and planned.partitions_subset):
        return [row_of(event)]
    any_window = AssetMaterializationPlannedData(planned.asset_key, partition=json.loads(WINDOW))
    changed = event.get_dagster_event()._replace(event_specific_data=any_window)
    row = row_of(event._replace(dagster_event=changed))
    windows = planned.partitions_subset.get_partition_keys()
    return [
        row | {"partition": window, "event": row["event"].replace(WINDOW, json.dumps(window))} for window in windows
    ]


def store_checks(
    connection: Connection, stored: Sequence[Stored], one_by_one: Callable[[EventLogEntry, int], None]
) -> None:
    """Stores what a batch says of checks: which results are planned, and results.

    Args:
        one_by_one: Dagster's own way, for results of no window and for those that nobody has planned.
    """
    planned = [each for each in stored if each.event.dagster_event_type == RESULT_PLANNED]
    of_windows = [each for each in stored if _is_of_window(each.event)]
    others = [
        each for each in stored if each.event.dagster_event_type != RESULT_PLANNED and not _is_of_window(each.event)
    ]
    for each in planned:
        connection.execute(AssetCheckExecutionsTable.insert(), _planned(each))
    rows = [_result(each) for each in of_windows]
    if rows and connection.execute(_result_of_window, rows).rowcount != len(rows):
        others += of_windows
    for each in others:
        one_by_one(each.event, each.number)


def _is_of_window(event: EventLogEntry) -> bool:
    """Whether an event of a run is the result of a check for one window."""
    result = event.dagster_event and event.dagster_event.event_specific_data
    return bool(event.run_id) and isinstance(result, AssetCheckEvaluation) and result.partition is not None


def _planned(stored: Stored) -> list[Row]:
    """The rows of a check that will have results: one for each window, or one."""
    planned: Any = stored.event.get_dagster_event().event_specific_data
    row = {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "run_id": stored.event.run_id,
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        **_evaluation(stored),
    }
    windows = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
    return [row | {"partition": window} for window in windows]


def _result(stored: Stored) -> Row:
    result: Any = stored.event.get_dagster_event().event_specific_data
    status = AssetCheckExecutionRecordStatus
    seen = result.target_materialization_data
    return {
        "of_asset": result.asset_key.to_string(),
        "of_check": result.check_name,
        "of_run": stored.event.run_id,
        "of_window": result.partition,
        "execution_status": (status.SUCCEEDED if result.passed else status.FAILED).value,
        "materialization_event_storage_id": seen.storage_id if seen else None,
        **_evaluation(stored),
    }


def _evaluation(stored: Stored) -> Row:
    """The columns that hold the event itself."""
    return {
        "evaluation_event": stored.row["event"],
        "evaluation_event_timestamp": stored.row["timestamp"],
        "evaluation_event_storage_id": stored.number,
    }
