"""SKUs with colours and sizes: an item each, or variants of the article's item. What changes is a named outcome."""

import random
from typing import get_args

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import STOCK_TO_BC
from winbc_pipeline.settings import Loss
from winbc_pipeline.sync.run import of_other_parts

from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop

pytestmark = pytest.mark.proof

RED = {"sku": "SHIRT-R", "color": "red", "size": "M"}
BLUE = {"sku": "SHIRT-B", "color": "blue", "size": "M"}


def test_as_shipped_each_sku_is_an_item_with_its_own_values(product_shop: ProductShop) -> None:
    product_shop.sells("7", RED | {"price": "10", "gtin": "0100537900016"}, BLUE | {"price": "12"})
    product_shop.run()
    items = {each["number"]: each for each in product_shop.records("items")}
    assert (items["SHIRT-R"]["unitPrice"], items["SHIRT-B"]["unitPrice"]) == (10, 12)
    assert (items["SHIRT-R"]["gtin"], items["SHIRT-R"]["displayName"]) == ("0100537900016", "Shirt red M")


def test_an_article_can_be_one_item_and_its_skus_variants_of_it(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.article("8", "MUG")
    product_shop.run()
    assert product_shop.numbers() == ["7", "MUG"]
    assert product_shop.variants() == {"SHIRT-R": ("7", "red M"), "SHIRT-B": ("7", "blue M")}
    assert product_shop.run().updated == 0


def test_what_variants_lose_is_counted_and_refused_until_a_setting_accepts_it(product_shop: ProductShop) -> None:
    product_shop.products(variants="item_variants", accept_losses=["stock", "blocked"])
    product_shop.sells("7", RED | {"gtin": "0100537900016", "price": "10"}, BLUE | {"price": "12"})
    with pytest.raises(
        ConfigurationError, match="1 SKUs have a GTIN of their own; 1 SKUs have another price"
    ) as refused:
        product_shop.run()
    assert 'accept_losses = ["stock", "blocked", "gtin", "price"]' in str(refused.value)
    assert product_shop.numbers() == []
    product_shop.as_variants()
    product_shop.run()
    assert product_shop.numbers() == ["7"]


@pytest.mark.parametrize("first_as_variants", [True, False])
def test_the_way_of_variants_cannot_change_once_a_sku_is_there(
    product_shop: ProductShop, first_as_variants: bool
) -> None:
    if first_as_variants:
        product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.run()
    if first_as_variants:
        product_shop.products()
    else:
        product_shop.as_variants()
    with pytest.raises(ConfigurationError, match="2 SKUs are .* cannot move stock and history"):
        product_shop.run()


def test_a_shop_without_colours_and_sizes_can_change_its_way(product_shop: ProductShop) -> None:
    product_shop.article("8", "MUG")
    product_shop.run()
    product_shop.as_variants()
    assert product_shop.run().failed == 0


def test_a_code_is_given_once_and_kept_however_often_colours_and_sizes_are_renamed(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.edit_table(
        "variant", "code", flow="products_winstore_to_bc", source="truncate(join_name(size, color), 10)"
    )
    names, chance = ["red", "blue", "dark blue", "green", "rosé", "ocker"], random.Random(1)
    skus = [{"sku": f"S{n}", "color": chance.choice(names), "size": str(n)} for n in range(40)]
    product_shop.sells("7", *skus)
    product_shop.run()
    codes = {each["id"]: each["code"] for each in product_shop.records("itemVariants")}
    assert len(codes) == 40
    for _ in range(25):
        skus = [sku | {"color": chance.choice(names), "size": f"{sku['size']}!"} for sku in skus]
        product_shop.sells("7", *skus)
        product_shop.run_later()
    assert {each["id"]: each["code"] for each in product_shop.records("itemVariants")} == codes
    assert {each["description"] for each in product_shop.records("itemVariants")} == {
        f"{sku['color']} {sku['size']}" for sku in skus
    }


def test_two_skus_that_get_one_code_are_both_named(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", {"sku": "15056BL", "color": "blue"}, {"sku": "15056bl", "color": "blue"})
    product_shop.run()
    assert product_shop.states("variant") == {"15056BL": ("CONFIRMED", None), "15056bl": ("FAILED", "TARGET_TAKEN")}
    assert "15056BL" in product_shop.row("15056bl", "variant")["message"]


def test_two_skus_that_get_one_item_number_are_both_named(product_shop: ProductShop) -> None:
    product_shop.sells("7", {"sku": "15056BL", "color": "blue"}, {"sku": "15056bl", "color": "blue"})
    product_shop.run()
    assert product_shop.states("item") == {"15056BL": ("CONFIRMED", None), "15056bl": ("FAILED", "TARGET_TAKEN")}
    assert "15056BL" in product_shop.row("15056bl", "item")["message"]


def test_an_article_is_not_the_item_of_a_sku_that_has_its_key_as_number(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.article("8", "7", name="Mug")
    for _ in range(2):
        product_shop.run()
        assert product_shop.states("article") == {"7": ("FAILED", "TARGET_TAKEN")}
        assert "item 7" in product_shop.row("7", "article")["message"]
        assert (product_shop.item("7")["displayName"], product_shop.variants()) == ("Mug", {})


def test_the_same_code_is_free_in_another_article(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.edit_table("variant", "code", flow="products_winstore_to_bc", source="color")
    product_shop.sells("7", RED)
    product_shop.sells("8", RED | {"sku": "CAP-R"})
    product_shop.run()
    assert sorted(each["itemNumber"] for each in product_shop.records("itemVariants")) == ["7", "8"]


def test_a_variant_whose_article_is_refused_waits_for_it(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, vat_rate="19")
    product_shop.run()
    assert product_shop.states("variant") == {"SHIRT-R": ("FAILED", "DEPENDENCY")}
    product_shop.sells("7", RED)
    assert product_shop.run().failed == 0


def test_a_variant_of_a_renumbered_item_stays_with_it(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED)
    product_shop.run()
    product_shop.by_person("PATCH", f"items({product_shop.item('7')['id']})", {"number": "SHIRTS"})
    product_shop.sells("7", RED | {"color": "rose"}, BLUE)
    product_shop.run()
    assert product_shop.variants() == {"SHIRT-R": ("SHIRTS", "rose M"), "SHIRT-B": ("SHIRTS", "blue M")}


def test_a_sku_that_moves_to_another_article_is_told_with_both(product_shop: ProductShop) -> None:
    product_shop.sells("7", RED, BLUE)
    product_shop.run()
    product_shop.sells("7", BLUE)
    product_shop.sells("8", RED)
    product_shop.run()
    row = product_shop.row("SHIRT-R")
    assert (row["state"], row["reason"]) == ("CONFIRMED", "MOVED")
    assert row["message"] == "it belonged to 7 and belongs to 8 now"
    product_shop.sells("8", RED | {"color": "rose"})
    product_shop.run()
    assert product_shop.row("SHIRT-R")["reason"] is None


def test_a_variant_cannot_move_to_another_item_until_a_person_makes_it_anew(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.run()
    product_shop.sells("7", BLUE)
    product_shop.sells("8", RED)
    product_shop.run()
    row = product_shop.row("SHIRT-R", "variant")
    assert (row["state"], row["reason"]) == ("CONFLICT", "MOVED")
    assert "article 8 (8) now, and in the target to 7 (article 7)" in row["message"]
    product_shop.settle("again", "SHIRT-R")
    product_shop.run()
    assert sorted((each["code"], each["itemNumber"]) for each in product_shop.records("itemVariants")) == [
        ("SHIRT-B", "7"),
        ("SHIRT-R", "7"),
        ("SHIRT-R", "8"),
    ]
    assert product_shop.row("SHIRT-R", "variant")["state"] == "CONFIRMED"


def test_an_article_with_another_key_is_not_made_a_second_time(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.run()
    product_shop.vanishes("7")
    product_shop.sells("9", RED, BLUE)
    product_shop.run()
    assert product_shop.numbers() == ["7"]
    assert product_shop.states("article")["9"] == ("CONFLICT", "RENUMBERED")
    assert "those of 7" in product_shop.row("9", "article")["message"]
    product_shop.settle("adopt", "9", number="7")
    product_shop.run()
    assert product_shop.states("article")["9"][0] == "CONFIRMED"
    assert {each[0] for each in product_shop.states("variant").values()} == {"CONFIRMED"}
    assert product_shop.numbers() == ["7"]


def test_two_skus_that_swap_their_articles_are_both_told(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED)
    product_shop.sells("8", BLUE)
    product_shop.run()
    product_shop.sells("7", BLUE)
    product_shop.sells("8", RED)
    product_shop.run()
    assert product_shop.states("variant") == {"SHIRT-R": ("CONFLICT", "MOVED"), "SHIRT-B": ("CONFLICT", "MOVED")}
    assert product_shop.variants() == {"SHIRT-R": ("7", "red M"), "SHIRT-B": ("8", "blue M")}


def test_a_sku_that_comes_to_have_a_colour_stays_the_item_that_it_is(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED)
    product_shop.article("8", "MUG")
    product_shop.run()
    product_shop.sells("8", {"sku": "MUG", "color": "red"}, {"sku": "MUG-B", "color": "blue"})
    product_shop.article("9", "CUP")
    assert product_shop.run().failed == 0
    assert product_shop.numbers() == ["7", "8", "CUP", "MUG"]
    assert product_shop.variants()["MUG-B"] == ("8", "blue")
    words = "SKUs stay the items that they were before their article had colours, sizes or other SKUs: MUG"
    assert words in product_shop.connected.flow.notes(product_shop.settings)


def test_a_variant_that_is_left_alone_in_its_article_stays_a_variant(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", {"sku": "A1"}, {"sku": "A2"})
    product_shop.run()
    product_shop.sells("7", {"sku": "A1"})
    assert product_shop.run().failed == 0
    assert (product_shop.numbers(), sorted(product_shop.variants())) == (["7"], ["A1", "A2"])


def test_a_loss_that_comes_up_later_is_told_and_stops_nobody(product_shop: ProductShop) -> None:
    product_shop.products(variants="item_variants", accept_losses=["stock", "blocked"])
    product_shop.sells("7", RED | {"price": "10"}, BLUE | {"price": "10"})
    product_shop.run()
    product_shop.sells("7", RED | {"price": "10"}, BLUE | {"price": "12"})
    product_shop.article("8", "MUG")
    assert product_shop.run().failed == 0
    assert "MUG" in product_shop.numbers()
    words = "not carried: 1 SKUs have another price than the item (`products.accept_losses` does not name it)"
    assert words in product_shop.connected.flow.notes(product_shop.settings)


def test_an_article_without_a_key_is_no_article_with_variants(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells(" ", {"sku": "Z", "color": "red"})
    assert product_shop.run().failed == 0
    assert product_shop.numbers() == ["Z"]


def test_what_is_odd_or_lost_is_told_with_both_skus(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    gtin = {"gtin": "0100537900016"}
    product_shop.sells("7", RED | gtin, BLUE | {"color": "Red "}, {"sku": "shirt-r", "size": "L"} | gtin)
    product_shop.run()
    assert product_shop.connected.flow.notes(product_shop.settings) == [
        "not carried: 2 SKUs have a GTIN of their own",
        "not carried: 3 SKUs have stock of their own",
        "not carried: 3 SKUs cannot be blocked one by one",
        "SKUs of one article have the same colour and size: SHIRT-B and SHIRT-R",
        "SKUs have one GTIN, so an order that names it waits: SHIRT-R and shirt-r",
        "SKUs differ in capitals only, so one of them gets no item: SHIRT-R and shirt-r",
    ]


def test_two_skus_that_swap_their_gtins_are_both_told(product_shop: ProductShop) -> None:
    first, second = {"gtin": "0100537900016"}, {"gtin": "0100537900023"}
    product_shop.sells("7", RED | first, BLUE | second)
    product_shop.run()
    product_shop.sells("7", RED | second, BLUE | first)
    product_shop.run()
    assert product_shop.states("item") == {"SHIRT-R": ("CONFIRMED", "SWAPPED"), "SHIRT-B": ("CONFIRMED", "SWAPPED")}
    assert "of SHIRT-B" in product_shop.row("SHIRT-R")["message"]
    assert product_shop.item("SHIRT-R")["gtin"] == "0100537900023"
    assert product_shop.run().failed == 0


def test_each_of_several_pairs_that_swap_their_gtins_is_told_with_its_own_partner(product_shop: ProductShop) -> None:
    gtins = ("0100537900016", "0100537900023", "0100537900030", "0100537900047", "0100537900054")
    swapped = (1, 0, 3, 4, 2)  # a pair, and three that go round
    for n, gtin in enumerate(gtins):
        product_shop.article(str(n), f"S{n}", gtin=gtin)
    product_shop.run()
    for n, other in enumerate(swapped):
        product_shop.article(str(n), f"S{n}", gtin=gtins[other])
    product_shop.run()
    messages = [product_shop.row(f"S{n}")["message"] for n in range(5)]
    assert messages == [f"it takes over the gtin of S{other}, which gets another one" for other in swapped]


def test_a_gtin_that_several_skus_lose_names_all_of_them(product_shop: ProductShop) -> None:
    one, two, three = "0100537900016", "0100537900023", "0100537900030"
    product_shop.sells("7", RED | {"gtin": one}, BLUE | {"gtin": one}, {"sku": "SHIRT-G", "gtin": two})
    product_shop.run()
    product_shop.sells("7", RED | {"gtin": two}, BLUE | {"gtin": three}, {"sku": "SHIRT-G", "gtin": one})
    product_shop.run()
    words = "it takes over the gtin of SHIRT-B and SHIRT-R, which get another one"
    assert product_shop.row("SHIRT-G")["message"] == words


def test_a_sku_that_moves_and_takes_over_a_gtin_is_told_of_both(product_shop: ProductShop) -> None:
    first, second = {"gtin": "0100537900016"}, {"gtin": "0100537900023"}
    product_shop.sells("7", RED | first, BLUE | second)
    product_shop.run()
    product_shop.sells("7", BLUE | first)
    product_shop.sells("8", RED | second)
    product_shop.run()
    row = product_shop.row("SHIRT-R")
    assert (row["reason"], row["message"]) == (
        "MOVED",
        "it belonged to 7 and belongs to 8 now; it takes over the gtin of SHIRT-B, which gets another one",
    )


def test_a_variant_that_is_gone_is_reported_and_not_blocked(product_shop: ProductShop) -> None:
    product_shop.products(variants="item_variants", accept_losses=get_args(Loss), missing_sku="block")
    product_shop.sells("7", RED, BLUE)
    product_shop.run()
    product_shop.sells("7", BLUE)
    product_shop.run_later()
    assert product_shop.gone() == {"MISSING_SKU": ["SHIRT-R"]}
    assert product_shop.is_blocked("7") is False


def test_a_variant_takes_no_stock_and_is_named_for_it(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED)
    product_shop.run()
    product_shop.stocked("SHIRT-R", "5")
    product_shop.run_of(STOCK_TO_BC)
    assert product_shop.states("item", STOCK_TO_BC) == {"SHIRT-R": ("SKIPPED", "NOT_STOCKED_PER_VARIANT")}


def test_the_items_of_an_article_can_be_joined_by_a_category(product_shop: ProductShop) -> None:
    for table, field in (("item", "itemCategoryCode"), ("category", "code")):
        product_shop.edit_table(table, field, flow="products_winstore_to_bc", source="artkey")
    product_shop.sells("7", RED, BLUE, category="Clothing")
    product_shop.sells("8", {"sku": "CAP", "color": "red"}, category="Clothing")
    product_shop.run()
    joined = {each["number"]: each["itemCategoryCode"] for each in product_shop.records("items")}
    assert (joined["SHIRT-R"], joined["SHIRT-B"], joined["CAP"]) == ("7", "7", "8")


def test_a_mapping_folder_from_before_variants_and_pictures_still_serves(product_shop: ProductShop) -> None:
    product_shop.edit_table("item", "displayName", flow="products_winstore_to_bc", source="coalesce(title, name)")
    for table in ("article", "variant", "picture"):
        product_shop.settings.tables.path(product_shop.connected.place_of(f"{table}.csv")).unlink()
    product_shop.sells("7", RED, BLUE)
    assert product_shop.run().created == 2
    assert "picture.csv is missing, so no pictures are sent" in product_shop.connected.without_place()


def test_a_run_tells_what_it_did_to_records_besides_the_items(product_shop: ProductShop) -> None:
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE, category="Clothing")
    work = product_shop.work()
    product_shop.run(work)
    assert of_other_parts(work) == ["article: 1 created", "category: 1 created", "variant: 2 created"]
