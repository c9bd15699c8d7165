"""The shipped tables: valid, tested by themselves row by row, and the start of the live ones."""

import csv
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.mapping.shipped import SHIPPED, differences, reset
from winbc_pipeline.mapping.tables import TESTS, read_lookup, read_table
from winbc_pipeline.settings import Settings, Tables
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.workbench.tables.table_tests import run_lookup_tests, run_tests

from ..support.sandboxes import REPOSITORY

pytestmark = pytest.mark.proof

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
flows = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.id)


# The lookup tables that ship without a value for any country, and the field of a new customer that each gives.
BY_COUNTRY = {
    "customer_payment_terms": "paymentTermsId",
    "customer_payment_methods": "paymentMethodId",
    "customer_shipment_methods": "shipmentMethodId",
    "customer_currencies": "currencyCode",
    "customer_salespeople": "salespersonCode",
}
BY_COUNTRY_IN = {"customers_winstore_to_bc": "company", "orders_winstore_to_bc": "company order"}  # the test of each


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "tables")
    return tmp_path / "tables"


@pytest.fixture
def filled_folder(folder: Path) -> Path:
    """The shipped tables of a company that has codes by country, with tests of theirs."""
    for lookup in BY_COUNTRY:
        with (folder / "lookups" / f"{lookup}.csv").open("a", encoding="utf-8") as file:
            file.write(f"NL,{lookup[9:].upper()},\n")
    for flow, test in BY_COUNTRY_IN.items():
        path = folder / flow / TESTS
        named = {f"customer.{field}" for field in BY_COUNTRY.values()}
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        kept = [row for row in rows if (row[0], row[2] in named) != (test, True)]
        made = [[test, "create", f"customer.{field}", each[9:].upper(), ""] for each, field in BY_COUNTRY.items()]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([*kept, *made])
    return folder


def red(flow: Flow, folder: Path) -> bool:
    """Whether the tests of a folder find something."""
    try:
        return any(finding.differences for finding in run_tests(ConnectedFlow(flow, Settings(mapping_folder=folder))))
    except WinbcError:
        return True


@flows
def test_each_flows_tables_are_valid_and_pass_their_tests(flow: Flow) -> None:
    settings = Settings(mapping_folder=SHIPPED)
    assert ConnectedFlow(flow, settings).checked()
    findings = list(run_tests(ConnectedFlow(flow, settings)))
    assert findings
    assert [finding for finding in findings if finding.differences] == []


def test_the_lookup_tables_pass_their_tests_and_each_row_has_one() -> None:
    findings = list(run_lookup_tests(Settings(mapping_folder=SHIPPED)))
    assert [finding for finding in findings if finding.differences] == []
    tables = [path for path in (SHIPPED / "lookups").glob("*.csv") if path.name != TESTS]
    assert len(findings) == sum(len(path.read_text(encoding="utf-8").splitlines()) > 1 for path in tables)


def test_the_live_tables_start_as_a_copy_of_the_shipped_ones() -> None:
    assert list(differences(Tables(REPOSITORY / "mapping_tables"))) == []


ADDRESS = "addressLine1 postalCode city country"
SHIPPED_FIELDS = {
    "customers_winstore_to_bc/customer.csv": f"displayName {ADDRESS} phoneNumber email taxRegistrationNumber",
    "customers_bc_to_winstore/customer.csv": "company fname lname street streetnr zip city countryISO phone email",
    "products_winstore_to_bc/item.csv": "number displayName displayName2 unitPrice priceIncludesTax unitCost gtin "
    "taxGroupCode itemCategoryCode blocked generalProductPostingGroupCode inventoryPostingGroupCode",
    "products_winstore_to_bc/category.csv": "code displayName",
    "products_bc_to_winstore/article.csv": "sku name title description descriptionlong category price vatrate gtin",
    "stock_winstore_to_bc/item.csv": "number inventory",
    "stock_bc_to_winstore/stock.csv": "sku quantity",
    "orders_winstore_to_bc/customer.csv": f"displayName {ADDRESS} paymentTermsId paymentMethodId",
    "orders_winstore_to_bc/order.csv": "sellToAddressLine1 sellToPostCode sellToCity sellToCountry shipToName "
    "shipToAddressLine1 shipToPostCode shipToCity shipToCountry currencyCode paymentTermsId shipmentMethodId",
    "orders_winstore_to_bc/order_line.csv": "lineObjectNumber quantity unitPrice discountPercent taxCode",
    "orders_winstore_to_bc/invoice_line.csv": "lineObjectNumber quantity unitPrice discountPercent taxCode",
    "orders_bc_to_winstore/order.csv": "invoice_add.lname invoice_add.street invoice_add.streetnr invoice_add.zip "
    "invoice_add.city invoice_add.country delivery_add.street delivery_add.streetnr delivery_add.zip delivery_add.city "
    "delivery_add.countryISO",
    "orders_bc_to_winstore/position.csv": "product_id amount single_price reduction vatrate",
}


@pytest.mark.parametrize("table", SHIPPED_FIELDS)
def test_what_people_expect_to_be_mapped_is_in_the_shipped_tables(table: str) -> None:
    mapped = {line.target_field for line in read_table(SHIPPED / table).lines if line.when != "never"}
    assert set(SHIPPED_FIELDS[table].split()) - mapped == set()


def altered(rows: list[list[str]], every: bool) -> Iterator[list[list[str]]]:
    """The table with one row altered: its source, or each cell in turn and the whole row."""
    for place in range(1, len(rows)):
        field, source, default, when, required, note = rows[place]
        others = [[field, "null" if source != "null" else "'x'", default, when, required, note]]
        if every:
            others += [[]]
            others += [[field, source, "", when, required, note]] if default else []
            whens = {"always", "create", "update", "fill_empty", "never"} - {when}
            others += [[field, source, default, each, required, note] for each in sorted(whens)]
            others += [[field, source, default, when, "", note]] if required else []
        for row in others:
            yield [*rows[:place], *([row] if row else []), *rows[place + 1 :]]


def survivors(flow: Flow, folder: Path, every: bool) -> list[str]:
    assert not red(flow, folder), "tests that are red already would find every alteration"
    found = []
    for part in flow.parts:
        path = folder / flow.id / part.table
        shipped = path.read_bytes()
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        for number, table in enumerate(altered(rows, every)):
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(table)
            if not red(flow, folder):
                found.append(f"{flow.id}/{part.table} alteration {number}")
        path.write_bytes(shipped)
    return found


@flows
def test_the_tests_go_red_when_the_source_of_any_row_is_altered(flow: Flow, filled_folder: Path) -> None:
    assert survivors(flow, filled_folder, every=False) == []


@pytest.mark.soak
@flows
def test_the_tests_go_red_when_any_cell_of_any_row_is_altered(flow: Flow, filled_folder: Path) -> None:
    assert survivors(flow, filled_folder, every=True) == []


@pytest.mark.parametrize("lookup", BY_COUNTRY)
def test_a_table_by_country_ships_without_any_value(lookup: str) -> None:
    """Terms, methods, currency and salesperson decide money or people: none of them is guessed."""
    assert set(read_lookup(SHIPPED / "lookups" / f"{lookup}.csv").items()) == {("*", "")}


@pytest.mark.parametrize("path", sorted((SHIPPED / "lookups").glob("*.csv")), ids=lambda path: path.stem)
def test_the_tests_go_red_when_any_row_of_a_lookup_table_is_altered(path: Path, folder: Path) -> None:
    if path.name == "tests.csv":
        return
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    for place in range(1, len(rows)):
        for row in ([rows[place][0], rows[place][1] + "X", ""], [rows[place][0] + "X", rows[place][1], ""], []):
            with (folder / "lookups" / path.name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([*rows[:place], *([row] if row else []), *rows[place + 1 :]])
            assert any(finding.differences for finding in run_lookup_tests(Settings(mapping_folder=folder)))


def test_an_edit_is_shown_cell_by_cell(folder: Path) -> None:
    path = folder / "products_winstore_to_bc" / "item.csv"
    path.write_text(path.read_text().replace("unitPrice,price,", "unitPrice,costprice,"))
    (folder / "lookups" / "units.csv").unlink()
    shown = [(each.table, each.row, each.column, each.shipped, each.yours) for each in differences(Tables(folder))]
    assert shown == [
        ("lookups/units.csv", "", "", "the whole table", ""),
        ("products_winstore_to_bc/item.csv", "unitPrice", "source", "price", "costprice"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "products_winstore_to_bc/item",
        "products_winstore_to_bc/item.csv",
        "products_winstore_to_bc",
        "products_winstore_to_bc/",
        "products",
        None,
    ],
)
def test_reset_puts_the_shipped_table_back_and_keeps_the_replaced_one(folder: Path, name: str | None) -> None:
    path = folder / "products_winstore_to_bc" / "item.csv"
    path.write_text("mine")
    assert reset(Tables(folder), name, NOW) == [Path("products_winstore_to_bc/item.csv")]
    assert list(differences(Tables(folder))) == []
    assert (folder / "kept" / "2026-03-01T120000" / "products_winstore_to_bc" / "item.csv").read_text() == "mine"


def test_reset_of_one_table_leaves_the_others_alone(folder: Path) -> None:
    (folder / "lookups" / "units.csv").write_text("mine")
    assert reset(Tables(folder), "countries", NOW) == []
    assert (folder / "lookups" / "units.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("position", "orders_bc_to_winstore/position.csv"),
        ("units", "lookups/units.csv"),
        ("stock", "stock_winstore_to_bc/item.csv"),
    ],
)
def test_reset_knows_a_table_without_its_folder_and_a_flow_without_its_direction(
    folder: Path, name: str, table: str
) -> None:
    (folder / table).write_text("mine")
    assert reset(Tables(folder), name, NOW) == [Path(table)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("item", "Name one of products_winstore_to_bc/item, stock_winstore_to_bc/item"),
        ("order_status", "lookups/order_status, order_status_bc_to_winstore, order_status_winstore_to_bc"),
    ],
)
def test_reset_of_a_name_that_several_have_lists_them(folder: Path, name: str, words: str) -> None:
    with pytest.raises(WinbcError, match=words):
        reset(Tables(folder), name, NOW)


def test_a_test_that_was_edited_is_shown(folder: Path) -> None:
    path = folder / "products_winstore_to_bc" / "tests.csv"
    path.write_text(path.read_text().replace("article,given,price,18.5,", "article,given,price,19,"))
    (difference,) = differences(Tables(folder))
    assert (difference.row, difference.column) == ("article, given, price", "value")
    assert (difference.shipped, difference.yours) == ("18.5", "19")


def test_reset_of_a_table_that_is_not_shipped_says_so(folder: Path) -> None:
    with pytest.raises(WinbcError, match="No table is called nonsense"):
        reset(Tables(folder), "nonsense", NOW)
