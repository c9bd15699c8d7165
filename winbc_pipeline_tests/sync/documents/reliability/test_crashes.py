"""A run that is killed at any of the named places, and the run after it: nothing twice, nothing lost."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from winbc_pipeline import clock
from winbc_pipeline.sync import crash_points

from ....support import forked
from ....support.in_process import Killed
from ....support.order_flow import OrderFlow, open_order_flow
from ....support.order_invariants import assert_invariants, assert_nothing_written
from ....support.order_sandboxes import BC
from ....support.sandboxes import HTTP, Sandboxes, environment_of

pytestmark = pytest.mark.proof

FLOW = "orders_winstore_to_bc"
ITEM = {"number": "SKU-1", "displayName": "Mug", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
ORDERS = 3


@pytest.fixture
def filled(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> Sandboxes:
    """Three orders of three customers, and no wait for what is lost."""
    monkeypatch.setenv("WINBC_QUARANTINE_MINUTES", "0")
    sandboxes.settings = sandboxes.settings.model_copy(update={"quarantine_minutes": 0})
    sandboxes.seed_bc(items=[ITEM])
    named = ({"order_number": f"W{n}", "customer_id": f"{n}", "email": f"{n}@mail.example"} for n in range(ORDERS))
    sandboxes.fill(orders=list(named))
    return sandboxes


def run_and_die(sandboxes: Sandboxes, point: str, nth: int = 1) -> int:
    """A sync in a process of its own, one order a call; the signal that ended it, 0 for none."""
    environment = environment_of(sandboxes) | {"WINBC_BC__BATCH_SIZE": "1"}
    return forked.signal_of(forked.start(FLOW, "killed", environment, {point: nth}))


def check(sandboxes: Sandboxes, **what: bool) -> None:
    winstore = HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()
    assert_invariants(sandboxes.settings, sandboxes.bc(), winstore, **what)


def finish(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs until nothing is left to wait for, each a little more than a minute after the one before."""
    for minutes in (0, 2, 4):
        seconds = minutes * 60
        monkeypatch.setattr(clock, "now", lambda s=seconds: datetime.now(UTC) + timedelta(seconds=s))
        HTTP.post(f"{sandboxes.addresses.bc_control}/__clock", json={"advance_s": 120 if minutes else 0})
        sandboxes.sync(FLOW)
        if all(row["state"] == "CONFIRMED" for row in sandboxes.ledger(FLOW).values()):
            return


BY_KEY = [pytest.param(True, point, id=f"by key, {point}") for point in crash_points.POINTS_OF_REQUESTS]
OFTEN_BY_KEY = ("after intent", "after answer")
BOTH = [
    pytest.param(with_app, point, marks=pytest.mark.soak if with_app and point not in OFTEN_BY_KEY else ())
    for with_app in (False, True)
    for point in crash_points.POINTS
]


@pytest.mark.parametrize(("with_app", "point"), BOTH + BY_KEY)
def test_a_run_that_dies_there_is_completed_by_the_next(
    tmp_path: Path, tables: Path, with_app: bool, point: str
) -> None:
    """With the companion app and without; with it, the next run waits for nothing."""
    with open_order_flow(tmp_path, with_app=with_app) as order_flow:
        dies_and_goes_on(order_flow, point)
        if with_app:
            assert {event["reason"] for event in order_flow.events()} & {"QUARANTINE", "LOOK_AGAIN"} == set()


def dies_and_goes_on(order_flow: OrderFlow, point: str) -> None:
    for number in range(ORDERS):
        order_flow.order(f"W{number}", customerid=f"{number}1", email=f"{number}@mail.example")
    crash_points.armed[point] = 1
    try:
        with pytest.raises(Killed):
            order_flow.sync()
    finally:
        crash_points.armed.clear()
    order_flow.check(run_ended=False)

    order_flow.until_settled()

    assert [order_flow.outcome(f"W{number}")[0] for number in range(ORDERS)] == ["CONFIRMED"] * ORDERS
    assert len(order_flow.records("salesOrders")) == len(order_flow.records("customers")) == ORDERS
    before = order_flow.state(BC)
    order_flow.sync()
    assert_nothing_written(before, order_flow.state(BC))


@pytest.mark.parametrize("nth", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)])
@pytest.mark.parametrize("point", crash_points.POINTS)
def test_a_process_that_is_killed_there_leaves_nothing_twice_and_nothing_lost(
    filled: Sandboxes, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    ended = run_and_die(filled, point, nth)
    assert ended or nth > 1, f"no run of orders comes to {point}"
    check(filled, run_ended=False)

    finish(filled, monkeypatch)

    check(filled, settled=True)
    documents = filled.bc()["records"]["salesOrders"]
    assert sorted(each["externalDocumentNumber"] for each in documents) == ["WS-W0", "WS-W1", "WS-W2"]
    assert len(filled.bc()["records"]["customers"]) == ORDERS


@pytest.mark.files
def test_a_lock_file_that_a_dead_run_left_behind_stops_nothing(
    filled: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catalogue row 19."""
    assert run_and_die(filled, "after intent") == signal.SIGKILL
    assert list(Path(filled.settings.data_folder).rglob("*.lock"))
    finish(filled, monkeypatch)
    assert len(filled.bc()["records"]["salesOrders"]) == ORDERS
    check(filled, settled=True)
