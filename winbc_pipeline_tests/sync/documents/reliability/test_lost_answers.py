"""An order whose answer was lost: what may have arrived is not sent again until it cannot arrive any more."""

from typing import Any

import httpx
import pytest

from winbc_pipeline.systems.transport import Answer, Transport

from ....support.order_sandboxes import BC, OrderSandboxes

MINUTE = 60
SEND = {"path": "$batch", "nth": 2}  # the first batch makes the customer


def test_an_operation_that_the_batch_does_not_answer_may_have_been_run(orders: OrderSandboxes) -> None:
    for number in ("W1", "W2", "W3"):
        orders.order(number)
    orders.fault(BC, {"kind": "partial_batch", **SEND})

    orders.sync()

    states = [row["state"] for row in orders.ledger().values()]
    assert states == ["CONFIRMED", "UNKNOWN", "UNKNOWN"]
    orders.sync(settled=True)


def _slow_then_late(orders: OrderSandboxes) -> None:
    """Two batches that are refused for four minutes each, then one that arrives sixteen minutes after it was lost."""
    orders.call(batch_size=1)
    for number in ("W1", "W2", "W3"):
        orders.order(number)
    storm = {"kind": "storm", "path": "$batch", "times": 4, "headers": {"Retry-After": "60"}}
    late = {"kind": "late", "path": "$batch", "nth": 4, "seconds": 16 * MINUTE}
    orders.fault(BC, storm | {"nth": 2}, storm | {"nth": 3}, late)


def _is_made_once(orders: OrderSandboxes, number: str) -> None:
    """Runs after 13, 15 and 20 minutes: an answer that comes late finds its order waiting."""
    for minutes in (13, 2):
        orders.pass_time(minutes * MINUTE)
        orders.sync()

    orders.pass_time(5 * MINUTE)
    orders.sync(settled=True)
    assert len(orders.documents(number)) == 1


def test_the_quarantine_begins_when_a_call_is_lost_not_when_it_was_intended(orders: OrderSandboxes) -> None:
    _slow_then_late(orders)
    orders.sync()
    assert orders.ledger()["W3"]["state"] == "UNKNOWN"
    _is_made_once(orders, "W3")


def test_a_run_that_died_may_have_sent_until_it_died(orders: OrderSandboxes) -> None:
    _slow_then_late(orders)
    assert orders.dies_at("after answer")
    _is_made_once(orders, "W3")


def test_an_order_that_was_edited_while_it_was_lost_is_not_taken_for_what_was_sent(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_after", **SEND})
    orders.sync()
    orders.edit("W1", amount="3")
    orders.pass_time(21 * MINUTE)
    orders.sync()

    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "CHANGED")


def test_an_edit_of_a_lost_order_is_made_in_its_document_where_the_settings_say_so(orders: OrderSandboxes) -> None:
    orders.choose(on_change="apply")
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_after", **SEND})
    orders.sync()
    orders.edit("W1", amount="3")
    orders.pass_time(21 * MINUTE)
    orders.sync()

    assert orders.ledger()["W1"]["state"] == "CONFIRMED"
    assert orders.lines("W1")[0]["quantity"] == 3


@pytest.mark.parametrize("edited", [False, True])
def test_a_document_unlike_ours_does_not_end_the_wait_for_ours(orders: OrderSandboxes, edited: bool) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "late", "seconds": 16 * MINUTE, **SEND})
    orders.sync()
    if edited:
        orders.edit("W1", amount="1")  # as many as a person types

    orders.types("W1")
    orders.releases("W1")
    orders.sync()
    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("UNKNOWN", "QUARANTINE")

    orders.pass_time(21 * MINUTE)
    orders.sync(settled=True)
    assert orders.ledger()["W1"]["state"] == "DUPLICATE"
    assert len(orders.documents("W1")) == 2


def test_a_document_that_a_person_typed_for_a_lost_and_edited_order_is_for_a_person(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_before", **SEND})
    orders.sync()
    orders.edit("W1", amount="1")
    orders.types("W1")
    orders.releases("W1")

    orders.pass_time(21 * MINUTE)
    orders.sync(settled=True)

    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "TOTAL_DIFFERS")


def test_a_lost_order_that_was_cancelled_meanwhile_is_not_sent_again(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_before", **SEND})
    orders.sync()
    orders.edit("W1", status="cancelled")
    for minutes in (20, 2):
        orders.pass_time(minutes * MINUTE)
        orders.sync()

    orders.sync(settled=True)

    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("SKIPPED", "CANCELLED")
    assert not orders.documents("W1")


@pytest.mark.parametrize("first_is", ["drop_after", "drop_before", "nothing"])
def test_two_orders_with_one_reference_are_never_taken_for_one(orders: OrderSandboxes, first_is: str) -> None:
    orders.order("w1")
    orders.fault(BC, *([{"kind": first_is, **SEND}] if first_is != "nothing" else []))
    orders.sync()
    orders.pass_time(MINUTE)

    orders.order("W1")
    orders.sync()

    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("FAILED", "TARGET_TAKEN")
    assert "w1" in (row["message"] or "")


def test_a_call_that_was_not_taken_does_not_count_as_a_try(orders: OrderSandboxes) -> None:
    orders.order("W1")
    for _ in range(3):
        orders.fault(BC, {"kind": "storm", "path": "$batch", "nth": 2 if orders.runs == 0 else 1, "times": 99})
        orders.sync()
        assert orders.ledger()["W1"]["state"] == "PLANNED"
        orders.pass_time(MINUTE)

    orders.fault(BC)
    orders.sync()
    assert orders.ledger()["W1"]["attempt_no"] == 1


def test_an_order_that_was_lost_three_times_is_for_a_person(orders: OrderSandboxes) -> None:
    orders.order("W1")

    orders.lose_always(times=5)

    row = orders.ledger()["W1"]
    assert (row["state"], row["reason"], row["attempt_no"]) == ("NEEDS_HUMAN", "TRIED_OUT", 3)
    assert len([call for call in orders.calls(BC) if call.get("fault") == "drop_before"]) == 3
    assert orders.documents("W1") == []


def test_an_order_that_was_given_up_and_arrived_after_all_is_found(orders: OrderSandboxes) -> None:
    orders.order("W1", shippingcost="0")  # what a person types has one line
    orders.lose_always(times=4)
    orders.types("W1")

    orders.sync(settled=True)

    assert orders.ledger()["W1"]["state"] == "CONFIRMED"


def test_a_lost_order_that_could_not_be_sent_again_stays_lost(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_before", **SEND})
    orders.sync()
    orders.fault(BC)
    orders.pass_time(21 * MINUTE)
    orders.sync()  # the first look after the quarantine: the next one may send it again

    orders.pass_time(2 * MINUTE)
    orders.order("W2", customerid="605255", email="bram@mail.example")  # whose customer is refused for a while
    orders.fault(BC, {"kind": "storm", "path": "$batch", "times": 99})
    orders.sync()
    assert orders.ledger()["W1"]["state"] == "UNKNOWN"

    orders.fault(BC)
    orders.pass_time(2 * MINUTE)
    orders.sync(settled=True)
    assert len(orders.documents("W1")) == 1


@pytest.mark.parametrize("content", [b'{"error":"invalid_request"}', b'{"error":null}', b"[]", b"no"])
def test_a_refusal_in_any_form_is_one(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    for number in ("W1", "W2", "W3"):
        orders.order(number)
    call = Transport.call

    def answered(self: Transport, method: str, path: str, **more: Any) -> Answer:
        if b"WS-W2" in (sent := more.get("content") or b"") and b'"POST"' in sent:
            return Answer(400, httpx.Headers(), content, "")
        return call(self, method, path, **more)

    monkeypatch.setattr(Transport, "call", answered)
    orders.sync()

    states = {number: row["state"] for number, row in orders.ledger().items()}
    assert states == {"W1": "CONFIRMED", "W2": "FAILED", "W3": "CONFIRMED"}


def test_an_answer_that_cannot_be_unpacked_is_a_lost_one(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.order("W1")
    read = Transport._read

    def broken(self: Transport, response: httpx.Response, enough: int | None) -> tuple[bytes, bool]:
        content = read(self, response, enough)
        if b"WS-W1" in response.request.content and b'"POST"' in response.request.content:
            raise httpx.DecodingError("incorrect header check")
        return content

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "_read", broken)
        orders.sync()
    assert orders.ledger()["W1"]["state"] == "UNKNOWN"

    orders.sync(settled=True)
    assert orders.ledger()["W1"]["reason"] == "RECONCILED"
