"""tests.csv: what a key user writes down is compared as meant, and only that."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.tables.table_tests import run_lookup_tests, run_tests

from ..support.sandboxes import REPOSITORY
from .conftest import Tables
from .test_defaults import folder  # noqa: F401 - a fixture

Run = Callable[..., list[str]]


@pytest.fixture
def run(folder: Path) -> Run:  # noqa: F811
    """Runs a tests.csv of these rows beside the shipped tables; gives the differences."""

    def differences(*rows: str) -> list[str]:
        content = "test,kind,field,value,note\n" + "".join(f"t,{row},\n" for row in rows)
        (folder / PRODUCTS.id / "tests.csv").write_text(content, encoding="utf-8")
        found = run_tests(ConnectedFlow(PRODUCTS, Settings(mapping_folder=folder)))
        return [text for finding in found for text in finding.differences]

    return differences


GIVEN = ("given,sku,SKU-1", "given,price,12.1", "given,active,WAHR")


@pytest.mark.parametrize(
    "row",
    [
        "always,item.unitPrice,12.10",
        "always,item.unitPrice,12.1",
        "create,item.blocked,false",
        "create,item.blocked,FALSE",
        "create,item.blocked,ONWAAR",
        "create,item.number,SKU-1",
        "always,item.gtin,",
    ],
)
def test_a_value_that_means_the_same_passes_whatever_the_other_fields_are(run: Run, row: str) -> None:
    assert run(*GIVEN, row) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("always,item.unitPrice,12.11", "always item.unitPrice: expected `12.11`, made `12.1`"),
        ("always,item.unitPrice,", "always item.unitPrice: expected nothing, made `12.1`"),
        ("create,item.unitPrice,12.1", "create item.unitPrice: expected `12.1`, made `12.1 (always)`"),
        ("create,item.blocked,WAHR", "create item.blocked: expected `WAHR`, made `false`"),
        ("always,item.gtin,7", "always item.gtin: expected `7`, made nothing"),
        ("always,item.displayName,x", "always item.displayName: expected `x`, and it breaks a rule: required"),
        ("error,item.unitPrice,required", "error item.unitPrice: expected `required`, made `12.1 (always)`"),
        ("always,item.taxGroupCode,", "and it breaks a rule"),
    ],
)
def test_a_value_that_is_another_is_told(run: Run, row: str, words: str) -> None:
    (difference,) = run(*GIVEN, row)
    assert words in difference


def test_a_test_that_expects_nothing_is_refused(run: Run) -> None:
    with pytest.raises(MappingError, match="the test `t` expects nothing, so it checks nothing"):
        run(*GIVEN)


def test_the_example_in_the_docs_passes_with_the_edit_of_the_docs(run: Run, folder: Path) -> None:  # noqa: F811
    page = (REPOSITORY / "docs" / "mapping.md").read_text(encoding="utf-8")
    rows = [
        ",".join(cells) for cells in re.findall(r"^\| price with VAT \| (\w+) \| ([\w.]+) \| (\S+) \|$", page, re.M)
    ]
    item = folder / PRODUCTS.id / "item.csv"
    formula = '"round(add_vat(price, vatrate), 2)"'
    item.write_text(
        item.read_text(encoding="utf-8").replace("unitPrice,price", f"unitPrice,{formula}"), encoding="utf-8"
    )
    assert len(rows) == 4
    assert run(*rows) == []


def test_a_row_that_was_added_to_a_lookup_table_leaves_its_tests_green(folder: Path) -> None:  # noqa: F811
    with (folder / "lookups" / "units.csv").open("a", encoding="utf-8") as file:
        file.write("bottle,BTL,\n")
    assert not any(finding.differences for finding in run_lookup_tests(Settings(mapping_folder=folder)))


@pytest.mark.parametrize(
    ("cell", "value"), [("TRUE", True), ("wahr", True), ("VRAI", True), ("ONWAAR", False), ("0", False)]
)
def test_a_boolean_default_is_understood_as_spreadsheets_write_it(tables: Tables, cell: str, value: bool) -> None:
    assert tables.run([f"active,active,{cell},,,"], {})[0]["creates"] == {"active": value}
