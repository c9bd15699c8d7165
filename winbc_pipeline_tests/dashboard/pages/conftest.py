"""A shop whose runs have published something, and browsers that look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.dashboard.guard.forms import HEADER, csrf_of
from winbc_pipeline.dashboard.guard.session import begin, written
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.runs import watched
from winbc_pipeline.sync.connected import ConnectedFlow

from ...support.dashboard import door_of, stranger
from ...support.order_sandboxes import OrderSandboxes, order_sandboxes

HOSTILE = "<script>alert('W9')</script>"


class Shown:
    """Orders, their runs, and the dashboard."""

    def __init__(self, orders: OrderSandboxes) -> None:
        self.orders = orders

    def run(self) -> None:
        with watched(ConnectedFlow(ORDERS_TO_BC, self.orders.settings)):
            self.orders.sync()

    def browser(self, role: Role = "view", language: str = "en") -> TestClient:
        """A browser that is logged in by the shop's clock; that of a real one would have forgotten the session."""
        settings = self.orders.settings
        door = door_of(settings.data_folder, settings=settings, now=self.orders.moment)
        session = begin(role, self.orders.now)
        client = stranger(door)
        client.headers["cookie"] = f"{door.access.cookie}={written(session, door.access)}"
        client.headers[HEADER] = csrf_of(session, door.access)
        client.headers["accept-language"] = language
        return client


@pytest.fixture
def shown(orders: OrderSandboxes) -> Iterator[Shown]:
    yield Shown(orders)


def with_a_day(shown: Shown) -> Shown:
    """The same after a day with an order that arrived, and one that failed."""
    shown.orders.order("W1")
    shown.orders.order("W2", lines=[{"vatrate": "77"}])
    shown.run()
    return shown


@pytest.fixture
def day(shown: Shown) -> Shown:
    """A day of its own, in which a test may do something."""
    return with_a_day(shown)


@pytest.fixture(scope="module")
def seen_day(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Iterator[Shown]:
    """A day that several tests only look at."""
    with order_sandboxes(tmp_path_factory.mktemp("day"), tables) as orders:
        yield with_a_day(Shown(orders))
