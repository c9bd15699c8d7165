"""One product on both sides, as `winbc products SKU` shows it."""

import pytest

from winbc_pipeline.errors import NotDone
from winbc_pipeline.workbench.products.side_by_side import Product, product

from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop

RED = {"sku": "SHIRT-R", "color": "red", "gtin": "0100537900016"}
BLUE = {"sku": "SHIRT-B", "color": "blue"}


@pytest.fixture(params=["items", "item_variants"])
def shop(product_shop: ProductShop, request: pytest.FixtureRequest) -> ProductShop:
    if request.param == "item_variants":
        product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    return product_shop


def compared(shown: Product, field: str) -> list[tuple[object, object]]:
    """What the tables make and what Business Central has, in each record with a field."""
    return [
        (each.value, view.live.get(field))
        for view in shown.records
        for each in view.fields
        if each.target.facts.name == field
    ]


def test_it_shows_all_skus_of_the_article_with_their_partners(shop: ProductShop) -> None:
    shop.run()
    shown = product(shop.settings, "shirt-r")
    assert (shown.article, shown.sku) == ("7", "SHIRT-R")
    found = [(row["sku"], row["target_no"], row["made_by"], row["state"]) for row in shown.skus]
    assert found == [(sku, sku, "winstore", "CONFIRMED") for sku in ("SHIRT-B", "SHIRT-R")]


def test_it_shows_what_a_person_has_changed_there(shop: ProductShop) -> None:
    shop.run()
    (number,) = {"SHIRT-R", "7"} & set(shop.numbers())
    shop.in_bc(number, unitPrice=99)
    assert [there for _, there in compared(product(shop.settings, "SHIRT-R"), "unitPrice")] == [99]


def test_it_shows_the_last_writes_and_what_is_lost(shop: ProductShop) -> None:
    shop.run()
    shown = product(shop.settings, "SHIRT-R")
    assert "SHIRT-R" in {row["key"] for row in shown.writes}
    is_lost = "not carried: 1 SKUs have a GTIN of their own" in shown.remarks
    assert is_lost == (shop.settings.products.variants == "item_variants")


def test_it_shows_a_product_that_was_never_sent_as_it_would_be(shop: ProductShop) -> None:
    shop.run()
    shop.sells("8", {"sku": "CAP-R", "color": "red"})
    shop.plan()
    shown = product(shop.settings, "CAP-R")
    assert {view.decision.action for view in shown.records} == {"create"}
    assert [row["state"] for row in shown.skus] == [None]


def test_a_sku_that_nobody_knows_is_said_with_what_to_do(shop: ProductShop) -> None:
    with pytest.raises(NotDone, match="There is no SKU X.*winbc plan products"):
        product(shop.settings, "X")
