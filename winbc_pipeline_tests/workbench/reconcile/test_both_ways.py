"""Whether both systems agree on what goes both ways, and on stock.

Source: docs/operations.md, "Do both systems agree?".
"""

from decimal import Decimal

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.reconcile.findings import (
    DIFFERENT,
    HELD,
    MISSING_LEFT,
    MISSING_RIGHT,
    ONLY_IN_TARGET,
    Reconciled,
)
from winbc_pipeline.workbench.reconcile.repair import repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_sandboxes import WINSTORE
from ...support.shops import stock_world
from ...support.shops.stock_world import StockWorld
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays

pytestmark = pytest.mark.proof


def connected(world: TwoWays | StockWorld, flow: str) -> ConnectedFlow:
    return ConnectedFlow(flow_named(flow), world.settings)


def compared(world: TwoWays | StockWorld, flow: str) -> Reconciled:
    return reconcile(connected(world, flow))


def told(found: Reconciled) -> list[tuple[str, str, str]]:
    return [(each.part, each.kind, each.key) for each in found.findings if each.kind != ONLY_IN_TARGET]


def repaired(world: TwoWays | StockWorld, flow: str, take: str = "") -> int:
    chosen = connected(world, flow)
    return repair(chosen, to_repair(chosen, reconcile(chosen)), "repair", take).sent


@pytest.fixture
def shop(two_ways: TwoWays) -> TwoWays:
    """Three customers of the shop and one of Business Central, each in both systems."""
    for key in ("1", "2", "3"):
        two_ways.shop_has(key, email=f"{key}@mail.example")
    two_ways.bc_has("C1", email="bea@mail.example")
    two_ways.passes()
    two_ways.passes()
    return two_ways


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
def test_customers_that_were_sent_agree_seen_from_either_side(shop: TwoWays, flow: str) -> None:
    found = compared(shop, flow)
    assert (told(found), found.compared["customer"]) == ([], 4)


@pytest.mark.parametrize(("flow", "take"), [(TO_BC, "winstore"), (TO_WINSTORE, "bc")])
def test_of_customers_that_go_both_ways_a_person_says_whose_values_count(shop: TwoWays, flow: str, take: str) -> None:
    shop.in_winstore("1", phone="+31300000001")
    shop.in_bc("WS1", phoneNumber="+31300000002")
    assert told(compared(shop, flow)) == [("customer", DIFFERENT, "1" if flow == TO_BC else "WS1")]
    assert repaired(shop, flow, take) == 1
    number = "+31300000001" if take == "winstore" else "+31300000002"
    assert (shop.of_shop("1")["phone"], shop.of_bc("WS1")["phoneNumber"]) == (number, number)
    assert compared(shop, flow).agrees


def test_without_that_what_both_sides_changed_waits_for_a_person(shop: TwoWays) -> None:
    shop.in_winstore("1", phone="+31300000001")
    shop.in_bc("WS1", phoneNumber="+31300000002")
    assert repaired(shop, TO_BC) == 0
    assert shop.rows(TO_BC)["1"]["state"] == "CONFLICT"


def test_a_customer_deleted_in_one_system_is_missing_on_that_side(shop: TwoWays) -> None:
    shop.deleted_in_bc("WS2")
    assert told(compared(shop, TO_BC)) == [("customer", MISSING_RIGHT, "2")]
    assert [each.kind for each in compared(shop, TO_WINSTORE).findings] == [MISSING_LEFT]
    assert repaired(shop, TO_BC, "winstore") == 1
    assert shop.of_bc("WS2")["email"] == "2@mail.example"
    assert compared(shop, TO_BC).agrees


def test_a_figure_of_stock_that_somebody_typed_is_found_and_set_right(stock: StockWorld) -> None:
    stock.shop_has(quantity="5")
    stock.run()
    assert compared(stock, stock_world.TO_BC).agrees
    stock.counted(9)
    (finding,) = compared(stock, stock_world.TO_BC).findings
    assert [(each["field"], each["old"], each["new"]) for each in finding.changes] == [("inventory", 9, 5)]
    assert repaired(stock, stock_world.TO_BC) == 1
    assert stock.inventory() == Decimal(5)
    assert compared(stock, stock_world.TO_BC).agrees


def test_a_figure_of_winstores_that_somebody_typed_is_found_and_set_right(stock: StockWorld) -> None:
    flow = stock_world.TO_WINSTORE
    stock.bc_owns(5)
    stock.run(flow)
    assert compared(stock, flow).agrees
    stock.shop_has(warehouse="7", quantity="9")
    assert [each.kind for each in compared(stock, flow).findings] == [DIFFERENT]
    assert repaired(stock, flow) == 1
    assert compared(stock, flow).agrees


def test_a_record_that_no_table_lets_through_is_told_as_not_comparable(shop: TwoWays) -> None:
    shop.in_winstore("1", email="no at sign")
    (finding,) = compared(shop, TO_BC).findings
    assert (finding.kind, finding.reason) == (HELD, "MAPPING")


def test_winstore_is_read_by_few_calls_whatever_it_has(shop: TwoWays) -> None:
    """Winstore takes a call for each look-up, so a comparison reads it whole."""
    before = len(shop.calls(WINSTORE))
    compared(shop, TO_WINSTORE)
    assert len(shop.calls(WINSTORE)) - before <= 4
