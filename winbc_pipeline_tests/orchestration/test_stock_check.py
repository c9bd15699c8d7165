"""Stock in the Dagster UI (docs/stock.md): what a figure was made of, and a warning of SKUs that are not sent."""

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.layers import windows_of_layer
from winbc_pipeline.orchestration.windows import range_tags

from ..support.order_sandboxes import FIRST, LAST
from ..support.shops.stock_world import SKU, TO_BC, TO_WINSTORE, StockWorld


def mapped(world: StockWorld, flow: str) -> str:
    """What people see beside the mapped record of SKU-1."""
    (window,) = windows_of_layer(world.connected(flow), "mapped", FIRST, LAST).values()
    (record,) = [each for each in window.records if each["key"] == SKU]
    return str(record["message"])


def test_a_mapped_record_shows_its_parts_its_warehouses_and_its_rule(stock: StockWorld) -> None:
    stock.table("stock_rules", f"{SKU},,2,20,6,yes,,")
    stock.shop_has(quantity="38", reserved="1.5")
    stock.shop_has(warehouse="7", quantity="10")
    stock.run()
    assert mapped(stock, TO_BC) == (
        "on_hand 48, reserved 1.5, safety 2, cap 20, rounding 6, clamp true, rule row 2, "
        "warehouses 1: 38, reserved 1.5; 7: 10, reserved 0"
    )


def test_a_mapped_record_of_business_central_shows_its_open_orders(stock: StockWorld) -> None:
    stock.bc_owns()
    stock.sold(3)
    stock.run(TO_WINSTORE)
    assert mapped(stock, TO_WINSTORE) == "on_hand 10, on_orders 3, incoming 0, safety 0, clamp false, sales_lines 3 PCS"


def check_of(world: StockWorld) -> AssetCheckEvaluation:
    """What a run of all windows says, which must succeed."""
    with DagsterInstance.ephemeral() as instance:
        result = (
            build_defs(settings=world.settings)
            .resolve_job_def(TO_BC)
            .execute_in_process(instance=instance, tags=range_tags(FIRST, LAST, world.settings))
        )
    assert result.success
    return {each.check_name: each for each in result.get_asset_check_evaluations()}["every_sku_has_an_article"]


@pytest.mark.proof
def test_skus_that_are_not_sent_are_counted_and_named_and_the_run_succeeds(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.shop_has(sku="NOBODY", quantity="5")
    stock.shop_has(sku="Cup", quantity="1")
    stock.shop_has(sku="CUP", quantity="1")
    found = check_of(stock)
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)
    assert found.metadata["skipped_missing_article"].value == 1
    assert found.metadata["skipped_ambiguous_sku"].value == 2
    assert "MISSING_ARTICLE: 1 SKUs are not sent: NOBODY" in str(found.metadata["skus"].value)
    assert "AMBIGUOUS_SKU: 2 SKUs are not sent: CUP, Cup" in str(found.metadata["skus"].value)


@pytest.mark.proof
def test_the_check_passes_when_every_sku_is_sent(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    assert check_of(stock).passed
