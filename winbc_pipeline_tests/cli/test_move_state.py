"""`winbc move-state`, as a person calls it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store

from ..support.postgres import Server, empty
from .test_cli import run

pytestmark = pytest.mark.scale
FLOW = "orders_winstore_to_bc"


@pytest.fixture
def server(postgres: Server) -> Iterator[Server]:
    yield postgres
    empty(postgres)


def test_the_state_of_a_connection_goes_to_the_server_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: Server
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger.move(Store(load_settings().flow_database(FLOW)), [Move("order", "W1", State.FAILED)], "run")
    code, printed = run(monkeypatch, capsys, "move-state", "--to", "postgres", "--yes")
    assert (code, "Nobody has said which server" in printed) == (1, True), printed

    monkeypatch.setenv("WINBC_STATE__DATABASE", server.address)
    code, printed = run(monkeypatch, capsys, "move-state", "--to", "postgres", "--yes")
    assert (code, "1 databases moved to postgres" in printed) == (0, True), printed
    settings = load_settings()
    assert [row["key"] for row in ledger.read(Store.of(settings, settings.flow_database(FLOW)))] == ["W1"]
    code, printed = run(monkeypatch, capsys, "backup", "monday.zip")
    assert (code, "pg_dump" in printed) == (1, True), printed

    code, printed = run(monkeypatch, capsys, "move-state", "--to", "files", "--yes")
    assert (code, "remove `state.database`" in printed) == (0, True), printed
    assert [row["key"] for row in ledger.read(Store(settings.flow_database(FLOW)))] == ["W1"]
    assert run(monkeypatch, capsys, "move-state", "--to", "elsewhere", "--yes")[0] == 2
