"""`winbc backup`, `restore`, `tidy` and `support-bundle`, as a person calls them."""

from pathlib import Path

import pytest

from winbc_pipeline.cli.dagster_home import claimed
from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store

from .test_cli import run

pytestmark = pytest.mark.proof
FLOW = "orders_winstore_to_bc"


def test_a_connection_is_backed_up_put_back_tidied_and_told_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(load_settings().flow_database(FLOW))
    ledger.move(store, [Move("order", "W1", State.FAILED)], "run")
    code, printed = run(monkeypatch, capsys, "backup", "monday.zip")
    assert (code, "no secret of .env" in printed) == (0, True)
    ledger.move(store, [Move("order", "W2", State.FAILED)], "run")
    code, printed = run(monkeypatch, capsys, "restore", "monday.zip", "--flow", FLOW, "--yes")
    assert (code, f"{FLOW}.duckdb: put back" in printed) == (0, True), printed
    assert [row["key"] for row in ledger.read(store)] == ["W1"]
    code, printed = run(monkeypatch, capsys, "tidy")
    assert (code, f"{FLOW}: 0 bodies, 0 events, 0 staged rows deleted" in printed) == (0, True), printed
    code, printed = run(monkeypatch, capsys, "support-bundle", "help.zip", "--no-checks")
    assert (code, Path("help.zip").exists()) == (0, True), printed
    with claimed(load_settings().data_folder / "default"):
        code, printed = run(monkeypatch, capsys, "restore", "monday.zip", "--yes")
    assert (code, "Another `winbc up`" in printed) == (1, True)
