"""Whether both systems agree on products: what changed behind our back is found, and nothing else.

Source: docs/operations.md, "Do both systems agree?".
"""

from typing import Any

import pytest

from winbc_pipeline.errors import CallsSpent, NotDone
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.settings import GuardSettings, ReconcileSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import dry_run, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.reconcile.findings import DIFFERENT, MISSING_LEFT, MISSING_RIGHT, Finding, Reconciled
from winbc_pipeline.workbench.reconcile.repair import repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST

KNOWN = "SKU-1"  # the item that Business Central has from the beginning: its own


class Shop:
    """Articles that are items, and a person who changes items behind our back."""

    def __init__(self, world: OrderFlow) -> None:
        self.world = world

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(PRODUCTS, self.world.settings)

    def lists(self, *skus: str, price: str = "18.5") -> None:
        self.world.pass_time(1)
        rows = []
        for sku in skus:
            variant = {"sku": sku, "gtin": "", "title": "Mug", "color": "", "size": "", "price": price}
            article = {"artkey": f"A{sku}", "name": "Mug", "supplierid": "1", "category": "", "active": "true"}
            article |= {"vatrate": "21", "variants": [variant], "modified": timestamp(self.world.now)}
            rows.append((f"A{sku}", article))
        self.world.winstore_app.state.records.insert_many("articles", rows)

    def run(self) -> None:
        self.world.runs += 1
        sync(Work(self.connected, FIRST, LAST, f"run-{self.world.runs}"))

    def item(self, number: str) -> dict[str, Any]:
        return next(each for each in self.world.records("items") if each["number"] == number)

    def typed_over(self, number: str, **fields: Any) -> None:
        answer = self.world.by_person("PATCH", f"items({self.item(number)['id']})", fields)
        assert answer.status_code == 200, answer.text

    def deleted(self, number: str) -> None:
        assert self.world.by_person("DELETE", f"items({self.item(number)['id']})").status_code == 204

    def compared(self) -> Reconciled:
        return reconcile(self.connected)

    def settle(self, **settings: Any) -> None:
        self.world.settings = self.world.settings.model_copy(update=settings)


@pytest.fixture
def shop(order_flow: OrderFlow) -> Shop:
    """Thirty articles that are items."""
    made = Shop(order_flow)
    made.lists(*(f"S{n:02}" for n in range(30)))
    made.run()
    return made


def keys(found: list[Finding]) -> list[str]:
    return sorted(each.key for each in found)


def test_what_changed_behind_our_back_is_found_and_nothing_else_and_repaired(shop: Shop) -> None:
    assert shop.compared().agrees
    for n in range(20):
        shop.typed_over(f"S{n:02}", **({"displayName": "Typed over"} if n % 2 else {"unitPrice": 1}))
    for n in range(20, 25):
        shop.deleted(f"S{n}")

    found = shop.compared()
    assert keys(found.of_kind(DIFFERENT)) == [f"S{n:02}" for n in range(20)]
    assert keys(found.of_kind(MISSING_RIGHT)) == [f"S{n}" for n in range(20, 25)]
    assert sum(found.counts[kind] for kind in found.counts if kind != "only_in_target") == 25
    (price,) = [each.changes for each in found.findings if each.key == "S02"]
    assert [(each["field"], float(each["old"]), float(each["new"])) for each in price] == [("unitPrice", 1, 18.5)]

    done = repair(shop.connected, to_repair(shop.connected, found), "repair")
    assert (done.sent, done.moved, done.undone) == (25, (), ())
    assert shop.compared().agrees
    assert len(shop.world.records("items")) == 30 + 1  # the one of its own


def test_a_comparison_writes_to_neither_system_and_nothing_to_the_ledger(shop: Shop) -> None:
    shop.deleted("S01")
    writes, before = shop.world.writes(), shop.connected.store.path.read_bytes()
    assert not shop.compared().agrees
    assert (shop.world.writes(), shop.connected.store.path.read_bytes()) == (writes, before)


def test_what_only_the_target_has_is_told_and_is_no_difference(shop: Shop) -> None:
    found = shop.compared()
    assert [each.number for each in found.of_kind("only_in_target") if each.part == "item"] == [KNOWN.lower()]
    assert found.agrees


def test_an_item_whose_article_is_gone_is_missing_in_the_source_and_never_deleted(shop: Shop) -> None:
    shop.world.winstore_app.state.records.delete("articles", "AS07")
    found = shop.compared()
    assert [(each.kind, each.number) for each in found.findings if each.kind != "only_in_target"] == [
        (MISSING_LEFT, "s07")
    ]
    repair(shop.connected, to_repair(shop.connected, found), "repair")
    assert shop.item("S07")["blocked"] is False


def test_with_its_calls_used_up_it_stops_and_the_next_one_goes_on(shop: Shop) -> None:
    """Source: docs/settings.md, `reconcile.calls`."""
    shop.deleted("S01")
    whole = shop.compared().calls
    shop.settle(reconcile=ReconcileSettings(calls=whole // 2))
    before = len(shop.world.calls(BC))
    with pytest.raises(CallsSpent):
        shop.compared()
    found, stretches = None, 1
    while found is None and stretches < 6:
        try:
            found = shop.compared()
        except CallsSpent:
            stretches += 1
    assert found and keys(found.of_kind(MISSING_RIGHT)) == ["S01"]
    assert len(shop.world.calls(BC)) - before < 2 * whole


def test_what_changed_since_it_was_shown_is_not_sent(shop: Shop) -> None:
    shop.typed_over("S01", unitPrice=1)
    shown = to_repair(shop.connected, shop.compared())
    shop.lists("S01", price="20")
    dry_run(Work(shop.connected, FIRST, LAST, "somebody looks"))
    done = repair(shop.connected, shown, "repair")
    assert (done.sent, done.moved) == (0, ("S01",))
    assert float(shop.item("S01")["unitPrice"]) == 1


def test_a_repair_of_too_many_records_waits_for_a_person(shop: Shop) -> None:
    """Source: docs/reliability.md, the guards count a repair as they count a run."""
    for n in range(25):
        shop.typed_over(f"S{n:02}", unitPrice=1)
    shown = to_repair(shop.connected, shop.compared())
    shop.settle(guards=GuardSettings(enabled=True, at_least=5))
    with pytest.raises(Exception, match="approve"):
        repair(shop.connected, shown, "repair")
    assert float(shop.item("S01")["unitPrice"]) == 1


def test_the_values_of_the_other_system_are_sent_by_the_other_direction(shop: Shop) -> None:
    with pytest.raises(NotDone, match="sends the values of winstore"):
        repair(shop.connected, [], "repair", take="bc")
