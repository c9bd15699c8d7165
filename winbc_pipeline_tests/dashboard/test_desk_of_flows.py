"""What a person does at the dashboard with plans that wait, figures of stock, and edits of both sides."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.errors import SourceShrank, TooManyWrites
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.guards.source import check_whole_read

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of
from ..support.order_sandboxes import OrderSandboxes
from ..support.shops.stock_world import SKU, StockWorld
from .test_desk import FLOW, fields


def opened(settings: Settings, role: Role = "operate") -> TestClient:
    return browser(door_of(settings.state_folder, settings=settings), role)


@pytest.fixture
def held(orders: OrderSandboxes) -> OrderSandboxes:
    """An order that safe mode holds."""
    orders.settings = orders.settings.model_copy(update={"safe_mode": True})
    orders.order("W1")
    with pytest.raises(TooManyWrites):
        orders.sync()
    return orders


def test_a_plan_is_approved_as_it_was_shown_and_then_sent(held: OrderSandboxes) -> None:
    client = opened(held.settings)
    page = client.get("/plan/approve", params={"flow": FLOW}).text
    assert "safe mode" in page and "Approve exactly these 2 records" in page
    client.post("/plan/approve", data=fields(page, "/plan/approve"))
    held.sync()
    assert len(held.documents("W1")) == 1
    assert [entry.act for entry in acts_of(held.settings)] == ["approve"]


@pytest.mark.proof
def test_a_plan_that_changed_since_it_was_shown_is_not_approved(held: OrderSandboxes) -> None:
    client = opened(held.settings)
    page = client.get("/plan/approve", params={"flow": FLOW}).text
    held.order("W2")
    with pytest.raises(TooManyWrites):
        held.sync()
    answer = client.post("/plan/approve", data=fields(page, "/plan/approve"))
    assert answer.status_code == 409 and "nothing was approved" in answer.text
    with pytest.raises(TooManyWrites):
        held.sync()


def test_a_read_that_gave_too_few_is_shown_and_let_pass_as_it_was_shown(tmp_path: Path) -> None:
    """Source: docs/operations.md, a source that shrank. 100 were read before, and then 30."""
    settings = Settings(data_folder=tmp_path)
    customers = ConnectedFlow(CUSTOMERS, settings)
    check_whole_read(customers, settings.history_start, 100)
    with pytest.raises(SourceShrank):
        check_whole_read(customers, settings.history_start, 30)
    client = opened(settings)
    page = client.get("/plan/approve", params={"flow": CUSTOMERS.id}).text
    assert "100" in page and "30" in page
    wrong = fields(page, "/plan/approve_read") | {"refused": "29"}
    assert client.post("/plan/approve_read", data=wrong).status_code == 409
    client.post("/plan/approve_read", data=fields(page, "/plan/approve_read"))
    check_whole_read(customers, settings.history_start, 30)
    assert [entry.act for entry in acts_of(settings)] == ["approve"]


def test_a_figure_of_stock_stands_with_its_parts_beside_the_targets(stock: StockWorld) -> None:
    stock.shop_has(quantity="7", reserved="2")
    stock.run()
    page = opened(stock.settings, "view").get("/stock", params={"sku": SKU.lower()}).text
    assert "Stock, Winstore to Business Central" in page and "On hand" in page and ">5<" in page and ">0<" in page
    unknown = opened(stock.settings, "view").get("/stock", params={"sku": "NOBODY"})
    assert unknown.status_code == 404 and "NOBODY" in unknown.text
