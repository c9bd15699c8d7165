"""The demo's mapping tables are its own: what a newcomer edits in it changes no others. Source: README.md."""

import json
from pathlib import Path

import pytest

from winbc_pipeline.cli.demo import TABLES, copy_tables
from winbc_pipeline.settings import SHIPPED_TABLES

TERMS = Path("lookups") / "payment_terms.csv"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_an_edit_in_the_demo_leaves_the_tables_of_the_folder_where_it_was_started(home: Path, tmp_path: Path) -> None:
    own = tmp_path / TABLES / TERMS
    own.parent.mkdir(parents=True)
    own.write_text("source_value,target_value,note\nours,14 DAYS,\n")
    copy_tables(tmp_path / TABLES)
    (home / TABLES / TERMS).write_text("edited")
    copy_tables(tmp_path / TABLES)  # the next demo
    assert (home / TABLES / TERMS).read_text() == "edited" and "ours" in own.read_text()


def test_without_tables_of_ones_own_the_demo_has_a_copy_of_the_shipped_ones(home: Path, tmp_path: Path) -> None:
    copy_tables(tmp_path / TABLES)
    assert (home / TABLES / TERMS).read_bytes() == (SHIPPED_TABLES / TERMS).read_bytes()


def test_a_demo_of_an_earlier_version_works_on_its_own_tables_from_now_on(home: Path, tmp_path: Path) -> None:
    line = f"mapping_folder = {json.dumps(str(tmp_path / TABLES))}\n"
    (home / "winbc.toml").write_text(f'connection = "demo"\n{line}[orders]\n')
    copy_tables(tmp_path / TABLES)
    assert (home / "winbc.toml").read_text() == 'connection = "demo"\n[orders]\n'


def test_the_demo_of_a_connection_that_builds_on_a_shared_folder_has_all_of_its_tables(
    home: Path, tmp_path: Path
) -> None:
    own, base = tmp_path / TABLES, tmp_path / "base"
    contents = {own / TERMS: "own", base / TERMS: "", base / "lookups" / "units.csv": "shared"}
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    copy_tables(own, base)
    found = {str(path.relative_to(home / TABLES)): path.read_text() for path in (home / TABLES).rglob("*.csv")}
    assert found == {str(TERMS): "own", "lookups/units.csv": "shared"}
