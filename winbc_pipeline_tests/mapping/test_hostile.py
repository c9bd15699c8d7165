"""Hostile tables: refused with their place, or harmless; none reads a file, runs a statement or takes long."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.tables import read_table
from winbc_pipeline.staging.store import in_memory, lock_down

from .conftest import Tables

TEXTS = {
    "statement": "'); DROP TABLE ledger; --",
    "second statement": "name; ATTACH 'x.db'",
    "select": "(SELECT content FROM read_text('/etc/passwd'))",
    "union": "name UNION SELECT 1",
    "file": "read_csv('/etc/passwd')",
    "glob": "glob('/etc/*')",
    "copy": "COPY source TO '/tmp/out'",
    "setting": "SET enable_external_access = true",
    "extension": "INSTALL httpfs",
    "environment": "getenv('HOME')",
    "own marks": "__v0 || __r0",
    "own function": "winbc_fn_upper(name)",
    "own template": "$0 $found $target",
    "column of ours": "_bad_fields",
    "quoted identifier": '"source"."name"',
    "star": "* EXCLUDE (name)",
    "window": "row_number() OVER ()",
    "lambda": "list_transform([1], x -> x)",
    "cast": "CAST(name AS STRUCT(a INTEGER))",
    "parameter": "?",
    "python": "__import__('os').system('id')",
    "template": "{{ 7 * 7 }} ${7*7} {name}",
    "path": "../../etc/passwd",
    "spreadsheet formula": "=cmd|' /C calc'!A0",
    "right to left": "\u202ename\u202c",
    "invisible": "na\u200bme",
    "look-alike": "nаme",
    "null byte word": "\\x00",
    "emoji": "😀",
    "deep brackets": "(" * 5000 + "name" + ")" * 5000,
    "deep calls": "upper(" * 5000 + "name" + ")" * 5000,
    "long chain": "||".join(["name"] * 5000),
    "deep case": "case when active then " * 300 + "1" + " else 0 end" * 300,
    "long text": "'" + "x" * 9000 + "'",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_as_a_formula_it_is_refused(tables: Tables, text: str) -> None:
    quoted = text.replace('"', '""')
    with pytest.raises(MappingError, match="table.csv, row 2, column source"):
        tables.compile(f'name,"{quoted}",,,,')


@pytest.mark.parametrize("text", [each for each in TEXTS.values() if len(each) < 5000], ids=str)
def test_as_a_default_it_is_a_text(tables: Tables, text: str) -> None:
    quoted = text.replace('"', '""')
    (row,) = tables.run([f'name,"truncate(code, 5)","{quoted}",,,', "code,'kept',,,,"], {})
    assert [error["rule"] for error in row["errors"]] in ([], ["longer than 10 characters"])
    assert row["creates"] == {"name": text.strip(), "code": "KEPT"}


@pytest.mark.parametrize("text", [each for each in TEXTS.values() if len(each) < 5000], ids=str)
def test_as_data_it_is_a_text(tables: Tables, text: str) -> None:
    (row,) = tables.run(["name,\"concat(name, '', lower(''))\",,,,"], {"name": text})
    assert row["creates"]["name"] == text


@pytest.mark.parametrize("text", [each for each in TEXTS.values() if 1 < len(each) < 5000], ids=str)
def test_in_a_lookup_table_it_is_a_text(tables: Tables, text: str) -> None:
    value = text.strip()
    quoted = value.replace('"', '""')
    tables.lookup("t", f'"{quoted}","{quoted}"', f'*,"{quoted}"')
    found, fallen = tables.run(["code,\"lookup('t', name)\",,,,"], {"name": value}, {"name": "other"})
    assert found["creates"]["code"] == fallen["creates"]["code"] == value.upper().strip()


@pytest.mark.parametrize("column", ["target_field", "when", "required"])
@pytest.mark.parametrize("text", ["'); DROP TABLE ledger; --", "name\nname", "$0", "../name", "na\u200bme"])
def test_in_another_column_it_is_refused(tables: Tables, column: str, text: str) -> None:
    cells = {"target_field": "name", "source": "name", "default": "", "when": "", "required": "", "note": ""}
    row = ",".join('"' + cell + '"' for cell in (cells | {column: text}).values())
    with pytest.raises(MappingError, match=f"row 2, column {column}"):
        tables.compile(row)


def test_replacements_inside_each_other_cannot_fill_the_memory(tables: Tables) -> None:
    formula = "code"
    for _ in range(30):
        formula = f"replace({formula}, 'a', 'aaaaaaaaaaaaaaaaaaaa')"
    (row,) = tables.run([f'note,"length({formula})",,,,'], {"code": "a"})
    assert row["creates"]["note"] == "10000"
    with pytest.raises(MappingError, match="at most 20 characters"):
        tables.compile(f"note,\"replace(name, 'a', '{'a' * 21}')\",,,,")


def test_conditions_inside_each_other_are_refused_before_they_grow(tables: Tables) -> None:
    formula = "price"
    for _ in range(13):
        formula = f"iferror(if({formula} = 1, to_number(name), 0), 0)"
    with pytest.raises(MappingError, match="too many conditions"):
        tables.compile(f'price,"{formula}",,,,')


def test_a_cell_of_ten_megabytes_is_refused(tables: Tables) -> None:
    with pytest.raises(MappingError, match="too long"):
        tables.compile("name," + "x" * 10 * 2**20 + ",,,,")


def test_a_mapping_table_of_a_hundred_thousand_rows_is_refused(tables: Tables) -> None:
    with pytest.raises(MappingError, match="more than 1,000 rows"):
        tables.compile(*["name,name,,,,"] * 100_000)


def test_a_lookup_table_of_a_hundred_thousand_rows_is_used(tables: Tables) -> None:
    tables.lookup("t", *(f"k{number},v{number}" for number in range(100_000)))
    assert tables.value("name", "lookup('t', name)", name="k99999") == "v99999"


def test_a_lookup_table_outside_the_folder_is_out_of_reach(tables: Tables) -> None:
    for name in ("../table", "/etc/passwd", "t.csv", "sub/t", ""):
        with pytest.raises(MappingError, match="not the name of a lookup table"):
            tables.compile(f"name,\"lookup('{name}', name)\",,,,")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '/tmp/winbc_out.csv'",
        "ATTACH '/tmp/winbc_other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "EXPORT DATABASE '/tmp/winbc_export'",
    ],
)
def test_where_tables_run_duckdb_reaches_nothing_outside(statement: str) -> None:
    with in_memory() as connection:
        lock_down(connection)
        with pytest.raises(Exception, match="disabled|locked|configuration|Permission|not allowed"):
            connection.execute(statement).fetchall()


@given(text=st.text(max_size=60))
def test_any_text_is_compiled_or_refused_and_never_anything_else(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tables = Tables(tmp_path_factory.mktemp("any"))
    quoted = text.replace('"', '""')
    try:
        tables.compile(f'name,"{quoted}","{quoted}",,,')
    except MappingError as error:
        assert "table.csv" in str(error)


def test_a_folder_that_holds_other_things_is_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(MappingError, match="is missing"):
        read_table(tmp_path / "table.csv")
