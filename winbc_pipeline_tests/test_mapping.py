"""Mapping tables: what they accept, what they refuse and how they say so."""

from pathlib import Path

import duckdb
import pytest

from winbc_pipeline.errors import ConfigurationError, MappingError
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.mapping.formulas import FUNCTIONS, compile_formula
from winbc_pipeline.mapping.tables import read_table
from winbc_pipeline.settings import Settings, load_settings
from winbc_pipeline.sync.map import compile_flow

from .conftest import REPOSITORY, World

HEADER = "target_field,source,default,when,required,note\n"


def no_lookup(name: str, value: str) -> str:
    raise AssertionError(name + value)


@pytest.mark.parametrize("name", [name for name, (_, _, result) in FUNCTIONS.items() if result])
def test_each_functions_example_gives_its_result(name: str) -> None:
    _, example, result = FUNCTIONS[name]
    sql = compile_formula(example, {}, {}, no_lookup, "here")
    assert duckdb.connect().execute(f"SELECT CAST({sql} AS VARCHAR)").fetchone() == (result,)


@pytest.mark.parametrize(
    "formula",
    [
        "read_text('/etc/passwd')",
        "(select 1)",
        "1; drop table ledger",
        "getenv('HOME')",
        "upper(name) union select 1",
        "query('select 1')",
        "count(*)",
        "s.name",
        "unknown_field",
        "lower(",
    ],
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(MappingError, match="here"):
        compile_formula(formula, {"name": "text"}, {}, no_lookup, "here")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("target_field,source,default,when,required,note,colour\n", "row 1, column colour: unknown column"),
        ("target_field,source\n", "column default is missing"),
        (HEADER + "number,sku,,sometimes,,\n", "row 2, column when"),
        (HEADER + "number,sku,,,perhaps,\n", "row 2, column required"),
        (HEADER + "number,sku,,,,note,with,commas\n", "row 2: more cells than columns"),
    ],
)
def test_a_wrong_table_is_named_with_row_and_column(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "item.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(MappingError, match=words) as error:
        read_table(path)
    assert "item.csv" in str(error.value)


@pytest.mark.parametrize("text", ["\ufeff" + HEADER, HEADER.replace(",", ";"), HEADER.replace("\n", "\r\n")])
def test_what_spreadsheets_save_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "item.csv"
    row = "number,sku,,create,yes,\n".replace(",", ";" if ";" in text else ",")
    path.write_bytes((text + row).encode())
    assert read_table(path).lines[0].target_field == "number"


@pytest.mark.parametrize(("field", "words"), [("nonsense", "no field `nonsense`"), ("id", "read-only")])
def test_a_target_field_that_cannot_be_written_is_refused(tmp_path: Path, field: str, words: str) -> None:
    for part in ("category.csv", "item.csv"):
        (tmp_path / "products_winstore_to_bc").mkdir(exist_ok=True)
        (tmp_path / "products_winstore_to_bc" / part).write_text(HEADER + f"{field},sku,,,,\n", encoding="utf-8")
    with pytest.raises(MappingError, match=words):
        compile_flow(FLOWS[1], Settings(mapping_folder=tmp_path))


def test_the_shipped_defaults_are_valid_and_the_live_tables_start_as_their_copy() -> None:
    shipped = REPOSITORY / "winbc_pipeline" / "defaults" / "mapping_tables"
    for flow in FLOWS:
        assert compile_flow(flow, Settings(mapping_folder=shipped))
    for path in shipped.rglob("*.csv"):
        assert (REPOSITORY / "mapping_tables" / path.relative_to(shipped)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"email": "no-at-sign"}, "email: e-mail"),
        ({"email": ""}, "email: required"),
        ({"city": "x" * 31}, "city: longer than 30"),
        ({"city": "😀" * 16}, "city: longer than 30"),
        ({"country_iso": "XX"}, "country: lookup"),
    ],
)
def test_one_bad_value_fails_one_record_and_names_field_and_rule(world: World, row: dict[str, str], words: str) -> None:
    world.fill(customers=[row, {"customer_id": "2", "email": "two@mail.example"}])
    done = world.sync("customers")
    assert (done.created, done.failed) == (1, 1)
    entry = world.ledger("customers")["000123"]
    assert entry["reason"] == "MAPPING"
    assert words in entry["message"]


def test_a_wrong_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "winbc.toml").write_text("[bc]\ncompani = 'x'\n")
    with pytest.raises(ConfigurationError, match="bc.compani"):
        load_settings()


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "winbc.toml").write_text("[bc]\nclient_secret = 'hunter2'\n")
    with pytest.raises(ConfigurationError, match="WINBC_BC__CLIENT_SECRET") as error:
        load_settings()
    assert "hunter2" not in str(error.value)
