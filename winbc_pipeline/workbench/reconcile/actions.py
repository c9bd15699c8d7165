"""Compares statuses of the shop with what they ask of their documents: shipped, deleted, or nothing.

What a status asks, and whether it is done, is decided as a plan does it (sync/actions/).
"""

from collections.abc import Collection, Sequence

from ...staging.store import Row
from ...sync.actions.plan import plan
from ...sync.documents.outbox import SENT
from ...sync.plan_table import planned_rows
from ...sync.sending import chunks_of
from ...sync.work import Work
from ...systems.business_central import BusinessCentral
from .findings import DIFFERENT, HELD, LEFT, SAME
from .scratch import AT_ONCE, EVER, Scratch

KINDS = {"adopt": SAME, "conflict": DIFFERENT, **dict.fromkeys(SENT, DIFFERENT)}  # by the planned action


def compare(scratch: Scratch) -> None:
    """Compares all statuses, some at a time. Goes on where it stopped."""
    main = scratch.connected.flow.main
    scratch.forget_hashes(main)
    _compare(scratch, scratch.not_compared(main, main))


def compare_again(scratch: Scratch, keys: Sequence[tuple[str, str]]) -> None:
    """Compares some statuses anew, by part and key."""
    _compare(scratch, {key for _, key in keys})


def _compare(scratch: Scratch, keys: Collection[str]) -> None:
    connected = scratch.connected
    target = BusinessCentral(connected.settings)
    try:
        for some in chunks_of(sorted(keys), AT_ONCE):
            work = Work(connected, *EVER, "reconcile", {(connected.flow.main, key) for key in some})
            plan(work, target)
            scratch.keep("", "", [_row(row) for row in planned_rows(work)], [])
    finally:
        target.close()


def _row(planned: Row) -> Row:
    names = ("part", "key", "reason", "message", "target_id", "window", "version")
    kind = LEFT if planned["action"] == "skip" else KINDS.get(planned["action"], HELD)
    changes = planned["changes"] if kind == DIFFERENT else None
    number = planned["target_no"] or planned["reference"]
    return {name: planned[name] for name in names} | {"kind": kind, "number": number, "changes": changes}
