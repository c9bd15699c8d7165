"""What waits for a person in a flow, why, and what that person can do about each record.

Here belongs: the list, and which decisions fit a record. What a decision does: intervention.py, winstore_answers.py.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ...errors import NotDone
from ...health.redaction import without_personal_data
from ...staging import ledger
from ...staging.ledger import State
from ...staging.store import Row, quote, renew_table, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.plan_table import PLANNED, planned_table
from ...systems.business_central.client import dumps
from ..intervention import SHOWN, Request, changes_anything, intervention
from ..winstore_answers import WAITING

STATES = (*WAITING, State.FAILED, State.UNKNOWN)
"""The states of the list: those that wait for a person come first, what failed, what is looked up."""

DIFFERING = ("TOTAL_DIFFERS", "ADOPTED_DIFFERS")
"""Reasons of documents that are there, and not as their order is."""

ASKS_FIRST = (State.UNKNOWN, *WAITING)  # of a document: it may be in the target
# The decision that fits a reason beside trying again.
BY_REASON: dict[str, tuple[str, ...]] = {
    "BOTH_CHANGED": ("take_source", "take_target"),
    "DELETED_THERE": ("again",),
    "MOVED": ("again",),
    "RENUMBERED": ("adopt", "again"),
    "AMBIGUOUS": ("adopt",),
    "TARGET_TAKEN": ("adopt", "apart"),
    "SWAPPED": ("apart",),
}


@dataclass(frozen=True)
class Waiting:
    """One record that waits.

    Attributes:
        message: what is wrong, without values of people unless they were asked for.
        since: when it came into its state (UTC).
        choices: what a person can do, as names of `Request.how`, and `there` and `not_there` of winstore_answers.
    """

    flow: str
    part: str
    key: str
    state: str
    reason: str
    message: str
    number: str
    since: datetime
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Proposed:
    """What a decision would do.

    Attributes:
        rows: as of the planned table.
        changes: whether it would change anything.
        seen: stands for what was shown; to be given back when the decision is carried out.
    """

    rows: list[Row]
    changes: bool
    seen: str


def waiting(
    connected: ConnectedFlow, most: int, reason: str = "", text: str = "", open_values: bool = False
) -> tuple[int, list[Waiting]]:
    """How many records of a flow wait, and the first of them.

    Args:
        reason: only those with this reason code; text: only those whose key, number or reference contain it.
        open_values: whether messages may hold values of people.

    Raises: StoreBusy while a run has the database.
    """
    flow, states = connected.flow, [str(state) for state in STATES]
    with connected.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, planned_table(flow), PLANNED)
        rows = rows_of(
            connection,
            f"""
            SELECT l.*, p.action AS planned_action, p.body, count(*) OVER () AS records
            FROM ledger AS l
            LEFT JOIN {quote(planned_table(flow))} AS p USING (part, key)
            WHERE list_contains(?, l.state)
            AND (? = '' OR l.reason = ?)
            AND contains(lower(concat_ws(' ', l.key, l.target_no, l.reference)), lower(?))
            ORDER BY list_position(?, l.state), l.moved_at, l.part, l.key
            LIMIT ?
            """,
            [states, reason, reason, text, states, most],
        )
    messages = [(row["message"] or "") if open_values else without_personal_data(row) for row in rows]
    found = [as_waiting(connected, *each) for each in zip(rows, messages, strict=True)]
    return (rows[0]["records"] if rows else 0), found


def as_waiting(connected: ConnectedFlow, row: Row, message: str) -> Waiting:
    """A record that waits, of its row of the ledger, with what may be shown of its message."""
    return Waiting(
        flow=connected.flow.id,
        message=message,
        number=str(row["target_no"] or ""),
        since=row["moved_at"],
        choices=tuple(dict.fromkeys(_choices(connected, row))),
        **{name: str(row[name] or "") for name in ("part", "key", "state", "reason")},
    )


def _choices(connected: ConnectedFlow, row: Row) -> Iterator[str]:
    """What a person can do about a record, what fits best first."""
    flow, state = connected.flow, row["state"]
    if not sending_of(flow).can_be_asked:
        yield from ("there", "not_there") if state in WAITING else ()
        return
    if flow.document and row["part"] != flow.main:
        return  # a customer goes with its order
    yield from BY_REASON.get(row["reason"] or "", ())
    yield "retry"
    if flow.document and state in ASKS_FIRST:
        yield from ("adopt", "resend")
    yield "ignore"


def is_made(row: Row) -> bool:
    """Whether the target has the record of a ledger row, although it differs and waits for a person."""
    return row["reason"] in DIFFERING and bool(row["target_no"])


def propose(connected: ConnectedFlow, request: Request, run_id: str) -> Proposed:
    """What a decision would do; nothing is sent.

    Raises: NotDone when it would be wrong now; StoreBusy while a run goes on; WinbcError when a system does not answer.
    """
    with intervention(connected, run_id) as turn:
        rows = turn.proposed(request)
    return Proposed(rows, changes_anything(rows, request), _seen(request, rows))


def carry_out(
    connected: ConnectedFlow, request: Request, seen: str, run_id: str, noted: Callable[[], None] = lambda: None
) -> list[Row]:
    """Does what was shown; gives the records' ledger rows afterwards.

    Args:
        seen: of the proposal that the person agreed to.
        noted: is called when nothing refuses it any more, right before it is done.

    Raises: NotDone when it would do something else by now; the others as `propose`.
    """
    with intervention(connected, run_id) as turn:
        rows = turn.proposed(request)
        if _seen(request, rows) != seen:
            raise NotDone("Something changed while you were looking; nothing was done.", "Look at it again.")
        noted()
        return turn.carry_out(request, rows)


def _seen(request: Request, rows: list[Row]) -> str:
    shown = [[str(row.get(name)) for name in SHOWN] for row in rows]
    return hashlib.sha256(dumps([repr(request), shown])).hexdigest()
