"""What must not happen to an order on its way to Business Central, whatever befalls the run that carries it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.errors import AuthenticationFailed, MappingError
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.run import plan_windows, push_windows
from winbc_pipeline.sync.stage import stage

from ..conftest import FIRST, LAST, World

LATER = {"modified_at": "2026-03-05T10:00:00.000Z"}


def shop(world: World, orders: list[dict[str, str]], lines: list[dict[str, str]] | None = None) -> None:
    """Orders in Winstore, given as changes to a usual one without shipping, with one line each."""
    world.fill(orders=[{"shipping_cost": ""} | order for order in orders], lines=lines)


def selling(world: World, orders: list[dict[str, str]]) -> None:
    """Both sides with the article, and orders that are not sent yet."""
    shop(world, orders)
    world.sync("products")


def documents(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.bc()["records"].get("salesOrders", [])
    return found


def pass_time(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    """The program's clock goes on (or back) from the machine's time."""
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(**time))


def wait_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs with empty look-ups after the quarantine: what is still lost then is sent again by the next run."""
    world.settings = world.settings.model_copy(update={"quarantine_minutes": 0})
    world.sync("orders")
    pass_time(monkeypatch, minutes=2)
    world.set_clock(advance_s=120)


def lose(world: World, kind: str = "drop_before", nth: int = 2) -> None:
    world.fault("bc", {"kind": kind, "path": "$batch", "method": "POST", "nth": nth})


def layers_up_to_planned(world: World, run_id: str) -> None:
    stage(ORDERS_TO_BC, world.settings, FIRST)
    map_windows(ORDERS_TO_BC, world.settings, FIRST, LAST)
    plan_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, run_id)


def test_a_batch_that_ran_and_was_half_answered_is_not_sent_again(world: World) -> None:
    selling(world, [{"order_number": f"W{n}"} for n in range(6)])
    world.fault("bc", {"kind": "partial_batch", "path": "$batch", "method": "POST", "nth": 2})
    world.sync("orders")
    assert len(documents(world)) == 6
    world.sync("orders")
    assert len(documents(world)) == 6
    assert {row["state"] for row in world.ledger("orders").values()} == {"CONFIRMED"}


def test_an_order_that_was_lost_and_then_cancelled_is_not_sent_after_the_quarantine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(world, [{}])
    lose(world)
    world.sync("orders")
    assert world.ledger("orders")["W1"]["state"] == "UNKNOWN"
    shop(world, [LATER | {"status": "cancelled"}])
    wait_out(world, monkeypatch)
    world.sync("orders")
    assert documents(world) == []
    assert world.ledger("orders")["W1"]["reason"] == "CANCELLED"


def test_an_order_that_was_cancelled_while_its_answer_was_lost_is_seen_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    selling(world, [{}])
    lose(world, "drop_after")
    world.sync("orders")
    shop(world, [LATER | {"status": "cancelled"}])
    wait_out(world, monkeypatch)
    row = world.ledger("orders")["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "CANCELLED")


def test_an_order_does_not_take_the_document_of_another_one(world: World) -> None:
    selling(world, [{}])
    world.sync("orders")
    shop(world, [{}, {"order_number": "w1"}])
    world.sync("orders")
    row = world.ledger("orders")["w1"]
    assert (row["state"], row["reason"]) == ("FAILED", "TARGET_TAKEN")


def test_a_plan_is_not_sent_twice_when_the_clock_went_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    selling(world, [{}])
    layers_up_to_planned(world, "plan")
    pass_time(monkeypatch, hours=-1)
    push_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, "one")
    push_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, "two")
    assert len(documents(world)) == 1


def test_an_edit_that_was_staged_and_not_mapped_yet_is_not_counted_as_sent(world: World) -> None:
    selling(world, [{}])
    stage(ORDERS_TO_BC, world.settings, FIRST)
    map_windows(ORDERS_TO_BC, world.settings, FIRST, LAST)
    shop(world, [LATER], [{"quantity": "5"}])
    stage(ORDERS_TO_BC, world.settings, FIRST)
    plan_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, "one")
    push_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, "one")
    world.sync("orders")
    row = world.ledger("orders")["W1"]
    lines = world.bc()["records"].get("salesOrderLines", [])
    assert row["state"] == "CONFLICT" or [line["quantity"] for line in lines] == [5]


def test_an_order_that_was_touched_but_is_the_same_keeps_what_the_ledger_knows_of_it(world: World) -> None:
    selling(world, [{}])
    world.sync("orders")
    before = world.ledger("orders")["W1"]
    shop(world, [LATER])
    world.sync("orders")
    after = world.ledger("orders")["W1"]
    assert after["version"] != before["version"]
    names = ("reference", "amount", "currency", "target_id", "target_no", "target_set", "field_hashes")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}


def test_orders_that_were_turned_away_at_the_door_are_sent_by_the_next_run(world: World) -> None:
    selling(world, [{}])
    world.fault("bc", {"kind": "status", "status": 403, "path": "$batch", "method": "POST", "nth": 2, "times": 9})
    with pytest.raises(AuthenticationFailed):
        world.sync("orders")
    assert world.ledger("orders")["W1"]["state"] == "PLANNED"
    world.fault("bc")
    world.sync("orders")
    assert world.ledger("orders")["W1"]["state"] == "CONFIRMED"


def test_refusals_are_not_counted_as_lost_attempts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    selling(world, [{}])
    refused = {"kind": "status", "status": 400, "path": "$batch", "method": "POST", "nth": 2}
    for _ in range(3):
        world.fault("bc", refused)
        world.sync("orders")
        refused = refused | {"nth": 1}  # the customer is there by now
    lose(world, nth=1)
    world.sync("orders")
    wait_out(world, monkeypatch)
    world.sync("orders")
    assert world.ledger("orders")["W1"]["state"] == "CONFIRMED"


def test_an_order_is_not_planned_by_other_tables_than_it_was_mapped_with(world: World) -> None:
    selling(world, [{}])
    table = world.own_tables() / ORDERS_TO_BC.id / "order.csv"
    stage(ORDERS_TO_BC, world.settings, FIRST)
    map_windows(ORDERS_TO_BC, world.settings, FIRST, LAST)
    table.write_text(table.read_text().replace("delivery_add_city", "upper(delivery_add_city)"))
    with pytest.raises(MappingError, match="edited since these records were mapped"):
        plan_windows(ORDERS_TO_BC, world.settings, FIRST, LAST, "plan")
