"""The state of a connection moves to a server and back with every row, and a kill at any moment loses none."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import DatabaseSettings, Settings, StateSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.load import load
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.server.address import names_on
from winbc_pipeline.staging.store import Row, Store, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import MAPPED, mapped_table
from winbc_pipeline.sync.session import lease
from winbc_pipeline.workbench.keeping import move_state as module
from winbc_pipeline.workbench.keeping.move_state import move_state

from ...support.postgres import Server

pytestmark = pytest.mark.scale
NOW = datetime(2026, 3, 10, tzinfo=UTC)
ERROR = {"field": "city", "rule": "required", "given": 'it\'s "here"', "row": 3}


@pytest.fixture
def settings(tmp_path: Path, postgres: Server) -> Settings:
    state = StateSettings(database=postgres.address)
    return Settings(data_folder=tmp_path, connection="shop", history_start=date(2026, 3, 1), state=state)


def in_files(settings: Settings) -> Settings:
    return settings.model_copy(update={"state": StateSettings()})


@pytest.fixture
def before(settings: Settings, postgres: Server) -> Any:
    """What the files hold: a ledger, staged and mapped records, and pairs."""
    from ...support.postgres import empty

    connected = ConnectedFlow(ORDERS_TO_BC, in_files(settings))
    ledger.move(connected.store, [Move("order", "W1", State.SENDING, {"amount": "12.50", "intent_at": NOW})], "run")
    ledger.move(connected.store, [Move("order", "W1", State.CONFIRMED, {"target_no": "S1"})], "run")
    pages = [b'[{"ordernr": "W1", "email": "a@mail.example", "modified": "2026-03-10 10:00:00"}]']
    load(connected.store, connected.staging, pages, NOW)
    with connected.store.open() as connection:
        module.create_table(connection, mapped_table(ORDERS_TO_BC), MAPPED)
        values = ["order", "W1", date(2026, 3, 10), "1", "{}", "{}", [ERROR], "h", None, "v"]
        marks = ", ".join("?" for _ in values)
        connection.execute(f"INSERT INTO {mapped_table(ORDERS_TO_BC)} VALUES ({marks})", values)
    Pairs(in_files(settings), "customers").write(
        [{"part": "customer", "winstore_key": "1", "bc_id": "b", "bc_no": "C1", "winstore": {"a": "1"}, "bc": {}}]
    )
    yield rows(in_files(settings))
    empty(postgres)


def rows(settings: Settings) -> dict[str, list[Row]]:
    """The rows of the tables that a move must keep, by table."""
    connected = ConnectedFlow(ORDERS_TO_BC, settings)
    tables = ("ledger", "ledger_event", mapped_table(ORDERS_TO_BC), connected.staging.name)
    with connected.store.open() as connection:
        found = {table: rows_of(connection, f"FROM {table} ORDER BY ALL") for table in tables}
    for row in found[connected.staging.name]:
        row["_version"] = int(row["_version"])
    return found | {"pair": [*Pairs(settings, "customers").read("customer", "winstore", ["1"]).values()]}


def test_all_of_it_is_on_the_server_and_comes_back(settings: Settings, before: Any) -> None:
    assert {each.name for each in move_state(settings, "postgres")} == {ORDERS_TO_BC.id, "pairs_customers"}
    assert rows(settings) == before
    assert not settings.flow_database(ORDERS_TO_BC.id).exists()

    move_state(settings, "files")
    assert rows(in_files(settings)) == before
    assert names_on(settings.state.address, "shop") == []


def test_encrypted_files_move_and_come_back_encrypted(settings: Settings, before: Any) -> None:
    """A file that is attached needs its key, as one that is opened (staging/people/encryption.py)."""
    databases = DatabaseSettings(encrypted=True, encryption_key=SecretStr("a key of thirty-two characters or more"))
    Settings(**settings.model_dump(include={"data_folder", "connection"}), databases=databases)  # tells the key
    assert rows(in_files(settings)) == before  # encrypts the files

    move_state(settings, "postgres")
    assert rows(settings) == before
    move_state(settings, "files")
    assert rows(in_files(settings)) == before
    with pytest.raises(module.duckdb.Error, match="encrypted"):
        module.duckdb.connect(str(settings.flow_database(ORDERS_TO_BC.id)))


def test_on_the_server_a_record_has_one_row(settings: Settings, before: Any) -> None:
    move_state(settings, "postgres")
    store = Store.of(settings, settings.flow_database(ORDERS_TO_BC.id))
    with pytest.raises(module.duckdb.Error, match="ledger_pkey"), store.open() as connection:
        connection.execute("INSERT INTO ledger BY NAME FROM ledger")


def test_no_run_begins_on_the_server_while_the_state_is_in_files(settings: Settings, before: Any) -> None:
    with pytest.raises(NotDone, match="is in files"), lease(ConnectedFlow(ORDERS_TO_BC, settings)):
        pass


@pytest.mark.parametrize("to", ["postgres", "files"])
@pytest.mark.parametrize("step", ["_same", "_put_away", "told"])
def test_a_move_that_was_killed_stops_every_run_and_is_completed(
    settings: Settings, before: Any, monkeypatch: pytest.MonkeyPatch, to: module.Side, step: str
) -> None:
    if to == "files":
        move_state(settings, "postgres")

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if step != "told":
            patch.setattr(module, step, _dies)
        move_state(settings, to, _dies)
    for each in (settings, in_files(settings)):
        with pytest.raises(NotDone, match="not moved whole"), lease(ConnectedFlow(ORDERS_TO_BC, each)):
            pass

    move_state(settings, to)
    assert rows(settings if to == "postgres" else in_files(settings)) == before


def test_a_ledger_of_the_other_side_is_never_overwritten(settings: Settings, before: Any) -> None:
    ledger.move(Store.of(settings, settings.flow_database(ORDERS_TO_BC.id)), [Move("order", "W9", State.FAILED)], "run")
    for to in ("postgres", "files"):
        with pytest.raises(NotDone, match="on both sides"):
            move_state(settings, to)
    assert rows(in_files(settings)) == before


def test_a_move_that_was_killed_is_not_turned_round(
    settings: Settings, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the server by then is not whole."""
    monkeypatch.setattr(module, "_put_away", _dies)
    with pytest.raises(KeyboardInterrupt):
        move_state(settings, "postgres")
    with pytest.raises(NotDone, match="A move to postgres is unfinished"):
        move_state(settings, "files")


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_copy_that_differs_is_not_believed(settings: Settings, before: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "as_stored", lambda connection, select, columns: f"{select} LIMIT 0")
    with pytest.raises(NotDone, match="is not what it was copied from"):
        move_state(settings, "postgres")
    monkeypatch.undo()
    assert rows(in_files(settings)) == before
