"""The invariants hold after plain runs, and each of them can fail."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents import decide
from winbc_pipeline.sync.run import Summary, summary
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.transport import Limits

from ....support.order_invariants import assert_invariants, assert_nothing_written
from ....support.order_sandboxes import BC, FIRST, LAST, ORDERS_TO_BC, WINSTORE, OrderSandboxes, Record
from ....support.run_invariants import assert_adds_up


def test_orders_of_known_and_unknown_customers_arrive_once(orders: OrderSandboxes) -> None:
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
    orders: OrderSandboxes, spoil: Callable[[Record], None], named: str
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
        pytest.param(  # a server refuses it
            "INSERT INTO ledger FROM ledger WHERE part = 'order'", "I5", marks=pytest.mark.files
        ),
        ("DELETE FROM ledger WHERE part = 'order'", "I5"),
        ("DELETE FROM ledger_event WHERE state = 'SENDING'", "I4"),
        ("UPDATE ledger_event SET moved_at = moved_at + INTERVAL 1 HOUR", "I4"),
        ("INSERT INTO ledger_event FROM ledger_event WHERE part = 'order'", "I10"),
        ("UPDATE ledger_event SET from_state = 'UNKNOWN' WHERE part = 'order'", "I10"),
    ],
)
def test_what_the_ledger_must_not_say_is_seen(orders: OrderSandboxes, sql: str, named: str) -> None:
    orders.order("W1")
    orders.sync()

    orders.execute(sql)

    with pytest.raises(AssertionError, match=f"^{named}:"):
        orders.check()


def test_an_order_without_an_end_is_seen(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_before", "path": "$batch", "nth": 2})
    orders.sync()

    with pytest.raises(AssertionError, match="^I2: order W1 is still UNKNOWN"):
        orders.check(settled=True)


def test_an_order_that_came_back_to_winstore_is_seen(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    orders.order("WS-W1")
    with pytest.raises(AssertionError, match="^I9:"):
        orders.check()


def test_a_document_that_came_back_to_winstore_is_seen(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    shop = orders.state(WINSTORE)
    number = orders.documents("W1")[0]["number"]

    shop["writes"].append({"entity": "PostOrderWithStatusCode", "body": {"ordernr": number}})

    with pytest.raises(AssertionError, match=f"^I9: came back to Winstore: .*{number}"):
        assert_invariants(orders.settings, orders.state(BC), shop)


def test_an_order_that_came_back_to_business_central_is_seen(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    shop, bc = orders.state(WINSTORE), orders.state(BC)

    shop["writes"].append({"entity": "PostOrderWithStatusCode", "body": {"ordernr": "W1"}})
    bc["records"]["salesOrders"].append(
        bc["records"]["salesOrders"][0] | {"number": "W1", "externalDocumentNumber": ""}
    )

    with pytest.raises(AssertionError, match="^I9: came back to Business Central"):
        assert_invariants(orders.settings, bc, shop)


@pytest.mark.parametrize(
    ("first", "spoil"),
    [
        ("NOWHERE", "DELETE FROM ledger WHERE key = 'W1'; DELETE FROM ledger_event WHERE key = 'W1'"),
        ("SKU-1", "UPDATE ledger SET version = 'of yesterday' WHERE key = 'W1'"),  # edited, and nobody looked
    ],
)
def test_an_order_that_the_cursor_passed_is_seen(orders: OrderSandboxes, first: str, spoil: str) -> None:
    orders.order("W1", lines=[{"product_id": first}])
    orders.pass_time(60)
    orders.order("W2")
    orders.pass_time(60)
    orders.sync()

    orders.execute(spoil)

    with pytest.raises(AssertionError, match="^I8: the cursor passed order W1"):
        orders.check(run_ended=False)


# Of a run.


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM planned_orders_winstore_to_bc WHERE key = 'W1'",
        "UPDATE planned_orders_winstore_to_bc SET action = 'fail' WHERE key = 'W1'",
        "UPDATE ledger SET run_id = 'another' WHERE key = 'W1'",
        "UPDATE ledger SET state = 'SKIPPED' WHERE key = 'W1'",
        "UPDATE ledger SET part = 'customer' WHERE key = 'W1'",
    ],
)
def test_a_run_that_does_not_add_up_is_seen(orders: OrderSandboxes, sql: str) -> None:
    done = run_of_two(orders)
    orders.execute(sql)
    with pytest.raises(AssertionError, match="^I5:"):
        assert_adds_up(orders.settings, done, "run-1", FIRST, LAST)


def run_of_two(orders: OrderSandboxes) -> Summary:
    orders.order("W1")
    orders.order("W2", lines=[{"product_id": "NOWHERE"}])
    orders.sync()
    return summary(Work(ConnectedFlow(ORDERS_TO_BC, orders.settings), FIRST, LAST, "run-1"))


@pytest.mark.parametrize("wrong", [{"read": 3}, {"created": 0}, {"skipped": 1}])
def test_a_summary_that_does_not_add_up_is_seen(orders: OrderSandboxes, wrong: dict[str, int]) -> None:
    done = run_of_two(orders)
    with pytest.raises(AssertionError, match="^I5:"):
        assert_adds_up(orders.settings, replace(done, **wrong), "run-1", FIRST, LAST)


def test_numbers_that_dagster_shows_and_the_ledger_does_not_have_are_seen(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_of_two(orders)
    monkeypatch.setattr("winbc_pipeline.orchestration.metadata._documents", lambda _: {"orders_in": 3})
    with pytest.raises(AssertionError, match="^I5: synced of 2026-03-10 shows"):
        assert_adds_up(orders.settings, done, "run-1", FIRST, LAST)


def test_a_call_that_is_made_again_and_again_is_seen(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"tries": 50}
    monkeypatch.setattr("winbc_pipeline.systems.business_central.client.Limits", lambda **own: Limits(**own | many))
    orders.order("W1")
    orders.fault(BC, {"kind": "storm", "path": "$batch", "times": 20})
    with pytest.raises(AssertionError, match="^I11: POST .* was made 20 times in vain"):
        orders.sync()


def test_a_record_that_is_sent_again_within_a_run_is_seen(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    moved = "INSERT INTO ledger_event SELECT * REPLACE ('{}' AS from_state, '{}' AS state) FROM ledger_event "
    for move in (("CONFIRMED", "SENDING"), ("SENDING", "CONFIRMED")):
        orders.execute(moved.format(*move) + "WHERE part = 'order' AND from_state IS NULL")
    with pytest.raises(AssertionError, match="^I11: a record was sent again within a run"):
        orders.check()


def test_a_document_that_is_lost_and_sent_for_ever_is_seen(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "TRIES", 99)
    orders.order("W1")
    with pytest.raises(AssertionError, match="^I11: a lost document was sent again and again"):
        orders.lose_always()
