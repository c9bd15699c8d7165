"""What Dagster stores of a run that quotes a person goes with the person. Source: test catalogue row 96."""

import sqlite3
from contextlib import closing
from pathlib import Path

from winbc_pipeline.orchestration.storage.personal import erase, quoting

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
