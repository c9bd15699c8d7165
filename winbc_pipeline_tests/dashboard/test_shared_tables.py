"""The grid of a table that comes from a shared folder: a save makes an own table, and never writes the shared one.

Source: docs/mapping.md, "A shared folder".
"""

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.mapping.shipped import SHIPPED
from winbc_pipeline.settings import Settings
from winbc_pipeline.workbench.tables.saving import history

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of
from .test_mapping import ITEM, TERMS, add, grid, put


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "shared_tables"))


@pytest.fixture
def settings(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(data_folder=tmp_path / "data", mapping_base=base)


def opened(settings: Settings, role: Role = "admin", language: str = "en") -> TestClient:
    return browser(door_of(settings.state_folder, settings=settings), role, language)


def own(settings: Settings, table: str) -> Path:
    return settings.mapping_folder / table


def saved(client: TestClient, base: Path) -> bytes:
    """Adds a row to a shared table and saves it; returns what the own table has to be."""
    form, before = grid(client, TERMS), (base / TERMS).read_bytes()
    add(form, source_value="WEEKLY", target_value="7 DAYS")
    assert "Saved." in client.post("/mapping/save", data=form | {"why": "as agreed"}).text
    return before + b"WEEKLY,7 DAYS,\n"


def test_a_save_makes_an_own_table_and_leaves_the_shared_one_byte_for_byte(settings: Settings, base: Path) -> None:
    before = {path: path.read_bytes() for path in base.rglob("*.csv")}
    content = saved(opened(settings), base)
    assert own(settings, TERMS).read_bytes() == content
    assert {path: path.read_bytes() for path in base.rglob("*.csv")} == before
    assert [path.name for path in settings.mapping_folder.rglob("*.csv")] == ["payment_terms.csv"]


def test_nothing_is_saved_while_the_shared_folder_is_away(settings: Settings, base: Path) -> None:
    client = opened(settings)
    content = saved(client, base)
    form = grid(client, TERMS)
    add(form, source_value="DAILY", target_value="1 DAY")
    shutil.rmtree(base)
    assert "of shared mapping tables" in client.post("/mapping/save", data=form).text
    assert own(settings, TERMS).read_bytes() == content


def test_a_shared_table_that_nobody_touched_is_not_copied(settings: Settings, base: Path) -> None:
    """A copy would hide all later edits of the shared table."""
    client = opened(settings)
    client.post("/mapping/save", data=grid(client, TERMS))
    assert not own(settings, TERMS).exists() and history(settings, Path(TERMS)) == []


def test_an_edit_of_the_shared_table_meanwhile_is_not_hidden_unseen(settings: Settings, base: Path) -> None:
    client = opened(settings)
    form = grid(client, TERMS)
    add(form, source_value="OURS", target_value="7 DAYS")
    (base / TERMS).write_bytes((base / TERMS).read_bytes() + b"THEIRS,9 DAYS,\n")
    answer = client.post("/mapping/save", data=form)
    assert answer.status_code == 409 and "OURS" in answer.text and "THEIRS" in answer.text
    assert not own(settings, TERMS).exists()


def test_back_to_the_shared_table_takes_the_own_one_away_and_keeps_it_in_the_history(
    settings: Settings, base: Path
) -> None:
    client = opened(settings)
    content, shared = saved(client, base), (base / TERMS).read_bytes()
    form = grid(client, TERMS)
    page = client.post("/mapping/give-up", data=form | {"why": "all alike"}).text
    assert "comes from the shared folder" in page and (base / TERMS).read_bytes() == shared
    assert not own(settings, TERMS).exists()
    newest = history(settings, Path(TERMS))[0]
    assert (newest.why, newest.who) == ("all alike", "dashboard:admin")
    assert grid(client, TERMS, version=newest.before)["c:source_value"][-1] == "WEEKLY" and content
    assert [entry.subject for entry in acts_of(settings)] == [TERMS, TERMS]


def test_an_own_table_that_a_spreadsheet_saved_meanwhile_is_not_taken_away(settings: Settings, base: Path) -> None:
    client = opened(settings)
    content = saved(client, base) + b"THEIRS,9 DAYS,\n"
    form = grid(client, TERMS)
    own(settings, TERMS).write_bytes(content)
    answer = client.post("/mapping/give-up", data=form)
    assert answer.status_code == 409 and "THEIRS" in answer.text
    assert own(settings, TERMS).read_bytes() == content


def test_only_an_own_table_in_the_place_of_a_shared_one_can_be_given_up(settings: Settings, base: Path) -> None:
    client = opened(settings)
    answer = client.post("/mapping/give-up", data=grid(client, TERMS))
    assert "no table of its own" in answer.text and (base / TERMS).exists()
    assert opened(settings, "operate").post("/mapping/give-up", data={"name": TERMS}).status_code == 403


@pytest.mark.parametrize(
    ("language", "words", "back"),
    [
        ("en", "comes from the shared folder", "Back to the shared table"),
        ("nl", "komt uit de gedeelde map", "Terug naar de gedeelde tabel"),
    ],
)
def test_pages_say_where_a_table_comes_from_and_whom_it_serves(
    settings: Settings, base: Path, language: str, words: str, back: str
) -> None:
    client, address = opened(settings, language=language), {"name": TERMS}
    page = client.get("/mapping/table", params=address).text
    assert words in page and str(base) in page and "default" in page and back not in page
    saved(opened(settings), base)
    page = client.get("/mapping/table", params=address).text
    assert words not in page and back in page


def test_the_list_says_which_tables_are_shared(settings: Settings, base: Path) -> None:
    client, shared = opened(settings), len([*base.glob("*/*.csv")])
    assert client.get("/mapping").text.count(">shared<") == shared
    saved(client, base)
    assert client.get("/mapping").text.count(">shared<") == shared - 1


@pytest.mark.proof
def test_a_draft_of_a_shared_table_is_tried_with_the_other_shared_tables(settings: Settings, base: Path) -> None:
    client = opened(settings)
    (base / ITEM).with_name("tests.csv").write_text(
        "test,kind,field,value,note\none,given,sku,1,\none,given,price,2,\none,always,item.unitPrice,4,\n"
    )
    form = grid(client, ITEM)
    put(form, "unitPrice", "source", "price * 2")
    assert client.post("/mapping/check", data=form).json() == []
    assert "1 passed" in client.post("/mapping/tests", data=form).text
    shown = client.post("/mapping/differences", data=form).text
    assert "Against the shared table" in shown and not settings.mapping_folder.exists()


def test_a_mistake_elsewhere_names_the_shared_file(settings: Settings, base: Path) -> None:
    """Not the copy of it in which the draft was tried."""
    path = base / Path(ITEM).with_name("category.csv")
    path.write_bytes(path.read_bytes().replace(b"target_field", b"target"))
    client = opened(settings)
    (found,) = client.post("/mapping/check", data=grid(client, ITEM)).json()
    assert str(path) in found["words"]
