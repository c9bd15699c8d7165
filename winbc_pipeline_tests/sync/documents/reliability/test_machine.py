"""Orders under whatever comes: a state machine over both sandboxes, with every invariant asserted after each step.

`make test` runs 6 examples, `make proof` and CI 50, the same ones every time; `make soak` runs 250 more and
1,300 others, which are new each time.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.staging.ledger import State

from ....support.order_invariants import assert_nothing_written
from ....support.order_sandboxes import (
    ADDRESS,
    BC,
    KNOWN_SKU,
    LATER_SKU,
    WINSTORE,
    WITH_APP,
    OrderSandboxes,
    order_sandboxes,
)
from ....support.postgres import begin_anew

MINUTE = 60
MOST_ORDERS = 4
OPEN = (State.PLANNED, State.SENDING, State.UNKNOWN)
CUSTOMERS = (
    {"customerid": "605254", "email": "anna@mail.example"},
    {"customerid": "605255", "email": "bram@mail.example"},
    {"customerid": "999999", "email": "guest@mail.example"},
)
EDITS: tuple[dict[str, Any], ...] = (
    *({"amount": amount} for amount in ("1", "3", "-4")),
    *({"reduction": percent} for percent in ("0", "12.5")),
    *({"vatrate": rate} for rate in ("9", "6")),  # no table has a code for 6 per cent
    {"delivery_add": ADDRESS | {"city": "Zeist", "countryISO": "NL"}},
    *CUSTOMERS,
    CUSTOMERS[0] | {"orderdate": "2026-02-01 10:00:00"},  # another order with the same number
)
FAULTS: list[dict[str, Any]] = [
    *({"kind": kind} for kind in ("drop_before", "drop_after", "truncate", "html", "garbage", "expired_token")),
    *({"kind": "status", "status": status} for status in (500, 503)),
    *({"kind": "status_after", "status": status} for status in (408, 500, 502, 504)),
    *({"kind": "late", "seconds": minutes * MINUTE} for minutes in (1, 8, 15, 16)),
    *({"kind": kind, "path": "$batch"} for kind in ("partial_batch", "shuffled_batch")),
    {"kind": "storm", "times": 7, "headers": {"Retry-After": "30"}},
]
POINTS = ("after plan", "before intent", "after intent", "after answer", "after confirm", "after customers")
numbers = st.integers(0, MOST_ORDERS - 1)


class Orders(RuleBasedStateMachine):
    """Shops, both systems, a person at Business Central, time, and the program."""

    tables: Path
    options = None  # of Business Central's sandbox

    def __init__(self) -> None:
        super().__init__()
        self.stack, self.taken = ExitStack(), 0
        begin_anew()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.sandboxes: OrderSandboxes = self.stack.enter_context(order_sandboxes(folder, self.tables, self.options))

    @initialize(customer=st.sampled_from(CUSTOMERS), applied=st.booleans())
    def first_order(self, customer: dict[str, str], applied: bool) -> None:
        """The settings hold edits and cancellations back, or have them made in the document."""
        self.sandboxes.choose(**(dict.fromkeys(("on_change", "on_cancel"), "apply") if applied else {}))
        self.order(customer, KNOWN_SKU)

    @precondition(lambda self: self.taken < MOST_ORDERS)
    @rule(customer=st.sampled_from(CUSTOMERS), sku=st.sampled_from([KNOWN_SKU, KNOWN_SKU, LATER_SKU]))
    def order(self, customer: dict[str, str], sku: str) -> None:
        self.sandboxes.order(f"W{self.taken}", lines=[{"product_id": sku}], **customer)
        self.taken += 1

    @rule(number=numbers, change=st.sampled_from(EDITS))
    def edit(self, number: int, change: dict[str, Any]) -> None:
        self.sandboxes.edit(self.named(number), **change)

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        self.sandboxes.edit(self.named(number), status="cancelled")

    @rule()
    def item_appears(self) -> None:
        self.sandboxes.has_item(LATER_SKU)

    @rule(fault=st.sampled_from(FAULTS), port=st.sampled_from([BC, BC, BC, WINSTORE]), nth=st.integers(1, 8))
    def fault(self, fault: dict[str, Any], port: int, nth: int) -> None:
        self.sandboxes.fault(port, fault | {"nth": nth})

    @rule(fault=st.sampled_from(FAULTS), nth=st.integers(1, 3))
    def fault_of_a_batch(self, fault: dict[str, Any], nth: int) -> None:
        self.sandboxes.fault(BC, {"path": "$batch", "nth": nth} | fault)

    @rule(number=numbers, what=st.sampled_from(["posts", "ships", "releases", "deletes", "types"]))
    def person(self, number: int, what: str) -> None:
        getattr(self.sandboxes, what)(self.named(number))
        self.sandboxes.check(run_ended=False)

    @rule(seconds=st.sampled_from([1, 59, 61, 5 * MINUTE, 15 * MINUTE, 16 * MINUTE, 20 * MINUTE, 30 * MINUTE]))
    def time_passes(self, seconds: int) -> None:
        self.sandboxes.pass_time(seconds)
        self.sandboxes.check(run_ended=False)

    @rule()
    def sync(self) -> None:
        self.run()

    @rule(point=st.sampled_from(POINTS))
    def crash(self, point: str) -> None:
        try:
            self.sandboxes.dies_at(point)
        except WinbcError:
            self.sandboxes.check(run_ended=False)

    def named(self, number: int) -> str:
        return f"W{number % self.taken}"

    def run(self) -> None:
        """A run that may be stopped by a system that does not answer."""
        try:
            self.sandboxes.sync()
        except WinbcError:
            self.sandboxes.check(run_ended=False)

    def teardown(self) -> None:
        """Once faults stop and the quarantine has passed, every order has an end, and nothing more is written."""
        try:
            if self.taken:
                self.end_well()
        finally:
            self.stack.close()

    def end_well(self) -> None:
        self.sandboxes.fault(BC)
        self.sandboxes.fault(WINSTORE)
        for _ in range(5):
            self.sandboxes.pass_time(21 * MINUTE)
            self.sandboxes.sync()
            if not any(row["state"] in OPEN for row in self.sandboxes.ledger().values()):
                break
        before = self.sandboxes.state(BC)
        self.sandboxes.sync(settled=True)
        assert_nothing_written(before, self.sandboxes.state(BC))


class OrdersByKey(Orders):
    """The same with the companion app, which comes and goes: an order is sent in one way and settled in the other."""

    options = WITH_APP

    @rule(there=st.booleans())
    def app_comes_or_goes(self, there: bool) -> None:
        self.sandboxes.seed_app({"id": companion_app().key, "installed": there})


def run_machine(tables: Path, part: int | None = None, machine: type[Orders] = Orders, **chosen: Any) -> None:
    """Runs stories; each `part` has others, the same ones every time."""
    machine.tables = tables
    stories = machine if part is None else seed(part)(type("Orders", (machine,), {}))
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = {"stateful_step_count": 14, "suppress_health_check": quiet} | chosen
    run_state_machine_as_test(stories, settings=settings(**chosen))  # type: ignore[no-untyped-call]


def test_every_order_arrives_once_whatever_comes(tables: Path) -> None:
    run_machine(tables, max_examples=6)


@pytest.mark.proof
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.soak) for part in range(1, 6))])
def test_every_order_arrives_once_in_50_runs(tables: Path, part: int) -> None:
    """The first part in CI, all six before a release."""
    run_machine(tables, part, max_examples=50)


@pytest.mark.proof
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.soak) for part in range(1, 6))])
def test_every_order_arrives_once_by_its_key_with_an_app_that_comes_and_goes(tables: Path, part: int) -> None:
    run_machine(tables, part, OrdersByKey, max_examples=50 if part else 6)


@pytest.mark.soak
def test_every_order_arrives_once_in_twenty_minutes_of_other_runs(tables: Path) -> None:
    run_machine(tables, max_examples=1300, stateful_step_count=20, derandomize=False)
