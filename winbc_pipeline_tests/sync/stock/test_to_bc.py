"""Winstore's stock in Business Central: the sum of the warehouses that count, written over what is there."""

from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.records.special.figures import Looks
from winbc_pipeline.sync.stock import plan as stock_plan

from ...support.order_sandboxes import FIRST
from ...support.shops.stock_world import SKU, StockWorld


def test_the_sum_of_the_warehouses_less_what_is_reserved_is_the_inventory(stock: StockWorld) -> None:
    stock.shop_has(warehouse="1", quantity="5", reserved="2")
    stock.shop_has(warehouse="7", quantity="3.5")
    assert stock.run().updated == 1
    assert stock.inventory() == Decimal("6.5")


def test_a_rerun_writes_nothing(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    before = len(stock.written())
    assert stock.run().updated == 0
    assert len(stock.written()) == before


def test_what_somebody_typed_in_business_central_is_overwritten_with_the_next_change(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.counted(90)
    stock.shop_has(quantity="4")
    stock.run()
    assert stock.inventory() == 4
    assert stock.told() == ("CONFIRMED", None)


def test_a_sku_without_an_item_is_skipped_and_no_item_is_made(stock: StockWorld) -> None:
    stock.shop_has(sku="NOBODY", quantity="5")
    assert stock.run().skipped == 1
    assert stock.told("NOBODY") == ("SKIPPED", "MISSING_ARTICLE")
    assert [each for each in stock.written() if (each["method"], each["entity"]) == ("POST", "items")] == []


def test_skus_that_are_looked_up_one_at_a_time_are_planned_as_all_at_once(
    stock: StockWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/architecture.md: a plan takes no more memory for more records, and no row depends on where they are cut."""
    monkeypatch.setattr(stock_plan, "AT_ONCE", 1)
    stock.item("SKU-2")
    stock.shop_has(quantity="5")
    stock.shop_has(sku="SKU-2", quantity="3")
    stock.shop_has(sku="NOBODY", quantity="1")
    assert stock.run().updated == 2
    assert (stock.inventory(), stock.inventory("SKU-2")) == (5, 3)
    assert stock.told("NOBODY") == ("SKIPPED", "MISSING_ARTICLE")


def test_skus_that_cannot_be_numbers_of_items_are_looked_up_some_at_a_time_too(
    stock: StockWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop whose SKUs are all too long for the number of an item has a million of them."""
    monkeypatch.setattr(stock_plan, "AT_ONCE", 2)
    looked_up, rows = list[int](), stock_plan.TargetRecords.rows

    def noted(self: stock_plan.TargetRecords, wanted: list[stock_plan.Wanted]) -> Any:
        looked_up.append(len(wanted))
        return rows(self, wanted)

    monkeypatch.setattr(stock_plan.TargetRecords, "rows", noted)
    for number in range(5):
        stock.shop_has(sku=f"SKU-TOO-LONG-FOR-A-NUMBER-{number}", quantity="3")
    stock.run()
    assert looked_up == [2, 2, 1]


@pytest.mark.parametrize("kind", ["Service", "Non-Inventory"])
def test_a_service_has_no_stock(stock: StockWorld, kind: str) -> None:
    stock.item("WORK", type=kind)
    stock.shop_has(sku="WORK", quantity="5")
    stock.run()
    assert stock.told("WORK") == ("SKIPPED", "NOT_STOCKED")


def test_an_item_with_variants_is_refused_by_name(stock: StockWorld) -> None:
    stock.by_person("POST", f"items({stock.of_bc()['id']})/itemVariants", {"code": "RED", "description": "Red"})
    stock.shop_has(quantity="5")
    stock.run()
    assert stock.told() == ("SKIPPED", "NOT_STOCKED_PER_VARIANT")


def test_only_listed_warehouses_count_and_an_empty_group_does_not(stock: StockWorld) -> None:
    stock.table("stock_groups", "1,SHOPS,", "2,,on loan")
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="2", quantity="100")
    stock.run()
    assert stock.inventory() == 5


def test_a_sku_whose_warehouses_all_do_not_count_is_left_alone(stock: StockWorld) -> None:
    stock.table("stock_groups", "1,SHOPS,", "2,,on loan")
    stock.shop_has(warehouse="2", quantity="100")
    stock.run()
    assert stock.told() == ("SKIPPED", "NO_WAREHOUSE")
    assert stock.inventory() == 0


def test_a_warehouse_that_the_table_does_not_have_holds_the_sku(stock: StockWorld) -> None:
    stock.table("stock_groups", "1,SHOPS,")
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="8", quantity="1")
    stock.run()
    assert stock.told() == ("SKIPPED", "UNKNOWN_WAREHOUSE")
    assert stock.inventory() == 0


@pytest.mark.parametrize("warehouse", ["1", "7"])
def test_skus_that_differ_only_in_capitals_are_skipped_both_and_each_names_both(
    stock: StockWorld, warehouse: str
) -> None:
    stock.shop_has(sku="SKU-1", quantity="5")
    stock.shop_has(sku="sku-1", warehouse=warehouse, quantity="3")
    assert stock.run().skipped == 2
    for sku in ("SKU-1", "sku-1"):
        assert stock.told(sku) == ("SKIPPED", "AMBIGUOUS_SKU")
        assert stock.row(sku)["message"] == "SKU-1, sku-1"
    assert stock.inventory() == 0


def test_a_sku_is_sent_once_the_other_one_with_its_name_is_gone(stock: StockWorld) -> None:
    stock.shop_has(sku="SKU-1", quantity="5")
    stock.shop_has(sku="sku-1", quantity="3")
    stock.run()
    stock.shop_drops("sku-1", "1")
    stock.run()
    assert stock.inventory() == 5


def test_the_ledger_names_the_warehouse_for_which_a_sku_is_held(stock: StockWorld) -> None:
    stock.table("stock_groups", "1,SHOPS,")
    stock.shop_has(warehouse="8", quantity="1")
    stock.run()
    assert stock.row()["message"] == "8"


def test_a_sku_that_business_central_owns_too_is_not_written(stock: StockWorld) -> None:
    stock.owner("winstore", owners={"CENTRAL": "bc"}, warehouse="7")
    stock.table("stock_groups", "1,SHOPS,", "7,CENTRAL,")
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="7", quantity="1")
    stock.run()
    assert stock.told() == ("SKIPPED", "OTHER_OWNER")


def test_a_sum_waits_for_a_row_that_was_lost(stock: StockWorld) -> None:
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="7", quantity="3")
    stock.run()
    with stock.connected().store.open() as connection:
        connection.execute("DELETE FROM rows_winstore_stock WHERE warehouse = '7'")  # as a retention may do
    stock.pass_time(48 * 3600)
    stock.shop_has(warehouse="1", quantity="4")
    stock.run_changes()
    assert stock.told() == ("SKIPPED", "WAITS_FOR_PARTS")
    assert stock.inventory() == 8

    stock.run()  # reads everything
    assert stock.inventory() == 7


def test_a_warehouse_that_winstore_no_longer_gives_leaves_the_sum(stock: StockWorld) -> None:
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="7", quantity="3")
    stock.run()
    stock.shop_drops(SKU, "7")
    stock.run()  # of all windows, so it reads everything
    assert stock.inventory() == 5


def test_a_quantity_that_cannot_be_read_is_never_taken_as_zero(stock: StockWorld) -> None:
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="7", quantity="three")
    assert stock.run().failed == 1
    assert stock.told() == ("FAILED", "MAPPING")
    assert stock.inventory() == 0


def test_rules_by_sku_category_and_star(stock: StockWorld) -> None:
    for sku in ("CAPPED", "OTHER", "OUT"):
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="27.5")
    stock.table("stock_rules", "CAPPED,,2,20,6,,,", "OUT,,,,,,yes,", ",*,1,,,,,")
    stock.run()
    assert (stock.inventory("CAPPED"), stock.inventory("OTHER"), stock.inventory("OUT")) == (18, Decimal("26.5"), 0)
    assert stock.told("OUT") == ("SKIPPED", "STOCK_RULE")


def test_a_rule_by_category_counts_once_products_have_been_read(stock: StockWorld) -> None:
    stock.item("WATER")
    stock.shop_lists(category="Wine")
    stock.shop_lists("WATER", category="Soft drinks")
    for sku in (SKU, "WATER"):
        stock.shop_has(sku=sku, quantity="10")
    stock.table("stock_rules", ",wine,3,,,,,", ",*,1,,,,,")
    stock.run()
    assert (stock.told(), stock.inventory()) == (("SKIPPED", "NO_CATEGORY"), 0)

    stage(ConnectedFlow(PRODUCTS, stock.settings), FIRST)
    stock.run()
    assert (stock.inventory(), stock.inventory("WATER")) == (7, 9)


@pytest.mark.parametrize("rule", ["SKU-1", "sku-1"])
def test_a_sku_with_a_rule_of_its_own_needs_no_category(stock: StockWorld, rule: str) -> None:
    stock.table("stock_rules", f"{rule},,2,,,,,", ",Wine,1,,,,,")
    stock.shop_has(quantity="10")
    stock.run()
    assert stock.inventory() == 8


def test_a_sale_between_plan_and_write_is_seen_and_the_row_is_computed_again(
    stock: StockWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    stock.shop_has(quantity="9")
    told, look = [], Looks.moved

    def sell_first(*given: Any) -> set[str]:
        if not told:
            stock.counted(4)
        told.append(look(*given))
        return told[-1]

    monkeypatch.setattr(Looks, "moved", sell_first)
    stock.run()
    assert told == [{SKU}, set()]
    assert stock.inventory() == 9
