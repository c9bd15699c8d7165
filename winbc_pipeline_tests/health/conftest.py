"""A shop whose orders go to Business Central, and somebody who wants to be told."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.flush import Flushed, flush
from winbc_pipeline.health.runs import watched
from winbc_pipeline.settings import AlertSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease

from ..support.order_sandboxes import LAST, OrderSandboxes
from ..support.receivers import Receiver, webhook


class Shop:
    """Orders on their way, and the receiver of alerts about them."""

    def __init__(self, orders: OrderSandboxes, receiver: Receiver) -> None:
        self.orders, self.receiver = orders, receiver
        self.choose(urls={"hook": SecretStr(receiver.url)})

    @property
    def settings(self) -> Any:
        return self.orders.settings

    def choose(self, **chosen: Any) -> None:
        """Settings of alerts."""
        known = self.settings.alerts.model_dump() | chosen
        self.orders.settings = self.settings.model_copy(update={"alerts": AlertSettings(**known)})

    def run(self) -> None:
        """A run of orders to its end."""
        with watched(ConnectedFlow(ORDERS_TO_BC, self.settings)):
            self.orders.sync()

    def stops(self, error: Exception, *flows: str) -> None:
        """Runs of flows that fail before they send anything."""
        for flow in flows or (ORDERS_TO_BC.id,):
            with pytest.raises(type(error)), watched(ConnectedFlow(flow_named(flow), self.settings)):
                raise error

    def goes_on(self, *flows: str) -> None:
        """Runs of flows that come to their end."""
        for flow in flows or (ORDERS_TO_BC.id,):
            with watched(ConnectedFlow(flow_named(flow), self.settings)):
                pass

    def flush(self, after_s: float = 0) -> Flushed:
        """What the watch or cron does, after some time."""
        self.orders.pass_time(after_s)
        return flush(self.settings)

    def fails(self, *numbers: str) -> None:
        """Orders with a VAT rate that the lookup table does not have."""
        for number in numbers:
            self.orders.order(number, lines=[{"vatrate": "77"}])

    def moves(self, state: State, *keys: str, reason: str | None = None, message: str = "", flow: str = "") -> None:
        """Moves of records in a ledger, as any run makes them. A message may hold `{key}`."""
        connected = ConnectedFlow(flow_named(flow) if flow else ORDERS_TO_BC, self.settings)
        known = {"reason": reason, "window": LAST, "version": str(self.orders.now)}
        moves = [Move(connected.flow.main, key, state, known | {"message": message.format(key=key)}) for key in keys]
        with lease(connected):
            ledger.move(connected.store, moves, "run")

    def loses(self, key: str) -> None:
        """An order whose answer was lost."""
        self.moves(State.SENDING, key)
        self.moves(State.UNKNOWN, key, reason="NO_ANSWER")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def shop(orders: OrderSandboxes, receiver: Receiver) -> Shop:
    return Shop(orders, receiver)
