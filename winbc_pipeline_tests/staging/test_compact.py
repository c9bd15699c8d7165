"""A database file becomes smaller by a copy that takes its place, and no kill at any moment loses anything."""

import os
import signal
from pathlib import Path

import duckdb
import pytest

from winbc_pipeline.staging import compact as module
from winbc_pipeline.staging import ledger, schema
from winbc_pipeline.staging.compact import compact
from winbc_pipeline.staging.disk import log_of
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store

from ..support.forked import FORKS, signal_of

pytestmark = pytest.mark.files

NAME = "Anna Person"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A database whose ledger has a record, and from which much was deleted."""
    store = Store(tmp_path / "flow.duckdb")
    ledger.move(store, [Move("order", "W1", State.FAILED)], "run")
    with store.open() as connection:
        connection.execute(
            f"CREATE TABLE bodies AS SELECT n, '{NAME} ' || md5(n::VARCHAR) AS body FROM range(100000) r(n)"
        )
        connection.execute("DELETE FROM bodies WHERE n > 0")
    return store


def keys(store: Store) -> list[str]:
    return [row["key"] for row in ledger.read(store)]


def test_what_was_deleted_is_gone_from_the_disk_and_the_rest_is_there(store: Store) -> None:
    before = store.path.stat().st_size
    assert compact(store) == before - store.path.stat().st_size > before // 3
    assert keys(store) == ["W1"]
    assert store.path.stat().st_mode & 0o777 == 0o600
    with store.open() as connection:
        assert connection.execute("SELECT count(*) FROM bodies").fetchone() == (1,)
        assert schema.version_of(connection) == schema.VERSION
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("UPDATE ledger SET state = 'NO STATE'")


def test_it_is_due_once_a_week(store: Store) -> None:
    assert module.is_due(store)
    compact(store)
    assert not module.is_due(store)


def test_a_copy_that_a_killed_one_left_is_no_obstacle(store: Store) -> None:
    left = store.path.with_name("flow.duckdb.compact")
    left.write_bytes(b"half a copy")
    log_of(left).write_bytes(b"its log")
    compact(store)
    assert os.listdir(store.path.parent) == ["flow.duckdb"]
    assert keys(store) == ["W1"]


@pytest.mark.proof
def test_a_database_that_another_process_reads_stays_as_it_is(store: Store) -> None:
    reader, writer = FORKS.Pipe()
    process = FORKS.Process(target=_holds, args=(store.path, writer), daemon=True)
    process.start()
    assert reader.recv() == "open"
    quick = Store(store.path, wait_s=0)
    with pytest.raises(Exception, match="in use by process"):
        compact(quick)
    process.kill()
    process.join()
    assert keys(store) == ["W1"]


def _holds(path: Path, writer: object) -> None:
    with Store(path).open():
        writer.send("open")  # type: ignore[attr-defined]
        signal.pause()


@pytest.mark.proof
@pytest.mark.parametrize(
    ("dies_at", "after"),
    [("copy_from", False), ("copy_from", True), ("flushed", True), ("os.replace", False), ("os.replace", True)],
)
def test_a_kill_leaves_a_whole_database(store: Store, dies_at: str, after: bool) -> None:
    process = FORKS.Process(target=_dies, args=(store.path, dies_at, after))
    process.start()
    assert signal_of(process) == signal.SIGKILL
    assert keys(store) == ["W1"]
    with store.open() as connection:
        assert connection.execute("SELECT count(*) FROM bodies").fetchone() == (1,)
    compact(store)
    assert keys(store) == ["W1"]
    assert os.listdir(store.path.parent) == ["flow.duckdb"]


def _dies(path: Path, dies_at: str, after: bool) -> None:
    """A compaction that is killed before or after a step."""
    place, name = (os, "replace") if dies_at == "os.replace" else (module, dies_at)
    real = getattr(place, name)

    def killed(*given: object) -> None:
        if after:
            real(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, killed)
    compact(Store(path))
