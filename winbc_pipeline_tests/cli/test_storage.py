"""What the machine does to the files: a full disk, a damaged database. Every command says which file, what is safe, and
how to go on. No traceback, and never a new ledger in the place of one that cannot be read."""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from winbc_pipeline import clock
from winbc_pipeline.cli.main import main
from winbc_pipeline.errors import ConfigurationError, NotWritable, StoreDamaged
from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.load import StagingTable, load
from winbc_pipeline.staging.store import Store
from winbc_pipeline.workbench.checks import checks

from ..support import forked
from ..support.sandboxes import REPOSITORY, Sandboxes
from .test_cli import run

pytestmark = pytest.mark.proof

FLOW = "orders_winstore_to_bc"
COMMANDS = {
    "records": ["records", "--flow", FLOW],
    "sync": ["sync", FLOW],
    "plan": ["plan", FLOW],
    "trace": ["trace", "W1"],
    "retry": ["retry", "--yes"],
    "replay": ["replay", "W1", "--as-mapped-now", "--yes"],
    "resolve": ["resolve", "W1", "--resend", "--yes"],
    "preview": ["mapping", "preview", FLOW],
    "impact": ["mapping", "impact", FLOW],
    "explain": ["mapping", "explain", FLOW, "W1", "orderDate"],
    "new-lookup": ["mapping", "new-lookup", "channels", "--from-data", f"{FLOW}.channel"],
}


def flipped(path: Path, place: int) -> None:
    """Turns one bit of a file."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit": lambda path: flipped(path, 5000),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "zero length": lambda path: os.truncate(path, 0),
    "garbage": lambda path: path.write_bytes(b"not a database" * 2000) and None,  # type: ignore[func-returns-value]
    "gone, with its log left": lambda path: (path.rename(f"{path}.wal"), None)[1],
}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of a flow whose ledger has a record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(REPOSITORY / "mapping_tables"))
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("WINBC_WINSTORE__BASE_URL", "http://127.0.0.1:1/never-asked")
    monkeypatch.setenv("WINBC_WINSTORE__USER", "winbc")
    monkeypatch.setenv("WINBC_WINSTORE__PASSWORD", "secret")
    path = load_settings().flow_database(FLOW)
    ledger.move(Store(path), [Move("order", "W1", State.FAILED)], "run")
    return path


def files_beside(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_a_damaged_database_and_leaves_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Row 84."""
    flipped(database, 5000)
    before = files_beside(database)
    code, printed = run(monkeypatch, capsys, *COMMANDS[name])
    assert (code, files_beside(database)) == (2, before)
    assert printed.startswith(f"E-DB: {database} cannot be read: "), printed
    assert "from a backup" in printed
    assert "Traceback" not in printed


def test_the_status_names_a_damaged_database_and_shows_the_other_flows(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row 84."""
    flipped(database, 5000)
    code, printed = run(monkeypatch, capsys, "status")
    assert code == 1
    assert f"E-DB. {database} cannot be read: " in printed, printed
    assert "products_winstore_to_bc" in printed


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_is_never_replaced_by_a_new_one(database: Path, damage: str) -> None:
    """Row 84."""
    DAMAGES[damage](database)
    before = files_beside(database)
    with pytest.raises(StoreDamaged, match="E-DB: "):
        ledger.read(Store(database))
    assert files_beside(database) == before


def test_no_flipped_bit_empties_the_ledger(database: Path) -> None:
    """Row 84. Wherever the bit is: the record is there, or the database counts as damaged."""
    whole = database.read_bytes()
    found = set()
    for place in range(0, len(whole), len(whole) // 60):
        database.write_bytes(whole)
        flipped(database, place)
        try:
            found.add(ledger.read(Store(database))[0]["key"])
        except StoreDamaged:
            found.add("damaged")
    assert found == {"W1", "damaged"}


def test_a_full_disk_is_named_and_the_run_goes_on_later(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(sandboxes.settings.data_folder))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sandboxes.settings.mapping_folder))
    sandboxes.fill(articles=[{"sku": f"S{n:03}", "article_key": f"{n}"} for n in range(300)])
    database = sandboxes.settings.flow_database("products_winstore_to_bc")
    for room in (0, 600_000):  # for no table at all; for all up to the first records that are sent
        code, printed = forked.command(["sync", "products"], file_limit=room)
        assert (code, "Traceback" in printed) == (2, False), printed
        assert f"E-DISK: {database.parent}" in printed
        assert "cannot be written: File too large" in printed
        assert "it goes on where it stopped" in printed
    assert run(monkeypatch, capsys, "sync", "products")[0] == 0
    numbers = [item["number"] for item in sandboxes.bc()["records"]["items"]]
    assert sorted(numbers) == [f"S{n:03}" for n in range(300)], "nothing lost, nothing twice"


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")
    with pytest.raises(NotWritable, match="E-DISK: .*state"), Store(tmp_path / "state" / "flow.duckdb").open():
        pass


def test_pages_that_find_no_room_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    table = StagingTable("staging_items", {"sku": "text", "at": "datetime"}, ("sku",), "at")
    with pytest.raises(NotWritable, match="No space left on device"):
        load(Store(tmp_path / "flow.duckdb"), table, [b'[{"sku": "1"}, {"sku": "2"}]'], None)  # type: ignore[arg-type]


def test_a_check_names_what_the_machine_lacks(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows 84 and 87."""
    machine = next(checks(load_settings()))
    looked_at = machine.run().looked_at
    assert f"{database.parent} takes files" in looked_at
    assert "1 databases can be read" in looked_at
    with monkeypatch.context() as patch, pytest.raises(ConfigurationError, match="the clock says 1970-01-01"):
        patch.setattr(clock, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
        machine.run()
    flipped(database, 5000)
    with pytest.raises(StoreDamaged, match=str(database)):
        machine.run()


def test_an_unexpected_error_is_one_line_unless_debug_asks_for_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def defect(*_: object, **__: object) -> None:
        raise KeyError("Anna, a person")

    monkeypatch.setattr(ledger, "read", defect)
    code, printed = run(monkeypatch, capsys, *COMMANDS["records"])
    assert code == 2
    assert printed.startswith("E-WINBC: something unexpected happened (KeyError).")
    assert "Anna" not in printed
    monkeypatch.setattr(sys, "argv", ["winbc", "--debug", *COMMANDS["records"]])
    with pytest.raises(KeyError):
        main()
