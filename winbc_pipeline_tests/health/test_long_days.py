"""Long days: thousands of failures bring few messages, and a quiet day brings none.

Source: the bound of twelve messages in twelve hours, docs/operations.md.
"""

import random

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.sync.connected import ConnectedFlow

from .conftest import Shop

REASONS = ("MAPPING", "BC_REFUSED", "DEPENDENCY", "TOTAL", "NO_CUSTOMER", "RELATION_MISSING", "BAD_VALUE")
TEN_MINUTES = 600


@pytest.mark.proof
def test_a_thousand_failures_an_hour_for_twelve_hours_are_twelve_messages_at_most(shop: Shop) -> None:
    chance, number, connected = random.Random(22), 0, ConnectedFlow(ORDERS_TO_BC, shop.settings)
    for _ in range(12 * 6):
        moves = [_failure(chance, f"W{number + n}") for n in range(1000 // 6 + 1)]
        mended = {f"W{chance.randrange(number)}" for _ in range(20 if number else 0)}
        moves += [Move("order", key, State.CONFIRMED, {"reason": None, "message": ""}) for key in mended]
        ledger.move(connected.store, moves, "run")
        number += 1000 // 6 + 1
        shop.flush(TEN_MINUTES)
    assert number >= 12_000
    assert 3 <= len(shop.receiver.messages) <= 12
    assert all(len(text) < 20_000 for _, text in shop.receiver.messages), "each can be read"


def _failure(chance: random.Random, key: str) -> Move:
    words = f"{chance.choice(('no such item', 'a wrong rate', 'no such customer'))}: order {key}"
    return Move("order", key, State.FAILED, {"reason": chance.choice(REASONS), "message": words})


def test_a_day_of_looks_at_a_quiet_shop_sends_nothing(shop: Shop) -> None:
    shop.run()
    for _ in range(24):
        assert shop.flush(3600).sent == ()
    assert shop.receiver.tried == 0
