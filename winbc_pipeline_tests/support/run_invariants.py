"""What is true of every run of orders: its arithmetic (I5), and the pressure that it puts on a system (I11).

Here belongs: what needs to know where a run began. What is true at any moment: invariants.py.
"""

from collections import Counter
from datetime import date
from itertools import groupby
from typing import Any

from winbc_pipeline.flows.orders import KEY, ORDERS_TO_BC
from winbc_pipeline.orchestration.layers import windows_of_layer
from winbc_pipeline.orchestration.metadata import window_metadata
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.ledger import State
from winbc_pipeline.staging.store import quote, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.documents.outbox import SENT
from winbc_pipeline.sync.plan_table import planned_table
from winbc_pipeline.sync.run import Summary

Record = dict[str, Any]
TRIES_OF_A_CALL = 5
AFTER_A_CALL = set(State) - {State.SENDING, State.SKIPPED}
BY_ACTION = {
    **dict.fromkeys(SENT, AFTER_A_CALL),
    "skip": {State.SKIPPED},
    "adopt": {State.CONFIRMED},
    "fail": {State.FAILED},
    "conflict": {State.CONFLICT},
    "duplicate": {State.DUPLICATE},
    "wait": {State.UNKNOWN},
    "human": {State.NEEDS_HUMAN},
    "hold": {State.NEEDS_HUMAN, State.DUPLICATE, State.CONFLICT},
}


def assert_adds_up(settings: Settings, summary: Summary, run_id: str, first: date, last: date) -> None:
    """I5: what was read is planned, what is planned has an outcome, and Dagster shows these numbers."""
    connected = ConnectedFlow(ORDERS_TO_BC, settings)
    with connected.store.open() as connection:
        read = rows_of(
            connection,
            f"""
            SELECT {KEY} AS key, max(_window) AS "window"
            FROM {quote(connected.staging.name)}
            GROUP BY 1
            HAVING max(_window) BETWEEN ? AND ?
            """,
            [first, last],
        )
        where = 'WHERE "window" BETWEEN ? AND ?'
        planned = rows_of(connection, f"FROM {quote(planned_table(ORDERS_TO_BC))} {where}", [first, last])
        ledger = rows_of(connection, f"FROM ledger {where}", [first, last])
    plans = {row["key"]: row for row in planned if row["part"] == ORDERS_TO_BC.main}
    outcomes = {row["key"]: row for row in ledger if row["part"] == ORDERS_TO_BC.main}
    assert {row["key"] for row in read} == set(plans), "I5: what was read is not what was planned"
    assert set(plans) <= set(outcomes), f"I5: planned, and without an outcome: {set(plans) - set(outcomes)}"
    for key, plan in plans.items():
        _assert_outcome(plan, outcomes[key], run_id)
    done = summary.created + summary.updated + summary.skipped
    open_keys = {row["key"] for row in ledger if row["state"] not in (State.CONFIRMED, State.SKIPPED)}
    not_done = len(open_keys & set(outcomes))  # an order whose number was not told is not done either
    assert (summary.read, summary.read - done) == (len(outcomes), not_done), f"I5: {summary} of {len(outcomes)} orders"
    _assert_shown(settings, first, last, "synced", [row | {"outcome": row["state"].lower()} for row in ledger])
    _assert_shown(settings, first, last, "planned", [row | {"outcome": row["action"]} for row in planned])


def _assert_outcome(plan: Record, outcome: Record, run_id: str) -> None:
    legal = {State.CONFIRMED} if plan["reason"] == "UNCHANGED" else BY_ACTION[plan["action"]]
    what = f"I5: order {plan['key']} was to {plan['action']} ({plan['reason']}), and is {outcome['state']}"
    assert outcome["state"] in legal, what
    assert plan["action"] not in SENT or outcome["run_id"] == run_id, f"{what} by {outcome['run_id']}"


def _assert_shown(settings: Settings, first: date, last: date, layer: str, rows: list[Record]) -> None:
    """The metadata of each window's partition has the numbers of its table."""
    views = windows_of_layer(ConnectedFlow(ORDERS_TO_BC, settings), layer, first, last)
    assert set(views) == {row["window"] for row in rows}, f"I5: windows of {layer}"
    for day, view in views.items():
        there = [row for row in rows if row["window"] == day]
        wanted: Record = {f"records_{name}": count for name, count in Counter(r["outcome"] for r in there).items()}
        wanted |= {"dagster/partition_row_count": len(there)}
        wanted |= {"orders_in": sum(row["part"] == ORDERS_TO_BC.main for row in there)}
        shown = window_metadata(day.isoformat(), view, 0)
        own = {name: shown.get(name, 0) for name in wanted}
        assert own == wanted, f"I5: {layer} of {day} shows {own}, not {wanted}"


def assert_bounded(calls: list[Record], in_flight: int) -> None:
    """I11: a call that is not answered, refused or answered 5xx is not made again and again.

    Args:
        calls: of one run to one system, as `GET /__log` gives them.
    """
    for name in {(call["method"], call["path"]) for call in calls}:
        alike = [_is_trouble(call["status"]) for call in calls if (call["method"], call["path"]) == name]
        longest = max((len(list(group)) for trouble, group in groupby(alike) if trouble), default=0)
        together = in_flight if name[1].endswith("$batch") else 1  # batches are many calls with one address
        assert longest <= TRIES_OF_A_CALL * together, f"I11: {name[0]} {name[1]} was made {longest} times in vain"


def _is_trouble(status: int) -> bool:
    return status in (0, 408, 429) or status >= 500
