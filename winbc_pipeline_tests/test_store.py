"""The ledger's moves and the store's lock."""

import subprocess
import sys
from pathlib import Path

import pytest

from winbc_pipeline.errors import StoreUnavailable
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import LEGAL, IllegalMove, Move, State
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
