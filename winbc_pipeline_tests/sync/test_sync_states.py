"""After a run, people in Business Central see which orders were skipped or failed (companion app, `bc.sync_states`)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.bc.app import Options
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.settings import OrderSettings, Settings
from winbc_pipeline.sync import sync_states
from winbc_pipeline.sync.outcomes import REASONS
from winbc_pipeline.sync.session import holder_of
from winbc_pipeline.sync.sync_states import _state
from winbc_pipeline.sync.work import Work

from ..support.order_sandboxes import BC, OrderSandboxes, order_sandboxes
from ..support.shops.stock_world import TO_WINSTORE, StockWorld

pytestmark = pytest.mark.proof
STATES = "connector.winstore.syncStates"


@pytest.fixture
def shop(tmp_path: Path, tables: Path) -> Iterator[OrderSandboxes]:
    """The app is installed, and states are told."""
    with order_sandboxes(tmp_path, tables, Options(extensions=(companion_app(),)), sync_states=True) as shop:
        yield shop


def send(shop: OrderSandboxes, status: str) -> str:
    """Places the order W1 anew and runs; the state of the record."""
    shop.order("W1", status=status)
    shop.pass_time(60)
    shop.sync()
    return shop.ledger()["W1"]["state"]  # type: ignore[no-any-return]


def told(shop: OrderSandboxes) -> list[dict[str, Any]]:
    return shop.state(BC)["records"].get(STATES, [])  # type: ignore[no-any-return]


def test_an_order_that_was_skipped_is_told_with_the_text_of_its_reason(shop: OrderSandboxes) -> None:
    """The text of a reason code holds nothing about a person."""
    assert send(shop, "Cancelled") == "SKIPPED"
    (state,) = told(shop)
    assert (state["sourceKey"], state["result"], state["reasonCode"]) == ("W1", "Skipped", "CANCELLED")
    assert state["message"] == REASONS["CANCELLED"][:250]


def test_an_order_that_arrives_later_is_told_to_be_done_and_linked(shop: OrderSandboxes) -> None:
    shop.choose(statuses=("paid",))
    assert send(shop, "new") == "SKIPPED"
    assert [state["result"] for state in told(shop)] == ["Skipped"]
    assert send(shop, "paid") == "CONFIRMED"
    (state,), (document,) = told(shop), shop.documents("W1")
    assert (state["result"], state["recordId"], state["recordNumber"]) == ("Done", document["id"], document["number"])


@pytest.mark.parametrize(("document", "kind"), [("invoice", "Sales_x0020_Invoice"), ("order", "Sales_x0020_Order")])
def test_what_was_lost_on_its_way_is_told_as_what_it_becomes(document: str, kind: str) -> None:
    settings = Settings(orders=OrderSettings.model_validate({"document": document}))
    work = cast(Work, SimpleNamespace(flow=ORDERS_TO_BC, settings=settings))
    row = {"key": "W1", "target_set": "orderRequests", "state": "UNKNOWN", "reason": "NO_ANSWER", "target_id": None}
    state = _state(row | {"target_no": None, "moved_at": datetime.now(UTC)}, work, {})
    assert state and (state["result"], state["recordKind"]) == ("Failed", kind)


def test_an_order_that_arrives_at_once_costs_no_row(shop: OrderSandboxes) -> None:
    assert send(shop, "paid") == "CONFIRMED"
    assert told(shop) == []


def test_a_run_goes_on_when_the_app_may_not_be_written(shop: OrderSandboxes) -> None:
    shop._control(BC, "seed", {"rights": {STATES: ["insert"]}})
    assert send(shop, "Cancelled") == "SKIPPED"
    assert told(shop) == []


def test_without_the_app_a_run_is_as_ever(orders: OrderSandboxes) -> None:
    orders.call(sync_states=True)
    assert send(orders, "Cancelled") == "SKIPPED"


def test_unless_it_is_chosen_nothing_is_told(shop: OrderSandboxes) -> None:
    shop.call(sync_states=False)
    send(shop, "Cancelled")
    assert told(shop) == []


def calls_of_the_app(shop: OrderSandboxes, number: str) -> int:
    """How many calls a run makes to the app that sends one new order, by its order request."""
    before = len(shop.calls(BC))
    shop.order(number, status="paid")
    shop.pass_time(60)
    shop.sync()
    return sum("connector/winstore" in each["path"] for each in shop.calls(BC)[before:])


def test_a_run_in_which_all_is_done_makes_no_call_for_it(shop: OrderSandboxes) -> None:
    shop.call(sync_states=False)
    untold = calls_of_the_app(shop, "W1")
    shop.call(sync_states=True)
    assert calls_of_the_app(shop, "W2") == untold > 0


def test_what_was_told_before_is_not_told_again(shop: OrderSandboxes) -> None:
    send(shop, "Cancelled")
    before = len(shop.state(BC)["writes"])
    shop.pass_time(60)
    shop.order("W1", status="Cancelled", email="other@mail.example")
    shop.sync()
    assert len(shop.state(BC)["writes"]) == before


def test_a_row_that_was_deleted_there_is_made_again(shop: OrderSandboxes) -> None:
    shop.choose(statuses=("paid",))
    send(shop, "new")
    (state,) = told(shop)
    shop.bc_app.state.records.delete(STATES, state["id"])
    send(shop, "paid")
    assert [each["result"] for each in told(shop)] == ["Done"]


def test_the_way_to_winstore_is_told_too(stock_with_app: StockWorld) -> None:
    stock_with_app.call(sync_states=True)
    stock_with_app.bc_owns()
    item = stock_with_app.item("NOBODY")
    stock_with_app.counted(5, "NOBODY")
    stock_with_app.run(TO_WINSTORE)
    (state,) = stock_with_app.state(BC)["records"][STATES]
    assert (state["direction"], state["recordKind"], state["result"]) == ("To_x0020_Winstore", "Item", "Skipped")
    assert (state["recordId"], state["recordNumber"], state["reasonCode"]) == (item["id"], "NOBODY", "MISSING_ARTICLE")


def test_no_other_run_of_the_flow_begins_while_it_is_told(
    shop: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = list[bool]()
    monkeypatch.setattr(sync_states, "_tell", lambda work: held.append(holder_of(work.connected) is not None))
    send(shop, "Cancelled")
    assert held == [True]
