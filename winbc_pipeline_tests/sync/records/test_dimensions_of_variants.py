"""Features of an article whose SKUs are variants: its item gets the value of the first SKU, and what differs is named.

Source: docs/products.md, "Attributes and features"; API v2.0 has default dimensions of items, and none of itemVariants.
"""

import pytest

from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.run import dry_run
from winbc_pipeline.workbench.plans import with_changes

from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop
from .test_dimensions import dimensions, place

RED, BLUE = {"sku": "SHIRT-R", "color": "red"}, {"sku": "SHIRT-B", "color": "blue"}
BY_COLOUR = """branch,"if(color = 'red', '2', '3')",dimension BRANCH,always,"""
DIFFERS = "not carried: 1 SKUs have another value than the item in features.csv row 2 (dimension.BRANCH)"


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    product_shop.as_variants()
    place(product_shop)
    return product_shop


def test_the_item_of_an_article_gets_the_dimension_in_the_run_that_makes_it(shop: ProductShop) -> None:
    shop.sells("7", RED, BLUE, supplier_id="2")
    assert shop.run().failed == 0
    assert dimensions(shop, "7") == {"BRANCH": "2"}
    assert shop.states("article") == {"7": ("CONFIRMED", None)}
    assert [words for words in notes(shop) if "features.csv" in words] == []


@pytest.mark.proof
def test_each_article_has_its_own_value_and_a_plain_item_too(shop: ProductShop) -> None:
    shop.sells("7", RED, supplier_id="2")
    shop.sells("9", {"sku": "CAP-R", "color": "red"}, supplier_id="3")
    shop.article("8", "MUG", supplier_id="1")
    shop.run()
    assert [dimensions(shop, number)["BRANCH"] for number in ("7", "9", "MUG")] == ["2", "3", "1"]


@pytest.mark.proof
def test_a_changed_value_is_the_only_write_and_a_rerun_writes_nothing(shop: ProductShop) -> None:
    shop.sells("7", RED, BLUE, supplier_id="2")
    shop.run()
    before = shop.writes()
    shop.sells("7", RED, BLUE, supplier_id="3")
    shop.run()
    assert [method for method, _ in shop.writes_since(before)] == ["PATCH"]
    assert dimensions(shop, "7") == {"BRANCH": "3"}
    before = shop.writes()
    shop.run()
    assert shop.writes() == before


def test_skus_that_differ_are_counted_as_a_loss_and_the_first_ones_value_arrives(shop: ProductShop) -> None:
    place(shop, BY_COLOUR)
    shop.sells("7", RED, BLUE)
    assert shop.run().failed == 0
    assert dimensions(shop, "7") == {"BRANCH": "3"}  # of SHIRT-B, the first by its SKU
    assert DIFFERS in notes(shop)


def test_the_dry_run_tells_it_before_anything_is_sent(shop: ProductShop) -> None:
    place(shop, BY_COLOUR)
    shop.sells("7", RED, BLUE)
    work = shop.work()
    dry_run(work)
    (row,) = planned_rows(work, "article")
    assert '"field":"dimension.BRANCH","old":null,"new":"3"' in with_changes(row)["changes"]
    assert DIFFERS in notes(shop)
    assert shop.numbers() == []


@pytest.mark.proof
def test_an_attribute_that_tells_variants_apart_is_no_loss(shop: ProductShop) -> None:
    shop.sells("7", RED, BLUE, supplier_id="2")
    shop.run()
    assert not [words for words in notes(shop) if "color" in words]


@pytest.mark.proof
def test_a_value_that_business_central_lacks_fails_the_article_and_its_variants_wait(shop: ProductShop) -> None:
    shop.sells("7", RED, supplier_id="77")
    shop.article("8", "MUG", supplier_id="1")
    shop.run()
    assert shop.states("article") == {"7": ("FAILED", "RELATION_MISSING")}
    assert shop.states("variant") == {"SHIRT-R": ("FAILED", "DEPENDENCY")}
    assert shop.numbers() == ["MUG"]


def notes(shop: ProductShop) -> list[str]:
    return shop.connected.flow.notes(shop.settings)
