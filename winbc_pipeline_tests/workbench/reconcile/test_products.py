"""Whether both systems agree on products: what changed behind our back is found, and nothing else.

Source: docs/operations.md, "Do both systems agree?".
"""

from decimal import Decimal

import pytest

from winbc_pipeline.errors import CallsSpent, ConfigurationError, NotDone, TooManyWrites
from winbc_pipeline.settings import GuardSettings, ReconcileSettings
from winbc_pipeline.sync.run import dry_run
from winbc_pipeline.workbench.reconcile.findings import (
    DIFFERENT,
    MISSING_LEFT,
    MISSING_RIGHT,
    ONLY_IN_TARGET,
    Finding,
    Reconciled,
)
from winbc_pipeline.workbench.reconcile.repair import Repaired, repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_sandboxes import BC
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """Six articles that are items."""
    return with_items(product_shop, 6)


def with_items(shop: ProductShop, count: int) -> ProductShop:
    for n in range(count):
        shop.article(str(n), f"S{n:02}")
    assert shop.run().created == count
    return shop


def delete(shop: ProductShop, number: str) -> None:
    """A user of Business Central deletes an item."""
    assert shop.by_person("DELETE", f"items({shop.item(number)['id']})").status_code == 204


def compared(shop: ProductShop) -> Reconciled:
    return reconcile(shop.connected)


def repaired(shop: ProductShop, found: Reconciled, take: str = "") -> Repaired:
    return repair(shop.connected, to_repair(shop.connected, found), "repair", take)


def keys(found: list[Finding]) -> list[str]:
    return sorted(each.key for each in found)


@pytest.mark.proof
def test_what_changed_behind_our_back_is_found_and_nothing_else_and_repaired(product_shop: ProductShop) -> None:
    shop = with_items(product_shop, 30)
    assert compared(shop).agrees
    for n in range(20):
        shop.in_bc(f"S{n:02}", **({"displayName": "Typed over"} if n % 2 else {"unitPrice": 1}))
    for n in range(20, 25):
        delete(shop, f"S{n}")

    found = compared(shop)
    assert keys(found.of_kind(DIFFERENT)) == [f"S{n:02}" for n in range(20)]
    assert keys(found.of_kind(MISSING_RIGHT)) == [f"S{n}" for n in range(20, 25)]
    assert len([each for each in found.findings if each.kind != ONLY_IN_TARGET]) == 25
    (changes,) = [each.changes for each in found.findings if each.key == "S02"]
    assert [(each["field"], each["old"], each["new"]) for each in changes] == [("unitPrice", 1, Decimal("18.5"))]

    done = repaired(shop, found)
    assert (done.sent, done.moved, done.undone) == (25, (), ())
    with shop.connected.store.open() as connection:
        asked = "SELECT count(DISTINCT key) FROM ledger_event WHERE reason = 'REPAIR'"
        assert connection.execute(asked).fetchone() == (25,)
    assert compared(shop).agrees
    assert len(shop.numbers()) == 30


@pytest.mark.proof
def test_with_business_central_restored_to_yesterday_it_is_brought_up_to_now(shop: ProductShop) -> None:
    """Yesterday has neither today's new items nor today's prices. The ledger of today says that all was sent."""
    for n in (1, 2):
        shop.in_bc(f"S0{n}", unitPrice=17)
    for n in (3, 4):
        delete(shop, f"S0{n}")
    assert (shop.run().created, shop.run().updated) == (0, 0)  # a run alone sees nothing of it
    found = compared(shop)
    assert found.counts | {ONLY_IN_TARGET: 0} == dict.fromkeys(found.counts, 0) | {DIFFERENT: 2, MISSING_RIGHT: 2}
    assert repaired(shop, found).sent == 4
    assert compared(shop).agrees


def test_a_copied_company_is_refused(shop: ProductShop) -> None:
    """What was sent to one company says nothing about its copy, whose records have the same ids."""
    elsewhere = shop.settings.bc.base_url.replace("127.0.0.1", "localhost")
    shop.settings = shop.settings.model_copy(update={"bc": shop.settings.bc.model_copy(update={"base_url": elsewhere})})
    with pytest.raises(ConfigurationError, match="was kept for"):
        compared(shop)


def test_a_comparison_writes_to_neither_system_and_moves_no_record(shop: ProductShop) -> None:
    delete(shop, "S01")
    before = shop.all_writes(), shop.states("item")
    assert not compared(shop).agrees
    assert (shop.all_writes(), shop.states("item")) == before


def test_what_only_the_target_has_is_told_and_is_no_difference(shop: ProductShop) -> None:
    found = compared(shop)
    assert [each.number for each in found.of_kind(ONLY_IN_TARGET) if each.part == "item"] == ["sku-1"]
    assert found.agrees


def test_an_item_whose_article_is_gone_is_missing_in_the_source_and_is_never_deleted(shop: ProductShop) -> None:
    shop.vanishes("1")
    found = compared(shop)
    assert [each.number for each in found.of_kind(MISSING_LEFT)] == ["s01"]
    assert repaired(shop, found).sent == 0
    assert "S01" in shop.numbers()


@pytest.mark.proof
def test_with_its_calls_used_up_it_stops_and_the_next_one_goes_on(shop: ProductShop) -> None:
    """Source: docs/settings.md, `reconcile.calls`."""
    delete(shop, "S01")
    before = len(shop.calls(BC))
    needed = compared(shop).calls
    at_once = len(shop.calls(BC)) - before
    shop.settings = shop.settings.model_copy(update={"reconcile": ReconcileSettings(calls=needed - 4)})
    with pytest.raises(CallsSpent):
        compared(shop)
    assert keys(compared(shop).of_kind(MISSING_RIGHT)) == ["S01"]
    assert len(shop.calls(BC)) - before < 3 * at_once


@pytest.mark.proof
def test_what_changed_since_it_was_shown_is_not_sent(shop: ProductShop) -> None:
    shop.in_bc("S01", unitPrice=1)
    found = compared(shop)
    shop.article("1", "S01", price="20")
    dry_run(shop.work())
    done = repaired(shop, found)
    assert (done.sent, done.moved) == (0, ("S01",))
    assert shop.item("S01")["unitPrice"] == 1


def test_a_repair_of_too_many_records_waits_for_a_person(shop: ProductShop) -> None:
    """Source: docs/reliability.md: a repair counts as a run does."""
    for n in range(6):
        shop.in_bc(f"S{n:02}", unitPrice=1)
    found = compared(shop)
    shop.settings = shop.settings.model_copy(update={"guards": GuardSettings(enabled=True, at_least=5)})
    with pytest.raises(TooManyWrites):
        repaired(shop, found)
    assert shop.item("S01")["unitPrice"] == 1


def test_the_values_of_the_other_system_are_sent_by_the_other_direction(shop: ProductShop) -> None:
    with pytest.raises(NotDone, match="sends the values of winstore"):
        repair(shop.connected, [], "repair", take="bc")
