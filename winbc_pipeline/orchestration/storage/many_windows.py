"""Rows of many windows at once: what Dagster's events become in its tables, with each text and statement made once.

Dagster makes an event, its text and a statement anew for each window, and a run over years has thousands. The rows are
those that Dagster would have stored. The tables' connections: kept_open.py, and anywhere/storage.py for a server.
"""

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple

from dagster import AssetCheckEvaluation, DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetEventTagsTable
from sqlalchemy import Connection, bindparam

from .texts import Template, Values, with_marks

Row = dict[str, Any]
PLANNED = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
RESULT_PLANNED = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED

AT_ONCE = "DAGSTER_EVENT_BATCH_SIZE"

_columns = AssetCheckExecutionsTable.c
_result_of_window = AssetCheckExecutionsTable.update().where(
    _columns.asset_key == bindparam("of_asset"),
    _columns.check_name == bindparam("of_check"),
    _columns.run_id == bindparam("of_run"),
    _columns.partition == bindparam("of_window"),
)


class Stored(NamedTuple):
    """One row of an event in the log, and its id in the index.

    Attributes:
        like: the event itself, or one that differs in window, moment and metadata only.
    """

    event: EventLogEntry
    like: EventLogEntry
    row: Row
    number: int


class ManyWindowsLog(SqlEventLogStorage):
    """Dagster's events, of which those of many windows are stored together: on this machine or on a server."""

    def __init__(self, *given: Any, **named: Any) -> None:
        # Dagster gives events of many windows together only where this says so, and reads it for each event.
        os.environ.setdefault(AT_ONCE, "500")
        self.columns: dict[str, bool] = {}
        self.tables: dict[str, bool] = {}
        super().__init__(*given, **named)  # type: ignore[no-untyped-call]

    @abstractmethod
    def whole(self, run: str) -> AbstractContextManager[Connection]:
        """A transaction for all that is stored of a run until the block ends."""

    @abstractmethod
    def insert(self, run: str, rows: Sequence[Row]) -> Sequence[int]:
        """Adds rows of a run to the log; returns their ids in the index."""

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Whether a table has a column. It stays so while this process lives, and is asked for each event."""
        if column_name not in self.columns:
            self.columns[column_name] = super()._has_asset_key_col_on_connection(conn, column_name)
        return self.columns[column_name]

    def has_table(self, table_name: str) -> bool:
        """Whether there is a table. Once it is, it stays so."""
        if not self.tables.get(table_name):
            self.tables[table_name] = super().has_table(table_name)  # type: ignore[safe-super] # the next class has it
        return self.tables[table_name]

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Dagster then plans all windows of a layer by one event. It is stored as one row for each, as always."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event."""
        if event.dagster_event_type == PLANNED:
            self.store_event_batch([event])
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores events of one run by one transaction.

        A batch holds the events of many windows: what is planned, what a layer made, the results of its checks.
        """
        of_assets = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        of_checks = [event for event in events if event.dagster_event_type not in ASSET_EVENTS]
        (run,) = {event.run_id for event in events}
        with self.whole(run) as connection:
            self._store_assets(connection, self._stored(run, of_assets))
            store_checks(connection, self._stored(run, of_checks), self.store_asset_check_event)

    def _stored(self, run: str, events: Sequence[EventLogEntry]) -> list[Stored]:
        found = [*rows_of_events(events, self._event_to_row, self._event_insert_timestamp)]
        numbers = self.insert(run, [row for *_, row in found]) if found else ()
        return [Stored(*each, number) for each, number in zip(found, numbers, strict=True)]

    def _store_assets(self, connection: Connection, stored: Sequence[Stored]) -> None:
        self._store_tags(connection, stored)
        newest = {  # of each asset the last event of a kind counts
            (each.row["asset_key"], each.row["dagster_event_type"]): each for each in stored
        }
        for each in newest.values():
            self._store_asset_event(connection, each.event, each.number)

    def _store_tags(self, connection: Connection, stored: Sequence[Stored]) -> None:
        """Stores those tags of events that Dagster looks for. Events that are alike have the same ones."""
        likes = {id(each.like): each.like for each in stored}
        tags = {name: self._tags_for_asset_event(like) for name, like in likes.items()}
        rows = [
            {
                "event_id": each.number,
                "asset_key": each.row["asset_key"],
                "key": key,
                "value": value,
                "event_timestamp": each.row["timestamp"],
            }
            for each in stored
            for key, value in tags[id(each.like)].items()
        ]
        if rows and self.has_table(AssetEventTagsTable.name):
            connection.execute(AssetEventTagsTable.insert(), rows)


def rows_of_events(
    events: Iterable[EventLogEntry],
    row_of: Callable[[EventLogEntry], Row],
    moment_of: Callable[[EventLogEntry], datetime],
) -> Iterator[tuple[EventLogEntry, EventLogEntry, Row]]:
    """Events, each with one like it (see Stored) and its row in the log.

    Where a layer of many windows is planned, there is a row for each of them.

    Args:
        row_of: makes the row of one event, with its text.
        moment_of: makes the moment of a row.
    """
    values, known = Values(), dict[tuple[str, ...], tuple[EventLogEntry, Row, Template]]()
    for event in events:
        alike, windows, metadata = with_marks(event)
        if not alike:
            yield event, event, row_of(event)
            continue
        kind = (alike.message, *metadata)
        if kind not in known or known[kind][0] != alike:
            row = row_of(alike)
            known[kind] = alike, row, Template(row["event"], metadata)
        like, row, template = known[kind]
        texts, moment = values.texts(metadata), moment_of(event)
        for window in windows:
            text = template.filled(window, event.timestamp, texts)
            # Dagster names the window of a check's result in its text only.
            yield event, like, row | {"event": text, "timestamp": moment, "partition": row["partition"] and window}


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
