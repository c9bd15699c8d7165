"""The invariants hold after plain runs, and each of them can fail."""

from collections.abc import Callable
from typing import Any

import pytest

from .invariants import assert_invariants, assert_nothing_written
from .world import BC, WINSTORE, OrderWorld

Record = dict[str, Any]


def test_orders_of_known_and_unknown_customers_arrive_once(orders: OrderWorld) -> None:
    orders.order("W1")
    orders.order("W2", customerid="999999", email="guest@mail.example")
    orders.order("W3", lines=[{"product_id": "NOWHERE"}])

    done = orders.sync()

    assert (done.created, done.failed) == (2, 1)
    before = orders.state(BC)
    orders.pass_time(60)
    orders.sync(settled=True)
    assert_nothing_written(before, orders.state(BC))


def _another_order(bc: Record) -> None:
    bc["records"]["salesOrders"].append(bc["records"]["salesOrders"][0] | {"number": "S-ORD9"})


def _sent_twice(bc: Record) -> None:
    bc["writes"].append(next(w for w in bc["writes"] if w["entity"] == "salesOrders") | {"key": "S-ORD9"})


def _nothing_there(bc: Record) -> None:
    bc["records"].pop("salesOrders")
    bc["writes"].clear()


def _no_intent(bc: Record) -> None:
    next(write for write in bc["writes"] if write["entity"] == "salesOrders")["request_id"] = "unknown"


def _another_body(bc: Record) -> None:
    next(write for write in bc["writes"] if write["entity"] == "salesOrders")["body"]["email"] = "x@mail.example"


def _a_line_more(bc: Record) -> None:
    bc["records"]["salesOrderLines"].append(bc["records"]["salesOrderLines"][0])


def _another_total(bc: Record) -> None:
    bc["records"]["salesOrders"][0]["totalAmountIncludingTax"] += 1


def _customer_last(bc: Record) -> None:
    bc["writes"].reverse()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_another_order, "I1"),
        (_sent_twice, "I1"),
        (_nothing_there, "I3"),
        (_no_intent, "I4"),
        (_another_body, "I4"),
        (_a_line_more, "I7"),
        (_another_total, "I7"),
        (_customer_last, "I12"),
    ],
)
def test_what_business_central_must_not_have_is_seen(
    orders: OrderWorld, spoil: Callable[[Record], None], named: str
) -> None:
    orders.order("W1")
    orders.sync()
    bc = orders.state(BC)

    spoil(bc)

    with pytest.raises(AssertionError, match=f"^{named}:"):
        assert_invariants(orders.settings, bc, orders.state(WINSTORE))


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE ledger SET state = 'UNKNOWN' WHERE part = 'order'", "I10"),
        ("INSERT INTO ledger FROM ledger WHERE part = 'order'", "I5"),
        ("DELETE FROM ledger WHERE part = 'order'", "I5"),
        ("DELETE FROM ledger_event WHERE state = 'SENDING'", "I4"),
        ("UPDATE ledger_event SET moved_at = moved_at + INTERVAL 1 HOUR", "I4"),
        ("INSERT INTO ledger_event FROM ledger_event WHERE part = 'order'", "I10"),
        ("UPDATE ledger_event SET from_state = 'UNKNOWN' WHERE part = 'order'", "I10"),
    ],
)
def test_what_the_ledger_must_not_say_is_seen(orders: OrderWorld, sql: str, named: str) -> None:
    orders.order("W1")
    orders.sync()

    orders.execute(sql)

    with pytest.raises(AssertionError, match=f"^{named}:"):
        orders.check()


def test_an_order_without_an_end_is_seen(orders: OrderWorld) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_before", "path": "$batch", "nth": 2})
    orders.sync()

    with pytest.raises(AssertionError, match="^I2: order W1 is still UNKNOWN"):
        orders.check(settled=True)


def test_an_order_that_came_back_to_winstore_is_seen(orders: OrderWorld) -> None:
    orders.order("W1")
    orders.sync()
    orders.order("WS-W1")
    with pytest.raises(AssertionError, match="^I9:"):
        orders.check()
