"""Tables that are copied a little at a time, out of a run's way. Source: docs/dashboard.md (While a run works)."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from winbc_pipeline.errors import StoreBusy
from winbc_pipeline.staging import copying, ledger, looking
from winbc_pipeline.staging.copying import copy_tables
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store, rows_of

from .test_looking import begin, run_of, waited_s

pytestmark = pytest.mark.files
RECORDS = 20


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A database of which one look copies one row."""
    monkeypatch.setattr(copying, "ROWS", 1)
    monkeypatch.setattr(copying, "LOOK_S", 0)
    monkeypatch.setattr(looking, "HOLD_S", 30)  # a slow machine fails no test
    made = Store(tmp_path / "flow.duckdb")
    ledger.move(made, [Move("item", f"{number:02}", State.FAILED) for number in range(RECORDS)], "run")
    return made


def copied(store: Store, before_look: Callable[[], None] = lambda: None) -> Store:
    """A copy of the ledger, and of a table that is not there yet."""

    def make(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS other (a INTEGER)")

    copy = Store(store.path.parent / "copy" / store.path.name)
    copy_tables(store, copy, {"ledger": "part, key", "other": "*"}, make, before_look)
    return copy


def test_a_copy_of_many_looks_is_whole_and_changes_no_byte_of_the_database(store: Store) -> None:
    before, looks = store.path.read_bytes(), []
    with copied(store, lambda: looks.append(1)).open() as connection:
        assert rows_of(connection, "FROM ledger") == [
            {"part": "item", "key": f"{number:02}"} for number in range(RECORDS)
        ]
        assert rows_of(connection, "FROM other") == []
    assert len(looks) == RECORDS and store.path.read_bytes() == before


def test_a_run_that_begins_while_a_copy_is_made_waits_for_one_look_and_the_copy_is_given_up(store: Store) -> None:
    with run_of(store) as run:
        looks = iter(range(RECORDS))

        def before_look() -> None:
            if next(looks) == 1:
                begin(run)

        with pytest.raises(StoreBusy, match="was changed while it was copied"):
            copied(store, before_look)
        assert waited_s(run) < 1.2
    assert run.returncode == 0
