"""The sweep finds what no sensor can see, and stays inside its calls (rules.md, Stock; row 44 of the catalogue)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from winbc_pipeline.settings import StockSettings
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.session import holder_of
from winbc_pipeline.sync.stock import sweep as module

from ...support.in_process import Killed
from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.stock_world import SKU, TO_BC, TO_WINSTORE, StockWorld


def test_a_correction_in_business_central_is_overwritten_by_the_owner(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.counted(3)
    assert stock.run_changes().updated == 0  # Winstore changed nothing, and the item's ETag stands still
    assert stock.swept().differing == 1
    assert stock.inventory() == 5


def test_a_correction_in_winstore_is_overwritten_by_the_owner(stock: StockWorld) -> None:
    stock.shop_has(warehouse="7", quantity="1")
    stock.bc_owns()
    stock.run(TO_WINSTORE)
    stock.shop_has(warehouse="7", quantity="99")
    assert stock.run_changes(TO_WINSTORE).updated == 0
    assert stock.swept(TO_WINSTORE).differing == 1
    assert stock.shown() == 10


def test_an_item_that_was_made_later_gets_its_stock(stock: StockWorld) -> None:
    stock.shop_has(sku="LATE", quantity="5")
    stock.run()
    assert stock.told("LATE") == ("SKIPPED", "MISSING_ARTICLE")
    stock.item("LATE")
    stock.swept()
    assert stock.inventory("LATE") == 5


def test_an_article_that_was_made_later_gets_its_first_figure(stock: StockWorld) -> None:
    stock.owner("bc", warehouse="7")
    stock.counted(10)
    stock.run(TO_WINSTORE)
    assert stock.told(SKU, TO_WINSTORE) == ("SKIPPED", "MISSING_ARTICLE")
    assert stock.swept(TO_WINSTORE).differing == 0
    stock.shop_lists()
    stock.swept(TO_WINSTORE)
    assert stock.shown() == 10


def test_articles_that_are_missing_are_asked_for_in_turn_inside_the_calls(stock: StockWorld) -> None:
    stock.owner("bc", warehouse="7", calls_per_hour=16)
    skus = [SKU, *(f"S{number}" for number in range(5))]
    for sku in skus:
        stock.item(sku)
        stock.counted(5, sku)
    stock.run(TO_WINSTORE)
    asked = []
    for _ in range(3):
        before = len(stock.calls(WINSTORE))
        asked.append(stock.swept(TO_WINSTORE).seen)
        assert len(stock.calls(WINSTORE)) - before <= 16 // 4
        stock.pass_time(15 * 60)
    assert asked == [2, 2, 2]
    for sku in skus:
        stock.shop_lists(sku)
    for _ in range(3):
        stock.swept(TO_WINSTORE)
        stock.pass_time(3600)
    assert [stock.shown(sku) for sku in skus] == [5] * 6


def test_a_sweep_without_differences_writes_nothing(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    before = len(stock.written())
    found = stock.swept()
    assert (found.seen, found.differing, found.late) == (1, 0, 0)
    assert len(stock.written()) == before


def test_an_edited_rule_reaches_every_sku(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.pass_time(40 * 86400)
    stock.table("stock_rules", ",*,2,,,,,")
    stock.swept()
    assert stock.inventory() == 3


def test_more_skus_than_calls_are_looked_at_in_turn_those_that_moved_last_in_every_sweep(
    stock: StockWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST", 1)
    monkeypatch.setattr(module, "FOUND_AT_ONCE", 2)
    stock.settings = stock.settings.model_copy(update={"bc": stock.settings.bc.model_copy(update={"page_size": 1})})
    stock.settings = stock.settings.model_copy(update={"stock": StockSettings(calls_per_hour=20)})
    skus = [f"S{number}" for number in range(6)]
    for sku in skus:
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="5")
    stock.run()
    for sku in skus:
        stock.counted(1, sku)
    for _ in range(5):
        stock.pass_time(15 * 60)
        assert stock.swept().seen == 2
        assert stock.inventory("S5") == 5, "it moved last"
    assert [stock.inventory(sku) for sku in skus] == [5] * 6


def test_a_sweep_stays_inside_its_calls(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    before = len(stock.calls(BC)), len(stock.calls(WINSTORE))
    stock.swept()
    assert len(stock.calls(BC)) - before[0] <= 3  # the company, the check of the target, a page of items
    assert len(stock.calls(WINSTORE)) - before[1] == 1


def test_a_killed_sweep_is_completed_by_the_next_one(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.counted(3)
    crash_points.armed["after record intent"] = 1
    with pytest.raises(Killed):
        stock.swept()
    crash_points.armed.clear()
    stock.pass_time(60)
    stock.swept()
    assert stock.inventory() == 5
    assert stock.told(SKU)[0] == "CONFIRMED"


@pytest.mark.scale
@pytest.mark.parametrize(
    "send",
    [lambda stock: stock.swept(), lambda stock: module.at_once(stock.connected(TO_BC), [SKU], "by hand")],
    ids=["sweep", "at once"],
)
@pytest.mark.usefixtures("state_server")
def test_on_a_server_nothing_is_written_without_the_lease(
    stock: StockWorld, send: Callable[[StockWorld], object]
) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.counted(3)
    connected, begun = stock.connected(TO_BC), list[bool]()

    def opened(store: Store, wait_s: float | None = None, alone: bool = False) -> AbstractContextManager[Any]:
        if store.path.stem == TO_BC:
            begun.append(holder_of(connected) is not None)
        return usual(store, wait_s, alone)

    usual = Store.open
    with patch.object(Store, "open", opened):
        send(stock)
    assert stock.inventory() == 5
    assert begun
    assert all(begun)
