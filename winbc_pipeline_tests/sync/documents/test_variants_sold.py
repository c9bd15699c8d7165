"""Orders whose lines name SKUs that are variants of an item in Business Central."""

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import FIRST, LAST, WINSTORE
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop

pytestmark = pytest.mark.proof

RED = {"sku": "SHIRT-R", "color": "red", "gtin": "0100537900016"}
BLUE = {"sku": "SHIRT-B", "color": "blue", "gtin": "0100537900023"}


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """A shop with a shirt in two colours and a mug."""
    product_shop.as_variants()
    product_shop.sells("7", RED, BLUE)
    product_shop.article("8", "MUG")
    product_shop.run()
    return product_shop


def sold(shop: ProductShop, number: str = "W1") -> list[tuple[str, str]]:
    """Item and code of the variant of each line about an item, of an order's document."""
    codes = {each["id"]: each["code"] for each in shop.records("itemVariants")}
    lines = [line for line in shop.lines(number) if line["lineType"] == "Item"]
    return [(line["lineObjectNumber"], codes.get(line["itemVariantId"], "")) for line in lines]


@pytest.mark.parametrize("product_id", ["SHIRT-B", "0100537900023"])
def test_a_line_names_a_variant_by_sku_or_gtin(shop: ProductShop, product_id: str) -> None:
    shop.send(lines=[{"product_id": product_id}, {"product_id": "MUG"}])
    assert shop.outcome() == ("CONFIRMED", None)
    assert sold(shop) == [("7", "SHIRT-B"), ("MUG", "")]


def test_capitals_of_a_sku_make_no_difference(shop: ProductShop) -> None:
    """Business Central keeps codes in capitals (schema: itemVariants.code), and shops write SKUs as they like."""
    shop.sells("9", {"sku": "cap-r", "color": "red"}, {"sku": "Cap-B", "color": "blue"})
    shop.run()
    shop.send(lines=[{"product_id": "cap-r"}, {"product_id": "Cap-B"}])
    assert shop.outcome() == ("CONFIRMED", None)
    assert sold(shop) == [("9", "CAP-R"), ("9", "CAP-B")]


def test_a_sku_that_differs_from_a_variant_in_capitals_only_is_not_sold_as_that_one(shop: ProductShop) -> None:
    shop.sells("7", RED, BLUE, {"sku": "shirt-r", "color": "pink"})
    shop.run()
    row = shop.send(lines=[{"product_id": "shirt-r"}])
    assert (row["reason"], shop.documents("W1")) == ("AMBIGUOUS_SKU", [])


def test_two_variants_whose_skus_differ_in_capitals_only_are_not_guessed(shop: ProductShop) -> None:
    shop.sells("9", {"sku": "shirt-r", "color": "red"}, {"sku": "CAP", "color": "blue"})
    shop.run()
    row = shop.send(lines=[{"product_id": "SHIRT-R"}])
    assert (row["reason"], shop.documents("W1")) == ("DEPENDENCY", [])


def test_an_order_that_has_not_changed_is_not_sent_again(shop: ProductShop) -> None:
    shop.send(lines=[{"product_id": "SHIRT-B"}])
    before = shop.writes()
    shop.sync()
    shop.edit("W1", status="processing")
    shop.sync()
    assert (shop.writes(), shop.outcome()) == (before, ("CONFIRMED", None))


def test_an_edited_order_can_name_another_variant(shop: ProductShop) -> None:
    shop.choose(on_change="apply")
    shop.send(lines=[{"product_id": "SHIRT-B"}])
    shop.pass_time(1)
    shop.send(lines=[{"product_id": "SHIRT-R"}])
    assert sold(shop) == [("7", "SHIRT-R")]


def test_an_order_waits_for_a_variant_that_is_not_there_yet(shop: ProductShop) -> None:
    shop.send(lines=[{"product_id": "SHIRT-G"}])
    assert shop.outcome()[1] == "DEPENDENCY"
    shop.sells("7", RED, BLUE, {"sku": "SHIRT-G", "color": "green"})
    shop.run()
    shop.sync()
    assert sold(shop) == [("7", "SHIRT-G")]


def test_a_line_that_names_the_article_is_held_for_its_sku(shop: ProductShop) -> None:
    row = shop.send(lines=[{"product_id": "7"}])
    assert (row["reason"], shop.documents("W1")) == ("DEPENDENCY", [])
    assert "a line must name one of them" in row["message"]


def test_a_gtin_of_two_variants_is_not_guessed(shop: ProductShop) -> None:
    shop.sells("9", {"sku": "CAP-R", "color": "red", "gtin": RED["gtin"]})
    shop.run()
    row = shop.send(lines=[{"product_id": RED["gtin"]}])
    assert (row["reason"], shop.documents("W1")) == ("DEPENDENCY", [])
    assert "several variants have this GTIN" in row["message"]


def test_a_variant_that_was_deleted_there_is_named(shop: ProductShop) -> None:
    (red,) = [each for each in shop.records("itemVariants") if each["code"] == "SHIRT-R"]
    shop.by_person("DELETE", f"itemVariants({red['id']})")
    row = shop.send(lines=[{"product_id": "SHIRT-R"}])
    assert (row["reason"], "deleted in Business Central" in row["message"]) == ("DEPENDENCY", True)


def test_orders_do_not_need_the_pairs(shop: ProductShop) -> None:
    for path in shop.connected.store.path.parent.glob("pairs_products*"):
        path.unlink()
    shop.send(lines=[{"product_id": "SHIRT-B"}])
    assert sold(shop) == [("7", "SHIRT-B")]


@pytest.mark.parametrize(("made_by", "sent"), [("winstore", ["SHIRT-B", "MUG"]), ("bc", [])])
def test_a_document_of_business_central_sells_the_sku_of_its_variant(
    shop: ProductShop, made_by: str, sent: list[str]
) -> None:
    """A variant that no SKU of Winstore stands behind is not sold as its article."""
    if made_by == "bc":
        shop.by_person("POST", "itemVariants", {"itemNumber": "7", "code": "GREEN"})
    code = "SHIRT-B" if made_by == "winstore" else "GREEN"
    (variant,) = [each for each in shop.records("itemVariants") if each["code"] == code]
    shop.seed(customers=[{"number": "WS605254", "displayName": "Anna O'Neil", "email": "anna@mail.example"}])
    line = {"lineType": "Item", "quantity": 1}
    lines = [line | {"lineObjectNumber": "7", "itemVariantId": variant["id"]}, line | {"lineObjectNumber": "MUG"}]
    made = shop.by_person("POST", "salesOrders", {"customerNumber": "WS605254", "salesOrderLines": lines})
    shop._in_client({"do": "release", "id": made.json()["id"]})
    sync(Work(ConnectedFlow(flow_named("orders_bc_to_winstore"), shop.settings), FIRST, LAST, "run"))
    posted = [each["body"] for each in shop.state(WINSTORE)["writes"] if each["entity"] == "PostOrderWithStatusCode"]
    assert [row["product_id"] for body in posted for row in body["positions"]["position"]] == sent


@pytest.mark.parametrize("made_by", ["winbc", "a person"])
def test_a_gtin_of_an_item_and_of_a_variant_is_not_guessed(shop: ProductShop, made_by: str) -> None:
    """The line says neither which of the two was sold, nor that there are two."""
    if made_by == "winbc":
        shop.article("8", "MUG", gtin=RED["gtin"])
        shop.run()
    else:
        shop.in_bc_made("items", {"number": "CUP", "displayName": "Cup", "gtin": RED["gtin"]})
    row = shop.send(lines=[{"product_id": RED["gtin"]}])
    assert (row["state"], row["reason"], shop.documents("W1")) == ("FAILED", "DEPENDENCY", [])
    item = "MUG" if made_by == "winbc" else "CUP"
    assert f"variant SHIRT-R of item 7 and item {item} have this GTIN" in row["message"]


def test_a_gtin_that_only_the_variants_own_item_has_besides_is_sold(shop: ProductShop) -> None:
    """article.csv gives the GTIN to the item of an article with a single SKU."""
    shop.sells("9", {"sku": "CAP-R", "color": "red", "gtin": "0100537900030"})
    shop.run()
    assert shop.item("9")["gtin"] == "0100537900030"
    shop.send(lines=[{"product_id": "0100537900030"}])
    assert sold(shop) == [("9", "CAP-R")]


def test_a_sku_that_looks_like_the_gtin_of_an_item_is_sold_as_the_sku(shop: ProductShop) -> None:
    shop.sells("9", {"sku": "0100537900047", "color": "red"})
    shop.article("8", "MUG", gtin="0100537900047")
    shop.run()
    shop.send(lines=[{"product_id": "0100537900047"}])
    (line,) = sold(shop)
    assert line[0] == "9"
