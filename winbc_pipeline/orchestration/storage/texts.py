"""Texts of Dagster's events, made from the text of an event that is like them.

Dagster takes an event apart, object by object, to make its text. The events of years of windows differ in window,
moment and the values of their metadata only. So one is taken apart with marks in these places, and the texts of the
others are that one's with their own values put in. Where they are stored: many_windows.py.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from dagster import AssetCheckEvaluation, EventLogEntry, MetadataValue, TableMetadataValue, TableRecord
from dagster._core.events import AssetMaterializationPlannedData, AssetObservationData, StepMaterializationData
from dagster._serdes import serialize_value
from dagster_shared.record import replace

# What stands for a value in an event; no text, number and name of an event is like it.
WINDOW, MOMENT, MARK = "\ue000window", 1.23456789e-300, "\ue000="
WINDOW_TEXT, MOMENT_TEXT = json.dumps(WINDOW)[1:-1], json.dumps(MOMENT)
NO_RECORDS = '"records": []'
RECORD = serialize_value(TableRecord({})).replace("{}", "%s")  # a record holds nothing but texts and numbers

Metadata = Mapping[str, Any]  # Dagster's values by label


def with_marks(event: EventLogEntry) -> tuple[EventLogEntry | None, Sequence[str], Metadata]:
    """An event with marks for window, moment and metadata, with its windows and metadata; None when it is of no window.

    It has more than one window where a layer of many windows is planned.
    """
    told = event.dagster_event
    data: Any = told and told.event_specific_data
    message = told and told.message
    metadata: Metadata = {}
    if isinstance(data, AssetMaterializationPlannedData) and data.partitions_subset:
        windows = [*data.partitions_subset.get_partition_keys()]
        data = AssetMaterializationPlannedData(data.asset_key, partition=WINDOW)
    elif isinstance(data, StepMaterializationData) and (made := data.materialization).partition:
        windows, metadata = [made.partition], made.metadata
        data = data._replace(materialization=made._replace(partition=WINDOW, metadata=_marks(metadata)))
    elif isinstance(data, AssetObservationData) and (seen := data.asset_observation).partition:
        windows, metadata = [seen.partition], seen.metadata
        data = data._replace(asset_observation=seen._replace(partition=WINDOW, metadata=_marks(metadata)))
    elif isinstance(data, AssetCheckEvaluation) and data.partition and event.run_id:
        windows, metadata = [data.partition], data.metadata
        message = message and message.replace(data.partition, WINDOW)
        data = replace(data, partition=WINDOW, metadata=_marks(metadata))
    else:
        return None, (), {}
    changed = event.get_dagster_event()._replace(event_specific_data=data, message=message)
    return event._replace(dagster_event=changed, timestamp=MOMENT), windows, metadata


def _marks(metadata: Metadata) -> Metadata:
    return {label: _mark(label) for label in metadata}


@cache
def _mark(label: str) -> Any:
    return MetadataValue.text(MARK + label)


@cache
def _mark_text(label: str) -> str:
    return serialize_value(_mark(label))


class Template:
    """The text of an event with marks, cut at the marks."""

    def __init__(self, text: str, metadata: Metadata) -> None:
        marks = [WINDOW_TEXT, MOMENT_TEXT, *map(_mark_text, metadata)]
        self.pieces = re.split(f"({'|'.join(map(re.escape, marks))})", text)

    def filled(self, window: str, moment: float, values: Mapping[str, str]) -> str:
        """The text of one event.

        Args:
            values: texts of its metadata, by label.
        """
        own = {_mark_text(label): text for label, text in values.items()}
        own |= {WINDOW_TEXT: json.dumps(window)[1:-1], MOMENT_TEXT: json.dumps(moment)}
        return "".join([own.get(piece, piece) for piece in self.pieces])


class Values:
    """Texts of the metadata of some events that live as long as this: of equal values one text is made."""

    def __init__(self) -> None:
        self.plain: dict[tuple[Any, ...], str] = {}
        self.frames: dict[int, list[str]] = {}  # of tables with one schema, by its identity

    def texts(self, metadata: Metadata) -> dict[str, str]:
        """The texts of metadata, by label."""
        return {label: self._text(value) for label, value in metadata.items()}

    def _text(self, value: Any) -> str:
        if isinstance(value, TableMetadataValue):
            return self._table(value)
        if not isinstance(value.value, str | int | float):
            return serialize_value(value)
        # Different kinds of values are equal where what they hold is, as 1 and True are.
        key = (type(value), type(value.value), value.value)
        if key not in self.plain:
            self.plain[key] = serialize_value(value)
        return self.plain[key]

    def _table(self, table: TableMetadataValue) -> str:
        if id(table.schema) not in self.frames:
            empty = serialize_value(TableMetadataValue([], table.schema))
            self.frames[id(table.schema)] = empty.split(NO_RECORDS)
        before, after = self.frames[id(table.schema)]
        records = ", ".join([RECORD % json.dumps(dict(record.data), sort_keys=True) for record in table.records])
        return f"{before}{NO_RECORDS[:-1]}{records}]{after}"
