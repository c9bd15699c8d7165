"""What a person sees of a plan of products before it is sent: each part of it, and records that it makes together."""

import pytest

from winbc_pipeline.settings import GuardSettings
from winbc_pipeline.sync.run import dry_run
from winbc_pipeline.workbench.approval import EXAMPLES, proposal
from winbc_pipeline.workbench.preview import preview

from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop

RED, BLUE = {"sku": "SHIRT-R", "color": "red"}, {"sku": "SHIRT-B", "color": "blue"}


def test_a_variant_whose_item_the_same_plan_makes_is_no_error(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    dry_run(product_shop.work())
    (variant,) = preview(product_shop.connected, "SHIRT-R", 1)
    assert variant.request == "POST itemVariants after its article, which this plan makes"
    assert (variant.part.name, variant.errors, variant.orphan) == ("variant", [], False)


@pytest.mark.proof
def test_a_variant_whose_item_is_there_goes_alone(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED)
    product_shop.run()
    product_shop.sells("7", RED, BLUE)
    dry_run(product_shop.work())
    (variant,) = preview(product_shop.connected, "SHIRT-B", 1)
    assert variant.request == "POST itemVariants"


def test_what_waits_is_shown_by_part_with_examples_of_each(product_shop: ProductShop) -> None:
    skus = EXAMPLES + 2
    guards = GuardSettings(enabled=True, at_least=1)
    product_shop.settings = product_shop.settings.model_copy(update={"guards": guards})
    for n in range(skus):
        product_shop.article(str(n), f"S{n}", category="Road Frames")
    dry_run(product_shop.work())
    shown = proposal(product_shop.connected)
    assert [(each.part, each.creates, each.updates, each.blocks) for each in shown.parts] == [
        ("category", 1, 0, 0),
        ("item", skus, 0, 0),
    ]
    named = [row["part"] for row in shown.examples]
    assert named == ["category", *["item"] * EXAMPLES]
