"""attributes.csv and features.csv: each row has a place in the target, or is listed; none is dropped in silence.

Source: the seed's section "Attributes/Features": attributes make variants, features are further information.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.flows import CUSTOMERS, PRODUCTS
from winbc_pipeline.mapping.shipped import SHIPPED, differences, reset
from winbc_pipeline.mapping.tables import Line
from winbc_pipeline.settings import BusinessCentralSettings, Settings, Tables
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.tables.table_tests import run_tests
from winbc_pipeline.workbench.trace import trace

from ..support.sandboxes import REPOSITORY
from .test_commands import Desk
from .test_commands import desk as desk
from .test_defaults import NOW

FEATURES = "products_winstore_to_bc/features.csv"
HEADER = "name,source,place,when,note\n"


class Shop:
    """A connection with mapping tables of its own."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(SHIPPED, folder)
        self.folder = folder / PRODUCTS.id
        self.connected = ConnectedFlow(PRODUCTS, Settings(mapping_folder=folder))

    def features(self, *rows: str, header: str = HEADER) -> None:
        (self.folder / "features.csv").write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")

    def without(self, field: str) -> None:
        """Takes a row out of item.csv."""
        path = self.folder / "item.csv"
        rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(row for row in rows if not row.startswith(f"{field},")), encoding="utf-8")

    def line(self, field: str) -> Line:
        targets = self.connected.checked()["item"].targets
        return next(each.line for each in targets if each.line.target_field == field)

    def refusal(self) -> str:
        with pytest.raises(MappingError) as raised:
            self.connected.checked()
        return str(raised.value).replace(f"{self.folder}/", "")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "tables")


def test_a_row_with_a_place_is_a_row_of_the_items_table(shop: Shop) -> None:
    shop.without("displayName2")
    header = "name,source,place,when,owner\n"
    shop.features("brand,upper(supplierid),field displayName2,fill_empty,target", header=header)
    line = shop.line("displayName2")
    assert (line.place, line.source, line.when, line.owner) == (
        "features.csv row 2",
        "upper(supplierid)",
        "fill_empty",
        "target",
    )


@pytest.mark.parametrize(
    ("place", "field"),
    [("dimension SEASON", "dimension.SEASON"), ("Dimension Ä-1. 'B", "dimension.Ä-1. 'B"), ("field gtin", "gtin")],
)
def test_places_are_fields_and_dimensions(shop: Shop, place: str, field: str) -> None:
    shop.without("gtin")
    shop.features(f"season,'SUMMER',{place},,")
    assert shop.line(field).when == "always"


def test_a_category_by_a_feature_takes_the_place_of_the_row_in_item_csv(shop: Shop) -> None:
    shop.features("deep,upper(subcategory),category,,")
    assert "deep goes to itemCategoryCode, which item.csv row 6 fills already. Keep one" in shop.refusal()
    shop.without("itemCategoryCode")
    assert shop.line("itemCategoryCode").source == "upper(subcategory)"


def test_two_rows_for_one_field_are_refused_by_both_names(shop: Shop) -> None:
    shop.features("brand,supplierid,field displayName2,update,")
    words = "features.csv, row 2, column place: brand goes to displayName2, which item.csv row 4 fills already."
    assert words in shop.refusal()
    shop.features("a,'1',dimension X,create,", "b,'2',dimension X,update,")
    assert "features.csv, row 3, column place: b goes to dimension.X, which features.csv row 2" in shop.refusal()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,name,displayName2,,", "column place: `displayName2` is no place. Write `field NAME`, `dimension CODE`"),
        ("a,name,field,,", "column place: `field` is no place"),
        ("a,name,category RED,,", "column place: `category RED` is no place"),
        ("a,name,dimension ABCDEFGHIJKLMNOPQRSTU,,", "`ABCDEFGHIJKLMNOPQRSTU` is not the name of a dimension"),
        ("a,name,field a b,,", "column place: `a b` is not the name of a field"),
        ("a,,dimension SEASON,,", "column source: a gets no value"),
        ("a,colour,,,", "column source: the source has no field `colour`. Did you mean color?"),
        ("a,colour,dimension X,,", "features.csv, row 2, column source: the source has no field `colour`"),
        ("a,name,field inventory2,,", "features.csv, row 2, column target_field: the target has no field"),
        ("a,name,dimension X,sometimes,", "column when: `sometimes` is not one of always"),
        ("a,'123456789012345678901',dimension X,,", "does not do for dimension.X: longer than 20 characters"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_place(shop: Shop, row: str, words: str) -> None:
    shop.features(row)
    assert words in shop.refusal()


def test_what_has_no_place_is_listed_and_so_is_a_field_that_no_table_reads(shop: Shop) -> None:
    off = BusinessCentralSettings(companion_app="off")
    shop.connected = replace(shop.connected, settings=shop.connected.settings.model_copy(update={"bc": off}))
    shop.features(
        "brand,'ACME',app shortDescription,,", "season,subcategory,,,not decided", "maker,supplierid,dimension X,never,"
    )
    listed = shop.connected.without_place()
    assert "features.csv row 2: app.shortDescription needs the companion app, which is off" in listed
    assert "features.csv row 3: season has no place in Business Central (not decided)" in listed
    assert "variant_picture: no table reads this field" in listed
    assert not [each for each in listed if "supplierid" in each], "a row with never says that it is left out on purpose"


def test_a_field_with_a_place_is_not_listed(shop: Shop) -> None:
    shop.features("subcategory,subcategory,dimension GROUP,,")
    listed = shop.connected.without_place()
    assert "supplierid: no table reads this field" in listed
    assert not [each for each in listed if "subcategory" in each]


def test_nothing_is_listed_in_a_flow_without_tables_of_features() -> None:
    assert ConnectedFlow(CUSTOMERS, Settings(mapping_folder=SHIPPED)).without_place() == []


def test_the_shipped_rows_are_listed_by_name() -> None:
    listed = ConnectedFlow(PRODUCTS, Settings(mapping_folder=SHIPPED)).without_place()
    for name in ("color", "size", "supplierid", "subcategory"):
        assert [each for each in listed if f": {name} has no place in Business Central" in each], name


def test_a_mapping_folder_of_an_earlier_version_without_these_files_still_serves(shop: Shop) -> None:
    for name in ("attributes.csv", "features.csv"):
        (shop.folder / name).unlink()
    assert shop.connected.checked()
    assert "color: no table reads this field" not in shop.connected.without_place()


def test_an_edit_of_features_is_another_version_of_the_tables(shop: Shop) -> None:
    before = shop.connected.mapping_version()
    shop.features("season,'SUMMER',dimension SEASON,,")
    assert shop.connected.mapping_version() != before


def test_tests_csv_covers_rows_of_features(shop: Shop) -> None:
    shop.features("season,subcategory,dimension SEASON,,")
    rows = ("given,sku,S", "given,subcategory,summer", "always,item.dimension.SEASON,SUMMER")
    content = "test,kind,field,value,note\n" + "".join(f"t,{row},\n" for row in rows)
    (shop.folder / "tests.csv").write_text(content, encoding="utf-8")
    (finding,) = run_tests(shop.connected)
    assert finding.differences == ()


def test_an_edited_row_is_shown_by_diff_and_put_back_by_reset(shop: Shop) -> None:
    path = shop.folder / "features.csv"
    path.write_text(path.read_text().replace("supplierid,supplierid,", "supplierid,supplierid,dimension SUPPLIER"))
    tables = shop.folder.parent
    (found,) = differences(Tables(tables))
    assert (found.row, found.column, found.yours) == ("supplierid", "place", "dimension SUPPLIER")
    assert reset(Tables(tables), "features", NOW) == [Path(PRODUCTS.id, "features.csv")]
    assert list(differences(Tables(tables))) == []


@pytest.mark.parametrize("when", ["", "always", "create", "fill_empty"])
def test_stock_in_a_new_item_is_refused_by_validate_with_business_centrals_reason(shop: Shop, when: str) -> None:
    """behaviour.md section 13: a POST of items with inventory is refused; PATCH posts an item journal line."""
    with (shop.folder / "item.csv").open("a", encoding="utf-8") as file:
        file.write(f"inventory,'5',,{when},,\n")
    words = "inventory is refused in a new record (Inventory cannot be changed during on insert.). Write `update`"
    assert words in shop.refusal()


def test_stock_of_existing_items_is_allowed(shop: Shop) -> None:
    with (shop.folder / "item.csv").open("a", encoding="utf-8") as file:
        file.write("inventory,'5',,update,,\n")
    assert shop.line("inventory").when == "update"


def test_validate_lists_what_has_no_place_and_is_green(desk: Desk) -> None:
    code, printed = desk.run("validate", "products")
    assert code == 0
    assert "features.csv row 3: subcategory has no place in Business Central" in printed


def test_preview_and_explain_name_the_file_of_the_row(desk: Desk) -> None:
    desk.edit("supplierid,supplierid,,,", 'supplierid,"zero_pad(supplierid, 21)",dimension BRANCH,,', FEATURES)
    _, printed = desk.run("preview", "products", "--key", "SKU-1")
    assert "dimension.BRANCH: longer than 20 characters, given a text of 21 characters (features.csv row 2)" in printed
    _, printed = desk.run("explain", "products", "SKU-1", "dimension.BRANCH")
    assert "products_winstore_to_bc/features.csv, row 2" in printed


def test_impact_and_trace_show_a_dimension_like_any_field(desk: Desk) -> None:
    desk.edit("supplierid,supplierid,,,", "supplierid,supplierid,dimension BRANCH,,", FEATURES)
    _, printed = desk.run("impact", "products")
    assert "item: dimension.BRANCH would change in 2 records" in printed
    desk.sandboxes.sync("products")
    assert "dimension.BRANCH features.csv row 2" in str(
        trace(ConnectedFlow(PRODUCTS, desk.sandboxes.settings), "SKU-1")
    )


def test_the_live_and_the_shipped_tables_of_features_are_the_same() -> None:
    for name in ("attributes.csv", "features.csv"):
        live = REPOSITORY / "mapping_tables" / PRODUCTS.id / name
        assert live.read_bytes() == (SHIPPED / PRODUCTS.id / name).read_bytes()
