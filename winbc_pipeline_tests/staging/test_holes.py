"""A large table with deleted rows everywhere does not take the memory that other work needs."""

from pathlib import Path

import duckdb
import pytest

from winbc_pipeline.staging import holes
from winbc_pipeline.staging.holes import close_holes
from winbc_pipeline.staging.store import Store

pytestmark = pytest.mark.files
KEPT = """
    SELECT coalesce(sum(memory_usage_bytes), 0) // 1_000_000 FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"""


def make(store: Store, rows: int) -> None:
    """A table with one deleted row in each hundred."""
    with store.open() as connection:
        connection.execute(f"CREATE TABLE figure AS SELECT n, n::VARCHAR AS sku FROM range({rows}) AS r(n)")
    with store.open() as connection:
        connection.execute("DELETE FROM figure WHERE n % 100 = 0")


def closed(store: Store) -> bool:
    """Whether the table was written anew. Its rows are the same."""
    with store.transaction() as connection:
        before = whole(connection)
        close_holes(connection, "figure")
        assert whole(connection)[:2] == before[:2]
        return whole(connection) != before


def whole(connection: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    found = connection.execute("SELECT count(*), sum(hash(n, sku)), max(rowid) FROM figure").fetchone()
    assert found
    return found


def kept_mb(store: Store) -> int:
    """What stays in memory of the table once it was looked through, and other work took all memory that it could."""
    with store.open() as connection:
        connection.execute("SELECT sum(hash(n, sku)) FROM figure")
        connection.execute("CREATE TEMP TABLE other AS SELECT n, hash(n) AS h FROM range(3_000_000) AS r(n)")
        found = connection.execute(KEPT).fetchone()
    assert found
    return int(found[0])


def test_deleted_rows_everywhere_keep_no_memory_any_longer(tmp_path: Path) -> None:
    store = Store(tmp_path / "some.duckdb", 48)
    make(store, 1_100_000)
    assert kept_mb(store) >= 10
    assert closed(store)
    assert kept_mb(store) <= 4
    assert not closed(store)


def test_a_table_with_deleted_rows_in_few_places_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "some.duckdb")
    make(store, 100_000)
    assert not closed(store)


def test_a_table_is_whole_after_the_work_on_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "MOST", 5)
    store = Store(tmp_path / "some.duckdb")
    make(store, 100_000)
    with store.open() as connection:
        before = whole(connection)
    with pytest.raises(RuntimeError), store.transaction() as connection:
        close_holes(connection, "figure")
        raise RuntimeError
    with store.open() as connection:
        assert whole(connection) == before
    assert closed(store)
