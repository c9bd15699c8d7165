"""Texts of events that are made from the text of another one are those that Dagster makes.

Source of the promise: docs/operations.md, "A long time at once".
"""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEvent,
    DagsterEventType,
    EventLogEntry,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)
from dagster._core.events import AssetObservationData, StepMaterializationData
from dagster._serdes import serialize_value

from winbc_pipeline.orchestration.storage.many_windows import Row, rows_of_events

KEY = AssetKey(["synced", "orders"])
WITH_TEXTS, WITH_NUMBERS = (TableSchema([TableColumn("b", kind), TableColumn("a", kind)]) for kind in ("string", "int"))
METADATA: list[dict[str, Any]] = [
    {},
    {"records": 0},
    {"records": 1, "share": 1.0},
    {"records": True, "share": 0.1},
    {"records": None},
    {"window": "2026-03-02"},
    {"2026-03-02": 'quoted "2026-03-01", \\ü\n'},
    {"records": {"a": [1, "x"]}, "page": MetadataValue.url("https://example.com"), "key": KEY},
    {"records": MetadataValue.table([TableRecord({"b": "x", "a": '"records": []'})], WITH_TEXTS)},
    {"records": MetadataValue.table([TableRecord({"b": 1, "a": None}), TableRecord({"b": 2, "a": 3})], WITH_NUMBERS)},
    {"records": MetadataValue.table([], WITH_TEXTS), "more": MetadataValue.table([], WITH_NUMBERS)},
]


def entry(kind: DagsterEventType, data: Any, message: str, timestamp: float) -> EventLogEntry:
    event = DagsterEvent(kind.value, "job", event_specific_data=data, message=message, step_key="step")
    return EventLogEntry(None, logging.DEBUG, "", "run", timestamp, "step", "job", event)


def made(window: str, metadata: dict[str, Any], timestamp: float) -> EventLogEntry:
    materialization = AssetMaterialization(KEY, metadata=metadata, partition=window, tags={"version": "1"})
    data = StepMaterializationData(materialization)
    return entry(DagsterEventType.ASSET_MATERIALIZATION, data, "Materialized.", timestamp)


def seen(window: str, metadata: dict[str, Any], timestamp: float) -> EventLogEntry:
    data = AssetObservationData(AssetObservation(KEY, metadata=metadata, partition=window))
    return entry(DagsterEventType.ASSET_OBSERVATION, data, "Observed.", timestamp)


def checked(window: str, metadata: dict[str, Any], timestamp: float, passed: bool = True) -> EventLogEntry:
    result = AssetCheckEvaluation(KEY, "totals", passed, metadata, partition=window)
    return entry(DagsterEventType.ASSET_CHECK_EVALUATION, result, f"totals, {window}: {passed}.", timestamp)


def plain_row(event: EventLogEntry) -> Row:
    return {"event": serialize_value(event), "partition": event.get_dagster_event().partition}


def texts_of(events: list[EventLogEntry]) -> list[str]:
    rows = rows_of_events(events, plain_row, lambda event: datetime.fromtimestamp(event.timestamp, UTC))
    return [row["event"] for *_, row in rows]


@pytest.mark.parametrize("kind", [made, seen, checked])
def test_texts_are_dagsters_whatever_the_metadata_hold(kind: Any) -> None:
    events = [
        kind(window, metadata, 1772323200.25 + number)
        for window in ("2026-03-01", "2026-03-02")
        for number, metadata in enumerate(METADATA)
    ]
    assert texts_of(events) == [serialize_value(event) for event in events]


def test_events_that_differ_in_more_than_their_window_keep_their_own_texts() -> None:
    events = [checked("2026-03-01", {}, 1.5), checked("2026-03-02", {}, 2.5, passed=False)]
    events += [
        events[0]._replace(level=logging.INFO),
        events[0]._replace(step_key="other"),
        made("2026-03-01", {}, 3.5),
    ]
    assert texts_of(events) == [serialize_value(event) for event in events]


def test_of_events_that_are_alike_one_is_taken_apart() -> None:
    seen = []

    def row_of(event: EventLogEntry) -> Row:
        seen.append(event)
        return plain_row(event)

    events = [made(f"2026-03-0{day}", {"records": day % 2}, day + 0.5) for day in range(1, 9)]
    list(rows_of_events(events, row_of, lambda event: datetime.fromtimestamp(event.timestamp, UTC)))
    assert len(seen) == 1
