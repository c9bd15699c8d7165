"""Dagster's databases of events stay open, and are what Dagster itself would have made of them.

Source of the promise: docs/operations.md, "A long time at once". The names of Dagster's inside are held here.
"""

import inspect
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import (
    AssetCheckEvaluation,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DailyPartitionsDefinition,
    asset,
)
from dagster import (
    materialize as run_assets,
)
from dagster._core.events import DagsterEventBatchMetadata
from dagster._core.instance.methods.event_methods import EventMethods
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from winbc_pipeline.orchestration.failed_runs import failed_runs
from winbc_pipeline.orchestration.in_process import QUIET
from winbc_pipeline.orchestration.storage import KeptOpenStorage, kept_open
from winbc_pipeline.orchestration.storage.kept_open import KeptOpenEventLog
from winbc_pipeline.orchestration.storage.many_windows import AT_ONCE
from winbc_pipeline.orchestration.windows import RANGE_END, RANGE_START

KEY = AssetKey("asset")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the storage of the shipped dagster.yaml."""
    text = resources.files("winbc_pipeline.defaults").joinpath("dagster.yaml").read_text(encoding="utf-8")
    storage = {"storage": yaml.safe_load(text)["storage"], "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(storage), encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.get() as made:
        assert isinstance(made.event_log_storage, KeptOpenEventLog)
        yield made


def materialize(instance: DagsterInstance, window: str) -> None:
    instance.report_runless_asset_event(AssetMaterialization(KEY, partition=window))


@pytest.mark.proof
def test_dagster_without_it_reads_what_it_has_written(instance: DagsterInstance, home: Path) -> None:
    materialize(instance, "2026-03-01")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with DagsterInstance.get() as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        assert plain.get_materialized_partitions(KEY) == {"2026-03-01"}
        materialize(plain, "2026-03-02")
    assert instance.get_materialized_partitions(KEY) == {"2026-03-01", "2026-03-02"}, "what others write is seen"


@pytest.mark.proof
def test_the_support_bundle_finds_failed_runs_without_the_variable(
    instance: DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped dagster.yaml says where the files are by DAGSTER_HOME, which only services have."""
    materialize(instance, "2026-03-01")
    monkeypatch.delenv("DAGSTER_HOME")
    assert list(failed_runs(home)) == []
    assert "DAGSTER_HOME" not in os.environ


@pytest.mark.proof
def test_the_support_bundle_of_a_connection_has_its_failed_runs_of_a_common_history(
    instance: DagsterInstance, home: Path
) -> None:
    for name in ("utrecht", "gent"):
        tags = {"winbc/connection": name}
        instance.add_run(DagsterRun(job_name=f"{name}__orders", status=DagsterRunStatus.FAILURE, tags=tags))
    assert [each["job"] for each in failed_runs(home, {"winbc/connection": "gent"})] == ["gent__orders"]
    assert len(list(failed_runs(home))) == 2


@pytest.mark.proof
def test_a_fault_leaves_no_half_written_event_and_the_next_one_is_stored(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(KeptOpenEventLog, "_store_asset_event", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            materialize(instance, "2026-03-01")
    assert instance.get_materialized_partitions(KEY) == set()
    materialize(instance, "2026-03-02")
    assert instance.get_materialized_partitions(KEY) == {"2026-03-02"}


@pytest.mark.proof
def test_threads_take_turns(instance: DagsterInstance) -> None:
    """Sensors run in threads of one daemon."""
    windows = [f"2026-03-{day:02}" for day in range(1, 9)]
    threads = [threading.Thread(target=materialize, args=(instance, window)) for window in windows]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert instance.get_materialized_partitions(KEY) == set(windows)


@pytest.mark.proof
def test_few_databases_of_runs_stay_open(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_open, "MOST_OPEN", 2)
    log = KeptOpenEventLog(str(home / "events"))
    for number in range(4):
        log.get_records_for_run(f"run-{number}")
    assert len([name for name in log.opened if name != "index"]) == 2
    log.dispose()
    assert not log.opened


@pytest.mark.proof
def test_an_event_of_a_run_changes_its_file_for_those_who_watch_it(instance: DagsterInstance, home: Path) -> None:
    """The UI shows a run as it goes on by watching the file; what is written to its log only does not change it."""
    file = home / "history" / "runs" / ".db"  # of events of no run
    materialize(instance, "2026-03-01")
    before = file.stat().st_mtime_ns
    materialize(instance, "2026-03-02")
    assert file.stat().st_mtime_ns > before


DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


@asset(partitions_def=DailyPartitionsDefinition(DAYS[0]))
def windows(context: AssetExecutionContext) -> None:
    for day in context.partition_keys:
        context.add_asset_metadata({"day": day}, partition_key=day)


def all_days(instance: DagsterInstance) -> str:
    tags = {RANGE_START: DAYS[0], RANGE_END: DAYS[-1]}
    return run_assets([windows], instance=instance, tags=tags, run_config=QUIET).run_id


def stored(home: Path, run: str) -> list[list[tuple[str, str | None, int]]]:
    """How many events of a run there are by kind and window, in the run's own file and in the index."""
    sql = """
        SELECT dagster_event_type, partition, count(*)
        FROM event_logs
        WHERE run_id = ? AND dagster_event_type LIKE 'ASSET%'
        GROUP BY 1, 2
        ORDER BY 1, 2"""
    files = [home / "history" / "runs" / f"{name}.db" for name in (run, "index")]
    found = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            found.append(connection.execute(sql, [run]).fetchall())
    return found


@pytest.mark.proof
def test_events_of_many_windows_that_are_stored_together_are_those_that_are_stored_one_by_one(
    instance: DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = all_days(instance)
    assert instance.get_materialized_partitions(windows.key) == set(DAYS)
    monkeypatch.setenv(AT_ONCE, "0")
    one_by_one = all_days(instance)
    assert stored(home, together) == stored(home, one_by_one)
    kinds = [kind for kind, *_ in stored(home, together)[1]]
    assert kinds == ["ASSET_MATERIALIZATION"] * len(DAYS) + ["ASSET_MATERIALIZATION_PLANNED"] * len(DAYS)


def stored_results(home: Path, run: str) -> list[tuple[str | None, str]]:
    """The results of a run's check by window, as the UI asks for them."""
    sql = "SELECT partition, execution_status FROM asset_check_executions WHERE run_id = ? ORDER BY 1"
    with closing(sqlite3.connect(home / "history" / "runs" / "index.db")) as connection:
        return connection.execute(sql, [run]).fetchall()


@pytest.mark.proof
def test_results_of_many_windows_that_are_stored_together_are_those_that_are_stored_one_by_one(
    instance: DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(at_once: str) -> str:
        monkeypatch.setenv(AT_ONCE, at_once)
        number = all_days(instance)
        for day in DAYS:
            result = AssetCheckEvaluation(windows.key, "is_there", day != DAYS[1], {}, partition=day)
            event = DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=result)
            batch = DagsterEventBatchMetadata("results", day == DAYS[-1])
            instance.report_dagster_event(event, number, batch_metadata=batch)
        return number

    together, one_by_one = run("500"), run("0")
    assert stored(home, together) == stored(home, one_by_one)
    assert stored(home, together)[0] == stored(home, together)[1]
    expected = [(DAYS[0], "SUCCEEDED"), (DAYS[1], "FAILED"), (DAYS[2], "SUCCEEDED")]
    assert stored_results(home, together) == stored_results(home, one_by_one) == expected


@pytest.mark.proof
def test_after_a_fault_within_a_batch_each_of_its_events_is_there_once(
    instance: DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster then stores them one by one."""
    without = all_days(instance)
    real = KeptOpenEventLog._store_assets

    def fails(log: KeptOpenEventLog, connection: Any, stored: Any) -> None:
        real(log, connection, stored)
        if len({each.row["timestamp"] for each in stored}) > 1:
            raise OSError("The disk is full.")

    monkeypatch.setattr(KeptOpenEventLog, "_store_assets", fails)
    assert stored(home, all_days(instance)) == stored(home, without)


def test_what_is_used_of_dagsters_inside_is_what_we_know() -> None:
    assert list(inspect.signature(SqliteEventLogStorage._connect).parameters) == ["self", "shard"]
    assert list(inspect.signature(SqliteEventLogStorage.store_event).parameters) == ["self", "event"]
    assert list(inspect.signature(DagsterSqliteStorage.__init__).parameters)[1:] == ["base_dir", "inst_data"]
    for name in ("_initdb", "_initialized_dbs", "_db_lock"):
        assert name in inspect.getsource(SqliteEventLogStorage)
    for name in ("_event_log_storage", "_run_storage", "_schedule_storage"):
        assert name in inspect.getsource(DagsterSqliteStorage)
    for storage in (SqliteRunStorage, SqliteScheduleStorage):
        assert "self._conn_string" in inspect.getsource(storage.connect)
    for method in ("_store_asset_event", "store_asset_check_event"):
        assert f"self.{method}(" in inspect.getsource(SqliteEventLogStorage.store_event)
    assert "self._tags_for_asset_event(event)" in inspect.getsource(SqlEventLogStorage._store_asset_event_tags)
    assert "insert().values(**self._event_to_row(event))" in inspect.getsource(SqlEventLogStorage.prepare_insert_event)
    assert AT_ONCE in inspect.getsource(EventMethods)
    assert issubclass(KeptOpenStorage, DagsterSqliteStorage)
