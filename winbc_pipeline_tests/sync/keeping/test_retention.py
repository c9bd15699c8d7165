"""What is kept, and how long: docs/operations.md, "What is kept, and how long"."""

import os
from datetime import date, timedelta
from decimal import Decimal

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import schema
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.keeping.retention import forget_kept, tidy
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work

from ...support.order_flow import OrderFlow
from ...support.order_invariants import assert_nothing_written
from ...support.order_sandboxes import BC, FIRST
from ...support.shops.stock_world import TO_BC, StockWorld

DAY, LATER = 24 * 60 * 60, date(2027, 12, 31)
MADE = ("staging_winstore_orders", "mapped_orders_winstore_to_bc", "planned_orders_winstore_to_bc")


def connected(order_flow: OrderFlow) -> ConnectedFlow:
    return ConnectedFlow(ORDERS_TO_BC, order_flow.settings)


def count(order_flow: OrderFlow, table: str, where: str = "true") -> int:
    with connected(order_flow).store.open() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
    return int(row[0]) if row else 0


def aged(order_flow: OrderFlow, days: float) -> None:
    order_flow.pass_time(days * DAY)
    tidy(connected(order_flow))


def run_quietly(order_flow: OrderFlow) -> None:
    """A run without the invariants, which look at every staged order."""
    sync(Work(connected(order_flow), FIRST, LATER, "quiet"))


def test_what_was_read_and_made_of_an_order_goes_30_days_after_its_end(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    aged(order_flow, 29.9)
    assert [count(order_flow, table) > 0 for table in MADE] == [True] * 3
    aged(order_flow, 0.2)
    assert [count(order_flow, table) for table in MADE] == [0] * 3
    assert order_flow.outcome("W1")[0] == "CONFIRMED", "the ledger stays"


def test_a_rerun_after_that_sends_nothing_again(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    aged(order_flow, 31)
    before = order_flow.state(BC)
    run_quietly(order_flow)
    assert_nothing_written(before, order_flow.state(BC))
    assert order_flow.outcome("W1")[0] == "CONFIRMED"


def test_an_edit_of_an_order_whose_rows_are_gone_is_no_new_order(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    aged(order_flow, 31)
    order_flow.edit("W1", amount="7")
    run_quietly(order_flow)
    assert order_flow.outcome("W1") == ("CONFLICT", "CHANGED")
    assert len(order_flow.records("salesOrders")) == 1


def test_an_order_that_still_waits_is_kept_however_old(order_flow: OrderFlow) -> None:
    order_flow.send("W1", lines=[{"product_id": "SKU-LATER"}])
    aged(order_flow, 300)
    assert count(order_flow, MADE[0]) == 1
    order_flow.add_item("SKU-LATER")
    run_quietly(order_flow)
    assert order_flow.outcome("W1")[0] == "CONFIRMED"


def test_an_edited_order_is_kept_from_its_edit_on(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send("W1")
    order_flow.pass_time(29 * DAY)
    order_flow.edit("W1", amount="7")
    run_quietly(order_flow)
    aged(order_flow, 20)
    assert count(order_flow, MADE[0]) == 1
    aged(order_flow, 11)
    assert count(order_flow, MADE[0]) == 0


def test_bodies_go_after_7_days_and_events_after_90(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    aged(order_flow, 6.9)
    assert count(order_flow, "sent_payload") > 0
    aged(order_flow, 0.2)
    assert count(order_flow, "sent_payload") == 0
    aged(order_flow, 82)
    assert count(order_flow, "ledger_event") > 0
    aged(order_flow, 2)
    assert count(order_flow, "ledger_event") == 0


def test_sums_of_stock_stay_right_because_their_rows_stay(stock: StockWorld) -> None:
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_has(warehouse="2", quantity="3")
    stock.run()
    stock.pass_time(200 * DAY)
    tidy(stock.connected(TO_BC))
    stock.shop_has(warehouse="2", quantity="4")
    sync(Work(stock.connected(TO_BC), stock.now.date(), LATER, "changes"))
    assert stock.inventory() == Decimal(9)


def test_copies_from_before_an_upgrade_go_after_30_days(order_flow: OrderFlow) -> None:
    folder = order_flow.settings.data_folder / "default" / schema.KEPT
    (folder / "before-restore").mkdir(parents=True)
    kept = [folder / "flow.version-1.duckdb", folder / "before-restore" / "flow.duckdb"]
    for each in kept:
        each.write_bytes(b"a copy")
    for each in (kept[0], kept[1].parent):
        moment = (order_flow.now - timedelta(days=29)).timestamp()
        os.utime(each, (moment, moment))
    assert forget_kept(order_flow.settings) == 0
    order_flow.pass_time(2 * DAY)
    assert forget_kept(order_flow.settings) == 2
    assert not any(folder.iterdir())
