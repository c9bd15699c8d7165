"""Products in both directions: what is edited on one side arrives on the other, and nothing comes back."""

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.flows.products import PRODUCTS_TO_WINSTORE

from ...support.order_sandboxes import KNOWN_SKU, WINSTORE
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop

pytestmark = pytest.mark.proof

RED = {"sku": "SHIRT-R", "color": "red", "size": "M", "price": "10"}
BLUE = {"sku": "SHIRT-B", "color": "blue", "size": "M", "price": "12"}
MUG = {"displayName": "Mug", "type": "Inventory", "unitPrice": 10, "taxGroupCode": "VAT21"}


@pytest.fixture(params=["items", "item_variants"])
def shop(product_shop: ProductShop, request: pytest.FixtureRequest) -> ProductShop:
    """Articles with and without variants that were sent, and products that go both ways."""
    product_shop.both_ways(request.param)
    product_shop.sells("7", RED, BLUE, category="Clothing")
    product_shop.article("8", "MUG", category="Kitchen", gtin="0100537900016")
    product_shop.run()
    return product_shop


def test_nothing_comes_back_after_the_first_load(shop: ProductShop) -> None:
    in_bc, in_shop = shop.all_writes()
    for _ in range(3):
        shop.passes()
    after = shop.all_writes()
    assert (after[0], in_shop) == (in_bc, [])
    assert [each["body"]["sku"] for each in after[1]] == [KNOWN_SKU]


def test_nothing_is_written_in_a_day_without_edits(shop: ProductShop) -> None:
    shop.passes()
    before = shop.all_writes()
    for _ in range(24):
        shop.pass_time(3600)
        shop.passes()
    assert shop.all_writes() == before


def test_an_edit_on_either_side_arrives_on_the_other(shop: ProductShop) -> None:
    shop.passes()
    shop.in_bc("MUG", displayName="Mug, blue", unitPrice=20)
    shop.article("8", "MUG", category="Kitchen", gtin="0100537900023")
    shop.passes()
    there = shop.sku("MUG")
    assert (there["title"], there["price"]) == ("Mug, blue", "20")
    assert shop.item("MUG")["gtin"] == "0100537900023"
    before = shop.all_writes()
    shop.passes()
    assert shop.all_writes() == before


def test_an_edit_of_one_field_on_both_sides_is_for_a_person(shop: ProductShop) -> None:
    shop.passes()
    shop.in_bc("MUG", displayName="Mug, blue")
    shop.article("8", "MUG", category="Kitchen", name="Mug, red")
    shop.passes()
    row = shop.row("MUG")
    assert (row["state"], row["reason"]) == ("CONFLICT", "BOTH_CHANGED")
    assert (shop.item("MUG")["displayName"], shop.sku("MUG")["title"]) == ("Mug, blue", "Mug, red")


def test_a_new_item_becomes_an_article_and_stays_one_item(shop: ProductShop) -> None:
    shop.passes()
    shop.in_bc_made("items", MUG | {"number": "CUP", "displayName": "Cup"})
    shop.passes()
    assert (shop.sku("CUP")["title"], shop.sku("CUP")["price"]) == ("Cup", "10")
    before = shop.all_writes()
    shop.passes()
    assert (shop.all_writes(), shop.numbers().count("CUP")) == (before, 1)


def test_a_block_in_business_central_makes_the_article_inactive(shop: ProductShop) -> None:
    shop.passes()
    shop.in_bc("MUG", blocked=True)
    shop.passes()
    assert shop.of_shop("8")["active"] == "false"
    assert shop.item("MUG")["blocked"] is True


def test_an_item_with_variants_becomes_an_article_with_them(product_shop: ProductShop) -> None:
    product_shop.both_ways("item_variants")
    product_shop.in_bc_made("items", MUG | {"number": "CAP", "displayName": "Cap"})
    for code in ("RED", "BLUE"):
        product_shop.in_bc_made("itemVariants", {"itemNumber": "CAP", "code": code, "description": code.lower()})
    product_shop.passes()
    article = product_shop.of_shop("CAP")
    assert [(each["sku"], each["title"]) for each in article["variants"]] == [("CAP-BLUE", "blue"), ("CAP-RED", "red")]
    product_shop.passes()
    before = product_shop.all_writes()
    product_shop.passes()
    assert product_shop.all_writes() == before
    assert sorted(product_shop.variants()) == ["BLUE", "RED"]


def test_a_new_variant_goes_to_the_article_of_its_item_whatever_number_that_has(product_shop: ProductShop) -> None:
    product_shop.both_ways("item_variants")
    product_shop.sells("7", RED)
    product_shop.passes()
    product_shop.in_bc("7", number="SHIRTS")
    product_shop.in_bc_made("itemVariants", {"itemNumber": "SHIRTS", "code": "GREEN", "description": "green"})
    product_shop.passes()
    assert [each["sku"] for each in product_shop.of_shop("7")["variants"]] == ["SHIRT-R", "SHIRTS-GREEN"]
    product_shop.passes()
    before = product_shop.all_writes()
    product_shop.passes()
    assert product_shop.all_writes() == before


def test_an_item_with_variants_is_not_sent_where_each_sku_is_an_item(product_shop: ProductShop) -> None:
    product_shop.both_ways("items")
    product_shop.in_bc_made("items", MUG | {"number": "CAP", "displayName": "Cap"})
    product_shop.in_bc_made("itemVariants", {"itemNumber": "CAP", "code": "RED"})
    product_shop.passes()
    assert product_shop.states("article", PRODUCTS_TO_WINSTORE)["CAP"] == ("SKIPPED", "ITEM_VARIANTS")
    assert "CAP" not in str(product_shop.state(WINSTORE)["records"].get("articles", []))


def test_an_item_is_not_taken_for_the_variant_of_another_one(product_shop: ProductShop) -> None:
    product_shop.both_ways("items")
    product_shop.in_bc_made("items", MUG | {"number": "CAP-RED", "displayName": "Red cap"})
    product_shop.in_bc_made("items", MUG | {"number": "CAP", "displayName": "Cap"})
    product_shop.in_bc_made("itemVariants", {"itemNumber": "CAP", "code": "RED"})
    product_shop.passes()
    assert product_shop.sku("CAP-RED")["title"] == "Red cap"
    assert product_shop.states("article", PRODUCTS_TO_WINSTORE)["CAP"] == ("SKIPPED", "ITEM_VARIANTS")


@pytest.mark.parametrize("point", ["after record intent", "after record answer", "after record confirm"])
def test_an_item_whose_variants_are_not_there_yet_is_no_sku(product_shop: ProductShop, point: str) -> None:
    product_shop.both_ways("item_variants")
    for nth in range(1, 5):
        product_shop.sells(f"{9 - nth}", RED | {"sku": f"R{nth}"}, BLUE | {"sku": f"B{nth}"})
        product_shop.run_dies_at(PRODUCTS, point, nth)
        for _ in range(3):
            product_shop.run_of(PRODUCTS_TO_WINSTORE)
            product_shop.pass_time(22 * 60)
            product_shop.run()
    articles = product_shop.state(WINSTORE)["records"]["articles"]
    expected = {f"{colour}{nth}" for nth in range(1, 5) for colour in "RB"} | {KNOWN_SKU}
    assert {row["sku"] for each in articles for row in each["variants"]} == expected


def test_an_item_that_lost_its_variants_is_no_sku(product_shop: ProductShop) -> None:
    product_shop.both_ways("item_variants")
    product_shop.sells("7", RED)
    product_shop.passes()
    (variant,) = product_shop.records("itemVariants")
    assert product_shop.by_person("DELETE", f"itemVariants({variant['id']})").status_code == 204
    product_shop.in_bc("7", displayName="Shirts")
    product_shop.passes()
    articles = product_shop.state(WINSTORE)["records"]["articles"]
    assert {row["sku"] for each in articles for row in each["variants"]} == {"SHIRT-R", KNOWN_SKU}


def test_lost_pairs_are_found_again_without_a_write(shop: ProductShop) -> None:
    shop.in_bc(KNOWN_SKU, itemCategoryCode="KITCHEN")  # without a category, it would get Winstore's default one
    shop.passes()
    before = shop.all_writes()
    for path in shop.connected.store.path.parent.glob("pairs_products*"):
        path.unlink()
    shop.passes()
    assert shop.all_writes() == before
