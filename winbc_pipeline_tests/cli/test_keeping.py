"""`winbc backup`, `restore`, `tidy` and `support-bundle`, as a person calls them."""

import io
from pathlib import Path

import pytest
from filelock import FileLock

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
    assert (code, "is at work in" in printed) == (1, True), printed


def test_nothing_is_put_back_or_moved_while_the_connection_is_served_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What serves it has the settings and databases of before."""
    utrecht, shared = tmp_path / "connections" / "utrecht", tmp_path / ".winbc" / "default" / "dagster_home"
    for folder in (utrecht, shared):
        folder.mkdir(parents=True)
    (utrecht / "winbc.toml").write_text('connection = "utrecht"\nlocation = 1\n')
    monkeypatch.chdir(utrecht)
    monkeypatch.setenv("DAGSTER_HOME", "")  # `claimed` sets it
    ledger.move(Store(load_settings().flow_database(FLOW)), [Move("order", "W1", State.FAILED)], "run")
    run(monkeypatch, capsys, "backup", "monday.zip")
    for command in (("restore", "monday.zip", "--yes"), ("move-state", "--to", "files", "--yes")):
        with FileLock(str(shared / "served.lock")):
            code, printed = run(monkeypatch, capsys, *command)
        assert (code, "is at work in" in printed) == (1, True), printed
    assert run(monkeypatch, capsys, "restore", "monday.zip", "--yes")[0] == 0


def test_a_folder_without_settings_gets_connection_and_settings_from_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Source of the promise: docs/operations.md, Restore, on a new computer."""
    old, new, other = (tmp_path / name for name in ("old", "new", "other"))
    for folder in (old, new, other):
        folder.mkdir()
    monkeypatch.chdir(old)
    Path("winbc.toml").write_text('connection = "shop"\nsafe_mode = true\n[bc]\nbase_url = "https://x.example"\n')
    store = Store(load_settings().flow_database(FLOW))
    ledger.move(store, [Move("order", "W1", State.FAILED)], "run")
    run(monkeypatch, capsys, "backup", "../monday.zip")

    monkeypatch.chdir(new)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(monkeypatch, capsys, "restore", "../monday.zip")[0] == 1
    assert list(Path().iterdir()) == [], "who says no changes nothing"
    code, printed = run(monkeypatch, capsys, "restore", "../monday.zip", "--yes")
    assert (code, "not as in the backup" in printed) == (0, False), printed
    settings = load_settings()
    assert (settings.connection, settings.safe_mode, settings.bc.base_url) == ("shop", True, "https://x.example")
    assert [row["key"] for row in ledger.read(Store(settings.flow_database(FLOW)))] == ["W1"]

    monkeypatch.chdir(other)
    Path("winbc.toml").write_text('connection = "shop"\n')
    main_lines = run(monkeypatch, capsys, "restore", "../monday.zip", "--yes")[1]
    warning = "warning winbc.toml is not as in the backup: it differs in bc.base_url, safe_mode. It stays."
    assert main_lines.startswith(warning), main_lines
    assert main_lines.rstrip().endswith("To have the backup's, move it away and restore again.")
    assert not load_settings().safe_mode, "what is there stays"
