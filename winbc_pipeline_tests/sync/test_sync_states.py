"""After a run, people in Business Central see which orders were skipped or failed (companion app, `bc.sync_states`)."""

from typing import Any

import pytest

from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sync.outcomes import REASONS

from ..support.order_flow import OrderFlow
from ..support.order_sandboxes import BC

pytestmark = pytest.mark.proof
STATES = "connector.winstore.syncStates"


@pytest.fixture
def shop(order_flow: OrderFlow) -> OrderFlow:
    """The app is installed, and states are told."""
    order_flow._control(BC, "seed", {"extensions": [companion_app().source()]})
    tell(order_flow, True)
    return order_flow


def tell(order_flow: OrderFlow, wanted: bool) -> None:
    bc = order_flow.settings.bc.model_copy(update={"sync_states": wanted})
    order_flow.settings = order_flow.settings.model_copy(update={"bc": bc})


def told(order_flow: OrderFlow) -> dict[str, Any]:
    """Result and reason by order number."""
    return {row["sourceKey"]: (row["result"], row["reasonCode"]) for row in order_flow.records(STATES)}


def test_an_order_that_was_skipped_is_told_with_its_reason(shop: OrderFlow) -> None:
    shop.send("W1", status="Cancelled")
    assert told(shop) == {"W1": ("Skipped", "CANCELLED")}


def test_the_text_is_that_of_the_reason_and_holds_nothing_about_a_person(shop: OrderFlow) -> None:
    shop.send("W1", status="Cancelled")
    (state,) = shop.records(STATES)
    assert state["message"] == REASONS["CANCELLED"][:250]


def test_an_order_that_arrives_later_is_told_to_be_done_and_linked(shop: OrderFlow) -> None:
    shop.choose(statuses=("paid",))
    shop.send("W1", status="new")
    assert told(shop) == {"W1": ("Skipped", "STATUS")}
    shop.send("W1", status="paid")
    (state,) = shop.records(STATES)
    assert (state["result"], state["recordId"]) == ("Done", shop.document()["id"])


def test_an_order_that_arrives_at_once_costs_no_row(shop: OrderFlow) -> None:
    shop.send("W1")
    assert told(shop) == {}


def test_a_run_goes_on_when_the_app_may_not_be_written(shop: OrderFlow) -> None:
    shop._control(BC, "seed", {"rights": {STATES: ["insert"]}})
    assert shop.send("W1", status="Cancelled")["reason"] == "CANCELLED"
    assert told(shop) == {}


def test_without_the_app_a_run_is_as_ever(order_flow: OrderFlow) -> None:
    tell(order_flow, True)
    assert order_flow.send("W1", status="Cancelled")["reason"] == "CANCELLED"


def test_unless_it_is_chosen_nothing_is_told(shop: OrderFlow) -> None:
    tell(shop, False)
    shop.send("W1", status="Cancelled")
    assert told(shop) == {}
