"""What a run asks of a server once only, and what it must not remember.

Source of the promise: docs/scale.md, "A second worker".
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.staging.lingering import lingering
from winbc_pipeline.staging.server import instances
from winbc_pipeline.staging.server.address import asked
from winbc_pipeline.staging.store import Store, create_table, drop_table, insert_rows, rows_of

from ...support.postgres import Server

pytestmark = pytest.mark.scale
TABLE, LISTED = "noted", {"key": "VARCHAR", "errors": "STRUCT(code VARCHAR)[]"}
ERRORS = [{"code": "E-MAP"}]


@pytest.fixture
def store(state_server: Server, tmp_path: Path) -> Store:
    """A database on the server, which is there."""
    store = Store(tmp_path / "shop" / "flow.duckdb", server=state_server.address)
    with store.open():
        return store


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts how often the version of a schema is looked at."""
    found: list[int] = []
    look = Store._bring_up_to_date
    monkeypatch.setattr(Store, "_bring_up_to_date", lambda *given: (found.append(1), look(*given)))
    yield found


def make(store: Store) -> None:
    with store.transaction() as connection:
        create_table(connection, TABLE, LISTED)
    with store.open() as connection:
        connection.execute(
            f"INSERT INTO {instances.stored(connection, TABLE)} VALUES ('1', '[{{\"code\": \"E-MAP\"}}]')"
        )


def test_a_run_looks_at_the_version_of_a_schema_once_and_others_each_time(store: Store, looks: list[int]) -> None:
    for _ in range(2):
        with store.open():
            pass
    assert len(looks) == 2
    for run in (1, 2):
        with lingering():
            for _ in range(3):
                with store.open():
                    pass
        assert len(looks) == 2 + run


def test_lists_that_a_run_makes_are_read_as_such_in_its_next_use(store: Store) -> None:
    with lingering():
        with store.open():
            pass  # it has asked by now, and there were none
        make(store)
        with store.open() as connection:
            assert rows_of(connection, f"SELECT errors FROM {TABLE}") == [{"errors": ERRORS}]


def test_lists_that_a_run_has_dropped_are_in_nobodys_way(store: Store) -> None:
    make(store)
    with lingering():
        with store.open():
            pass
        with store.transaction() as connection:
            drop_table(connection, TABLE)
        with store.transaction() as connection:
            create_table(connection, TABLE, {"key": "VARCHAR"})
            insert_rows(connection, TABLE, {"key": "VARCHAR"}, [{"key": "2"}])
        with store.open() as connection:
            assert rows_of(connection, f"SELECT * FROM {TABLE}") == [{"key": "2"}]


def test_a_list_whose_making_was_undone_is_made_by_the_next_use(store: Store) -> None:
    with lingering():
        with pytest.raises(ZeroDivisionError), store.transaction() as connection:
            create_table(connection, TABLE, LISTED)
            raise ZeroDivisionError
        make(store)
        with store.open() as connection:
            assert rows_of(connection, f"SELECT errors FROM {TABLE}") == [{"errors": ERRORS}]


def test_outside_of_a_run_a_restart_of_the_server_between_two_uses_is_not_noticed(
    store: Store, state_server: Server
) -> None:
    """Nobody asks whether a session lives before each statement."""
    state_server.stop(signal.SIGQUIT)
    state_server.start()
    with store.open() as connection:
        assert rows_of(connection, "SELECT version FROM schema_version")


def test_a_session_that_was_ended_between_two_uses_of_a_run_is_replaced(store: Store, state_server: Server) -> None:
    """The extension notices by itself. What the run may still write is a matter of its lease."""
    with lingering():
        for use in (store.open, store.transaction):
            with store.open() as connection:
                connection.execute("SELECT version FROM schema_version").fetchall()
            with asked(state_server.address) as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                )
            with use() as connection:
                assert connection.execute("SELECT version FROM schema_version").fetchall()
