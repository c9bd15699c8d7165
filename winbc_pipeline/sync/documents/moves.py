"""What becomes of a planned document in the ledger: its next state, and what is known of it from then on.

Here belongs: the move for a document that needs no call, and for each kind of answer. Sending: batches.py.
"""

from datetime import datetime

from ... import clock
from ...settings import OrderSettings
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.business_central import Result
from ..outcomes import STALE_CODES, refusal
from .amounts import differing
from .decide import TOTAL_DIFFERS, is_off
from .existing import TOTAL

STATES = {
    "skip": State.SKIPPED,
    "adopt": State.CONFIRMED,
    "fail": State.FAILED,
    "conflict": State.CONFLICT,
    "wait": State.UNKNOWN,
    "duplicate": State.DUPLICATE,
    "human": State.NEEDS_HUMAN,
}
MENDABLE = ("create", "ship")  # what is sent again once its cause is mended; of the other actions a person decides
KNOWN = (
    "hash",
    "field_hashes",
    "version",
    "mapping_version",
    "window",
    "reason",
    "message",
    "action",
    "target_id",
    "target_no",
    "target_set",
    "reference",
    "amount",
    "currency",
)
OF_THE_SENT = ("hash", "field_hashes", "version")  # what tells of the content that is in the target


class Moves:
    """Makes the ledger moves of planned documents.

    Args:
        part: the flow's main part.
    """

    def __init__(self, part: str, orders: OrderSettings) -> None:
        self.part, self.orders = part, orders

    def without_call(self, row: Row) -> Move | None:
        """The outcome of a document for which no call is made; None when the ledger says so already."""
        old = row["known"]
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            return self.kept(row, State.CONFIRMED, "hash", "action")
        if row["action"] == "hold":
            return None
        state = STATES[row["action"]]
        same = ("version", "reason", "target_id")
        if state != State.UNKNOWN and old["state"] == state and all(old[name] == row[name] for name in same):
            return None
        known: Row = {}
        if state == State.UNKNOWN:
            looked_at = clock.now() if row["reason"] == "LOOK_AGAIN" else None
            known = {"looked_at": old["looked_at"] or looked_at, "action": old["action"]}
        return self.move(row, state, known, sent=state == State.CONFIRMED)

    def not_sent(self, row: Row, stopped: str = "") -> Move:
        """The outcome of a document that was to be sent and was not.

        What was refused before stays refused: as PLANNED it would hold up others in the next run.

        Args:
            stopped: why the run sends no more, in words; empty when it goes on.
        """
        old = row["known"]
        if old["state"] == State.FAILED:
            return self.move(row | {name: old[name] for name in ("reason", "message")}, State.FAILED, sent=False)
        if not stopped:
            return self.move(row | {"reason": "NOT_TAKEN"}, State.PLANNED, sent=False)
        return self.move(row | {"reason": "STOPPED", "message": stopped}, State.PLANNED, sent=False)

    def not_intended(self, row: Row, stopped: str = "") -> Move:
        """The same for a document without an intent: what is lost stays lost."""
        if row["known"]["state"] == State.UNKNOWN:
            return self.kept(row, State.UNKNOWN)
        return self.not_sent(row, stopped)

    def answered(self, row: Row, result: Result, server_now: datetime | None) -> Move:
        """The outcome of a document that was sent.

        Args:
            server_now: the target's clock.
        """
        if row["action"] == "create":
            return self._created(row, result, server_now)
        if 200 <= result.status < 300:
            return self.move(row, State.CONFIRMED)
        if result.error_code in STALE_CODES:
            return self.move(row | {"reason": "STALE"}, State.CONFLICT, sent=False)
        if _is_refusal(result):
            reason, message = refusal(result)
            state = State.FAILED if row["action"] in MENDABLE else State.CONFLICT
            return self.move(row | {"reason": reason, "message": message}, state, sent=False)
        return self._lost(row, "NO_ANSWER", server_now)

    def _created(self, row: Row, result: Result, server_now: datetime | None) -> Move:
        body = result.body if isinstance(result.body, dict) else {}
        if result.status in (200, 201):
            if not body.get("id") or body.get("externalDocumentNumber") != row["reference"]:
                return self._lost(row, "ECHO", server_now)
            off = is_off(body.get(TOTAL), row["amount"], self.orders)
            made = {"target_id": body["id"], "target_no": body.get("number"), "reference": row["reference"]}
            known = {"action": "create", "reason": None, "message": None} | made | _differing_total(row, body)
            # What was sent is known since the intent.
            return Move(self.part, row["key"], State.CONFLICT if off else State.CONFIRMED, known)
        if _is_refusal(result):
            reason, message = refusal(result)
            return self.move(row | {"reason": reason, "message": message}, State.FAILED, sent=False)
        return self._lost(row, "NO_ANSWER", server_now)

    def _lost(self, row: Row, reason: str, server_now: datetime | None) -> Move:
        """It may arrive until the quarantine has passed from now on: it may have waited long after its intent."""
        known = {"intent_at": clock.now(), "server_at": server_now}
        return self.move(row | {"reason": reason}, State.UNKNOWN, known, sent=False)

    def kept(self, row: Row, state: State, *told: str) -> Move:
        """Another version in the state that it has: all else that is known stays, but for the fields `told`."""
        known = {name: row["known"][name] for name in ("reason", "message")}
        known |= {name: row[name] for name in ("version", "mapping_version", "window", *told)}
        return Move(self.part, row["key"], state, known)

    def move(self, row: Row, state: State, known: Row | None = None, sent: bool = True) -> Move:
        """A move with what the plan knows.

        Args:
            known: what is known besides.
            sent: whether the content is in the target, or may be: only then is it kept what that content was.
        """
        fields = {name: row[name] for name in KNOWN if sent or name not in OF_THE_SENT}
        for name in ("target_id", "target_no"):
            if not fields[name]:
                del fields[name]
        return Move(self.part, row["key"], state, fields | {"version": row["version"]} | (known or {}))


def is_new(move: Move) -> bool:
    """Whether a document was made."""
    return move.known["action"] == "create" and bool(move.known.get("target_id"))


def _is_refusal(result: Result) -> bool:
    """Whether Business Central rolled the call back, and says so."""
    refused = 400 <= result.status < 500 and result.status not in (408, 429)
    return refused and bool(result.error_code)


def _differing_total(row: Row, body: Row) -> Row:
    """To the cent: what the document comes to, and what the source says."""
    words = differing(body.get(TOTAL), row["amount"])
    return {"reason": TOTAL_DIFFERS, "message": words} if words else {}
