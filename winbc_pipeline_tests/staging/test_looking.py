"""Databases that somebody only looks at. Source: docs/dashboard.md (While a run works)."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from winbc_pipeline.errors import StoreBusy
from winbc_pipeline.staging import ledger, looking
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store, create_table, renew_table, rows_of

pytestmark = pytest.mark.files
LOOK_S = 0.2
FOR_EVER = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"
RUN = """
import sys, time
from pathlib import Path
from winbc_pipeline.staging.store import Store
print("ready", flush=True)
sys.stdin.readline()
began = time.monotonic()
with Store(Path(sys.argv[1])).open() as connection:
    waited = time.monotonic() - began
    connection.execute("CREATE TABLE of_run (a INTEGER)")
print(waited)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A database with a record, of no process."""
    made = Store(tmp_path / "flow.duckdb")
    ledger.move(made, [Move("item", "1", State.FAILED)], "run")
    return made


@contextmanager
def run_of(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process, which opens a database to change it once it is told to."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", RUN, str(store.path)], text=True, **pipes) as run:  # type: ignore[call-overload]
        assert run.stdout.readline() == "ready\n"
        yield run


def begin(run: subprocess.Popen[str]) -> None:
    assert run.stdin is not None
    run.stdin.write("now\n")
    run.stdin.flush()


def waited_s(run: subprocess.Popen[str]) -> float:
    """How long the other process waited for the database."""
    assert run.stdout is not None
    return float(run.stdout.readline())


def test_who_only_looks_changes_no_byte_and_makes_nothing(store: Store, tmp_path: Path) -> None:
    before = store.path.read_bytes()
    missing = Store(tmp_path / "missing.duckdb")
    with looking.looking(LOOK_S):
        assert [row["key"] for row in ledger.read(store)] == ["1"] and ledger.read(missing) == []
        with store.open() as connection:
            renew_table(connection, "planned", {"key": "VARCHAR"})
            create_table(connection, "other", {"key": "VARCHAR"})
            assert rows_of(connection, "FROM planned") == []
    assert store.path.read_bytes() == before and sorted(tmp_path.iterdir()) == [store.path]


def test_a_run_that_begins_while_somebody_looks_waits_only_for_the_look(store: Store) -> None:
    with run_of(store) as run:
        with looking.looking(LOOK_S), store.open() as connection:
            begin(run)
            ends = time.monotonic() + 0.3  # the look goes on while the run tries
            while time.monotonic() < ends:
                rows_of(connection, "FROM ledger")
        assert 0.1 < waited_s(run) < 1.2
    assert run.returncode == 0


def test_what_would_take_long_is_broken_off_and_the_run_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "HOLD_S", 0.3)
    with run_of(store) as run:
        with (
            pytest.raises(StoreBusy, match="takes too long"),
            looking.looking(LOOK_S),
            store.open() as connection,
        ):
            begin(run)
            connection.execute(FOR_EVER)
        assert waited_s(run) < 1.5
    assert run.returncode == 0


def test_who_looks_does_not_wait_for_a_run_for_long(store: Store) -> None:
    has_it, ends = threading.Event(), threading.Event()

    def run() -> None:
        with store.open():
            has_it.set()
            ends.wait(10)

    other = threading.Thread(target=run)
    other.start()
    assert has_it.wait(10)
    with pytest.raises(StoreBusy), looking.looking(LOOK_S), store.open():
        pass
    ends.set()
    other.join()


def test_a_file_of_an_earlier_version_is_left_to_the_next_run(store: Store) -> None:
    with store.open() as connection:
        connection.execute("UPDATE schema_version SET version = 1")
    before = store.path.read_bytes()
    with pytest.raises(StoreBusy, match="another version"), looking.looking(LOOK_S), store.open():
        pass
    assert store.path.read_bytes() == before


def test_a_table_of_another_shape_is_left_to_the_next_run(store: Store) -> None:
    with store.open() as connection:
        create_table(connection, "planned", {"old": "VARCHAR"})
    with pytest.raises(StoreBusy, match="another version"), looking.looking(LOOK_S), store.open() as connection:
        renew_table(connection, "planned", {"key": "VARCHAR"})
