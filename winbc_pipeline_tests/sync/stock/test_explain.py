"""Why a SKU has its figure, now and at an earlier time; and the stock of chosen SKUs at once."""

import time
from decimal import Decimal

import pytest

from winbc_pipeline.flows.stock.chosen import keys_of
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.stock.sweep import at_once
from winbc_pipeline.workbench.stock.explain import explain

from ...support.shops.stock_world import SKU, TO_WINSTORE, StockWorld


def test_parts_rows_rule_and_both_figures_are_told(stock: StockWorld) -> None:
    stock.table("stock_rules", f"{SKU},,2,,,,,")
    stock.shop_has(warehouse="1", quantity="5", reserved="1")
    stock.shop_has(warehouse="7", quantity="3")
    stock.run()
    stock.counted(90)
    told = explain(stock.connected(), SKU.lower())
    assert told is not None
    assert {name: told.parts[name] for name in ("on_hand", "reserved", "safety")} == {
        "on_hand": 8,
        "reserved": 1,
        "safety": 2,
    }
    assert told.rows["warehouses"] == "1: 5, reserved 1; 7: 3, reserved 0"
    assert (told.figure, told.live, told.rule) == (5, 90, "row 2")
    assert "stock_figure(on_hand - reserved - safety" in told.formula
    assert told.sent.startswith("2026-03-10") and ": 5" in told.sent
    assert told.taken.startswith("2026-03-10")


def test_what_was_known_earlier_is_told(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    then = stock.now
    stock.pass_time(3600)
    stock.shop_has(quantity="9")
    stock.run()
    told = explain(stock.connected(), SKU, then)
    assert told is not None
    assert told.parts["on_hand"] == 5
    assert ": 5" in told.taken
    now = explain(stock.connected(), SKU)
    assert now is not None
    assert (now.parts["on_hand"], now.live) == (9, 9)
    assert explain(stock.connected(), SKU, then.replace(year=2025)) is None


def test_why_nothing_is_sent_is_told(stock: StockWorld) -> None:
    stock.shop_has(sku="NOBODY", quantity="5")
    stock.run()
    told = explain(stock.connected(), "NOBODY")
    assert told is not None
    assert told.why.startswith("MISSING_ARTICLE: ")
    assert told.live is None


def test_business_centrals_parts_are_told_too(stock: StockWorld) -> None:
    stock.bc_owns()
    stock.sold(3)
    stock.run(TO_WINSTORE)
    told = explain(stock.connected(TO_WINSTORE), SKU)
    assert told is not None
    assert (told.parts["on_hand"], told.parts["on_orders"], told.figure, told.live) == (10, 3, 7, 7)
    assert told.rows["sales_lines"] == "3 PCS"


@pytest.mark.parametrize("chosen", [{"keys": [SKU.lower()]}, {"warehouse": "1"}])
def test_chosen_skus_are_sent_at_once_whatever_was_sent_before(stock: StockWorld, chosen: dict[str, object]) -> None:
    stock.item("OTHER")
    for sku, warehouse in ((SKU, "1"), ("OTHER", "7")):
        stock.shop_has(sku=sku, warehouse=warehouse, quantity="5")
    stock.run()
    for sku in (SKU, "OTHER"):
        stock.counted(1, sku)
    began = time.process_time()
    rows = at_once(stock.connected(), keys_of(stock.connected(), **chosen), "by hand")  # type: ignore[arg-type]
    assert time.process_time() - began < 3
    assert [(row["key"], row["state"]) for row in rows] == [(SKU, "CONFIRMED")]
    assert (stock.inventory(), stock.inventory("OTHER")) == (5, 1)


def test_a_category_of_business_central_is_a_choice(stock: StockWorld) -> None:
    stock.owner("bc", warehouse="7")
    stock.seed(itemCategories=[{"code": "MUGS", "displayName": "Mugs"}])
    stock.item(SKU, itemCategoryCode="MUGS")
    stock.item("OTHER")
    stock.run(TO_WINSTORE)
    assert keys_of(stock.connected(TO_WINSTORE), category="mugs") == [SKU]


def test_the_history_of_a_sku_ends_after_the_days_of_the_setting(stock: StockWorld) -> None:
    stock.owner("winstore", history_days=1)
    stock.shop_has(quantity="5")
    stock.run()
    stock.pass_time(2 * 86400)
    stock.shop_has(quantity="6")
    stock.run()
    with stock.connected().store.open() as connection:
        kept = connection.execute("SELECT on_hand FROM history_of_staging_winstore_stock").fetchall()
    assert kept == [(Decimal(6),)]
    assert ledger.read(stock.connected().store) != []
