"""Stock in the Dagster UI: SKUs that are not sent are named by a warning, and no window is red (docs/stock.md)."""

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.windows import range_tags

from ..support.order_sandboxes import FIRST, LAST
from ..support.shops.stock_world import TO_BC, StockWorld


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
