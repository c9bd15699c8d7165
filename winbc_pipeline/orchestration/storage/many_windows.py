"""Rows of many windows at once: what Dagster's events become in its tables, with each text and statement made once.

Dagster makes an event, its text and a statement anew for each window, and a run over years has thousands. The rows are
those that Dagster would have stored. The tables' connections: kept_open.py.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster import AssetCheckEvaluation, AssetMaterialization, DagsterEventType, EventLogEntry, MetadataValue
from dagster._core.events import AssetMaterializationPlannedData, StepMaterializationData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import Connection, bindparam

Row = dict[str, Any]
RESULT_PLANNED = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
# In the text of an event these stand for its window and moment; no other text and number is like them.
WINDOW, MOMENT = json.dumps("\ue000window"), json.dumps(1.23456789e-300)

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


def rows_of_events(
    events: Iterable[EventLogEntry],
    row_of: Callable[[EventLogEntry], Row],
    moment_of: Callable[[EventLogEntry], datetime],
) -> Iterator[tuple[EventLogEntry, Row]]:
    """Events with their rows in the log: one, or one for each window where a layer of many windows is planned.

    The text of an event that is like the one before, but for window and moment, is that one's with these replaced.

    Args:
        row_of: makes the row of one event, with its text.
        moment_of: makes the moment of a row.
    """
    known: EventLogEntry | None = None
    row: Row = {}
    for event in events:
        alike, windows = _of_any_window(event)
        if not alike:
            yield event, row_of(event)
            continue
        if alike != known:
            known, row = alike, row_of(alike)
        text = row["event"].replace(MOMENT, json.dumps(event.timestamp))
        for window in windows:
            own = {"partition": window, "event": text.replace(WINDOW, json.dumps(window))}
            yield event, row | own | {"timestamp": moment_of(event)}


def _of_any_window(event: EventLogEntry) -> tuple[EventLogEntry | None, Sequence[str]]:
    """An event as that of any window and moment, and its windows; None when it is of no window."""
    data = event.dagster_event and event.dagster_event.event_specific_data
    if isinstance(data, AssetMaterializationPlannedData) and data.partitions_subset:
        windows = [*data.partitions_subset.get_partition_keys()]
        data = AssetMaterializationPlannedData(data.asset_key, partition=json.loads(WINDOW))
    elif isinstance(data, StepMaterializationData) and data.materialization.partition:
        windows = [data.materialization.partition]
        data = data._replace(materialization=_made_of_any_window(data.materialization))
    else:
        return None, ()
    changed = event.get_dagster_event()._replace(event_specific_data=data)
    return event._replace(dagster_event=changed, timestamp=json.loads(MOMENT)), windows


def _made_of_any_window(made: AssetMaterialization) -> AssetMaterialization:
    named, any_window = MetadataValue.text(str(made.partition)), MetadataValue.text(json.loads(WINDOW))
    metadata = {name: any_window if value == named else value for name, value in made.metadata.items()}
    return made._replace(partition=any_window.text, metadata=metadata)


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
