"""What Dagster stores of a run that quotes a person goes with the person. Source: test catalogue row 96."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest
from filelock import FileLock

from winbc_pipeline.errors import NotDone
from winbc_pipeline.orchestration.storage.personal import CONFIGURATION, SERVED, erase, quoting
from winbc_pipeline.privacy import stores
from winbc_pipeline.privacy.person import Person
from winbc_pipeline.settings import load_settings

EMAIL = "anna@mail.example"


def stored(home: Path, *texts: str) -> Path:
    """Events, as Dagster's storage keeps them, and what a run has printed."""
    (home / "history").mkdir(parents=True)
    path = home / "history" / "runs.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE event_logs (id INTEGER, event TEXT)")
        database.executemany("INSERT INTO event_logs VALUES (?, ?)", enumerate(texts))
        database.commit()
    (home / "storage" / "run").mkdir(parents=True)
    (home / "storage" / "run" / "step.err").write_text(texts[0])
    return path


def test_no_byte_of_the_person_is_left_and_other_events_stay(tmp_path: Path) -> None:
    path = stored(tmp_path, "order W1 of Anna@Mail.Example failed", "order W2 arrived")
    assert len(quoting(tmp_path, {EMAIL})) == 2
    assert erase(tmp_path, {EMAIL}) == 2
    assert quoting(tmp_path, {EMAIL}) == {}
    assert b"order W2 arrived" in path.read_bytes()


def test_a_storage_that_quotes_nobody_is_left_as_it_is(tmp_path: Path) -> None:
    path = stored(tmp_path, "order W1 arrived")
    before = path.read_bytes()
    assert erase(tmp_path, {EMAIL}) == 0
    assert path.read_bytes() == before


def test_the_shipped_configuration_is_read_without_the_variable_that_it_refers_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    shipped = resources.files("winbc_pipeline.defaults").joinpath(CONFIGURATION)
    (tmp_path / CONFIGURATION).write_bytes(shipped.read_bytes())
    (tmp_path / "ui.log").write_text(f"somebody printed {EMAIL}")
    assert erase(tmp_path, {EMAIL}) == 1
    assert quoting(tmp_path, {EMAIL}) == {}


def test_a_database_keeps_its_log_with_what_was_committed_last(tmp_path: Path) -> None:
    """What another process has committed may stand in the write-ahead log only; the log is never deleted."""
    path = stored(tmp_path, "order W1 arrived")
    with closing(sqlite3.connect(path)) as open_elsewhere:
        open_elsewhere.execute("PRAGMA journal_mode = WAL")
        open_elsewhere.executemany("INSERT INTO event_logs VALUES (?, ?)", [(8, EMAIL), (9, "order W2 arrived")])
        open_elsewhere.commit()
        assert quoting(tmp_path, {EMAIL}).keys() == {path.with_name("runs.db-wal")}
        assert erase(tmp_path, {EMAIL}) == 1
        left = open_elsewhere.execute("SELECT event FROM event_logs ORDER BY id").fetchall()
    assert left == [("order W1 arrived",), ("order W2 arrived",)]
    assert quoting(tmp_path, {EMAIL}) == {}


def test_while_dagster_is_served_nothing_is_erased_and_it_is_said_why(tmp_path: Path) -> None:
    path = stored(tmp_path, f"order W1 of {EMAIL} failed")
    before = path.read_bytes()
    with FileLock(str(tmp_path / SERVED)), pytest.raises(NotDone, match="in use by `winbc up`"):
        erase(tmp_path, {EMAIL})
    assert path.read_bytes() == before


def test_the_history_of_connections_that_are_served_together_is_searched_and_erased_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / ".winbc" / "default" / "dagster_home"
    stored(shared, f"order W1 of {EMAIL} failed", "order W2 arrived")
    utrecht = tmp_path / "connections" / "utrecht"
    utrecht.mkdir(parents=True)
    (utrecht / "winbc.toml").write_text('connection = "utrecht"\nlocation = 1\n')
    monkeypatch.chdir(utrecht)
    settings, anna = load_settings(), Person(values={EMAIL})
    assert [Path(each.store).name for each in stores.find(settings, anna)] == ["runs.db", "step.err"]
    assert stores.export(settings, anna).keys() == {each.store for each in stores.find(settings, anna)}
    assert dict(stores.erasers(settings, anna)) == {"dagster_home": "2 files with runs that quote the person"}
    assert quoting(shared, {EMAIL}) == {}
