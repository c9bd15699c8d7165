"""What a run of many windows leaves in Dagster's files is what Dagster itself would have stored, row by row.

Source of the promise: docs/operations.md, "A long time at once". The names of Dagster's inside are held here.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    DagsterInstance,
    DailyPartitionsDefinition,
    Failure,
    MaterializeResult,
    MetadataValue,
    Output,
    TableRecord,
    asset,
)
from dagster import materialize as run_assets
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from winbc_pipeline.orchestration.in_process import QUIET
from winbc_pipeline.orchestration.many_windows import add_metadata, log_windows, store_results
from winbc_pipeline.orchestration.storage.kept_open import KeptOpenEventLog
from winbc_pipeline.orchestration.windows import RANGE_END, RANGE_START

DAYS = [f"2026-03-0{day}" for day in range(1, 7)]
CHECKED = DAYS[:2]
RED = DAYS[1]  # its check fails
KEY = AssetKey("windows")
PARTITIONS = DailyPartitionsDefinition(DAYS[0])
CHANGING = ("timestamp", "pid", "run_id")  # of an event, from one run to the next
# The moment of a row is that in its event.
LOG = """
    SELECT dagster_event_type, asset_key, partition, step_key,
        abs((julianday(timestamp) - 2440587.5) * 86400 - (event ->> 'timestamp')) < 0.05 AS has_its_moment, event
    FROM event_logs
    WHERE dagster_event_type LIKE 'ASSET%'"""
TAGS = """
    SELECT t.key, t.value, partition, t.asset_key, t.event_timestamp = e.timestamp AS has_its_moment, event
    FROM asset_event_tags t
    JOIN event_logs e ON e.id = t.event_id"""
RESULTS = """
    SELECT asset_key, check_name, partition, execution_status, evaluation_event
    FROM asset_check_executions"""


pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")


def windows_asset() -> AssetsDefinition:
    """An asset of days with two checks that have a result for each of the first two days."""

    @asset(
        key=KEY,
        partitions_def=PARTITIONS,
        code_version="1",  # else a new one for each run
        config_schema={"fails": bool},
        check_specs=[AssetCheckSpec(name, asset=KEY, partitions_def=PARTITIONS) for name in ("first", "second")],
    )
    def windows(context: AssetExecutionContext) -> Iterator[Any]:
        if context.op_execution_context.op_config["fails"]:
            raise OSError("The source is down.")
        table = MetadataValue.table([TableRecord({"b": day, "a": 'one "word"'}) for day in CHECKED])
        empty = {day: {"day": day, "records": 0, "share": 0.5} for day in DAYS[:-1]}
        add_metadata(context, KEY, empty | {day: {"day": day, "records": 3, "table": table} for day in CHECKED})
        results = [
            AssetCheckEvaluation(KEY, name, day != RED, {"records": 3}, partition=day)
            for day in CHECKED
            for name in ("first", "second")
        ]
        store_results(context, results)
        yield MaterializeResult()
        yield from (Output(None, output) for output in context.assets_def.check_specs_by_output_name)

    return windows


def red_asset(log: Callable[[AssetExecutionContext, list[Any]], None]) -> AssetsDefinition:
    """An asset of days that logs what it knows of two of them and fails."""

    @asset(key=KEY, partitions_def=PARTITIONS, code_version="1", config_schema={"fails": bool})
    def windows(context: AssetExecutionContext) -> None:
        green = AssetMaterialization(KEY, partition=DAYS[0], metadata={"day": DAYS[0], "records": 2})
        log(context, [green, AssetObservation(KEY, partition=RED, metadata={"day": RED, "records": 3})])
        raise Failure("Not all records are done.")

    return windows


def ran(
    home: Path, storage: str, *, fails: bool = False, runs: Callable[[], AssetsDefinition] = windows_asset
) -> DagsterInstance:
    """An instance that has run all windows once, with a storage as dagster.yaml names it."""
    home.mkdir()
    (home / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\n{storage}", encoding="utf-8")
    instance = DagsterInstance.from_config(str(home))
    tags = {RANGE_START: DAYS[0], RANGE_END: DAYS[-1]}
    config = {**QUIET, "ops": {"windows": {"config": {"fails": fails}}}}
    run_assets([runs()], instance=instance, tags=tags, run_config=config, raise_on_error=not fails)
    return instance


def kept_open(home: Path) -> str:
    config = f"{{base_dir: {home}}}"
    names = "module: winbc_pipeline.orchestration.storage, class: KeptOpenStorage"
    return f"storage: {{custom: {{{names}, config: {config}}}}}"


def without_moment(event: Any) -> Any:
    """An event without what differs from one run to the next."""
    if isinstance(event, dict):
        return {name: without_moment(value) for name, value in event.items() if name not in CHANGING}
    return [without_moment(each) for each in event] if isinstance(event, list) else event


def rows(file: Path, sql: str) -> list[list[Any]]:
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute(sql).fetchall()
    known = [[*row, without_moment(json.loads(event))] for *row, event in found]
    return sorted(known, key=json.dumps)


def stored(home: Path) -> dict[str, list[list[Any]]]:
    """All rows of the one run, in its own file and in the index."""
    folder = home / "history" / "runs"
    (run,) = (file for file in folder.glob("*.db") if len(file.stem) == 36)
    return {
        "run": rows(run, LOG),
        "index": rows(folder / "index.db", LOG),
        "tags": rows(folder / "index.db", TAGS),
        "checks": rows(folder / "index.db", RESULTS),
    }


@pytest.mark.proof
def test_rows_of_many_windows_are_those_of_dagsters_own_storage(tmp_path: Path) -> None:
    ours, own = tmp_path / "ours", tmp_path / "own"
    with ran(ours, kept_open(ours)), ran(own, ""):
        pass
    found, expected = stored(ours), stored(own)
    plans = [row for row in expected["index"] if row[0] == "ASSET_MATERIALIZATION_PLANNED"]
    assert [plan[2] for plan in plans] == DAYS, "Dagster plans each window"
    results = [(row[2], row[3]) for row in expected["checks"]]
    assert (results.count((RED, "FAILED")), results.count((DAYS[-1], "PLANNED"))) == (2, 2)
    assert all(row[4] for row in found["index"]) and len({row[2] for row in found["index"]}) == len(DAYS) + 1
    for table, of_dagster in expected.items():
        assert found[table] == of_dagster, table


@pytest.mark.proof
def test_results_of_windows_take_no_statement_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeptOpenEventLog, "store_asset_check_event", lambda *_: 1 / 0)
    home = tmp_path / "ours"
    with ran(home, kept_open(home)):
        assert [row[3] for row in stored(home)["checks"]] == ["SUCCEEDED", "FAILED", *["PLANNED"] * 4] * 2


@pytest.mark.proof
def test_windows_of_a_run_that_failed_are_red(tmp_path: Path) -> None:
    """Dagster finds them by what was planned and not made."""
    home = tmp_path / "ours"
    with ran(home, kept_open(home), fails=True) as instance:
        attempts = (
            instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations
        )
        assert set(attempts(KEY)) == set(DAYS)
        planned = instance.get_latest_planned_materialization_info(KEY, RED)
        assert planned and instance.get_run_by_id(planned.run_id).is_failure  # type: ignore[union-attr]


@pytest.mark.proof
def test_windows_that_are_logged_together_are_those_that_are_logged_one_by_one(tmp_path: Path) -> None:
    def one_by_one(context: AssetExecutionContext, shown: list[Any]) -> None:
        for each in shown:
            context.log_event(each)

    def log_of(name: str, log: Callable[[AssetExecutionContext, list[Any]], None]) -> dict[str, list[list[Any]]]:
        home = tmp_path / name
        with ran(home, kept_open(home), fails=True, runs=lambda: red_asset(log)) as instance:
            assert instance.get_materialized_partitions(KEY) == {DAYS[0]}
        return stored(home)

    together = log_of("together", log_windows)
    assert ("ASSET_OBSERVATION", RED) in {(row[0], row[2]) for row in together["index"]}
    assert together == log_of("one_by_one", one_by_one)


def test_what_is_used_of_dagsters_inside_is_what_we_know() -> None:
    name = "supports_partition_subset_in_asset_materialization_planned_events"
    assert isinstance(getattr(EventLogStorage, name), property)
    assert "_metadata_accumulator" in StepExecutionContext.add_asset_metadata.__code__.co_names
    assert "get_partition_keys" in SqlEventLogStorage._store_asset_check_evaluation_planned.__code__.co_names
