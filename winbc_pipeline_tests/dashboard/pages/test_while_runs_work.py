"""Pages that look into a flow's database, while a run has it. Source: docs/dashboard.md (While a run works)."""

import time

from markupsafe import escape

from winbc_pipeline.dashboard.words import words_of
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow

from .conftest import Shown

BUSY = str(escape(words_of("en")("desk.busy")))


def looked_at(shown: Shown, path: str) -> tuple[str, float]:
    """The page, and how long it took, while something else has the database of orders."""
    client = shown.browser()
    with ConnectedFlow(ORDERS_TO_BC, shown.orders.settings).store.open(alone=True):
        began = time.monotonic()
        return client.get(path).text, time.monotonic() - began


def test_to_do_opens_only_a_flow_whose_last_run_left_something_and_says_soon_that_a_run_has_it(shown: Shown) -> None:
    shown.orders.order("W1")
    shown.run()
    assert BUSY not in looked_at(shown, "/todo")[0]
    shown.orders.order("W2", lines=[{"vatrate": "77"}])
    shown.run()
    text, took_s = looked_at(shown, "/todo")
    assert BUSY in text and took_s < 2
    assert "27.83" in looked_at(shown, "/overview")[0] and "S-ORD00001" in looked_at(shown, "/activity")[0]
