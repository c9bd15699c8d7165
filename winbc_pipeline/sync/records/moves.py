"""Makes the ledger's moves of planned records: what is known of each, its intent, and its outcome without a call.

A planned row has what the ledger knows of its record as `known`; None where it knows nothing. What an answer means, and
sending: push.py.
"""

import uuid
from datetime import datetime

from ...staging.ledger import Move, State
from ...staging.store import Row
from ..part import Part

SAME = ("UNCHANGED", "DRIFT", "MOVED")  # reasons with which the target needs nothing
KNOWN = ("hash", "field_hashes", "version", "mapping_version", "window", "reason", "message", "action")
OF_SENT = ("hash", "field_hashes", "mapping_version")  # what the ledger knows of the content that was last sent


def is_done(row: Row) -> bool:
    """Whether the target has the content of a planned row already."""
    old = row["known"]
    return bool(old and old["state"] == State.CONFIRMED and old["hash"] == row["hash"])


def known_sent(row: Row) -> Row:
    """What the ledger is told of a record whose content is in the target."""
    known = {name: row[name] for name in KNOWN} | {name: row[name] for name in ("target_id", "target_no") if row[name]}
    old = row["known"]
    if old and old["action"] == "create" and not old["field_hashes"]:
        known["action"] = "create"  # until all that belongs to a new record has arrived
    return known


def known_unsent(row: Row) -> Row:
    """The same of a record whose content is not in the target.

    The hashes, and the tables that they were made by, stay those of what was last sent.
    """
    return {name: value for name, value in known_sent(row).items() if name not in OF_SENT}


def settled(part: Part, row: Row) -> Move | None:
    """The outcome of a row that needs no call; None when it needs one, or when the ledger says so already."""
    old = row["known"]
    if row["action"] == "skip" and row["reason"] in SAME:
        same = ("hash", "version", "window")
        if old and old["state"] == State.CONFIRMED and all(old[name] == row[name] for name in same):
            return None
        return Move(part.name, row["key"], State.CONFIRMED, known_sent(row))
    state = {"skip": State.SKIPPED, "fail": State.FAILED, "conflict": State.CONFLICT}.get(row["action"])
    if not state:
        return None
    # A picture that is not sent is known by its name and settings, so that it is not read again.
    is_noted = state == State.SKIPPED and part.picture
    return Move(part.name, row["key"], state, known_sent(row) if is_noted else known_unsent(row))


def intent_of(part: Part, row: Row, now: datetime) -> Move:
    """The move that says that a row is being sent."""
    # Without a hash the record counts as not sent, should the answer be lost.
    known = known_unsent(row) | {"attempt_id": str(uuid.uuid4()), "intent_at": now, "hash": None}
    return Move(part.name, row["key"], State.SENDING, known)
