"""`winbc check` and `winbc check --probe` of stock, and what a first load is worth."""

from decimal import Decimal

import pytest

from winbc_pipeline.errors import ConfigurationError, MappingError, TooManyWrites
from winbc_pipeline.settings import GuardSettings
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.readiness import CheckResult
from winbc_pipeline.workbench.stock.probe import probe
from winbc_pipeline.workbench.stock.value import Worth, worth

from ...support.order_sandboxes import BC
from ...support.shops.stock_world import SKU, TO_WINSTORE, StockWorld


def checked(world: StockWorld, flow: str = "stock_winstore_to_bc") -> CheckResult:
    return next(each for each in checks(world.settings) if each.name == f"SKUs of {flow}").run()


def probed(world: StockWorld) -> str:
    target = BusinessCentral(world.settings)
    try:
        return probe(target)
    finally:
        target.close()


def test_skus_without_an_article_and_warehouses_without_a_group_are_named(stock: StockWorld) -> None:
    stock.table("stock_groups", "1,SHOPS,")
    stock.shop_has(sku="NOBODY", quantity="1")
    stock.shop_has(sku=SKU, warehouse="8", quantity="1")
    stock.run()
    found = checked(stock)
    assert found.looked_at == "2 SKUs are not sent"
    assert found.warnings == (
        "lookups/stock_groups.csv has no row for warehouse 8; its SKUs are not sent",
        "MISSING_ARTICLE: 1 SKUs are not sent: NOBODY",
        "UNKNOWN_WAREHOUSE: 1 SKUs are not sent: SKU-1",
    )


def test_warehouses_that_only_the_star_covers_are_named(stock: StockWorld) -> None:
    stock.shop_has(warehouse="3", quantity="1")
    stock.run()
    assert checked(stock).warnings == ("lookups/stock_groups.csv counts these warehouses by its row *: 3",)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,B,,,,,,", "give a SKU or a category, not both"),
        (",,1,,,,,", "give a SKU or a category, not both"),
        ('A,,"1,5",,,,,', "column safety: `1,5` is not a number with a dot"),
        ("A,,,,0,,,", "column rounding: `0` is not a number with a dot, or not above 0"),
        ("A,,,,,maybe,,", "column clamp: `maybe` is neither yes nor no"),
        ("A,,1,,,,,\na,,2,,,,,", "row 3: row 2 has the same SKU or category"),
    ],
)
def test_a_wrong_rule_is_named_with_its_row(stock: StockWorld, row: str, words: str) -> None:
    stock.table("stock_rules", row)
    stock.shop_has(quantity="1")
    with pytest.raises(MappingError, match=words):
        stock.run()


def test_a_wrong_owner_is_told_by_the_check(stock: StockWorld) -> None:
    stock.owner("bc", warehouse="7", owners={"ALL": "winstore"})
    with pytest.raises(ConfigurationError, match="Winstore owns the stock of group ALL"):
        checked(stock, TO_WINSTORE)


def test_the_probe_leaves_nothing(stock: StockWorld) -> None:
    stock.counted(4)
    assert probed(stock) == f"a change of the stock of item {SKU} would be taken; Business Central undid it"
    assert stock.inventory() == 4


def test_the_probe_finds_a_set_up_that_takes_no_stock(stock: StockWorld) -> None:
    stock._control(BC, "seed", {"settings": {"inventorySetup": {"locationMandatory": True}}})
    with pytest.raises(ConfigurationError, match="STOCK_SETUP.*Location Code"):
        probed(stock)


def test_a_first_load_is_shown_by_warehouse_with_its_value(stock: StockWorld) -> None:
    stock.item(SKU, unitCost=2.5)
    stock.counted(3)
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="7", quantity="1.5")
    stock.settings = stock.settings.model_copy(update={"guards": GuardSettings(at_least=0)})
    with pytest.raises(TooManyWrites):
        stock.run()
    assert worth(stock.connected()) == [
        Worth("1", 1, Decimal(5), Decimal("12.5")),
        Worth("7", 1, Decimal("1.5"), Decimal("3.75")),
        Worth("", 1, Decimal("3.5"), Decimal("8.75")),
    ]
