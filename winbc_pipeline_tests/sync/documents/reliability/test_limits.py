"""Directed cases at every limit, which random runs miss: pages, lengths, batches, equal moments."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from winbc_pipeline.errors import SystemUnavailable
from winbc_pipeline.sandbox.bc.app import Options

from ....support.order_sandboxes import BC, OrderSandboxes, order_sandboxes

SEND = {"path": "$batch", "nth": 2}  # the first batch makes the customer


def test_a_document_on_the_second_page_of_a_look_up_is_found(tmp_path: Path, tables: Path) -> None:
    with order_sandboxes(tmp_path, tables, Options(page_size=1)) as orders:
        for number in ("W1", "W2", "W3"):
            orders.order(number)
        orders.fault(BC, {"kind": "drop_after", **SEND})
        orders.sync()
        orders.pass_time(60)

        orders.sync(settled=True)

        assert [row["reason"] for row in orders.ledger().values()] == ["RECONCILED"] * 3


@pytest.mark.parametrize(
    ("number", "reason"),
    [("9" * 33, "MAPPING"), ("9 9", "REFERENCE"), ("Ü9", "REFERENCE"), ("9'9", "REFERENCE"), ("9*", "REFERENCE")],
)
def test_an_order_number_that_makes_no_reference_fails_alone(orders: OrderSandboxes, number: str, reason: str) -> None:
    orders.order(number)
    orders.order("W1")

    orders.sync(settled=True)

    rows = orders.ledger()
    assert (rows[number]["state"], rows[number]["reason"]) == ("FAILED", reason)
    assert rows["W1"]["state"] == "CONFIRMED"


def test_a_reference_of_35_characters_is_sent(orders: OrderSandboxes) -> None:
    number = "9" * 32  # WS- comes before it
    orders.order(number)
    orders.sync(settled=True)
    assert orders.ledger()[number]["state"] == "CONFIRMED"


@pytest.mark.parametrize("count", [100, 101])
@pytest.mark.parametrize("lost", [False, True])
def test_a_batch_takes_a_hundred_orders_and_the_next_one_the_rest(
    orders: OrderSandboxes, count: int, lost: bool
) -> None:
    orders.call(batch_size=100, in_flight=3)
    orders.choose(batch_size=100)
    for number in range(count):
        orders.order(f"W{number}")
    orders.fault(BC, *([{"kind": "status_after", "status": 504, **SEND}] if lost else []))

    orders.sync()

    states = [row["state"] for row in orders.ledger().values()]
    assert states.count("UNKNOWN") in ((100, 1) if lost else (0,))
    orders.pass_time(60)
    orders.sync(settled=True)
    assert {row["state"] for row in orders.ledger().values()} == {"CONFIRMED"}


@pytest.mark.parametrize(("chosen", "most"), [({}, 20), ({"batch_size": 5}, 5), ({"batch_size": 100}, 21)])
def test_a_batch_has_as_many_orders_as_the_setting_says(
    orders: OrderSandboxes, chosen: dict[str, int], most: int
) -> None:
    orders.call(batch_size=100)
    orders.choose(**chosen)
    place(orders, *(f"W{number}" for number in range(21)))
    orders.fault(BC, {"kind": "status_after", "status": 504, **SEND})

    orders.sync()

    assert states(orders).count("UNKNOWN") == most


def place(orders: OrderSandboxes, *numbers: str) -> None:
    for number in numbers:
        orders.order(number)


def states(orders: OrderSandboxes) -> list[str]:
    return [row["state"] for row in orders.ledger().values()]


def taking(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch, largest: int) -> list[int]:
    """Business Central takes no batch with more bytes; returns the sizes of those that are sent."""
    answer, sizes = orders.wire.handle_request, list[int]()

    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            sizes.append(len(request.content))
            if sizes[-1] > largest:
                return httpx.Response(413, html="<h1>Request Entity Too Large</h1>")
        return answer(request)

    monkeypatch.setattr(orders.wire, "handle_request", answered)
    return sizes


def test_a_batch_that_is_too_large_goes_in_halves(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    orders.call(batch_size=8)
    place(orders, *(f"W{number}" for number in range(8)))
    sizes = taking(orders, monkeypatch, 2500)

    orders.sync(settled=True)

    assert states(orders) == ["CONFIRMED"] * 8
    assert max(sizes) > 2500, "the first call was too large"


def test_an_order_that_is_too_large_alone_fails_and_says_so(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(orders, "W1", "W3")
    orders.order("W2", lines=[{"single_price": "10", "reduction": "0"}] * 20)
    taking(orders, monkeypatch, 2500)

    orders.sync(settled=True)

    row = orders.ledger()["W2"]
    assert (row["state"], row["reason"]) == ("FAILED", "TOO_LARGE")
    assert "bytes" in row["message"]
    assert [orders.ledger()[number]["state"] for number in ("W1", "W3")] == ["CONFIRMED"] * 2


def test_what_the_first_half_made_is_known_when_the_second_does_not_arrive(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.call(batch_size=4)
    place(orders, "W1", "W2", "W3", "W4")
    answer, calls = orders.wire.handle_request, list[int]()

    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            calls.append(1)
            if len(calls) == 1:
                return httpx.Response(413)
            if len(calls) > 2:
                raise httpx.ConnectError("refused")
        return answer(request)

    monkeypatch.setattr(orders.wire, "handle_request", answered)
    with pytest.raises(SystemUnavailable):
        orders.sync()
    orders.check(run_ended=False)
    assert states(orders) == ["CONFIRMED", "CONFIRMED", "PLANNED", "PLANNED"]

    monkeypatch.setattr(orders.wire, "handle_request", answer)
    orders.pass_time(60)
    orders.sync(settled=True)
    assert states(orders) == ["CONFIRMED"] * 4


def test_an_order_of_the_very_moment_of_the_cursor_is_not_passed_over(orders: OrderSandboxes) -> None:
    moment = "2026-03-10T09:59:00.000Z"
    orders.order("W1", modified=moment)
    orders.sync()

    orders.order("W2", modified=moment)
    orders.sync(settled=True)

    assert orders.ledger()["W2"]["state"] == "CONFIRMED"


def test_an_order_that_came_late_with_an_older_moment_is_not_passed_over(orders: OrderSandboxes) -> None:
    orders.order("W1", modified="2026-03-10T09:59:00.000Z")
    orders.sync()

    orders.order("W2", modified="2026-03-10T09:50:00.000Z")
    orders.sync(settled=True)

    assert orders.ledger()["W2"]["state"] == "CONFIRMED"


def test_a_run_that_is_cancelled_sends_nothing_that_waits(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is on its way when the cancel comes, and nine wait behind it."""
    orders.call(batch_size=1)
    orders.choose(batch_size=1)
    place(orders, *(f"W{number}" for number in range(10)))

    def cancelled(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("winbc_pipeline.sync.documents.batches.wait", cancelled)
        orders.sync()

    assert sum(len(orders.documents(f"W{number}")) for number in range(10)) <= 1
    orders.sync()  # what was on its way is looked up, and the rest goes at once
    states = [row["state"] for row in orders.ledger().values()]
    assert states.count("CONFIRMED") >= 9
