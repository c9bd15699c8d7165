"""What goes wrong reaches a person once, in words that are enough to act on, and so does that it is mended.

Source: test_catalogue.md, rows 105 to 112.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.flush import Flushed, flush
from winbc_pipeline.health.runs import watched
from winbc_pipeline.settings import AlertSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.order_sandboxes import BC, OrderSandboxes
from ..support.receivers import Receiver, webhook

MINUTE, HOUR = 60, 3600
ORDERS = ORDERS_TO_BC.id


class Shop:
    """Orders on their way to Business Central, and somebody who wants to be told."""

    def __init__(self, orders: OrderSandboxes, receiver: Receiver) -> None:
        self.orders, self.receiver = orders, receiver
        self.choose(urls={"hook": SecretStr(receiver.url)})

    def choose(self, **chosen: Any) -> None:
        known = self.orders.settings.alerts.model_dump() | chosen
        self.orders.settings = self.orders.settings.model_copy(update={"alerts": AlertSettings(**known)})

    def run(self) -> None:
        """A run of orders to its end."""
        with watched(ConnectedFlow(ORDERS_TO_BC, self.orders.settings)):
            self.orders.sync()

    def flush(self, after_s: float = 0) -> Flushed:
        """What the watch or cron does, after some time."""
        self.orders.pass_time(after_s)
        return flush(self.orders.settings)

    def fails(self, *numbers: str, vatrate: str = "77") -> None:
        """Orders with a VAT rate that the lookup table does not have."""
        for number in numbers:
            self.orders.order(number, vatrate="77", lines=[{"vatrate": vatrate}])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def shop(orders: OrderSandboxes, receiver: Receiver) -> Shop:
    return Shop(orders, receiver)


def test_an_order_that_fails_is_told_once_and_told_again_when_it_is_mended(shop: Shop) -> None:
    shop.fails("W1")
    shop.run()
    print(shop.receiver.texts)
    print(shop.orders.ledger()["W1"])
    print(shop.flush(10), shop.receiver.url, shop.receiver.tried)
    from winbc_pipeline.health import flush as fl, store

    f = fl._Flush(shop.orders.settings, shop.orders.now)
    g = fl.gather([ConnectedFlow(x, shop.orders.settings) for x in fl.FLOWS], f.known.failures, f.now)
    print(g.problems, f.known, g.unread, g.off)
    shop.orders.edit("W1", vatrate="21")
    shop.flush(10)
    shop.run()
    print(shop.receiver.texts)
    assert 0
