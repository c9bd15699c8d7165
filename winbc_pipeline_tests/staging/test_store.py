"""The ledger's moves and the store's lock."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from winbc_pipeline.errors import StoreUnavailable
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import IllegalMove, Move, State
from winbc_pipeline.staging.ledger_tables import LEGAL
from winbc_pipeline.staging.store import Store, create_table, insert_rows

PATHS = {
    None: [],
    State.PLANNED: [State.PLANNED],
    State.SENDING: [State.SENDING],
    State.UNKNOWN: [State.SENDING, State.UNKNOWN],
    **{state: [state] for state in ledger.SETTLED},
}


@pytest.mark.parametrize("before", sorted(PATHS, key=str))
@pytest.mark.parametrize("after", list(State))
def test_only_legal_moves_are_made(tmp_path: Path, before: State | None, after: State) -> None:
    store = Store(tmp_path / "flow.duckdb")
    for state in PATHS[before]:
        ledger.move(store, [Move("item", "1", state)], "run")
    if after in LEGAL[before]:
        ledger.move(store, [Move("item", "1", after)], "run")
        assert [row["state"] for row in ledger.read(store)] == [after]
    else:
        with pytest.raises(IllegalMove):
            ledger.move(store, [Move("item", "1", after)], "run")
        assert [row["state"] for row in ledger.read(store)] == PATHS[before][-1:]


def test_moves_of_one_record_that_come_together_are_made_in_their_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "flow.duckdb")
    sending = Move("order", "1", State.SENDING, {"hash": "a", "reason": "NEW"})
    others = [Move("order", "2", State.FAILED, {"reason": "TOTAL"}), Move("order", "3", State.SKIPPED)]
    ledger.move(store, [sending, *others, Move("order", "1", State.CONFIRMED, {"target_no": "S1"})], "run")

    rows = {row["key"]: row for row in ledger.read(store)}
    assert {key: row["state"] for key, row in rows.items()} == {"1": "CONFIRMED", "2": "FAILED", "3": "SKIPPED"}
    assert (rows["1"]["hash"], rows["1"]["target_no"], rows["1"]["reason"]) == ("a", "S1", None)
    with store.open() as connection:
        events = connection.execute("SELECT from_state, state FROM ledger_event WHERE key = '1'").fetchall()
    assert events == [(None, "SENDING"), ("SENDING", "CONFIRMED")]


def test_an_illegal_move_undoes_those_that_came_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "flow.duckdb")
    with pytest.raises(IllegalMove, match="order 2: None -> UNKNOWN"):
        ledger.move(store, [Move("order", "1", State.FAILED), Move("order", "2", State.UNKNOWN)], "run")
    assert ledger.read(store) == []


def test_threads_of_one_process_open_and_close_one_database_at_will(tmp_path: Path) -> None:
    """DuckDB refuses a file that another thread is about to close, unless they take turns."""
    store = Store(tmp_path / "flow.duckdb")

    def use(number: int) -> int:
        for _ in range(25):
            with store.open() as connection:
                connection.execute("SELECT 1").fetchone()
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))) == list(range(8))


@pytest.mark.files
def test_a_locked_database_is_named_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "flow.duckdb"
    program = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreUnavailable, match=f"process {holder.pid}"), Store(path, wait_s=0).open():
            pass
        holder.communicate(b"\n")


def test_rows_that_are_larger_together_than_the_memory_are_taken_in(tmp_path: Path) -> None:
    columns = {"key": "INTEGER", "body": "VARCHAR"}
    with Store(tmp_path / "a.duckdb", memory_limit_mb=64).transaction() as connection:
        create_table(connection, "bodies", columns)
        insert_rows(connection, "bodies", columns, [{"key": n, "body": f"{n}" + "x" * 6000} for n in range(15_000)])
        assert connection.execute("SELECT count(*), max(len(body)) FROM bodies").fetchone() == (15_000, 6005)
