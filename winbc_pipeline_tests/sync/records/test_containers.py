"""Container items: an item above those of an article's SKUs, which these name as their parent.

Promises: docs/products.md, "To see in Business Central which items are one article". The field of the parent, and that
it must be an item: facts/companion_app.json.
"""

from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.flows.products import PRODUCTS_TO_WINSTORE
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.reconcile.findings import MISSING_LEFT, ONLY_IN_TARGET
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_sandboxes import BC, KNOWN_SKU, WINSTORE
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop
from ..test_with_and_without_app import EVER, differing, held, open_shop
from .test_app_fields import SETTINGS, install, settings_of
from .test_retail import RETAIL

OTHERS = [pytest.param(name, 1, marks=pytest.mark.soak) for name in ("3", "5", "10")]
RED = {"sku": "SHIRT-R", "color": "red", "size": "M", "price": "10"}
BLUE = {"sku": "SHIRT-B", "color": "blue", "size": "M", "price": "12"}
GREEN = {"sku": "SHIRT-G", "color": "green", "size": "M", "price": "12"}
SHIRTS = {"SHIRT-R": "ART-7", "SHIRT-B": "ART-7"}


def parents(shop: ProductShop) -> dict[str, str]:
    """The parents of the items that have one."""
    return {each["number"]: each["parentItemNumber"] for each in shop.records(SETTINGS) if each["parentItemNumber"]}


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """The app is installed, and containers are asked for; a shirt of two SKUs, and a mug of one."""
    install(product_shop)
    product_shop.products(container=True)
    product_shop.sells("7", RED, BLUE, category="Clothing")
    product_shop.article("8", "MUG")
    return product_shop


def test_the_first_run_makes_a_container_for_an_article_with_several_skus_and_a_rerun_writes_nothing(
    shop: ProductShop,
) -> None:
    assert shop.run().failed == 0
    assert parents(shop) == SHIRTS
    made = shop.item("ART-7")
    assert [made[name] for name in ("displayName", "type", "blocked", "inventoryPostingGroupCode")] == [
        "Shirt",
        "Non_x002D_Inventory",
        True,
        "",
    ]
    kinds = {number: settings_of(shop, number)["productKind"] for number in ("ART-7", "SHIRT-R", "MUG")}
    assert kinds == {"ART-7": "Configurable", "SHIRT-R": "Simple", "MUG": "Simple"}
    assert shop.numbers() == ["ART-7", "MUG", "SHIRT-B", "SHIRT-R"]
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert shop.writes_since(before) == []


@pytest.mark.proof
def test_items_that_were_there_before_get_their_parents_when_the_setting_is_on(shop: ProductShop) -> None:
    shop.products()
    shop.run()
    assert (parents(shop), shop.numbers()) == ({}, ["MUG", "SHIRT-B", "SHIRT-R"])
    shop.products(container=True)
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert parents(shop) == SHIRTS
    (of_container, *others) = shop.writes_since(before)
    assert (of_container[0], of_container[1]["number"]) == ("POST", "ART-7")
    parent = ("PATCH", {"parentItemNumber": "ART-7"})
    assert others == [("PATCH", {"productKind": "Configurable"}), parent, parent]


def test_a_sku_that_moves_to_another_article_gets_its_container(shop: ProductShop) -> None:
    shop.sells("9", GREEN, {"sku": "COAT"}, category="Clothing")
    shop.run()
    shop.sells("7", RED)
    shop.sells("9", GREEN, BLUE, {"sku": "COAT"}, category="Clothing")
    shop.run()
    assert parents(shop) == {"SHIRT-B": "ART-9", "SHIRT-G": "ART-9", "COAT": "ART-9"}
    assert shop.row("SHIRT-B")["reason"] == "MOVED"
    assert shop.item("ART-7")["blocked"] is True
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert shop.writes_since(before) == []


def test_the_container_of_an_article_that_is_gone_stays_blocked_as_it_was(shop: ProductShop) -> None:
    shop.products(container=True, missing_article="block")
    shop.run()
    shop.vanishes("7")
    before = len(shop.state(BC)["writes"])
    shop.pass_time(8 * 86400)
    shop.run()
    assert shop.writes_since(before) == [("PATCH", {"blocked": True})] * 2
    assert all(shop.is_blocked(number) for number in ("ART-7", "SHIRT-R", "SHIRT-B"))


@pytest.mark.parametrize("taken_by", ["an item of Business Central", "a SKU"])
def test_a_container_whose_number_is_taken_is_told_and_no_sku_lacks_its_item(shop: ProductShop, taken_by: str) -> None:
    if taken_by == "a SKU":
        shop.article("ZZ", "ART-7")
    else:
        shop.article("ZZ", "MINE")
        shop.run()
        shop.in_bc("MINE", number="ART-9")
        shop.sells("9", GREEN, {"sku": "COAT"}, category="Clothing")
    shop.run()
    key = "7" if taken_by == "a SKU" else "9"
    assert shop.states("container")[key] == ("FAILED", "TARGET_TAKEN")
    assert {state for state, _ in shop.states("item").values()} == {"CONFIRMED"}
    assert not {"SHIRT-R", "COAT"} <= parents(shop).keys()
    assert f"ART-{key}" not in parents(shop).values()


@pytest.mark.proof
def test_a_container_that_becomes_free_joins_its_skus_afterwards(shop: ProductShop) -> None:
    shop.article("ZZ", "MINE")
    shop.products()
    shop.run()
    shop.in_bc("MINE", number="ART-7")
    shop.products(container=True)
    shop.run()
    assert parents(shop) == {}
    shop.in_bc("ART-7", number="MINE")
    for _ in range(2):
        shop.run()
    assert parents(shop) == SHIRTS
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert shop.writes_since(before) == []


def test_without_the_app_no_container_is_made_and_the_gap_is_named(product_shop: ProductShop) -> None:
    product_shop.products(container=True)
    product_shop.sells("7", RED, BLUE, category="Clothing")
    product_shop.run()
    assert product_shop.numbers() == ["SHIRT-B", "SHIRT-R"]
    row = product_shop.row("7", "container")
    assert (row["state"], row["reason"]) == ("SKIPPED", "NEEDS_APP")
    assert "app.productKind needs itemSettings of the companion app" in row["message"]


@pytest.mark.proof
@pytest.mark.parametrize("against", [{"variants": "item_variants"}, {}])
def test_settings_with_which_no_container_can_be_made_are_named(shop: ProductShop, against: dict[str, Any]) -> None:
    if against:
        shop.products(container=True, **against, accept_losses=["price", "stock", "blocked"])
    else:
        bc = shop.settings.bc.model_copy(update={"companion_app": "off"})
        shop.settings = shop.settings.model_copy(update={"bc": bc})
    shop.run()
    why = "item_variants" if against else "companion_app` is off"
    (named,) = [each for each in PRODUCTS.notes(shop.settings) if "products.container" in each]
    assert why in named
    assert "ART-7" not in shop.numbers()


@pytest.mark.proof
def test_a_comparison_of_both_systems_finds_no_container(shop: ProductShop) -> None:
    shop.run()
    shop.sells("7", RED)
    shop.run()
    found = reconcile(shop.connected).findings
    items = [(each.part, each.kind, each.number) for each in found if each.part != "category"]
    assert items == [("item", MISSING_LEFT, "shirt-b"), ("item", ONLY_IN_TARGET, KNOWN_SKU.lower())]


@pytest.mark.proof
def test_nothing_is_written_in_a_day_without_edits_and_no_container_becomes_an_article(shop: ProductShop) -> None:
    shop.products(container=True, direction="both")
    shop.run()
    for _ in range(2):
        shop.passes()
    before = shop.all_writes()
    for _ in range(24):
        shop.pass_time(3600)
        shop.passes()
    assert shop.all_writes() == before
    articles = shop.state(WINSTORE)["records"]["articles"]
    assert {row["sku"] for each in articles for row in each["variants"]} == {"SHIRT-R", "SHIRT-B", "MUG", KNOWN_SKU}
    shop.products(direction="both")  # what was made stays what it is when the setting is off again
    shop.in_bc("ART-7", displayName="All shirts")
    shop.passes()
    assert shop.all_writes()[1] == before[1]
    assert "ART-7" not in shop.states("article", PRODUCTS_TO_WINSTORE)


@pytest.mark.proof
def test_a_container_whose_answer_was_lost_becomes_no_article_and_is_finished(product_shop: ProductShop) -> None:
    install(product_shop)
    product_shop.products(container=True, direction="both")
    product_shop.sells("7", RED, BLUE)
    product_shop.fault(BC, {"kind": "drop_after", "path": "$batch", "method": "POST"})
    product_shop.run()
    assert (product_shop.states("container")["7"], "ART-7" in product_shop.numbers()) == (
        ("UNKNOWN", "NO_ANSWER"),
        True,
    )
    product_shop.run_of(PRODUCTS_TO_WINSTORE)
    assert "ART-7" not in product_shop.states("article", PRODUCTS_TO_WINSTORE)
    product_shop.run()
    assert product_shop.row("7", "container")["state"] == "CONFIRMED"
    assert settings_of(product_shop, "ART-7")["productKind"] == "Configurable"
    assert parents(product_shop) == SHIRTS


@pytest.mark.proof
@pytest.mark.parametrize(("name", "several"), [("retail", 37), ("2", 1), *OTHERS])
def test_a_whole_shop_differs_in_its_containers_alone(name: str, several: int, tables: Path, tmp_path: Path) -> None:
    """Both systems, record by record and field by field: with containers and without them."""
    if name == "retail" and not RETAIL.exists():
        pytest.skip("the retail data is not beside this checkout")
    told = []
    for container in (False, True):
        with open_shop(name, "items", tmp_path / str(container), with_app=True) as world:
            products = ProductSettings(container=container)
            world.settings = world.settings.model_copy(update={"products": products})
            run = sync(Work(ConnectedFlow(PRODUCTS, world.settings), *EVER, "run"))
            told.append((held(world), run.failed))
            articles = world.state(WINSTORE)["records"]["articles"]
            named = {each["number"].casefold(): each["parentItemNumber"] for each in world.records(SETTINGS)}
    (without, failed), (with_containers, failed_now) = told
    found = differing(without, with_containers)
    assert found.keys() == {"bc items", PRODUCTS.id}, found
    wanted = {f"ART-{each['artkey']}".upper(): each["variants"] for each in articles if len(each["variants"]) > 1}
    made = {record["number"] for record in with_containers["bc items"].values()} & wanted.keys()
    assert len(found["bc items"]) == len(made) >= several
    assert all(key.startswith("container ") for key in found[PRODUCTS.id])
    assert failed_now - failed == len(wanted) - len(made)
    skus = {row["sku"].strip().casefold(): number for number in made for row in wanted[number]}
    assert {number: parent for number, parent in named.items() if parent} == {
        number: parent for number, parent in skus.items() if number in named
    }
