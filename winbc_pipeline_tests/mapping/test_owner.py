"""The column `owner`: whose value counts when the two systems differ (docs/mapping.md, "Whose value counts")."""

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.shipped import SHIPPED
from winbc_pipeline.mapping.tables import FEATURES, OWNED, OWNERS, WHEN, read_table

from .conftest import Tables
from .test_commands import Desk, desk  # noqa: F401 - the fixture

OWNED_HEADER = "target_field,source,default,when,required,owner,note\n"


def owned(tables: Tables, *rows: str) -> dict[str, str]:
    return dict(tables.compile(*rows, header=OWNED_HEADER).owners)


@pytest.mark.parametrize("owner", OWNERS)
def test_each_owner_is_known_by_its_field(tables: Tables, owner: str) -> None:
    assert owned(tables, f"name,name,,,,{owner},", "code,code,,,,,") == {"name": owner}


@pytest.mark.parametrize("when", OWNED)
def test_rows_that_reach_existing_records_may_have_an_owner(tables: Tables, when: str) -> None:
    assert owned(tables, f"name,name,,{when},,Target,") == {"name": "target"}


@pytest.mark.parametrize("when", sorted(set(WHEN) - set(OWNED)))
def test_rows_that_reach_no_existing_record_have_no_owner(tables: Tables, when: str) -> None:
    words = rf"table.csv, row 2, column owner: name is not written to existing records \(`when` is {when}\)"
    with pytest.raises(MappingError, match=words):
        owned(tables, f"name,name,,{when},,target,", "code,code,,,,,")


def test_a_word_that_is_no_owner_is_refused_with_its_place(tables: Tables) -> None:
    words = "row 3, column owner: `winstore` is not one of source, target, newest, hold"
    with pytest.raises(MappingError, match=words):
        owned(tables, "code,code,,,,,", "name,name,,,,winstore,")


def test_the_row_for_updates_gives_the_owner_of_a_field_with_two_rows(tables: Tables) -> None:
    assert owned(tables, "name,name,,create,,,", "name,code,,update,,hold,") == {"name": "hold"}


def test_a_table_without_the_column_has_no_owners(tables: Tables) -> None:
    assert tables.compile("name,name,,,,").owners == {}


@pytest.mark.parametrize("header", ["owner,target_field,source,default,when,required\n", OWNED_HEADER[:-6] + "\n"])
def test_the_column_may_stand_anywhere(tables: Tables, header: str) -> None:
    row = "hold,name,name,,," if header.startswith("owner") else "name,name,,,,hold"
    assert tables.compile(row, header=header).owners == {"name": "hold"}


def test_shipped_tables_leave_the_column_out() -> None:
    headers = {path.read_text(encoding="utf-8-sig").split("\n")[0] for path in SHIPPED.glob("*_to_*/*.csv")}
    assert not [header for header in headers if "owner" in header]
    tables = [path for path in SHIPPED.glob("*_to_*/[!t]*.csv") if path.stem not in FEATURES]
    assert not [line for path in tables for line in read_table(path).lines if line.owner]


def test_the_hash_changes_with_the_owner_and_not_with_an_empty_column(tables: Tables) -> None:
    def select(header: str, row: str) -> str:
        return tables.compile(row, header=header).select

    without = tables.compile("name,name,,,,").select
    assert select(OWNED_HEADER, "name,name,,,,,") == without
    assert select(OWNED_HEADER, "name,name,,,,target,") != without


@pytest.mark.parametrize(
    ("formula", "fields"),
    [
        ("name", {"name"}),
        ("lookup('t', code)", {"code"}),
        ("if(price > 1, name, null)", {"price", "name"}),
        ("iferror(text(to_number(code)), name)", {"code", "name"}),
        ("phone_e164(name, code)", {"name", "code"}),
        ("shop", set()),
    ],
)
def test_depends_names_every_field_of_the_source_that_can_change_a_value(
    tables: Tables, formula: str, fields: set[str]
) -> None:
    tables.lookup("t", "a,b")
    assert tables.compile(f'note,"{formula}",,,,').depends == {"note": fields}


def test_depends_of_a_field_with_two_rows_holds_the_fields_of_both(tables: Tables) -> None:
    compiled = tables.compile("name,name,,create,,", "name,code,,update,,", "note,rate,,never,,")
    assert compiled.depends == {"name": {"name", "code"}}


def test_the_commands_show_the_owner(desk: Desk) -> None:  # noqa: F811 - the fixture
    table = desk.folder / "products_winstore_to_bc/item.csv"
    header, *rows = table.read_text(encoding="utf-8-sig").splitlines()
    assert "owner" not in desk.run("preview", "products", "--key", "SKU-1")[1]
    owners = ["target" if row.startswith("unitPrice,") else "" for row in rows]
    lines = [f"owner,{header}", *(f"{owner},{row}" for owner, row in zip(owners, rows, strict=True))]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert desk.run("validate", "products")[0] == 0
    assert "owner" in desk.run("preview", "products", "--key", "SKU-1")[1]
    assert "owner when both systems differ │ target" in desk.run("explain", "products", "SKU-1", "unitPrice")[1]
    assert "products_winstore_to_bc/item.csv │ unitPrice │ owner │ │ target" in desk.run("diff")[1]
    table.write_text("\n".join(lines).replace("\ntarget,", "\nnobody,"), encoding="utf-8")
    code, printed = desk.run("validate", "products")
    assert code == 2
    assert "column owner: `nobody` is not one of source, target, newest, hold" in printed
    assert "products_winstore_to_bc/item.csv" in desk.run("reset", "products")[1]
    assert "nobody" not in table.read_text(encoding="utf-8")
