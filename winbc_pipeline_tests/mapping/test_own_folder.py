"""Without a mapping folder the shipped tables serve; `winbc mapping edit` makes the folder to edit."""

import shutil
from pathlib import Path

import pytest

from winbc_pipeline.settings import SHIPPED_TABLES, Tables, load_settings

from ..cli.test_cli import run
from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

ITEM = Path("mapping_tables", "products_winstore_to_bc", "item.csv")


@pytest.fixture
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def test_a_folder_with_settings_only_can_run(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandboxes.fill()
    assert not Path("mapping_tables").exists()
    assert run(monkeypatch, capsys, "sync", "products")[0] == 0
    assert [item["number"] for item in sandboxes.bc()["records"]["items"]] == ["SKU-1"]
    assert not Path("mapping_tables").exists()
    assert "ok Mapping tables products_winstore_to_bc: the shipped 8 tables" in run(monkeypatch, capsys, "check")[1]


@pytest.mark.usefixtures("empty_folder")
def test_edit_makes_the_folder_and_names_the_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run(monkeypatch, capsys, "mapping", "edit", "products_winstore_to_bc")[1]
    assert "mapping_tables is a copy of all shipped tables" in printed
    assert f"edit: {ITEM}" in printed
    assert ITEM.read_bytes() == (SHIPPED_TABLES.parent / ITEM).read_bytes()
    assert load_settings().tables == Tables(Path("mapping_tables"))


@pytest.mark.usefixtures("empty_folder")
def test_edit_leaves_a_folder_that_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, capsys, "mapping", "edit")
    ITEM.write_text("mine")
    assert "is there already" in run(monkeypatch, capsys, "mapping", "edit", "products")[1]
    assert ITEM.read_text() == "mine"


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("arguments", [["reset", "--yes"], ["new-lookup", "sizes", "--from-data", "products.size"]])
def test_what_writes_tables_needs_the_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, printed = run(monkeypatch, capsys, "mapping", *arguments)
    assert code == 1
    assert "E-NOT-DONE: There is no mapping folder mapping_tables" in printed
    assert "`winbc mapping edit` makes it" in printed


@pytest.mark.usefixtures("empty_folder")
def test_a_folder_that_the_settings_name_is_never_replaced_by_the_shipped_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name may be a slip, and other tables may decide about other money."""
    Path("winbc.toml").write_text('mapping_folder = "my_tabels"')
    assert "E-MAPPING: my_tabels" in run(monkeypatch, capsys, "mapping", "validate", "products_winstore_to_bc")[1]


def test_a_copy_of_the_shipped_tables_changes_nothing(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandboxes.fill()
    run(monkeypatch, capsys, "sync", "products")
    before = sandboxes.bc()["writes"]
    shutil.copytree(SHIPPED_TABLES, "mapping_tables")
    assert run(monkeypatch, capsys, "sync", "products")[0] == 0
    assert sandboxes.bc()["writes"] == before
