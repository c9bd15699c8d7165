"""Winstore's stock in Business Central with the companion app: differences that are posted once by their keys.

Contract of the app: facts/companion_app.json. The protocol of lost answers: exactly_once.md section 3. Without the app:
test_to_bc.py and test_seller.py.
"""

from decimal import Decimal
from typing import Any, get_args

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.retail import whole_articles
from winbc_pipeline.settings import Loss, ProductSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import dry_run, sync
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import BC, FIRST, LAST
from ...support.sandboxes import ARTICLE
from ...support.shops.stock_world import TO_BC, StockWorld
from .seller import lost_of

ADJUSTMENTS = "connector.winstore.stockAdjustments"
pytestmark = pytest.mark.proof


@pytest.fixture
def shop(stock_with_app: StockWorld) -> StockWorld:
    """Winstore owns all stock, and has five pieces of the item."""
    stock_with_app.shop_has(quantity="5")
    return stock_with_app


def adjustments(world: StockWorld) -> list[dict[str, Any]]:
    return world.records(ADJUSTMENTS)


def sells_as_variants(world: StockWorld, article: str, *skus: str) -> None:
    """An article of Winstore becomes an item, and its SKUs variants of it."""
    usual = ARTICLE | {"article_key": article, "category": "", "gtin": "", "modified_at": timestamp(world.now)}
    (record,) = whole_articles([usual | {"sku": sku, "color": sku} for sku in skus])
    world.winstore_app.state.records.insert_many("articles", [(article, record)])
    products = ProductSettings(variants="item_variants", accept_losses=get_args(Loss))
    world.settings = world.settings.model_copy(update={"products": products})
    sync(Work(ConnectedFlow(PRODUCTS, world.settings), FIRST, LAST, "products"))


def add_row(world: StockWorld, row: str) -> None:
    """Adds a row to the mapping table of stock."""
    world._own_tables()
    table = world.settings.mapping_folder / TO_BC / "item.csv"
    table.write_text(f"{table.read_text(encoding='utf-8').rstrip()}\n{row}\n", encoding="utf-8")


def test_a_figure_arrives_as_one_posted_difference(shop: StockWorld) -> None:
    shop.counted(2)
    assert shop.run().updated == 1
    assert (shop.inventory(), shop.told()) == (5, ("CONFIRMED", None))
    (adjustment,) = adjustments(shop)
    assert (Decimal(adjustment["quantity"]), adjustment["posted"]) == (3, True)
    assert adjustment["reference"] == shop.row()["attempt_id"].upper()


def test_a_rerun_posts_nothing(shop: StockWorld) -> None:
    shop.run()
    shop.run()
    shop.swept()
    assert len(adjustments(shop)) == 1


@pytest.mark.parametrize("nth", [1, 2])
def test_an_answer_that_was_lost_posts_nothing_twice(shop: StockWorld, nth: int) -> None:
    """The first batch to the app inserts the adjustment, the second one posts it."""
    shop.fault(BC, {"kind": "drop_after", "path": "connector/winstore/v1.0/$batch", "nth": nth})
    shop.run()
    assert shop.told()[0] == "UNKNOWN"
    shop.run()
    assert (shop.inventory(), shop.told()[0]) == (5, "CONFIRMED")
    assert sum(Decimal(one["quantity"]) for one in adjustments(shop) if one["posted"]) == 5


def test_what_was_inserted_before_a_run_died_is_posted_before_it_is_planned_again(shop: StockWorld) -> None:
    shop.fault(BC, {"kind": "drop_before", "path": "connector/winstore/v1.0/$batch", "nth": 2})
    shop.run()
    (waiting,) = adjustments(shop)
    assert not waiting["posted"]
    shop.run()
    (posted,) = adjustments(shop)
    assert (posted["posted"], shop.inventory()) == (True, 5)


@pytest.mark.parametrize("point", ["after record intent", "after record confirm"])
def test_a_run_that_dies_leaves_the_figure_to_the_next_one(shop: StockWorld, point: str) -> None:
    assert shop.run_dies_at(point)
    shop.run()
    assert (shop.inventory(), shop.told()[0]) == (5, "CONFIRMED")
    assert sum(Decimal(one["quantity"]) for one in adjustments(shop) if one["posted"]) == 5


def test_no_sale_is_written_over(shop: StockWorld) -> None:
    """A sale is known to both systems at once, and falls between any two calls of a run, or after all of them."""
    shop.run()
    assert lost_of(shop, skus=10, rounds=2, seed=7) == 0


def test_a_sku_that_is_a_variant_gets_its_own_figure(shop: StockWorld) -> None:
    sells_as_variants(shop, "MUG", "MUG-RED", "MUG-BLUE")
    for sku, quantity in (("MUG-RED", "3"), ("MUG-BLUE", "4")):
        shop.shop_has(sku, quantity=quantity)
    shop.run()
    rows = [row for row in shop.records("stock") if row["itemNumber"] == "MUG"]
    assert {row["variantCode"]: Decimal(row["quantity"]) for row in rows} == {"MUG-RED": 3, "MUG-BLUE": 4}
    before = len(adjustments(shop))
    shop.run()
    assert len(adjustments(shop)) == before


@pytest.mark.proof
def test_a_variant_whose_sku_can_be_no_number_of_an_item_gets_its_figure(shop: StockWorld) -> None:
    """Numbers of items have 20 characters. Found in the strange shop 11."""
    sku, other = "MUG-WITH-A-SKU-THAT-IS-LONG", "NO-VARIANT-WITH-A-SKU-THAT-IS-LONG"
    sells_as_variants(shop, "MUG", sku)
    for each in (sku, other):
        shop.shop_has(each, quantity="3")
    shop.run()
    assert [Decimal(one["quantity"]) for one in shop.records("stock") if one["variantCode"]] == [3]
    assert [(shop.row(each)["state"], shop.row(each)["reason"]) for each in (sku, other)] == [
        ("CONFIRMED", None),
        ("FAILED", "MAPPING"),
    ]
    before = len(adjustments(shop))
    shop.run()
    assert len(adjustments(shop)) == before


@pytest.mark.parametrize("row", ["unitCost,7,,update,,", "displayName,'Cup',,update,,"])
def test_a_variant_gets_its_figure_alone_where_the_table_fills_more(shop: StockWorld, row: str) -> None:
    """docs/companion-app.md, Stock: what else the table fills is a field of items that have a figure themselves."""
    sells_as_variants(shop, "MUG", "MUG-RED")
    add_row(shop, row)
    shop.shop_has("MUG-RED", quantity="3")
    before = {name: shop.of_bc("MUG")[name] for name in ("unitCost", "displayName")}
    shop.run()
    assert shop.told("MUG-RED") == ("CONFIRMED", None)
    assert [Decimal(one["quantity"]) for one in shop.records("stock") if one["variantCode"]] == [3]
    assert {name: shop.of_bc("MUG")[name] for name in before} == before
    field, value = row.split(",")[:2]
    assert str(shop.of_bc()[field]) == value.strip("'")


def test_figures_go_to_the_location_of_the_setting(shop: StockWorld) -> None:
    shop.seed(locations=[{"code": "SHOPS"}, {"code": "CENTRAL"}])
    shop.counted(8, location="CENTRAL")
    shop._control(BC, "seed", {"settings": {"inventorySetup": {"locationMandatory": True}}})
    shop.owner("winstore", locations=("SHOPS",))
    shop.run()
    places = {row["locationCode"]: Decimal(row["quantity"]) for row in shop.records("stock")}
    assert places == {"CENTRAL": 8, "SHOPS": 5}
    shop.run()
    shop.swept()
    assert len(adjustments(shop)) == 1


def test_a_row_that_changes_more_than_a_figure_leaves_other_locations_alone(shop: StockWorld) -> None:
    """The figure of an item in API v2.0 is that of all locations (rules.md, Stock)."""
    add_row(shop, "displayName,'Cup',,update,,")
    shop.seed(locations=[{"code": "SHOPS"}, {"code": "CENTRAL"}])
    shop.counted(8, location="CENTRAL")
    shop.owner("winstore", locations=("SHOPS",))
    shop.run()
    places = {row["locationCode"]: Decimal(row["quantity"]) for row in shop.records("stock")}
    assert (places, shop.of_bc()["displayName"]) == ({"CENTRAL": 8, "SHOPS": 5}, "Cup")


def test_a_dry_run_posts_nothing_of_what_was_lost(shop: StockWorld) -> None:
    shop.fault(BC, {"kind": "drop_before", "path": "connector/winstore/v1.0/$batch", "nth": 2})
    shop.run()
    dry_run(Work(shop.connected(), FIRST, LAST, "plan"))
    assert [one["posted"] for one in adjustments(shop)] == [False]


def test_a_location_without_the_app_is_refused_by_name(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.owner("winstore", locations=("SHOPS",))
    with pytest.raises(ConfigurationError, match="`stock.locations` needs the companion app"):
        stock.run()


def test_without_the_right_to_adjust_the_figure_is_written_as_without_the_app(shop: StockWorld) -> None:
    shop._control(BC, "seed", {"rights": {ADJUSTMENTS: ["insert"]}})
    shop.run()
    assert (shop.inventory(), adjustments(shop)) == (5, [])


def test_an_item_that_takes_no_posting_fails_alone(shop: StockWorld) -> None:
    shop.item("FREE", baseUnitOfMeasureCode="")
    shop.shop_has("FREE", quantity="2")
    shop.run()
    assert shop.told("FREE")[0] == "FAILED"
    assert shop.inventory() == 5


def test_an_app_that_is_installed_between_two_runs_takes_over(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock._control(BC, "seed", {"extensions": [companion_app().source()]})
    stock.shop_has(quantity="4")
    stock.run()
    assert (stock.inventory(), Decimal(adjustments(stock)[0]["quantity"])) == (4, -1)
