"""What stops a run of stock before its first write, or after one (issue: Guards; rules.md, Stock)."""

from functools import partial

import pytest

from winbc_pipeline.errors import SourceShrank, TooManyWrites
from winbc_pipeline.settings import GuardSettings, StockSettings
from winbc_pipeline.sync.plan_table import READ_AT_ONCE, planned_slices
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.records import push

from ...support.order_sandboxes import BC
from ...support.shops.stock_world import StockWorld

SKUS = [f"S{number}" for number in range(6)]


@pytest.fixture
def many(stock: StockWorld) -> StockWorld:
    """Six SKUs in step, and the guards on."""
    for sku in SKUS:
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="5")
    stock.run()
    chosen = {"guards": GuardSettings(share_percent=100), "stock": StockSettings(zero_at_least=2)}
    stock.settings = stock.settings.model_copy(update=chosen)
    return stock


def empty(world: StockWorld, count: int) -> None:
    for sku in SKUS[:count]:
        world.shop_has(sku=sku, quantity="0")


def test_a_run_that_would_set_many_skus_to_zero_stops_before_the_first_write(many: StockWorld) -> None:
    empty(many, 3)
    with pytest.raises(TooManyWrites, match="3 of them to zero"):
        many.run()
    assert {many.inventory(sku) for sku in SKUS} == {5}


def test_a_few_skus_may_be_sold_out(many: StockWorld) -> None:
    empty(many, 2)
    many.run()
    assert [many.inventory(sku) for sku in SKUS] == [0, 0, 5, 5, 5, 5]


def test_a_sweep_is_held_like_any_run(many: StockWorld) -> None:
    empty(many, 3)
    with pytest.raises(TooManyWrites):
        many.swept()
    assert {many.inventory(sku) for sku in SKUS} == {5}


@pytest.mark.parametrize("left", [0, 2])
def test_a_source_that_is_empty_or_below_half_is_mapped_by_nobody(many: StockWorld, left: int) -> None:
    stage(many.connected(), many.settings.history_start)
    for sku in SKUS[left:]:
        many.shop_drops(sku, "1")
    with pytest.raises(SourceShrank):
        many.run()
    assert {many.inventory(sku) for sku in SKUS} == {5}


def test_a_first_load_waits_for_a_person(stock: StockWorld) -> None:
    for sku in SKUS:
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="5")
    stock.settings = stock.settings.model_copy(update={"guards": GuardSettings(at_least=5)})
    with pytest.raises(TooManyWrites, match="6 to update"):
        stock.run()
    assert {stock.inventory(sku) for sku in SKUS} == {0}


@pytest.mark.parametrize("read_at_once", [READ_AT_ONCE, 2])
@pytest.mark.parametrize("setup", [{"locationMandatory": True}])
def test_a_set_up_that_takes_no_stock_is_told_once_and_not_by_each_sku(
    stock: StockWorld, setup: dict[str, bool], read_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "planned_slices", partial(planned_slices, at_once=read_at_once))
    for sku in SKUS:
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="5")
    stock._control(BC, "seed", {"settings": {"inventorySetup": setup}})
    assert stock.run().failed == 6
    assert [stock.told(sku) for sku in SKUS] == [("FAILED", "STOCK_SETUP"), *[("PLANNED", "STOPPED")] * 5]
    stock._control(BC, "seed", {"settings": {"inventorySetup": dict.fromkeys(setup, False)}})
    stock.run()
    assert {stock.inventory(sku) for sku in SKUS} == {5}
