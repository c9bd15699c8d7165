"""What is gone from the source, in the Dagster UI: a warning on the synced asset, and no red window (issue 19)."""

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.orchestration.windows import range_tags

from ..support.order_sandboxes import FIRST, LAST
from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import gone_shop as gone_shop

pytestmark = pytest.mark.proof


def check_of(shop: ProductShop) -> AssetCheckEvaluation:
    """What a run of all windows says, which must succeed."""
    settings = shop.settings
    with DagsterInstance.ephemeral() as instance:
        result = (
            build_defs(settings=settings)
            .resolve_job_def(PRODUCTS.id)
            .execute_in_process(instance=instance, tags=range_tags(FIRST, LAST, settings))
        )
    return {each.check_name: each for each in result.get_asset_check_evaluations()}["nothing_is_gone"]


def test_the_check_warns_and_names_what_is_gone(gone_shop: ProductShop) -> None:
    gone_shop.article("1", "S1", active="false")
    gone_shop.vanishes("2")
    found = check_of(gone_shop)
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)
    counts = {name: value.value for name, value in found.metadata.items() if name != "gone_records"}
    assert counts == {"gone_inactive": 1, "gone_missing_article": 1}
    assert "INACTIVE: 1 records are in the target and inactive in the source: S1" in str(
        found.metadata["gone_records"].value
    )


def test_the_check_passes_while_nothing_is_gone(gone_shop: ProductShop) -> None:
    assert check_of(gone_shop).passed
