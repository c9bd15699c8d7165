"""The last look at figures of stock: whether the target shows one otherwise than when it was planned.

A sale moves neither the ETag nor the moment of an item (rules.md, Stock), so the figures themselves are asked for. To
Business Central the look at figures that follow goes in the call that writes others: it takes no call of its own.
"""

import json
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .... import clock
from ....errors import SystemUnavailable
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.filters import KEYS_PER_LOOKUP
from ...part import Part
from ...payloads import equal
from ..target.matching import Target

BATCHES_PER_LOOK = 2  # where a look takes a call of its own: more would be faster, and see fewer sales
HOLDS = timedelta(seconds=1)  # a look that is older is taken again
Records = list[dict[str, Any]]


class Looks:
    """What the target shows of the figures of a part. Several threads may use it.

    Rows come in groups; the key of its first row names a group. A thread sends the group next that its last call has
    looked at, so that no look is older than it must be.

    Attributes:
        at_once: how many rows a group has. With the look at as many others they fit into one batch.
    """

    def __init__(self, part: Part, target: Target) -> None:
        self.part, self.target = part, target
        self.rides = isinstance(target, BusinessCentral) and target.batch_size > 1
        beside = target.batch_size * KEYS_PER_LOOKUP // (KEYS_PER_LOOKUP + 1)
        self.at_once = beside if self.rides else BATCHES_PER_LOOK * target.batch_size
        self.unasked: deque[list[Row]] = deque()
        self.ready: dict[str, list[Row]] = {}
        self.begun: set[str] = set()
        self.promised: set[str] = set()  # looked at by a thread that will send it
        self.seen: dict[str, tuple[datetime, Records]] = {}
        self.lock, self.of_thread = threading.Lock(), threading.local()

    def expect(self, groups: Iterable[list[Row]]) -> None:
        """Tells the groups that will be sent, in their order."""
        with self.lock:
            self.unasked.extend(groups)

    def add(self, rows: list[Row]) -> None:
        """Tells that a group may be sent now."""
        with self.lock:
            self.ready[rows[0]["key"]] = rows

    def next(self) -> list[Row]:
        """A group that may be sent now. There must be one.

        It is the one that this thread has looked at, else one that no other thread looks at, as long as there is one.
        """
        mine: list[Row] = getattr(self.of_thread, "asked", [])
        with self.lock:
            others = (key for key in self.ready if key not in self.promised)
            key = mine[0]["key"] if mine else ""
            if key not in self.ready:
                key = next(others, next(iter(self.ready)))
            self.begun.add(key)
            self.promised.discard(key)
            return self.ready.pop(key)

    def ask(self) -> list[Operation]:
        """The look at the group that this thread may send next, as operations of a batch; none without one."""
        self.of_thread.asked = rows = self._unasked() if self.rides else []
        if not rows or not isinstance(self.target, BusinessCentral):
            return []
        paths = self.target.paths_by_id(self.part.entity_set, _ids(rows), _fields(rows))
        return [Operation(f"look-{number}", "GET", path) for number, path in enumerate(paths)]

    def _unasked(self) -> list[Row]:
        with self.lock:
            while self.unasked:
                rows = self.unasked.popleft()
                if rows[0]["key"] not in self.begun:
                    self.promised.add(rows[0]["key"])
                    return rows
        return []

    def note(self, results: list[Result]) -> None:
        """Keeps the answers to `ask` of this thread. A look without all of its answers is taken again."""
        whole = all(each.status == 200 and "@odata.nextLink" not in each.body for each in results)
        if results and whole:
            records = [record for each in results for record in each.body.get("value", [])]
            self.seen[self.of_thread.asked[0]["key"]] = (clock.now(), records)

    def moved(self, rows: list[Row]) -> set[str]:
        """The keys of a group's rows whose figures have moved since they were planned; none where nobody can tell."""
        moment, records = self.seen.pop(rows[0]["key"], (None, []))
        if moment is None or clock.now() - moment > HOLDS:
            try:
                records = self._taken(rows)
            except SystemUnavailable:
                return set()
        return _differing(rows, records)

    def _taken(self, rows: list[Row]) -> Records:
        """The records as the target shows them now, by calls of their own."""
        ids, fields = _ids(rows), _fields(rows)
        if isinstance(self.target, BusinessCentral):
            paths = self.target.paths_by_id(self.part.entity_set, ids, fields)
            return self.target.get_together(paths) if paths else []
        found = self.target.find(self.part.entity_set, "id", ids, False, fields) if ids else {}
        return [record for records in found.values() for record in records]


def _planned(row: Row) -> list[dict[str, Any]]:
    """The changes of a row, each with `field`, `old` and `new`."""
    return json.loads(row["changes"], parse_float=Decimal) if row["action"] == "update" else []


def _ids(rows: Iterable[Row]) -> Collection[str]:
    return {row["target_id"] for row in rows if row["action"] == "update"}


def _fields(rows: Iterable[Row]) -> list[str]:
    return sorted({change["field"] for row in rows for change in _planned(row)} | {"id"})


def _differing(rows: list[Row], records: Records) -> set[str]:
    live: dict[str, Mapping[str, Any]] = {str(record["id"]): record for record in records}
    return {
        row["key"]
        for row in rows
        for change in _planned(row)
        if not equal(live.get(row["target_id"], {}).get(change["field"]), change["old"])
    }
