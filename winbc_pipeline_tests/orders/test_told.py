"""What people are told of planned orders: why one cannot go, and what an edit would change, in words."""

from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main, orders
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.shown import in_words
from winbc_pipeline.sync.trace import trace

from .shop import Shop

STREET = {"delivery_add": {"name": "Anna Groen", "street": "Domplein", "streetnr": "9", "countryISO": "NL"}}


@pytest.fixture
def told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose commands answer with wide lines."""
    for module in (main, orders):
        monkeypatch.setattr(module, "load_settings", lambda: shop.settings)
        monkeypatch.setattr(module.console, "_width", 500)
    return shop


def printed(*arguments: str) -> str:
    return " ".join(CliRunner().invoke(main.app, arguments).output.split())


def edited(shop: Shop, **changes: Any) -> str:
    """The words of the plan for an order that was edited after it was sent."""
    shop.send(lines=[{}, {"amount": "3"}])
    shop.pass_time(60)
    shop.edit("W1", **changes)
    shop.sync()
    (row,) = [each for each in shop.planned() if each["part"] == "order"]
    return "; ".join(in_words(row["changes"]))


def test_the_plan_says_why_an_order_cannot_go(told: Shop) -> None:
    told.edit_table("order", "yourReference", source="ordernr")
    told.order("W1")
    shown = printed("plan", "orders_winstore_to_bc", "--from", "2026-03-01", "--to", "2026-03-31")
    assert "NEEDS_APP" in shown
    assert "yourReference" in shown


def test_the_plan_of_a_new_order_is_a_line_of_words_for_each_line(told: Shop) -> None:
    told.order("W1")
    shown = printed("plan", "orders_winstore_to_bc", "--from", "2026-03-01", "--to", "2026-03-31")
    assert "externalDocumentNumber: WS-W1" in shown
    assert "line 1: lineType Item, lineObjectNumber SKU-1, description Mug, quantity 2, unitPrice 10" in shown
    assert '{"field"' not in shown


def test_an_edit_is_told_as_old_and_new(shop: Shop) -> None:
    assert edited(shop, amount="5") == "line 1 quantity: 2 -> 5"


def test_shipping_cost_that_is_gone_is_called_shipping(shop: Shop) -> None:
    assert edited(shop, shippingcost="0") == "shipping: 8300 -> gone"
    assert "edited after it was sent: shipping" in shop.ledger()["W1"]["message"]


def test_a_line_that_is_gone_is_called_by_its_number_in_winstore(shop: Shop) -> None:
    first = shop.order("W1", lines=[{}, {"amount": "3"}])["positions"][0]
    assert "former line 2: SKU-1 -> gone" in edited(shop, positions=[first])


def test_a_new_line_is_told_field_by_field_without_what_is_empty(shop: Shop) -> None:
    positions = shop.order("W1", lines=[{}, {"amount": "3"}, {"amount": "7"}])["positions"]
    words = edited(shop, positions=positions)
    assert "line 3: lineType Item, lineObjectNumber SKU-1, description Mug, quantity 7" in words


def test_trace_tells_what_a_held_edit_would_change_and_peoples_values_only_when_asked(shop: Shop) -> None:
    edited(shop, amount="5", **STREET)
    steps = [step for step in trace(ORDERS_TO_BC, shop.settings, "W1") if step.what == "planned"]
    assert "Would change: shipToAddressLine1; " in steps[0].detail
    assert "line 1 quantity: 2 -> 5" in steps[0].detail
    assert "Domplein" not in steps[0].detail
    asked = [step for step in trace(ORDERS_TO_BC, shop.settings, "W1", bodies=True) if step.what == "planned"]
    assert "shipToAddressLine1: Kerkweg 7 -> Domplein 9" in asked[0].detail
