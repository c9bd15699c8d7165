"""How stock is sent: as other records are, but source and target are read again just before.

A sale between the reading of the source and the plan is seen by the first of these, one after the plan by the second
(records/special/stocked.py). With the companion app, none is written over (bc_stock.py). Winstore as a target keeps a
copy of its figures (winstore_stock.py).
"""

from dataclasses import replace

from ... import clock
from ...staging.store import quote
from ..map import map_windows, mapped_table
from ..plan_table import planned_table
from ..reading.stage import stage
from ..records import SENDING
from ..records import TO_WINSTORE as RECORDS_TO_WINSTORE
from ..records.push import push as push_records
from ..records.target.matching import Target
from ..session import recover
from ..work import Work
from .bc_stock import StockOfBc
from .plan import plan
from .winstore_stock import WinstoreStock

UPDATES = "p.action = 'update'"
LATE = f"{UPDATES} AND m._version IS DISTINCT FROM p.version"
LOOKS = 5  # how often a figure may move while it is planned


def push(work: Work, target: Target) -> None:
    """Sends the plan. What changed in the source since it was read is planned again first."""
    if isinstance(target, StockOfBc) and target.app:
        recover(work.store, work.run_id)
        if lost := target.settle(work.store, work.flow.main):
            plan(work.only(lost), target)
        _settle(work, target)
        push_records(work, target, read_again, _plan_settled, target.post)
        return
    if _planned(work, UPDATES):
        read_again(work)
        if late := _planned(work, LATE):
            plan(work.only(late), target)
    push_records(work, target, read_again, plan)


def _plan_settled(work: Work, target: Target) -> None:
    """Plans, and looks whether both figures of each difference are of one moment."""
    plan(work, target)
    _settle(work, target)


def _settle(work: Work, target: Target) -> None:
    """Looks at the source again until no planned figure has moved there while the target was looked at.

    Both figures are of one moment then: whatever is sold afterwards is taken off both. What moves each time is not sent
    now (STALE).
    """
    if not _planned(work, UPDATES):
        return
    for _ in range(LOOKS):
        read_again(work)
        late = _planned(work, LATE)
        if not late:
            return
        plan(work.only(late), target)
    read_again(work)
    _give_up(work, _planned(work, LATE))


def _give_up(work: Work, late: set[tuple[str, str]]) -> None:
    with work.store.open() as connection:
        connection.execute(
            f"""
            UPDATE {quote(planned_table(work.flow))} SET action = 'fail', reason = 'STALE'
            WHERE action = 'update' AND key IN (SELECT unnest(?::VARCHAR[]))
            """,
            [[key for _, key in late]],
        )


def read_again(work: Work) -> None:
    """Reads and maps what changed today: whoever moved a figure in the target may have changed the source too."""
    today = clock.now().date()
    stage(work.connected, today)
    map_windows(replace(work, first=today, last=today, keys=None))


def _planned(work: Work, condition: str) -> set[tuple[str, str]]:
    """Part and key of the planned rows (alias p) of a work that meet a condition beside their mapped record (m)."""
    with work.store.open() as connection:
        rows = connection.execute(
            f"""
            SELECT p.part, p.key
            FROM {quote(planned_table(work.flow))} AS p
            LEFT JOIN {quote(mapped_table(work.flow))} AS m ON m.part = p.part AND m._key = p.key
            WHERE p."window" BETWEEN ? AND ? AND {condition}
            """,
            work.days,
        ).fetchall()
    return {(part, key) for part, key in rows if work.wants(part, key)}


TO_BC = replace(SENDING, open=StockOfBc, plan=plan, push=push)
TO_WINSTORE = replace(RECORDS_TO_WINSTORE, open=WinstoreStock, plan=plan, push=push)
