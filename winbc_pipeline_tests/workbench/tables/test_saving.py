"""An edited table: mistakes stand at their cells, nobody's edit is written over, every version is kept."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from winbc_pipeline.mapping.shipped import SHIPPED
from winbc_pipeline.settings import Settings
from winbc_pipeline.workbench.tables.drafts import Draft, flows_of_table, problems, results_of
from winbc_pipeline.workbench.tables.saving import (
    TableChanged,
    TableWrong,
    content_of,
    history,
    kept,
    save,
    tables,
)
from winbc_pipeline.workbench.tables.sheet import version_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ITEM, TERMS = Path("products_winstore_to_bc/item.csv"), Path("lookups/payment_terms.csv")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "mapping_tables"
    for each in (ITEM.parent, TERMS.parent):
        shutil.copytree(SHIPPED / each, folder / each)
    return Settings(data_folder=tmp_path / "data", mapping_folder=folder)


def edit(settings: Settings, table: Path, old: str, new: str) -> Draft:
    content = content_of(settings, table).decode()
    assert old in content
    return Draft(settings, table, content.replace(old, new, 1).encode())


@pytest.mark.proof
def test_each_mistake_stands_at_its_cell_in_the_validators_words(settings: Settings) -> None:
    draft = edit(settings, ITEM, "unitPrice,price,,always", "unitPrice,prise,,alwys")
    content = draft.content.decode().replace("displayName,", "dispName,", 1).encode()
    found = problems(Draft(settings, ITEM, content))
    rows = content.decode().splitlines()
    places = {(rows[each.row - 1].split(",")[0], each.column) for each in found}
    assert places == {("unitPrice", "when"), ("dispName", "target_field")}
    assert any("`alwys` is not one of always" in each.words for each in found)


def test_the_mistake_of_a_lookup_table_stands_at_its_cell(settings: Settings) -> None:
    draft = Draft(settings, TERMS, content_of(settings, TERMS) + b"NEW,?,\n")
    (found,) = problems(draft)
    assert (found.row, found.column) == (len(draft.content.splitlines()), "target_value")
    assert "has no value yet" in found.words


@pytest.mark.proof
def test_a_shipped_table_has_no_mistakes_and_its_tests_pass(settings: Settings) -> None:
    draft = Draft(settings, ITEM, content_of(settings, ITEM))
    assert problems(draft) == []
    found = results_of(draft)
    assert found and all(not each.differences for _, each in found)


def test_the_tests_beside_a_table_fail_before_the_edit_is_saved(settings: Settings) -> None:
    draft = edit(settings, ITEM, "unitPrice,price,", 'unitPrice,"round(price * 2, 2)",')
    assert any("unitPrice" in words for _, each in results_of(draft) for words in each.differences)
    assert b"price * 2" not in content_of(settings, ITEM)


def test_an_edit_by_a_spreadsheet_meanwhile_is_not_written_over(settings: Settings) -> None:
    seen = version_of(content_of(settings, TERMS))
    draft = Draft(settings, TERMS, content_of(settings, TERMS) + b"ours,30 DAYS,\n")
    theirs = content_of(settings, TERMS) + b"theirs,30 DAYS,\n"
    (settings.mapping_folder / TERMS).write_bytes(theirs)
    with pytest.raises(TableChanged):
        save(draft, seen, "Anna", NOW)
    assert content_of(settings, TERMS) == theirs and history(settings, TERMS) == []


def test_a_table_with_a_mistake_is_not_saved(settings: Settings) -> None:
    before = content_of(settings, TERMS)
    with pytest.raises(TableWrong) as raised:
        save(Draft(settings, TERMS, before + b"x,?,\n"), version_of(before), "Anna", NOW)
    assert [each.column for each in raised.value.problems] == ["target_value"]
    assert content_of(settings, TERMS) == before


def test_a_table_without_the_key_of_its_records_is_not_saved(settings: Settings) -> None:
    before = content_of(settings, ITEM)
    lines = before.splitlines(keepends=True)
    draft = Draft(settings, ITEM, b"".join(line for line in lines if not line.startswith(b"number,")))
    with pytest.raises(TableWrong) as raised:
        save(draft, version_of(before), "Anna", NOW)
    assert "no row gives number" in raised.value.problems[0].words


def test_what_was_wrong_elsewhere_before_hinders_nobody_from_saving(settings: Settings) -> None:
    category = settings.mapping_folder / ITEM.parent / "category.csv"
    category.write_bytes(category.read_bytes().replace(b"target_field", b"target"))
    before = content_of(settings, ITEM)
    save(Draft(settings, ITEM, before + b"\n"), version_of(before), "Anna", NOW)
    assert content_of(settings, ITEM) == before + b"\n"


def test_every_saved_version_is_kept_with_who_and_when_and_the_first_one_too(settings: Settings) -> None:
    first = content_of(settings, TERMS)
    second, third = first + b"a,30 DAYS,\n", first + b"a,14 DAYS,\n"
    save(Draft(settings, TERMS, second), version_of(first), "Anna", NOW, "as agreed")
    save(Draft(settings, TERMS, third), version_of(second), "Bert", NOW)
    found = history(settings, TERMS)
    assert [(each.who, each.why) for each in found] == [("Bert", ""), ("Anna", "as agreed"), ("", "")]
    assert [kept(settings, each.version) for each in found] == [third, second, first]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (settings.state_folder / "mapping_history").glob("*.csv"))


def test_the_first_save_makes_the_mapping_folder_where_the_shipped_tables_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(data_folder=tmp_path / "data")
    before = content_of(settings, TERMS)
    save(Draft(settings, TERMS, before + b"a,30 DAYS,\n"), version_of(before), "Anna", NOW)
    assert (tmp_path / "mapping_tables" / TERMS).read_bytes() == before + b"a,30 DAYS,\n"
    assert ITEM in tables(settings)


def test_a_lookup_table_belongs_to_the_flows_whose_tables_name_it(settings: Settings) -> None:
    assert "products_winstore_to_bc" in {flow.id for flow in flows_of_table(settings, Path("lookups/categories.csv"))}
    assert flows_of_table(settings, Path("lookups/tests.csv")) == ()
