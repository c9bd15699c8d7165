"""The grid of a mapping table: checked as it is typed, saved by who may, never over somebody else's edit."""

import html
import re
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

ITEM, TERMS = "products_winstore_to_bc/item.csv", "lookups/payment_terms.csv"
Form = dict[str, list[str] | str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "mapping_tables"
    for each in (Path(ITEM).parent, Path(TERMS).parent):
        shutil.copytree(SHIPPED / each, folder / each)
    return Settings(data_folder=tmp_path / "data", mapping_folder=folder)


def opened(settings: Settings, role: Role = "admin") -> TestClient:
    return browser(door_of(settings.state_folder, settings=settings), role)


def form_of(page: str) -> Form:
    """What the grid would send."""
    body = page.partition('<template id="new-row">')[0]
    form: Form = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', body):
        if name.startswith("c:") or name == "row":
            form.setdefault(name, []).append(html.unescape(value))  # type: ignore[union-attr]
        else:
            form[name] = html.unescape(value)
    return form


def grid(client: TestClient, table: str, **more: str) -> Form:
    return form_of(client.get("/mapping/table", params={"name": table, **more}).text)


def cell(form: Form, column: str, name: str, first: str) -> tuple[list[str], int]:
    """The cells of a column, and the place of the row whose first column has a name."""
    return form[f"c:{column}"], form[f"c:{first}"].index(name)  # type: ignore[return-value]


def put(form: Form, field: str, column: str, value: str) -> int:
    cells, place = cell(form, column, field, "target_field")
    cells[place] = value
    return place


def add(form: Form, **values: str) -> None:
    form["row"].append("0")  # type: ignore[union-attr]
    for name in [name for name in form if name.startswith("c:")]:
        form[name].append(values.get(name[2:], ""))  # type: ignore[union-attr]


def test_the_list_says_which_tables_are_not_as_shipped(settings: Settings) -> None:
    path = settings.mapping_folder / TERMS
    path.write_bytes(path.read_bytes() + b"X,30 DAYS,\n")
    page = opened(settings, "view").get("/mapping").text
    assert page.count(">edited<") == 1 and "payment_terms.csv" in page


def test_a_mistake_stands_at_its_cell_while_it_is_typed(settings: Settings) -> None:
    client = opened(settings)
    form = grid(client, ITEM)
    place = put(form, "unitPrice", "source", "round(prise, 2)")
    (found,) = client.post("/mapping/check", data=form).json()
    assert (found["row"], found["column"]) == (place, "source") and "prise" in found["words"]


def test_a_table_that_nobody_touched_is_saved_as_the_same_bytes(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / TERMS
    before = path.read_bytes()
    client.post("/mapping/save", data=grid(client, TERMS))
    assert path.read_bytes() == before


def test_a_new_row_is_saved_with_who_when_and_why(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / TERMS
    client.post("/me/name", data={"name": "Anna"})
    before, form = path.read_bytes(), grid(client, TERMS)
    add(form, source_value="WEEKLY", target_value="7 DAYS")
    add(form)  # an empty row is none
    assert "Saved." in client.post("/mapping/save", data=form | {"why": "as agreed"}).text
    assert path.read_bytes() == before + b"WEEKLY,7 DAYS,\n"
    assert (history(settings, Path(TERMS))[0].who, history(settings, Path(TERMS))[0].why) == (
        "dashboard:Anna (admin)",
        "as agreed",
    )
    assert [(entry.act, entry.subject) for entry in acts_of(settings)] == [("edit", TERMS)]
    past = client.post("/mapping/history", data=grid(client, TERMS)).text
    assert "Anna" in past and "as agreed" in past and "outside the dashboard" in past


def test_a_table_with_a_mistake_is_shown_again_with_all_that_was_typed(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / TERMS
    before, form = path.read_bytes(), grid(client, TERMS)
    add(form, source_value="WEEKLY", target_value="?")
    page = client.post("/mapping/save", data=form).text
    assert "nothing was saved" in page and "WEEKLY" in page and path.read_bytes() == before


def test_a_save_that_was_refused_stands_in_no_log_as_an_edit(settings: Settings) -> None:
    client = opened(settings)
    form = grid(client, TERMS)
    add(form, source_value="WEEKLY", target_value="?")
    client.post("/mapping/save", data=form)
    assert acts_of(settings) == []


def test_both_are_shown_when_a_spreadsheet_saved_meanwhile_and_neither_is_lost(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / TERMS
    before, form = path.read_bytes(), grid(client, TERMS)
    add(form, source_value="OURS", target_value="7 DAYS")
    path.write_bytes(before + b"THEIRS,9 DAYS,\n")
    answer = client.post("/mapping/save", data=form)
    assert answer.status_code == 409 and "OURS" in answer.text and "THEIRS" in answer.text
    assert path.read_bytes() == before + b"THEIRS,9 DAYS,\n"
    mine = re.search(r"version=([0-9a-f]{64})", answer.text)
    assert mine is not None
    client.post("/mapping/save", data=grid(client, TERMS, version=mine[1]))
    assert path.read_bytes() == before + b"OURS,7 DAYS,\n"
    assert len(history(settings, Path(TERMS))) == 2


def test_the_shipped_table_comes_back_by_saving_it(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / TERMS
    before = path.read_bytes()
    path.write_bytes(before + b"X,30 DAYS,\n")
    client.post("/mapping/save", data=grid(client, TERMS, version="shipped"))
    assert path.read_bytes() == before


@pytest.mark.proof
def test_tests_and_differences_of_what_is_typed_are_shown_before_it_is_saved(settings: Settings) -> None:
    client, path = opened(settings), settings.mapping_folder / ITEM
    before, form = path.read_bytes(), grid(client, ITEM)
    put(form, "unitPrice", "source", "round(price * 2, 2)")
    assert "unitPrice" in client.post("/mapping/tests", data=form).text
    shown = client.post("/mapping/differences", data=form).text
    assert "round(price * 2, 2)" in shown and path.read_bytes() == before


def test_who_is_no_admin_reads_a_table_and_changes_none(settings: Settings) -> None:
    client = opened(settings, "operate")
    page = client.get("/mapping/table", params={"name": TERMS}).text
    assert "Only the role admin" in page and "<form" not in page
    assert client.post("/mapping/check", data={"name": TERMS}).status_code == 403


@pytest.mark.parametrize("name", ["../../winbc.toml", "lookups/../lookups/payment_terms.csv", "nothing.csv", ""])
def test_no_other_file_is_read(settings: Settings, name: str) -> None:
    assert opened(settings).get("/mapping/table", params={"name": name}).status_code == 404


def test_a_hostile_cell_is_only_text(settings: Settings) -> None:
    path = settings.mapping_folder / TERMS
    path.write_bytes(path.read_bytes() + b'"""><script>alert(1)</script>",30 DAYS,\n')
    page = opened(settings).get("/mapping/table", params={"name": TERMS}).text
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
