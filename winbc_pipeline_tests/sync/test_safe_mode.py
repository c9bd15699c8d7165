"""Safe mode: everything is planned, and nothing is written until a person has approved the plan.

Source of the promise: docs/operations.md, "Safe mode".
"""

from collections.abc import Callable
from typing import Any

import pytest

from winbc_pipeline.errors import NotDone, SourceShrank, TooManyWrites
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox import winstore
from winbc_pipeline.settings import FlowSettings, GuardSettings, OrderSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.sync import run
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents.moves import Moves
from winbc_pipeline.sync.guards import safe_mode
from winbc_pipeline.sync.outcomes import IGNORED
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.approval import approve, proposal, stop

from ..support.bc_users import BcUsers
from ..support.flow_cases import winstore_state
from ..support.order_flow import OrderFlow
from ..support.order_sandboxes import WINSTORE
from ..support.sandboxes import FIRST, LAST, Sandboxes
from ..support.servers import Servers

ORDERS, STATUS, PRODUCTS = "orders_winstore_to_bc", "order_status_winstore_to_bc", "products_winstore_to_bc"
WAITS = ("PLANNED", "APPROVAL")


@pytest.fixture
def shop(order_flow: OrderFlow) -> OrderFlow:
    """Orders, with the safe mode on."""
    order_flow.settings = order_flow.settings.model_copy(update={"safe_mode": True})
    return order_flow


def connected(world: OrderFlow | Sandboxes, flow: str = ORDERS) -> ConnectedFlow:
    return ConnectedFlow(flow_named(flow), world.settings)


def lets_go(world: OrderFlow | Sandboxes, flow: str = ORDERS, once: bool = False) -> None:
    """A person looks at the plan and approves it."""
    each = connected(world, flow)
    approve(each, proposal(each), "by hand", once)


def is_held(world: OrderFlow, *orders: str) -> None:
    """A run writes nothing, says that it is held, and leaves the orders to a person."""
    before = world.writes()
    with pytest.raises(TooManyWrites, match="is in safe mode: the plan has"):
        world.sync()
    assert world.writes() == before
    assert {world.outcome(number) for number in orders} == {WAITS}


def test_a_new_order_waits_with_its_customer_and_is_sent_once_after_the_approval(shop: OrderFlow) -> None:
    shop.order("W1")
    is_held(shop, "W1")
    is_held(shop, "W1")
    assert proposal(connected(shop)).writes.creates >= 2, "the order and its customer"
    lets_go(shop)
    shop.sync()
    assert (shop.outcome("W1")[0], len(shop.documents("W1"))) == ("CONFIRMED", 1)


def test_after_the_approval_the_flow_goes_by_itself(shop: OrderFlow) -> None:
    shop.order("W1")
    is_held(shop, "W1")
    lets_go(shop)
    shop.sync()
    assert shop.send("W2")["state"] == "CONFIRMED"


def test_a_run_of_one_order_settles_no_other_one_that_a_person_has_ignored(shop: OrderFlow) -> None:
    """Source: docs/errors.md, IGNORED: only an edit in the source ends it."""
    for number, lines in (("W1", [{}]), ("W2", [{}]), ("W3", [{"product_id": "LATER"}])):
        shop.order(number, lines=lines)
    is_held(shop, "W1", "W2")
    ignored = [Move("order", number, State.SKIPPED, {"reason": IGNORED}) for number in ("W2", "W3")]
    ledger.move(connected(shop).store, ignored, "a person")
    with pytest.raises(TooManyWrites):
        run.push_windows(Work(connected(shop), FIRST, LAST, "one", {("order", "W1")}))
    assert [shop.outcome(number) for number in ("W1", "W2", "W3")] == [WAITS, *[("SKIPPED", IGNORED)] * 2]


def test_a_lost_document_that_nobody_has_seen_stays_lost() -> None:
    """Nothing says that it did not arrive. Source: exactly_once.md section 2."""
    lost = {"state": State.UNKNOWN, "reason": "NO_ANSWER", "message": None}
    row = {"key": "W1", "known": lost, "version": "1", "mapping_version": "1", "window": FIRST}
    assert Moves("order", OrderSettings(), "salesOrders").held(row).state == State.UNKNOWN


@pytest.mark.proof
def test_an_approval_for_once_leaves_the_next_order_waiting(shop: OrderFlow) -> None:
    shop.order("W1")
    is_held(shop, "W1")
    lets_go(shop, once=True)
    shop.sync()
    assert shop.outcome("W1")[0] == "CONFIRMED"
    shop.order("W2")
    is_held(shop, "W2")


@pytest.mark.proof
def test_an_edited_order_is_changed_after_the_approval_and_not_before(shop: OrderFlow) -> None:
    shop.settings = shop.settings.model_copy(update={"orders": OrderSettings(on_change="apply")})
    shop.order("W1")
    is_held(shop, "W1")
    lets_go(shop)
    shop.sync()
    stop(connected(shop))
    shop.edit("W1", amount="7")
    is_held(shop, "W1")
    assert shop.lines("W1")[0]["quantity"] != 7
    lets_go(shop)
    shop.sync()
    assert shop.lines("W1")[0]["quantity"] == 7


@pytest.mark.proof
def test_nothing_is_sent_that_became_ready_after_it_was_counted(
    shop: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.order("W1", lines=[{"product_id": "LATER"}])
    counted: Callable[..., Any] = run.writes.held

    def an_item_comes_meanwhile(*work: Any) -> Any:
        held = counted(*work)
        shop.has_item("LATER")
        shop.pass_time(6 * 60)  # the push plans anew what is older than five minutes
        return held

    monkeypatch.setattr(run.writes, "held", an_item_comes_meanwhile)
    shop.sync()
    assert shop.documents("W1") == []
    assert shop.records("customers") == []
    monkeypatch.undo()


@pytest.mark.proof
def test_a_document_that_was_found_tells_winstore_no_number_before_the_approval(shop: OrderFlow) -> None:
    shop.settings = shop.settings.model_copy(update={"orders": OrderSettings(write_back=True)})
    shop.without = ("one document each", "nothing lost")
    shop.order("W1")
    shop.types("W1")
    shop.sync()
    assert shop.outcome("W1")[0] == "CONFIRMED"
    assert not any(method == "POST" for method, _ in shop.log(WINSTORE))


def test_a_flow_with_nothing_to_write_can_be_let_go(shop: OrderFlow) -> None:
    with pytest.raises(NotDone, match="has no plan that could be approved"):
        proposal(connected(shop))
    shop.sync()
    lets_go(shop)
    assert shop.send("W1")["state"] == "CONFIRMED"


def test_a_flow_may_have_no_safe_mode_of_its_own(shop: OrderFlow) -> None:
    shop.settings = shop.settings.model_copy(update={"flows": {ORDERS: FlowSettings(safe_mode=False)}})
    assert shop.send("W1")["state"] == "CONFIRMED"
    with pytest.raises(NotDone, match="has no safe mode"):
        stop(connected(shop))


def test_a_ledger_for_another_target_begins_in_safe_mode(shop: OrderFlow) -> None:
    shop.sync()
    lets_go(shop)
    assert not safe_mode.is_on(connected(shop))
    shop.execute("UPDATE binding SET target = 'elsewhere'")
    assert safe_mode.is_on(connected(shop))


@pytest.mark.proof
def test_a_killed_run_is_looked_up_before_anything_is_counted(shop: OrderFlow) -> None:
    shop.order("W1")
    is_held(shop, "W1")
    lets_go(shop, once=True)
    assert shop.dies_at("after answer")
    shop.until_settled()
    assert len(shop.documents("W1")) == 1


@pytest.mark.proof
def test_a_status_waits_and_is_told_as_what_it_does(sandboxes: Sandboxes) -> None:
    users = BcUsers(sandboxes)
    users.set_up()
    users.order(externalDocumentNumber="WS-W1", release=False)
    sandboxes.settings = sandboxes.settings.model_copy(update={"safe_mode": True})
    sandboxes.fill(orders=[{"order_number": "W1", "status": "completed"}])
    before = len(sandboxes.bc()["writes"])
    with pytest.raises(TooManyWrites, match="1 to update .1 of them to ship and invoice."):
        sandboxes.sync(STATUS)
    assert len(sandboxes.bc()["writes"]) == before
    lets_go(sandboxes, STATUS)
    sandboxes.sync(STATUS)
    assert sandboxes.ledger(STATUS)["W1"]["state"] == "CONFIRMED"


@pytest.mark.proof
def test_an_order_to_winstore_waits_too(sandboxes: Sandboxes) -> None:
    users = BcUsers(sandboxes)
    users.set_up()
    sandboxes.settings = sandboxes.settings.model_copy(update={"safe_mode": True})
    users.order({})
    with pytest.raises(TooManyWrites, match="1 records to create"):
        sandboxes.sync("orders_bc_to_winstore")
    assert "orders" not in winstore_state(sandboxes)["records"]
    lets_go(sandboxes, "orders_bc_to_winstore")
    assert sandboxes.sync("orders_bc_to_winstore").created == 1


@pytest.fixture
def guarded(sandboxes: Sandboxes) -> Sandboxes:
    """One article that was approved and sent, and a guard that lets five more pass."""
    chosen = {"safe_mode": True, "guards": GuardSettings(at_least=5), "history_start": FIRST}
    sandboxes.settings = sandboxes.settings.model_copy(update=chosen)
    sandboxes.fill(articles=[{"category": ""}])
    with pytest.raises(TooManyWrites, match="in safe mode"):
        sandboxes.sync(PRODUCTS)
    lets_go(sandboxes, PRODUCTS)
    sandboxes.sync(PRODUCTS)
    assert not safe_mode.is_on(connected(sandboxes, PRODUCTS))
    return sandboxes


@pytest.mark.proof
def test_a_guard_that_holds_a_run_begins_the_safe_mode_again(guarded: Sandboxes) -> None:
    guarded.fill(articles=[{"sku": f"S{n}", "article_key": str(n), "category": ""} for n in range(6)])
    with pytest.raises(TooManyWrites, match="A run may create 5"):
        guarded.sync(PRODUCTS)
    assert safe_mode.is_on(connected(guarded, PRODUCTS))


@pytest.mark.proof
def test_a_source_that_shrank_begins_the_safe_mode_again(guarded: Sandboxes, servers: Servers) -> None:
    servers.winstore.replace(winstore.create_app(None))
    with pytest.raises(SourceShrank):
        guarded.sync(PRODUCTS)
    assert safe_mode.is_on(connected(guarded, PRODUCTS))


def test_what_waits_moves_the_watermark_so_that_no_sensor_asks_for_the_same_run_again(shop: OrderFlow) -> None:
    shop.order("W1")
    shop.pass_time(60)
    is_held(shop, "W1")
    assert ledger.watermark(connected(shop).store, ORDERS) is not None
