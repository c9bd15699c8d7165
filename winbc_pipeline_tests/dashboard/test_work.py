"""Dry run, comparison and repair from a page. Source: docs/dashboard.md; what each does is docs/operations.md's."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.desk.work import Jobs

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of
from ..support.leases import leased_elsewhere
from ..support.order_sandboxes import OrderSandboxes
from .test_desk import FLOW, cells, fields


def opened(orders: OrderSandboxes, jobs: Jobs, role: Role = "operate") -> TestClient:
    return browser(door_of(orders.settings.state_folder, settings=orders.settings, jobs=jobs), role)


def at_once(work: Callable[[], None]) -> None:
    work()


def test_a_dry_run_is_made_from_the_page_and_sends_nothing(orders: OrderSandboxes) -> None:
    orders.order("W1")
    client = opened(orders, Jobs(start=at_once))
    page = client.post("/plan/make", data={"flow": FLOW}).text
    assert "The dry run ended at" in page and ">W1<" in page
    assert orders.documents("W1") == [] and acts_of(orders.settings) == []


@pytest.mark.proof
def test_while_it_is_at_work_the_page_tells_how_far_it_is_and_nothing_else_is_begun(orders: OrderSandboxes) -> None:
    begun: list[Callable[[], None]] = []
    client = opened(orders, Jobs(start=begun.append))
    page = client.post("/plan/make", data={"flow": FLOW}).text
    assert "The dry run is at work since" in page and "/plan/make" not in page
    part = client.get("/work", params={"flow": FLOW})
    assert "It begins." in part.text and "hx-refresh" not in part.headers
    assert client.post("/reconcile/compare", data={"flow": FLOW}).status_code == 409
    begun[0]()
    assert client.get("/work", params={"flow": FLOW}).headers["hx-refresh"] == "true"


@pytest.mark.proof
def test_a_repair_shows_what_it_would_send_and_then_sends_it_and_is_noted(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    (document,) = orders.documents("W1")
    orders.by_person("DELETE", f"salesOrders({document['id']})")
    client = opened(orders, Jobs(start=at_once))
    assert client.get("/reconcile/repair", params={"flow": FLOW}).status_code == 409, "nothing was compared yet"
    page = client.post("/reconcile/compare", data={"flow": FLOW}).text
    assert "Both systems were compared" in page and "/reconcile/repair?flow=" in page
    shown = client.get("/reconcile/repair", params={"flow": FLOW}).text
    assert ">W1<" in shown and "Send the source's values of this record" in cells(shown)
    assert orders.documents("W1") == []
    other = client.post("/reconcile/repair", data=fields(shown, "/reconcile/repair") | {"seen": "0"})
    assert other.status_code == 409 and "compared again" in other.text
    done = client.post("/reconcile/repair", data=fields(shown, "/reconcile/repair")).text
    assert "1 records written, 0 not done" in done and len(orders.documents("W1")) == 1
    assert [(entry.act, entry.subject) for entry in acts_of(orders.settings)] == [("repair", FLOW)]


def test_what_stops_it_is_told(orders: OrderSandboxes) -> None:
    one = ConnectedFlow(ORDERS_TO_BC, orders.settings, wait_s=0)
    with leased_elsewhere(one):
        job = Jobs(start=at_once).plan(one)
    assert job.ended and job.error.startswith("E-STORE")


def test_who_may_only_look_begins_nothing(orders: OrderSandboxes) -> None:
    client = opened(orders, Jobs(start=at_once), "view")
    assert "/plan/make" not in client.get("/plan").text
    for path in ("/plan/make", "/reconcile/compare", "/reconcile/repair"):
        assert client.post(path, data={"flow": FLOW}).status_code == 403
