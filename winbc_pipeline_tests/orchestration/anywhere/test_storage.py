"""What a run of many windows leaves in Dagster's tables on the server is what Dagster itself would have stored.

Source of the promise: docs/operations.md, "A long time at once".
"""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType, DagsterInstance, EventLogEntry
from dagster._core.events import DagsterEventBatchMetadata
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)

from winbc_pipeline.orchestration.anywhere.storage import TABLES, ServerEvents, ServerRuns, ServerStorage, address_of
from winbc_pipeline.orchestration.storage.many_windows import AT_ONCE
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.staging.server.address import asked, make_plain_schema
from winbc_pipeline.staging.server.daemon import dagster_schema

from ...support.postgres import Server
from ..storage.test_many_windows import DAYS, KEY, LOG, RESULTS, TAGS, ran, without_moment

pytestmark = [pytest.mark.scale, pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")]
OURS = "{custom: {module: winbc_pipeline.orchestration.anywhere.storage, class: ServerStorage, config: {}}}"
# As the tests of the files ask SQLite.
MOMENT = "abs(extract(epoch FROM timestamp) - (event::json ->> 'timestamp')::float) < 0.05 AS has_its_moment, event"
QUESTIONS = {
    "log": LOG[: LOG.index("abs(")] + MOMENT + LOG[LOG.index("\n    FROM") :],
    "tags": TAGS,
    "checks": RESULTS,
}


@pytest.fixture
def ours(state_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """An instance with our storage that has run all windows once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(AT_ONCE, "500")
    with ran(tmp_path / "ours", f"storage: {OURS}") as instance:
        assert isinstance(instance.event_log_storage, ServerEvents)
        yield instance


def stored(server: Server, schema: str) -> dict[str, list[list[Any]]]:
    found = {}
    with asked(server.address) as cursor:
        cursor.execute(f'SET search_path = "{schema}"')
        for name, sql in QUESTIONS.items():
            cursor.execute(sql)
            known = [[*row, without_moment(json.loads(event))] for *row, event in cursor.fetchall()]
            found[name] = sorted(known, key=json.dumps)
    return found


def test_rows_of_many_windows_are_those_of_dagsters_own_storage(
    ours: DagsterInstance, state_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(connection="own", state={"database": state_server.address})
    make_plain_schema(state_server.address, dagster_schema("own"))
    monkeypatch.setenv(AT_ONCE, "0")
    with ran(tmp_path / "own", f"storage: {{postgres: {{postgres_url: '{address_of(settings)}'}}}}") as own:
        assert isinstance(own.event_log_storage, PostgresEventLogStorage)
    found, expected = (stored(state_server, dagster_schema(name)) for name in (Settings().connection, "own"))
    assert [row[2] for row in expected["log"] if row[0] == "ASSET_MATERIALIZATION_PLANNED"] == DAYS
    assert len(expected["tags"]) == len(DAYS) and len(expected["checks"]) == 2 * len(DAYS)
    for table, of_dagster in expected.items():
        assert found[table] == of_dagster, table


def test_no_window_is_stored_by_itself(state_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PostgresEventLogStorage.store_event

    def only_of_no_window(log: PostgresEventLogStorage, event: EventLogEntry) -> None:
        assert not (event.dagster_event and event.dagster_event.partition)
        real(log, event)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PostgresEventLogStorage, "store_event", only_of_no_window)
    monkeypatch.setattr(PostgresEventLogStorage, "store_asset_check_event", lambda *_: 1 / 0)
    with ran(tmp_path / "ours", f"storage: {OURS}") as instance:
        assert instance.get_materialized_partitions(KEY) == set(DAYS)


def test_after_a_fault_within_a_batch_each_of_its_events_is_there_once(
    ours: DagsterInstance, state_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is undone. Dagster then stores the events one by one."""
    real = ServerEvents._store_assets

    def fails(log: ServerEvents, connection: Any, stored: Any) -> None:
        real(log, connection, stored)
        if len({each.row["timestamp"] for each in stored}) > 1:
            raise OSError("The disk is full.")

    before = stored(state_server, dagster_schema(Settings().connection))
    monkeypatch.setattr(ServerEvents, "_store_assets", fails)
    with ran(tmp_path / "again", f"storage: {OURS}"):
        after = stored(state_server, dagster_schema(Settings().connection))
    assert after["log"] == sorted(before["log"] * 2, key=json.dumps)


def test_a_result_that_nobody_planned_does_not_wait_for_those_that_are_stored_with_it(
    ours: DagsterInstance, state_server: Server
) -> None:
    """Dagster stores it by another statement, which would wait for ever for the rows of the open transaction."""
    (run,) = ours.get_runs()
    for number, name in enumerate(("first", "third")):
        result = AssetCheckEvaluation(KEY, name, True, {}, partition=DAYS[-1])
        event = DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=result)
        ours.report_dagster_event(event, run.run_id, batch_metadata=DagsterEventBatchMetadata("batch", number == 1))
    checks = stored(state_server, dagster_schema(Settings().connection))["checks"]
    assert {row[1]: row[3] for row in checks if row[2] == DAYS[-1]} == {
        "first": "SUCCEEDED",
        "second": "PLANNED",
        "third": "SUCCEEDED",
    }


def test_tables_of_dagster_are_looked_for_by_one_session_and_made_where_one_is_missing(
    ours: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings()
    real, autocreate = DagsterPostgresStorage.__init__, list[bool]()

    def noted(storage: DagsterPostgresStorage, address: str, is_new: bool, **named: Any) -> None:
        autocreate.append(is_new)
        real(storage, address, is_new, **named)

    monkeypatch.setattr(DagsterPostgresStorage, "__init__", noted)
    ServerStorage()
    with asked(settings.state.address) as cursor:
        cursor.execute(f'DROP TABLE "{dagster_schema(settings.connection)}".jobs')
    assert ServerStorage().schedule_storage.all_instigator_state() == []
    assert autocreate == [False, True]


def test_what_is_used_of_dagsters_inside_is_what_we_know() -> None:
    assert "should_autocreate_tables" in inspect.signature(PostgresEventLogStorage.__init__).parameters
    assert "self.index_connection()" in inspect.getsource(PostgresEventLogStorage.index_transaction)
    for method in (PostgresEventLogStorage.index_connection, PostgresEventLogStorage.run_connection):
        assert "return self._connect()" in inspect.getsource(method)
    for part in ("run_storage", "event_log_storage"):
        assert f"self._{part}" in inspect.getsource(getattr(DagsterPostgresStorage, part).fget)
    for method in ("has_run_stats_index_cols", "has_backfill_id_column"):
        assert inspect.signature(getattr(PostgresRunStorage, method)) == inspect.signature(getattr(ServerRuns, method))
    for number, made in ((0, PostgresRunStorage), (1, PostgresEventLogStorage), (2, PostgresScheduleStorage)):
        source = inspect.getsource(made.__init__)
        assert all(f'"{name}" not in table_names' in source for name in ((TABLES[:2]), TABLES[2:3], TABLES[3:])[number])
