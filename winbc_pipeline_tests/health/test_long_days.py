"""Long days: thousands of failures bring few messages, and a quiet day brings none.

Source: the bound of twelve messages in twelve hours, docs/operations.md.
"""

import random

import pytest

from winbc_pipeline.staging.ledger import State

from .conftest import Shop

REASONS = ("MAPPING", "BC_REFUSED", "DEPENDENCY", "TOTAL", "NO_CUSTOMER", "RELATION_MISSING", "BAD_VALUE")
TEN_MINUTES = 600


@pytest.mark.proof
def test_a_thousand_failures_an_hour_for_twelve_hours_are_twelve_messages_at_most(shop: Shop) -> None:
    chance, number = random.Random(22), 0  # noqa: S311
    for _ in range(12 * 6):
        for reason in REASONS:
            keys = [f"W{number + n}" for n in range(1000 // 6 // len(REASONS) + 1)]
            number += len(keys)
            shop.moves(State.FAILED, *keys, reason=reason, message=f"{chance.choice('abc')}: order {{key}}")
        shop.moves(State.CONFIRMED, *(f"W{chance.randrange(number)}" for _ in range(20)))
        shop.flush(TEN_MINUTES)
    assert number >= 12_000
    assert 3 <= len(shop.receiver.messages) <= 12
    assert all(len(text) < 20_000 for _, text in shop.receiver.messages), "each can be read"


def test_a_day_of_looks_at_a_quiet_shop_sends_nothing(shop: Shop) -> None:
    shop.run()
    for _ in range(24):
        assert shop.flush(3600).sent == ()
    assert shop.receiver.tried == 0
