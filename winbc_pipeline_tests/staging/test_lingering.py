"""A database stays open between two uses of a run, and is everybody's while the run waits for an answer."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from winbc_pipeline.calling import calling
from winbc_pipeline.errors import StoreBusy, StoreDamaged
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import lingering as kept
from winbc_pipeline.staging.lingering import lingering
from winbc_pipeline.staging.store import Store, lock_down
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease

pytestmark = pytest.mark.files

# Another process that opens a file, says so, and keeps it until its input ends.
HOLDER = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "flow.duckdb")
    with store.open() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    return store


def use(store: Store) -> int:
    with store.open() as connection:
        row = connection.execute("SELECT n FROM t").fetchone()
    assert row
    return int(row[0])


def made(store: Store) -> bool:
    with store.open(alone=True):
        return store.path.exists()


def others_can_open(path: Path) -> bool:
    look = "import sys, duckdb; duckdb.connect(sys.argv[1]).close()"
    return subprocess.run([sys.executable, "-c", look, str(path)], capture_output=True, check=False).returncode == 0


def test_outside_of_the_block_nothing_is_kept_open(store: Store) -> None:
    use(store)

    assert others_can_open(store.path)


def test_other_processes_open_it_while_this_one_calls_and_when_the_block_ends(store: Store) -> None:
    with lingering():
        use(store)
        kept_open = not others_can_open(store.path)
        with calling():
            during_a_call = others_can_open(store.path)
            use(store)
            after_a_use_during_a_call = others_can_open(store.path)
        use(store)

    assert (kept_open, during_a_call, after_a_use_during_a_call, others_can_open(store.path)) == (True,) * 4


def test_what_was_written_is_there_for_the_next_use_and_for_the_next_process(store: Store) -> None:
    with lingering():
        with store.transaction() as connection:
            connection.execute("UPDATE t SET n = 2")
        assert use(store) == 2

    assert use(store) == 2


def test_what_another_thread_uses_stays_open_until_its_use_ends(store: Store) -> None:
    with lingering():
        use(store)
        with store.open() as connection, calling():
            row = connection.execute("SELECT n FROM t").fetchone()

    assert row == (1,)


def test_a_locked_database_is_not_kept(store: Store) -> None:
    with lingering():
        use(store)
        with store.open(alone=True) as connection:
            lock_down(connection)
        with store.open() as connection:
            connection.execute("SET threads = 2")  # refused where the configuration is locked


def test_who_opens_it_while_another_thread_has_locked_it_waits_and_keeps_nothing_open(store: Store) -> None:
    """Two people look at a flow at the same moment; the lock goes with the one who made it."""
    impatient = Store(store.path, wait_s=0.05)
    with store.open(alone=True) as connection:
        lock_down(connection)
        with ThreadPoolExecutor(1) as pool, pytest.raises(StoreBusy):
            pool.submit(use, impatient).result()

    assert others_can_open(store.path)
    assert use(store) == 1


def test_who_locks_it_waits_until_no_other_thread_has_it_open(store: Store) -> None:
    """What `lock_down` forbids would be forbidden to whoever has the file open in the same process."""
    impatient, tried = Store(store.path, wait_s=0.05), []

    def lock() -> None:
        with impatient.open(alone=True) as locked:
            lock_down(locked)
            tried.append("locked")

    with ThreadPoolExecutor(1) as pool, store.open() as connection:
        with pytest.raises(StoreBusy):
            pool.submit(lock).result()
        connection.execute("SET threads = 2")  # refused where the configuration is locked
    lock()
    assert tried == ["locked"]


def test_threads_that_lock_it_and_threads_that_use_it_all_get_their_turn(store: Store) -> None:
    def lock(_: int) -> int:
        with store.open(alone=True) as connection:
            lock_down(connection)
            return 1

    def change(_: int) -> int:
        with store.open() as connection:
            connection.execute("SET threads = 2")
            return 1

    with ThreadPoolExecutor(6) as pool, lingering():
        turns = [pool.submit(lock if number % 3 else change, number) for number in range(60)]
        assert sum(turn.result() for turn in turns) == 60


def test_another_file_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other.duckdb", wait_s=0)
    with store.open(alone=True) as connection, ThreadPoolExecutor(1) as pool:
        lock_down(connection)
        assert pool.submit(made, other).result()


def test_a_file_that_was_put_in_its_place_is_the_one_that_is_used(store: Store, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")

    with lingering():
        use(store)
        os.replace(other, store.path)

        assert use(store) == 7


def test_what_a_later_version_wrote_while_it_was_let_go_is_refused(store: Store) -> None:
    """While a database stays open it is looked at once; whoever opens it again looks again."""
    with lingering():
        assert use(store) == use(store) == 1
        with calling(), duckdb.connect(str(store.path)) as other:
            other.execute("UPDATE schema_version SET version = 99")
        with pytest.raises(StoreDamaged, match="later"):
            use(store)


def test_a_file_can_be_used_with_another_memory_limit(store: Store) -> None:
    small = Store(store.path, memory_limit_mb=64)
    with lingering():
        assert [use(store), use(small), use(store)] == [1, 1, 1]


def test_a_process_that_waits_for_a_file_keeps_none(store: Store, tmp_path: Path) -> None:
    """Two runs that each keep what the other one waits for would wait for ever."""
    held = Store(tmp_path / "held.duckdb", wait_s=0.5)
    with held.open():
        pass
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(held.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder,
        lingering(),
    ):
        assert holder.stdout and holder.stdout.readline() == b"open\n"
        use(store)
        with pytest.raises(StoreBusy), held.open():
            pass
        keeps = dict(kept._kept)
        holder.communicate()

    assert keeps == {}


def test_who_waits_for_a_lease_keeps_no_database(tmp_path: Path) -> None:
    """The run that has the lease needs the databases which this process may keep."""
    connected = ConnectedFlow(flow_named("customers_winstore_to_bc"), Settings(data_folder=tmp_path))
    with lingering():
        with connected.store.open():
            pass
        with lease(connected):
            free = others_can_open(connected.store.path)

    assert free
