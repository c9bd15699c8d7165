"""How stock is sent: as other records are, but source and target are read again just before.

A sale between the reading of the source and the plan is seen by the first of these, one after the plan by the second
(records/special/stocked.py). Winstore as a target keeps a copy of its figures (winstore_stock.py).
"""

from dataclasses import replace

from ... import clock
from ...staging.store import quote
from ..map import map_windows, mapped_table
from ..plan_table import planned_rows
from ..records import SENDING
from ..records import TO_WINSTORE as RECORDS_TO_WINSTORE
from ..records.plan import plan
from ..records.push import push as push_records
from ..records.target.matching import Target
from ..stage import stage
from ..work import Work
from .winstore_stock import WinstoreStock


def push(work: Work, target: Target) -> None:
    """Sends the plan. What changed in the source since it was read is planned again first."""
    planned = {row["key"]: row["version"] for row in planned_rows(work) if row["action"] == "update"}
    if planned:
        read_again(work)
        now = _versions(work)
        late = {(work.flow.main, key) for key, version in planned.items() if now.get(key) != version}
        if late:
            plan(work.only(late), target)
    push_records(work, target, read_again)


def read_again(work: Work) -> None:
    """Reads and maps what changed today: whoever moved a figure in the target may have changed the source too."""
    today = clock.now().date()
    stage(work.connected, today)
    map_windows(replace(work, first=today, last=today, keys=None))


def _versions(work: Work) -> dict[str, str]:
    """The version of each mapped record."""
    with work.store.open() as connection:
        rows = connection.execute(f"SELECT _key, _version FROM {quote(mapped_table(work.flow))}").fetchall()
    return dict(rows)


TO_BC = replace(SENDING, push=push)
TO_WINSTORE = replace(RECORDS_TO_WINSTORE, open=WinstoreStock, push=push)
