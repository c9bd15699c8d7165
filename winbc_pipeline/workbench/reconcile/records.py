"""Compares master data and stock: the mapped record of the live source with the target's live record.

Partners are found, and records judged, as a plan does it (sync/records/). Only what a plan concludes from hashes is
left out: here a field differs because the two systems answer differently now.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...mapping.compiler import Compiled
from ...staging.pairs import Hashes
from ...staging.store import Row
from ...sync.connected import ConnectedFlow
from ...sync.part import Part
from ...sync.payloads import is_blank
from ...sync.records.compare import decide
from ...sync.records.decision import Decision
from ...sync.records.known.known import Known, KnownRecords
from ...sync.records.known.merge import Merged, Moved
from ...sync.records.target.matching import Target
from ...systems.business_central.client import dumps
from . import target as targets
from .findings import DIFFERENT, HELD, LEFT, MISSING_RIGHT, SAME
from .scratch import Scratch

AGREES = ("UNCHANGED", "MOVED")  # reasons with which a plan leaves a record that is there
GONE_THERE = "DELETED_THERE"


class AsAnswered(KnownRecords):
    """What is known of records when only the present answers of both systems count: who is whose partner, no more.

    Where records go both ways, each direction has a table of its own, and these may not be each other's mirror: a
    default fills a field in one direction alone. There, values that both systems have kept since they agreed are no
    difference.
    """

    def __init__(self, connected: ConnectedFlow, part: Part, compiled: Compiled) -> None:
        super().__init__(connected, part, compiled)
        self.both_ways = connected.flow.direction(connected.settings) == "both"

    def hashes(self, known: Known, live: Mapping[str, Any]) -> Hashes:
        return {}

    def is_as_answered(self, known: Known, live: Mapping[str, Any]) -> bool:
        return False

    def moved(
        self, known: Known, live: Mapping[str, Any], answered: Hashes, unsent: object = ()
    ) -> Callable[[str, Any], Moved]:
        """Every field that differs counts as news of the source.

        An empty value of the source is none where both sides have never agreed on the field: nobody has emptied it.
        """

        def of_field(name: str, value: Any) -> Moved:
            old = live.get(name)
            if is_blank(value) and (is_blank(old) or (name not in known.target and name not in known.sent)):
                return Moved(False, False)
            if self.both_ways and self._stands(known, name, old):
                return Moved(False, False)
            return Moved(True, False)

        return of_field

    def _stands(self, known: Known, name: str, old: Any) -> bool:
        """Whether both systems still have the values on which they agreed."""
        reads = [each for each in self.depends.get(name, ()) if each in known.now]
        is_kept = all(known.source.get(each) == known.now[each] for each in reads)
        return is_kept and self.pairs is not None and known.target.get(name) == self.pairs.hashes({name: old})[name]

    def pair_made(self, known: Known) -> str | None:
        return None

    def pair_after(
        self, known: Known, merged: Merged, answered: Hashes, bc_no: str, unheard: object = ()
    ) -> str | None:
        return None


def compare(scratch: Scratch) -> None:
    """Compares all mapped records, some at a time, and lists what the target has besides. Goes on where it stopped."""
    target = targets.opened(scratch)
    try:
        for part in _compared_parts(scratch.connected):
            step = f"compare {part.name}"
            while rows := scratch.mapped(part.name, scratch.position(step)):
                last = str(rows[-1]["_key"])
                scratch.keep(step, last, *_compared(scratch, part, target, rows))
        targets.list_all(scratch, target)
        targets.look_again(scratch, target)
    finally:
        target.close()


def compare_again(scratch: Scratch, keys: Sequence[tuple[str, str]]) -> None:
    """Compares some records anew, by part and key."""
    target = targets.opened(scratch)
    try:
        for part in _compared_parts(scratch.connected):
            rows = scratch.mapped_of(part.name, [key for name, key in keys if name == part.name])
            if rows:
                scratch.keep("", "", *_compared(scratch, part, target, rows))
        targets.note_unmatched(scratch)
    finally:
        target.close()


def _compared_parts(connected: ConnectedFlow) -> list[Part]:
    """The parts whose records have fields to compare. A picture is a file, which is compared when it is sent."""
    return [part for part in connected.parts if not part.picture]


def _compared(scratch: Scratch, part: Part, target: Target, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """What some records of a part came to, as rows of COMPARED and PARTNER."""
    connected = scratch.connected
    compiled: Compiled = connected.compiled()[part.name]
    known = AsAnswered(connected, part, compiled)
    decided = decide(connected, part, target, compiled, rows, records=known)
    return [_row(part, *each) for each in decided], list(_partners(part, decided))


def _row(part: Part, row: Row, decision: Decision) -> Row:
    live = decision.target
    return {
        "part": part.name,
        "key": row["_key"],
        "kind": kind_of(decision),
        "number": live.get("number") or live.get("code") or row["target_no"],
        "reason": decision.reason,
        "message": decision.message,
        "changes": dumps(decision.changes).decode() if decision.action in ("update", "conflict") else None,
        "target_id": live.get("id") or row["target_id"],
        "window": row["_window"],
        "version": row["_version"],
    }


def kind_of(decision: Decision) -> str:
    """What the decision of a plan means for a comparison."""
    if decision.action == "create" or decision.reason == GONE_THERE:
        return MISSING_RIGHT
    if decision.action == "update" or (decision.action == "conflict" and decision.changes):
        return DIFFERENT
    if decision.action == "skip":
        return SAME if decision.reason in AGREES else LEFT
    return HELD


def _partners(part: Part, decided: Iterable[tuple[Row, Decision]]) -> Iterable[Row]:
    for row, decision in decided:
        creates = row["creates"] if isinstance(row["creates"], dict) else {}
        own = decision.target.get("id") or row["target_id"]
        number = targets.name_of(part, creates) or None
        yield {"entity_set": part.entity_set, "id": own, "number": number}
