"""A protocol without one of its parts sends an order twice, and the invariants say so; the whole protocol does not.

Each way of breaking it (exactly_once.md section 5) comes with the shortest story in which it shows.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from winbc_pipeline.errors import StoreBusy
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import State
from winbc_pipeline.sync import crash_points, session
from winbc_pipeline.sync.documents import decide, existing
from winbc_pipeline.sync.documents.batches import Sender
from winbc_pipeline.sync.session import recover
from winbc_pipeline.systems.business_central import Result

from ....support.order_sandboxes import BC, OrderSandboxes

pytestmark = pytest.mark.proof

MINUTE = 60
LEASE = session.lease
SEND = {"path": "$batch", "nth": 2}  # the first batch makes the customer
Story = Callable[[OrderSandboxes], None]
Breakage = Callable[[OrderSandboxes], AbstractContextManager[Any]]


def lost_and_looked_up(orders: OrderSandboxes) -> None:
    """The answer was lost, the order is there."""
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_after", **SEND})
    orders.sync()
    orders.pass_time(MINUTE)
    orders.sync()


def late(minutes: float, *looks: float) -> Story:
    """A call that BC runs some minutes after it was given up; runs so many minutes after it."""

    def story(orders: OrderSandboxes) -> None:
        orders.order("W1")
        orders.fault(BC, {"kind": "late", "seconds": int(minutes * MINUTE), **SEND})
        orders.sync()
        lost = orders.now
        for look in looks:
            orders.pass_time(look * MINUTE - (orders.now - lost).total_seconds())
            orders.sync()
        orders.pass_time(30 * MINUTE)
        orders.sync()

    return story


def posted_by_a_person(orders: OrderSandboxes) -> None:
    """The answer was lost, and the order was shipped and invoiced before anybody looked."""
    orders.order("W1")
    orders.fault(BC, {"kind": "drop_after", **SEND})
    orders.sync()
    orders.posts("W1")
    for minutes in (20, 2, 2):
        orders.pass_time(minutes * MINUTE)
        orders.sync()


def killed_with_a_call_in_the_queue(orders: OrderSandboxes) -> None:
    """The process died when it had sent; the call is run ten minutes later."""
    orders.order("W1")
    orders.fault(BC, {"kind": "late", "seconds": 10 * MINUTE, **SEND})
    assert orders.dies_at("after answer")
    for minutes in (1, 15):
        orders.pass_time(minutes * MINUTE)
        orders.sync()


def two_workers(orders: OrderSandboxes) -> None:
    """A second run begins and ends while the first one is about to send."""
    orders.order("W1")
    point, inside = crash_points.point, [0]

    def at(name: str) -> None:
        if name == "before intent" and not inside[0]:
            inside[0] = 1
            with suppress(StoreBusy):
                orders.sync()
        point(name)

    with patch.object(crash_points, "point", at):
        orders.sync()


def answered_500(orders: OrderSandboxes) -> None:
    """BC answers 500 though it made the order."""
    orders.order("W1")
    orders.fault(BC, {"kind": "status_after", "status": 500, **SEND})
    orders.sync()
    orders.pass_time(MINUTE)
    orders.sync()


def nothing_is_looked_up(_: OrderSandboxes) -> AbstractContextManager[Any]:
    return _everywhere(existing.look_up, lambda *_: {})


@contextmanager
def no_intent_and_no_look_up(orders: OrderSandboxes) -> Iterator[None]:
    with nothing_is_looked_up(orders), no_intent(orders):
        yield


@contextmanager
def no_intent(_: OrderSandboxes) -> Iterator[None]:
    """The ledger forgets what was sent without an answer."""

    def forget(store: Any, run_id: str) -> int:
        lost = ledger.read(store, "state IN ('SENDING', 'UNKNOWN')")
        recover(store, run_id)
        forgotten = [ledger.Move(row["part"], row["key"], State.FAILED, {"hash": None}) for row in lost]
        ledger.move(store, forgotten, run_id)
        return 0

    with _everywhere(recover, forget):
        yield


def sent_again_at_once(_: OrderSandboxes) -> AbstractContextManager[Any]:
    return patch.object(decide, "decide_lost", lambda *_: None)


def looks_in_sales_orders_only(_: OrderSandboxes) -> AbstractContextManager[Any]:
    documents = existing.found_in

    def orders_only(records: dict[str, Any]) -> Any:
        return documents({place: rows if place == existing.ORDER else [] for place, rows in records.items()})

    return patch.object(existing, "found_in", orders_only)


def no_lease(_: OrderSandboxes) -> AbstractContextManager[Any]:
    return patch.object(session, "lease", lambda *_: nullcontext())


@contextmanager
def a_5xx_means_not_run(orders: OrderSandboxes) -> Iterator[None]:
    send = Sender._send_batch

    def hopeful(self: Any, batch: Any) -> Any:
        answers = send(self, batch)
        return [(each, Result(r.id, -1, {}) if r.status == 0 else r) for each, r in answers]

    with nothing_is_looked_up(orders), patch.object(Sender, "_send_batch", hopeful):
        yield


def quarantine(minutes: int) -> Breakage:
    def breakage(orders: OrderSandboxes) -> AbstractContextManager[Any]:
        orders.settings = orders.settings.model_copy(update={"quarantine_minutes": minutes})
        return nullcontext()

    return breakage


@contextmanager
def quarantine_with_one_look_up(minutes: int, orders: OrderSandboxes) -> Iterator[None]:
    """As in the model of section 5: the first empty look-up after the quarantine counts."""
    with quarantine(minutes)(orders), patch.object(decide, "LOOK_AGAIN_S", 0):
        yield


@contextmanager
def _everywhere(original: Callable[..., Any], replacement: Callable[..., Any]) -> Iterator[None]:
    """In every module that took it over by its name."""
    name = original.__name__
    modules = [module for place, module in sys.modules.items() if place.startswith("winbc_pipeline.sync")]
    with ExitStack() as stack:
        for module in modules:
            if getattr(module, name, None) is original:
                stack.enter_context(patch.object(module, name, replacement))
        yield


STORIES: dict[str, tuple[Breakage, Story]] = {
    "no intent, no pre-check": (no_intent_and_no_look_up, lost_and_looked_up),
    "pre-check, retry at once": (sent_again_at_once, late(10, 1, 12)),
    "salesOrders only": (looks_in_sales_orders_only, posted_by_a_person),
    "two workers without a lease": (no_lease, two_workers),
    "pre-check, no intent record": (no_intent, killed_with_a_call_in_the_queue),
    "5xx means not executed": (a_5xx_means_not_run, answered_500),
    "quarantine of 8 minutes": (quarantine(8), late(16, 8, 9.5)),
    "quarantine of 14 minutes": (quarantine(14), late(16, 14, 15)),
    "quarantine of 15 minutes, one look-up": (partial(quarantine_with_one_look_up, 15), late(16, 15, 15.5)),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_broken_protocol_is_caught(orders: OrderSandboxes, name: str) -> None:
    breakage, story = STORIES[name]
    with pytest.raises(AssertionError, match="^I1:"), breakage(orders):
        story(orders)
        orders.check()


@pytest.mark.parametrize("name", STORIES)
def test_the_whole_protocol_keeps_every_invariant_in_the_same_story(orders: OrderSandboxes, name: str) -> None:
    if name == "two workers without a lease":
        with patch.object(session, "lease", lambda connected: LEASE(connected, 0.01)):
            two_workers(orders)
    else:
        STORIES[name][1](orders)
    orders.pass_time(30 * MINUTE)
    orders.sync(settled=True)
    assert orders.ledger()["W1"]["state"] == State.CONFIRMED


@pytest.mark.parametrize("minutes", [15, 16, 20])
def test_a_call_that_arrives_within_the_quarantine_is_never_sent_again(orders: OrderSandboxes, minutes: int) -> None:
    late(minutes, *range(1, 25))(orders)
    assert len(orders.documents("W1")) == 1


@pytest.mark.parametrize("minutes", [15, 16])
def test_the_minute_between_two_look_ups_counts_with_the_quarantine(orders: OrderSandboxes, minutes: int) -> None:
    """A call that arrives in the sixteenth minute is seen by the second look-up, even after 15 minutes only."""
    with quarantine(minutes)(orders):
        late(16, 14.99, 15, 15.99, 16, 17)(orders)
    assert len(orders.documents("W1")) == 1
