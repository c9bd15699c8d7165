"""The database of a new run is a copy of one that Dagster made. Source: blank.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from winbc_pipeline.orchestration.storage import blank
from winbc_pipeline.orchestration.storage.kept_open import KeptOpenEventLog


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptOpenEventLog]:
    monkeypatch.setattr(blank, "_kept", [])
    made = KeptOpenEventLog(str(tmp_path / "events"))
    yield made
    made.dispose()


def test_the_second_database_is_the_first_one_again_and_dagster_takes_it(log: KeptOpenEventLog) -> None:
    log.get_records_for_run("first")
    before = Path(log.path_for_shard("first")).read_bytes()
    assert blank.copied(log.path_for_shard("second"))
    assert Path(log.path_for_shard("second")).read_bytes() == before
    assert list(SqliteEventLogStorage(log._base_dir).get_records_for_run("second").records) == []


def test_nothing_is_left_beside_it(log: KeptOpenEventLog) -> None:
    for run in ("first", "second"):
        log.get_records_for_run(run)
    log.dispose()
    assert {file.name for file in Path(log._base_dir).iterdir()} == {"index.db", "first.db", "second.db"}


def test_a_database_of_another_version_is_left_to_dagster(
    log: KeptOpenEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.get_records_for_run("first")
    content, _ = blank._kept[0]
    monkeypatch.setattr(blank, "_kept", [(content, "a later version")])
    assert not blank.copied(log.path_for_shard("first"))


def test_what_another_process_made_meanwhile_stays(log: KeptOpenEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.get_records_for_run("first")
    there = Path(log.path_for_shard("second"))
    there.write_bytes(Path(log.path_for_shard("first")).read_bytes())
    inode = there.stat().st_ino
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert blank.copied(str(there))
    assert there.stat().st_ino == inode


def test_without_second_names_on_the_disk_dagster_makes_it(
    log: KeptOpenEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.get_records_for_run("first")

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(blank.os, "link", refused)
    assert list(log.get_records_for_run("second").records) == []


def test_a_database_with_events_is_never_what_others_are_made_of(log: KeptOpenEventLog) -> None:
    log.get_records_for_run("first")
    blank._kept.clear()
    with log._connect("first") as connection:
        connection.exec_driver_sql("INSERT INTO event_logs (run_id, event) VALUES ('first', '{}')")
    log.dispose()
    blank.remember(log.path_for_shard("first"))
    assert not blank._kept
