"""What an item gets of its article: type, groups, category, prices, stock, GTIN, description, block.

Sources: the seed's section "Products"; behaviour.md section 13 and rules.md of API v2.0 (types, stock, posting groups).
"""

import contextlib
from typing import Any

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.crash_points import POINTS_OF_RECORDS
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.readiness import check_ready

from ...support.in_process import Killed
from ...support.order_sandboxes import BC
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import gone_shop as gone_shop
from ...support.shops.product_shop import product_shop as product_shop

pytestmark = pytest.mark.proof

NO_GROUP = ""
STOCK = {"source": "7", "when": "update"}


def table(shop: ProductShop, field: str, of: str = "item", **cells: str) -> None:
    """Changes or adds a row of item.csv or category.csv."""
    shop.edit_table(of, field, flow=shop.connected.flow.id, **cells)


def choose(shop: ProductShop, **chosen: Any) -> None:
    shop.settings = shop.settings.model_copy(update={"products": ProductSettings.model_validate(chosen)})


def entries(shop: ProductShop, number: str) -> list[int]:
    """The quantities of an item's ledger entries."""
    return [each["quantity"] for each in shop.records("itemLedgerEntries") if each["itemNumber"] == number]


@pytest.mark.parametrize(
    ("word", "kind", "group"),
    [
        ("simple", "Inventory", "RESALE"),
        ("", "Inventory", "RESALE"),
        ("a word of tomorrow", "Inventory", "RESALE"),
        ("Service", "Service", NO_GROUP),
        ("virtual", "Non_x002D_Inventory", NO_GROUP),
    ],
)
def test_the_type_of_an_item_follows_from_the_articles_type(
    gone_shop: ProductShop, word: str, kind: str, group: str
) -> None:
    gone_shop.article("9", "S9", article_type=word)
    assert gone_shop.run().failed == 0
    item = gone_shop.item("S9")
    assert (item["type"], item["inventoryPostingGroupCode"]) == (kind, group)
    assert item["generalProductPostingGroupCode"] == "RETAIL"


def test_the_category_says_the_type_before_the_articles_own_word_does(gone_shop: ProductShop) -> None:
    gone_shop.edit_lookup("category_types", "Repairs,Service,")
    gone_shop.article("9", "S9", category="Repairs", article_type="simple")
    gone_shop.run()
    item = gone_shop.item("S9")
    assert (item["type"], item["inventoryPostingGroupCode"]) == ("Service", NO_GROUP)


def test_the_type_of_an_item_that_exists_is_left_alone(gone_shop: ProductShop) -> None:
    before = gone_shop.writes()
    gone_shop.article("1", "S1", article_type="service")
    gone_shop.run()
    assert gone_shop.writes() == before


def test_an_order_takes_a_service(gone_shop: ProductShop) -> None:
    gone_shop.article("9", "S9", article_type="service")
    gone_shop.run()
    assert gone_shop.send(lines=[{"product_id": "S9"}])["state"] == "CONFIRMED"
    line = next(each for each in gone_shop.document()["lines"] if each["lineType"] == "Item")
    assert line["lineObjectNumber"] == "S9"
    gone_shop.act("shipAndInvoice")


def test_what_only_an_existing_item_takes_is_sent_in_the_run_that_makes_the_item(gone_shop: ProductShop) -> None:
    table(gone_shop, "inventory", **STOCK)
    gone_shop.run()
    before = gone_shop.writes()
    gone_shop.article("9", "S9")
    done = gone_shop.run()
    assert (done.created, done.updated, done.failed) == (1, 0, 0)
    (made, _), patched = gone_shop.writes_since(before)
    assert (made, patched) == ("POST", ("PATCH", {"inventory": 7}))
    assert entries(gone_shop, "S9") == [7]
    assert gone_shop.row("S9")["state"] == "CONFIRMED"
    gone_shop.run()
    assert len(gone_shop.writes_since(before)) == 2, "exactly once"


def test_the_plan_says_that_an_update_follows_and_of_which_fields(gone_shop: ProductShop) -> None:
    table(gone_shop, "inventory", **STOCK)
    gone_shop.article("9", "S9")
    gone_shop.plan()
    (row,) = [each for each in planned_rows(gone_shop.work(), "item") if each["key"] == "S9"]
    assert (row["action"], row["reason"], row["message"]) == ("create", "UPDATE_FOLLOWS", "inventory")


def test_a_field_with_a_row_for_new_items_too_needs_no_second_call(gone_shop: ProductShop) -> None:
    gone_shop._own_tables()
    path = gone_shop.settings.mapping_folder / gone_shop.connected.flow.id / "item.csv"
    path.write_text(path.read_text() + "\ndisplayName2,upper(name),,update,,\n", encoding="utf-8")
    gone_shop.run()
    before = gone_shop.writes()
    gone_shop.article("9", "S9")
    gone_shop.run()
    assert [method for method, _ in gone_shop.writes_since(before)] == ["POST"]


def test_an_empty_value_of_an_update_needs_no_second_call(gone_shop: ProductShop) -> None:
    table(gone_shop, "inventory", source="to_number(gtin)", when="update")
    before = gone_shop.writes()
    gone_shop.article("9", "S9")
    gone_shop.run()
    assert [method for method, _ in gone_shop.writes_since(before)] == ["POST"]


@pytest.mark.parametrize("point", POINTS_OF_RECORDS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_dies_sends_what_follows_exactly_once(gone_shop: ProductShop, point: str, times: int) -> None:
    table(gone_shop, "inventory", **STOCK)
    gone_shop.run()
    gone_shop.article("9", "S9")
    crash_points.armed[point] = times
    with contextlib.suppress(Killed):  # a point of the run's end is reached once
        gone_shop.run()
    crash_points.armed.clear()
    gone_shop.run()
    assert entries(gone_shop, "S9") == [7]
    assert gone_shop.row("S9")["state"] == "CONFIRMED"


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status", "status_after"])
def test_a_lost_call_sends_what_follows_exactly_once(gone_shop: ProductShop, kind: str, nth: int) -> None:
    table(gone_shop, "inventory", **STOCK)
    gone_shop.run()
    gone_shop.article("9", "S9")
    gone_shop.fault(BC, {"path": "$batch", "method": "POST", "kind": kind, "status": 503, "nth": nth, "times": 1})
    gone_shop.run()
    assert gone_shop.waiting_faults(BC) == [], "the fault befell its call"
    gone_shop.pass_time(21 * 60)
    gone_shop.run()
    assert entries(gone_shop, "S9") == [7]


@pytest.mark.parametrize(
    ("price", "includes", "sent"),
    [
        ("price", "false", (18.5, False)),
        ("round(add_vat(price, vatrate), 2)", "true", (22.39, True)),
        ("round(remove_vat(price, vatrate), 2)", "false", (15.29, False)),
    ],
)
def test_prices_go_with_or_without_vat_as_the_rows_say(
    gone_shop: ProductShop, price: str, includes: str, sent: tuple[float, bool]
) -> None:
    table(gone_shop, "unitPrice", source=price)
    table(gone_shop, "priceIncludesTax", source=includes)
    gone_shop.article("9", "S9", price="18.5", vat_rate="21")
    gone_shop.run()
    item = gone_shop.item("S9")
    assert (float(item["unitPrice"]), item["priceIncludesTax"]) == sent


def test_a_company_with_another_currency_than_the_prices_gets_none_of_them(gone_shop: ProductShop) -> None:
    choose(gone_shop, currency="USD")
    before = gone_shop.writes()
    gone_shop.article("9", "S9")
    words = "prices of articles are in USD .* own currency is EUR"
    with pytest.raises(ConfigurationError, match=words):
        gone_shop.run()
    target = BusinessCentral(gone_shop.settings)
    with pytest.raises(ConfigurationError, match=words):
        check_ready(gone_shop.connected, target)
    target.close()
    assert gone_shop.writes() == before


@pytest.mark.parametrize("currency", ["", "EUR"])
def test_the_currency_may_be_left_out_or_be_the_companys_own(gone_shop: ProductShop, currency: str) -> None:
    choose(gone_shop, currency=currency)
    gone_shop.article("9", "S9")
    assert gone_shop.run().created == 1


@pytest.mark.parametrize(
    ("code", "category", "subcategory", "made"),
    [
        ("", "Kitchen", "Mugs", "KITCHEN"),
        ("upper(coalesce(subcategory, category))", "Kitchen", "Mugs", "MUGS"),
        ("upper(coalesce(subcategory, category))", "Kitchen", "", "KITCHEN"),
        ("upper(replace(trim(concat(category, ' ', subcategory)), ' ', '/'))", "Kitchen", "Mugs", "KITCHEN/MUGS"),
    ],
)
def test_the_category_is_the_field_that_the_rows_choose_and_is_made_first(
    gone_shop: ProductShop, code: str, category: str, subcategory: str, made: str
) -> None:
    if code:
        table(gone_shop, "itemCategoryCode", source=code)
        table(gone_shop, "code", of="category", source=code)
    gone_shop.article("9", "S9", category=category, subcategory=subcategory)
    gone_shop.article("8", "S8", category=category, subcategory="Plates")
    assert gone_shop.run().failed == 0
    assert gone_shop.item("S9")["itemCategoryCode"] == made
    there = [each["code"] for each in gone_shop.records("itemCategories")]
    assert there.count(made) == 1
    assert len(there) == len(set(there))


@pytest.mark.parametrize(
    ("gtin", "outcome"),
    [
        ("4006381333931", ("CONFIRMED", "4006381333931")),
        ("400-6381 333931", ("CONFIRMED", "4006381333931")),
        ("96385074", ("CONFIRMED", "96385074")),
        ("036000291452", ("CONFIRMED", "036000291452")),
        ("00012345600012", ("CONFIRMED", "00012345600012")),
        ("", ("CONFIRMED", "")),
        ("4006381333932", ("FAILED", None)),
        ("12345", ("FAILED", None)),
        ("40063813339ab", ("FAILED", None)),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", ("FAILED", None)),
    ],
)
def test_a_gtin_with_a_wrong_check_digit_is_told_and_not_sent(
    gone_shop: ProductShop, gtin: str, outcome: tuple[str, str | None]
) -> None:
    table(gone_shop, "gtin", source="gtin_check(gtin)", when="always")
    gone_shop.article("9", "S9", gtin=gtin)
    gone_shop.run()
    made = next((each["gtin"] for each in gone_shop.records("items") if each["number"] == "S9"), None)
    assert (gone_shop.row("S9")["state"], made) == outcome


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Caf&eacute; &amp; cr&#232;me</p>", "Café & crème"),
        ("A<script>alert('x')</script>B<style>p{}</style>", "AB"),
        ("one<br/>two<li>three", "one two three"),
        ("a < b and c > d", "a < b and c > d"),
        ("&lt;b&gt;", "<b>"),
        ("<img src=x onerror=alert(1)>Mug&nbsp;blue", "Mug blue"),
    ],
)
def test_a_description_loses_its_html(gone_shop: ProductShop, html: str, text: str) -> None:
    gone_shop.article("9", "S9", description_long=html)
    gone_shop.run()
    assert gone_shop.item("S9")["displayName2"] == text


@pytest.mark.parametrize("new_items", ["open", "blocked"])
def test_an_update_neither_blocks_nor_unblocks(gone_shop: ProductShop, new_items: str) -> None:
    choose(gone_shop, new_items=new_items)
    gone_shop.article("9", "S9")
    gone_shop.run()
    assert gone_shop.is_blocked("S9") == (new_items == "blocked")
    gone_shop.person_sets("S9", new_items == "open")
    gone_shop.article("9", "S9", price="20")
    gone_shop.run()
    assert gone_shop.item("S9")["unitPrice"] == 20
    assert gone_shop.is_blocked("S9") == (new_items == "open")


def test_a_draft_stays_blocked_when_its_article_was_gone_and_is_back(gone_shop: ProductShop) -> None:
    """Both share the one field `blocked`. Only the block that was made for what was gone is lifted."""
    choose(gone_shop, new_items="blocked", inactive="block")
    gone_shop.article("9", "S9")
    gone_shop.run()
    for active in ("false", "true"):
        gone_shop.article("9", "S9", active=active)
        gone_shop.run()
        assert gone_shop.is_blocked("S9")


def test_an_item_that_a_person_opened_is_blocked_when_it_is_gone_and_opened_when_it_is_back(
    gone_shop: ProductShop,
) -> None:
    choose(gone_shop, new_items="blocked", inactive="block")
    gone_shop.article("9", "S9")
    gone_shop.run()
    gone_shop.person_sets("S9", False)
    for active, blocked in (("false", True), ("true", False)):
        gone_shop.article("9", "S9", active=active)
        gone_shop.run()
        assert gone_shop.is_blocked("S9") == blocked


def test_an_edit_of_the_tables_that_failed_at_first_is_sent_once_its_cause_is_gone(product_shop: ProductShop) -> None:
    """The item was sent by the tables before. What was refused since is no edit that arrived."""
    product_shop.sells("8", {"sku": "MUG"}, category="Kitchen")
    product_shop.run()
    product_shop.edit_table("item", "itemCategoryCode", flow=PRODUCTS.id, source="'NEW'", when="always")
    product_shop.edit_table("item", "displayName2", flow=PRODUCTS.id, source="upper(category)", when="always")
    product_shop.run()
    assert product_shop.states("item")["MUG"] == ("FAILED", "BC_REFUSED")
    product_shop.in_bc_made("itemCategories", {"code": "NEW", "displayName": "New"})
    product_shop.run()
    assert (product_shop.item("MUG")["itemCategoryCode"], product_shop.item("MUG")["displayName2"]) == (
        "NEW",
        "KITCHEN",
    )
