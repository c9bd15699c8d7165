"""What people are told of planned orders: why one cannot go, and what an edit would change, in words."""

from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main, records
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.plans import in_words
from winbc_pipeline.workbench.trace import trace

from ..support.order_flow import OrderFlow

STREET = {"delivery_add": {"name": "Anna Groen", "street": "Domplein", "streetnr": "9", "countryISO": "NL"}}


@pytest.fixture
def told(order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> OrderFlow:
    """A shop whose commands answer with wide lines."""
    for module in (main, records):
        monkeypatch.setattr(module, "load_settings", lambda: order_flow.settings)
        monkeypatch.setattr(module.console, "_width", 500)
    return order_flow


def printed(*arguments: str) -> str:
    return " ".join(CliRunner().invoke(main.app, arguments).output.split())


def edited(order_flow: OrderFlow, **changes: Any) -> str:
    """The words of the plan for an order that was edited after it was sent."""
    order_flow.send(lines=[{}, {"amount": "3"}])
    order_flow.pass_time(60)
    order_flow.edit("W1", **changes)
    order_flow.sync()
    (row,) = [each for each in order_flow.planned() if each["part"] == "order"]
    return "; ".join(in_words(row["changes"]))


def test_the_plan_says_why_an_order_cannot_go(told: OrderFlow) -> None:
    told.edit_table("order", "yourReference", source="ordernr")
    told.order("W1")
    shown = printed("plan", "orders_winstore_to_bc", "--from", "2026-03-01", "--to", "2026-03-31")
    assert "NEEDS_APP" in shown
    assert "yourReference" in shown


def test_the_plan_of_a_new_order_is_a_line_of_words_for_each_line(told: OrderFlow) -> None:
    told.order("W1")
    shown = printed("plan", "orders_winstore_to_bc", "--from", "2026-03-01", "--to", "2026-03-31")
    assert "externalDocumentNumber: WS-W1" in shown
    assert "line 1: lineType Item, lineObjectNumber SKU-1, description Mug, quantity 2, unitPrice 10" in shown
    assert '{"field"' not in shown


def test_an_edit_is_told_as_old_and_new(order_flow: OrderFlow) -> None:
    assert edited(order_flow, amount="5") == "line 1 quantity: 2 -> 5"


def test_shipping_cost_that_is_gone_is_called_shipping(order_flow: OrderFlow) -> None:
    assert edited(order_flow, shippingcost="0") == "shipping: 8300 -> gone"
    assert "edited after it was sent: shipping" in order_flow.ledger()["W1"]["message"]


def test_a_line_that_is_gone_is_called_by_its_number_in_winstore(order_flow: OrderFlow) -> None:
    first = order_flow.order("W1", lines=[{}, {"amount": "3"}])["positions"][0]
    assert "former line 2: SKU-1 -> gone" in edited(order_flow, positions=[first])


def test_a_new_line_is_told_field_by_field_without_what_is_empty(order_flow: OrderFlow) -> None:
    positions = order_flow.order("W1", lines=[{}, {"amount": "3"}, {"amount": "7"}])["positions"]
    words = edited(order_flow, positions=positions)
    assert "line 3: lineType Item, lineObjectNumber SKU-1, description Mug, quantity 7" in words


def test_trace_tells_what_a_held_edit_would_change_and_peoples_values_only_when_asked(order_flow: OrderFlow) -> None:
    edited(order_flow, amount="5", **STREET)
    steps = [step for step in trace(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), "W1") if step.what == "planned"]
    assert "Would change: shipToAddressLine1: •••; " in steps[0].detail
    assert "line 1 quantity: 2 -> 5" in steps[0].detail
    assert "Domplein" not in steps[0].detail
    asked = [
        step
        for step in trace(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), "W1", bodies=True)
        if step.what == "planned"
    ]
    assert "shipToAddressLine1: Kerkweg 7 -> Domplein 9" in asked[0].detail
