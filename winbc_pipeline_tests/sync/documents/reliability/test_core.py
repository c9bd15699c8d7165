"""What must not happen to an order on its way to Business Central, whatever befalls the run that carries it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.errors import AuthenticationFailed, MappingError
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents import SENDING
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.run import plan_windows, push_windows
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.business_central import BusinessCentral

from ....support.sandboxes import FIRST, LAST, Sandboxes

pytestmark = pytest.mark.proof

LATER = {"modified_at": "2026-03-05T10:00:00.000Z"}


def shop(sandboxes: Sandboxes, orders: list[dict[str, str]], lines: list[dict[str, str]] | None = None) -> None:
    """Orders in Winstore, given as changes to a usual one without shipping, with one line each."""
    sandboxes.fill(orders=[{"shipping_cost": ""} | order for order in orders], lines=lines)


def selling(sandboxes: Sandboxes, orders: list[dict[str, str]]) -> None:
    """Both sides with the article, and orders that are not sent yet."""
    shop(sandboxes, orders)
    sandboxes.sync("products")


def documents(sandboxes: Sandboxes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandboxes.bc()["records"].get("salesOrders", [])
    return found


def pass_time(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    """The program's clock goes on (or back) from the machine's time."""
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(**time))


def wait_out(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs with empty look-ups after the quarantine: what is still lost then is sent again by the next run."""
    sandboxes.settings = sandboxes.settings.model_copy(update={"quarantine_minutes": 0})
    sandboxes.sync("orders")
    pass_time(monkeypatch, minutes=2)
    sandboxes.set_clock(advance_s=120)


def lose(sandboxes: Sandboxes, kind: str = "drop_before", nth: int = 2) -> None:
    sandboxes.fault("bc", {"kind": kind, "path": "$batch", "method": "POST", "nth": nth})


def layers_up_to_planned(sandboxes: Sandboxes, run_id: str) -> None:
    stage(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST)
    map_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "run-1"))
    plan_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, run_id))


def test_a_batch_that_ran_and_was_half_answered_is_not_sent_again(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{"order_number": f"W{n}"} for n in range(6)])
    sandboxes.fault("bc", {"kind": "partial_batch", "path": "$batch", "method": "POST", "nth": 2})
    sandboxes.sync("orders")
    assert len(documents(sandboxes)) == 6
    sandboxes.sync("orders")
    assert len(documents(sandboxes)) == 6
    assert {row["state"] for row in sandboxes.ledger("orders").values()} == {"CONFIRMED"}


def test_an_order_that_was_lost_and_then_cancelled_is_not_sent_after_the_quarantine(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(sandboxes, [{}])
    lose(sandboxes)
    sandboxes.sync("orders")
    assert sandboxes.ledger("orders")["W1"]["state"] == "UNKNOWN"
    shop(sandboxes, [LATER | {"status": "cancelled"}])
    wait_out(sandboxes, monkeypatch)
    sandboxes.sync("orders")
    assert documents(sandboxes) == []
    assert sandboxes.ledger("orders")["W1"]["reason"] == "CANCELLED"


def test_an_order_that_was_cancelled_while_its_answer_was_lost_is_seen_to_be(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(sandboxes, [{}])
    lose(sandboxes, "drop_after")
    sandboxes.sync("orders")
    shop(sandboxes, [LATER | {"status": "cancelled"}])
    wait_out(sandboxes, monkeypatch)
    row = sandboxes.ledger("orders")["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "CANCELLED")


def test_an_order_does_not_take_the_document_of_another_one(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{}])
    sandboxes.sync("orders")
    shop(sandboxes, [{}, {"order_number": "w1"}])
    sandboxes.sync("orders")
    row = sandboxes.ledger("orders")["w1"]
    assert (row["state"], row["reason"]) == ("FAILED", "TARGET_TAKEN")


def test_a_plan_is_not_sent_twice_when_the_clock_went_back(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(sandboxes, [{}])
    layers_up_to_planned(sandboxes, "plan")
    pass_time(monkeypatch, hours=-1)
    push_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "one"))
    push_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "two"))
    assert len(documents(sandboxes)) == 1


def test_an_edit_that_was_staged_and_not_mapped_yet_is_not_counted_as_sent(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{}])
    stage(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST)
    map_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "run-1"))
    shop(sandboxes, [LATER], [{"quantity": "5"}])
    stage(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST)
    plan_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "one"))
    push_windows(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "one"))
    sandboxes.sync("orders")
    row = sandboxes.ledger("orders")["W1"]
    lines = sandboxes.bc()["records"].get("salesOrderLines", [])
    assert row["state"] == "CONFLICT" or [line["quantity"] for line in lines] == [5]


def test_an_order_that_was_touched_but_is_the_same_keeps_what_the_ledger_knows_of_it(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{}])
    sandboxes.sync("orders")
    before = sandboxes.ledger("orders")["W1"]
    shop(sandboxes, [LATER])
    sandboxes.sync("orders")
    after = sandboxes.ledger("orders")["W1"]
    assert after["version"] != before["version"]
    names = ("reference", "amount", "currency", "target_id", "target_no", "target_set", "field_hashes")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}


def test_orders_that_were_turned_away_at_the_door_are_sent_by_the_next_run(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{}])
    sandboxes.fault("bc", {"kind": "status", "status": 403, "path": "$batch", "method": "POST", "nth": 2, "times": 9})
    with pytest.raises(AuthenticationFailed):
        sandboxes.sync("orders")
    assert sandboxes.ledger("orders")["W1"]["state"] == "PLANNED"
    sandboxes.fault("bc")
    sandboxes.sync("orders")
    assert sandboxes.ledger("orders")["W1"]["state"] == "CONFIRMED"


def test_refusals_are_not_counted_as_lost_attempts(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    selling(sandboxes, [{}])
    refused = {"kind": "status", "status": 400, "path": "$batch", "method": "POST", "nth": 2}
    for _ in range(3):
        sandboxes.fault("bc", refused)
        sandboxes.sync("orders")
        refused = refused | {"nth": 1}  # the customer is there by now
    lose(sandboxes, nth=1)
    sandboxes.sync("orders")
    wait_out(sandboxes, monkeypatch)
    sandboxes.sync("orders")
    assert sandboxes.ledger("orders")["W1"]["state"] == "CONFIRMED"


def edit_city(tables: Path) -> None:
    table = tables / ORDERS_TO_BC.id / "order.csv"
    table.write_text(table.read_text().replace("delivery_add_city", "upper(delivery_add_city)"))


@pytest.mark.parametrize("mapped_again", [False, True])
def test_an_order_is_sent_by_the_tables_that_were_edited_after_it_was_planned(
    sandboxes: Sandboxes, mapped_again: bool
) -> None:
    selling(sandboxes, [{}])
    tables = sandboxes.own_tables()
    layers_up_to_planned(sandboxes, "plan")
    edit_city(tables)
    work = Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "one")
    if mapped_again:
        map_windows(work)
    assert push_windows(work) == (["planned"] if mapped_again else ["mapped", "planned"])
    assert [document["shipToCity"] for document in documents(sandboxes)] == ["UTRECHT"]


def test_an_edit_in_the_midst_of_planning_stops_the_plan(sandboxes: Sandboxes) -> None:
    selling(sandboxes, [{}])
    tables = sandboxes.own_tables()
    layers_up_to_planned(sandboxes, "plan")
    edit_city(tables)
    target = BusinessCentral(sandboxes.settings)
    try:
        with pytest.raises(MappingError, match="edited while these records were planned"):
            SENDING.plan(Work(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST, LAST, "plan"), target)
    finally:
        target.close()
