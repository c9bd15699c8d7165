"""Makes the ledger's moves of planned documents: the next state of each, and what is known of it from then on.

Here belongs: the move of a document that needs no call, and the move for each kind of answer. Sending: batches.py.
"""

from datetime import datetime
from decimal import Decimal

from ... import clock
from ...settings import OrderSettings
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.business_central import Result
from ...systems.business_central.amounts import cents, differing
from ..outcomes import APPROVAL, STALE_CODES, refusal
from .by_key.request import REQUESTS
from .decide import TOTAL_DIFFERS, total_is_off
from .existing import TOTAL

# The state after an action that needs no call.
STATES = {
    "skip": State.SKIPPED,
    "adopt": State.CONFIRMED,
    "fail": State.FAILED,
    "conflict": State.CONFLICT,
    "wait": State.UNKNOWN,
    "duplicate": State.DUPLICATE,
    "human": State.NEEDS_HUMAN,
}
# Actions that are sent again once the cause of a refusal is mended. After other refused actions a person decides.
MENDABLE = ("create", "ship", "release", "deliver")
# Columns that the ledger takes from the plan.
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
MAY_COME = (State.SENDING, State.UNKNOWN)  # states of a document whose call may still be carried out
OF_THE_SENT = ("hash", "field_hashes", "version")  # columns that describe the content in the target


class Moves:
    """Makes the ledger moves of planned documents.

    Args:
        part: name of the flow's main part.
        document: the entity set of the documents.
    """

    def __init__(self, part: str, orders: OrderSettings, document: str) -> None:
        self.part, self.orders, self.document = part, orders, document

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
        if state != State.UNKNOWN:
            return self.move(row, state, sent=state == State.CONFIRMED)
        # The first empty lookup after the quarantine is noted: the second one may come a minute later.
        looked_at = clock.now() if row["reason"] == "LOOK_AGAIN" else None
        known = {"looked_at": old["looked_at"] or looked_at, "action": old["action"]}
        return self.move(row, state, known, sent=False)

    def not_sent(self, row: Row, stopped: str = "") -> Move:
        """The outcome of a document that was to be sent and was not.

        A document that was refused before stays FAILED. As PLANNED it would hold up others in the next run.

        Args:
            stopped: why the run sends no more, in words; empty when it goes on.
        """
        old = row["known"]
        if old["state"] == State.FAILED:
            refused = {name: old[name] for name in ("reason", "message")}
            return self.move(row | refused, State.FAILED, sent=False)
        if not stopped:
            return self.move(row | {"reason": "NOT_TAKEN"}, State.PLANNED, sent=False)
        return self.move(row | {"reason": "STOPPED", "message": stopped}, State.PLANNED, sent=False)

    def held(self, row: Row) -> Move:
        """The outcome of a document that became ready to be sent after a person had looked at the plan.

        One that is UNKNOWN stays so.
        """
        if row["known"]["state"] == State.UNKNOWN:
            return self.kept(row, State.UNKNOWN)
        return self.move(row | {"reason": APPROVAL}, State.PLANNED, sent=False)

    def not_intended(self, row: Row, stopped: str = "") -> Move:
        """The outcome of a document for which no intent was committed. One that is UNKNOWN stays so."""
        if row["known"]["state"] == State.UNKNOWN:
            return self.kept(row, State.UNKNOWN)
        return self.not_sent(row, stopped)

    def answered(self, row: Row, result: Result, server_now: datetime | None) -> Move:
        """The outcome of a document that was sent (exactly_once.md section 3, step 5).

        Args:
            server_now: the target's clock; None when it has not told it.
        """
        if row["action"] == "create":
            return self._created(row, result, server_now)
        if 200 <= result.status < 300:
            return self._changed(row, result)
        if result.error_code in STALE_CODES:
            return self.move(row | {"reason": "STALE"}, State.CONFLICT, sent=False)
        if _is_refusal(result):
            reason, message = refusal(result)
            state = State.FAILED if row["action"] in MENDABLE else State.CONFLICT
            return self.move(row | {"reason": reason, "message": message}, state, sent=False)
        return self._lost(row, "NO_ANSWER", server_now)

    def _created(self, row: Row, result: Result, server_now: datetime | None) -> Move:
        """The outcome of a new document."""
        if result.status in (200, 201):
            body = result.body if isinstance(result.body, dict) else {}
            if not body.get("id") or body.get("externalDocumentNumber") != row["reference"]:
                return self._lost(row, "ECHO", server_now)  # Made, but the answer does not say as what.
            return self._made(row, body)
        if _is_refusal(result):
            reason, message = refusal(result)
            return self.move(row | {"reason": reason, "message": message}, State.FAILED, sent=False)
        return self._lost(row, "NO_ANSWER", server_now)

    def _changed(self, row: Row, result: Result) -> Move:
        """The outcome of a document on which the calls of a change or an action were carried out.

        The last answer to a change tells the document's total. It must be the order's.
        """
        total = result.body.get(TOTAL) if row["action"] == "change" and isinstance(result.body, dict) else None
        if not total_is_off(total, row["amount"], row["tolerance"], self.orders):
            return self.move(row, State.CONFIRMED)
        words = {"reason": TOTAL_DIFFERS, "message": differing(total, row["amount"])}
        return self.move(row | words, State.CONFLICT)

    def _made(self, row: Row, body: Row) -> Move:
        """The outcome of a document that Business Central has made."""
        off = total_is_off(body.get(TOTAL), row["amount"], row["tolerance"], self.orders)
        made = {"target_id": body["id"], "target_no": body.get("number"), "reference": row["reference"]}
        known = {"action": "create", "reason": None, "message": row["message"]} | made | _differing_total(row, body)
        if row["target_set"] == REQUESTS:
            # Of a lost request that went again, the ledger had the hashes of the first one until now.
            known |= {name: row[name] for name in OF_THE_SENT} | {"target_set": body.get("place", self.document)}
        return Move(self.part, row["key"], State.CONFLICT if off else State.CONFIRMED, known)

    def _lost(self, row: Row, reason: str, server_now: datetime | None) -> Move:
        """The outcome of a document that may or may not have arrived."""
        # The quarantine counts from now on: the call may have begun long after its intent.
        known = {"intent_at": clock.now(), "server_at": server_now}
        return self.move(row | {"reason": reason}, State.UNKNOWN, known, sent=False)

    def kept(self, row: Row, state: State, *told: str) -> Move:
        """A move to the state that the document has, for another version of its order.

        Args:
            told: the columns that are taken from the plan. All others stay as they are in the ledger.
        """
        known = {name: row["known"][name] for name in ("reason", "message")}
        known |= {name: row[name] for name in ("version", "mapping_version", "window", *told)}
        return Move(self.part, row["key"], state, known)

    def move(self, row: Row, state: State, known: Row | None = None, sent: bool = True) -> Move:
        """A move with what the plan knows.

        Args:
            known: what is known besides.
            sent: whether the content is in the target, or may be. Only then are its hashes kept.
        """
        fields = {name: row[name] for name in KNOWN if sent or name not in OF_THE_SENT}
        for name in ("target_id", "target_no"):
            if not fields[name]:
                del fields[name]
        fields["version"] = row["version"]
        if fields["target_set"] == REQUESTS and state not in MAY_COME:  # It tells how a lost document was sent.
            fields["target_set"] = self.document
        return Move(self.part, row["key"], state, fields | (known or {}))


def is_new(move: Move) -> bool:
    """Whether the move says that a document was made."""
    return move.known["action"] == "create" and bool(move.known.get("target_id"))


def _is_refusal(result: Result) -> bool:
    """Whether Business Central says that it rolled the call back."""
    refused = 400 <= result.status < 500 and result.status not in (408, 429)
    return refused and bool(result.error_code)


def _differing_total(row: Row, body: Row) -> Row:
    """Reason, message and amount when the document's total is not the source's to the cent; else empty."""
    words = differing(body.get(TOTAL), row["amount"])
    if not words:
        return {"difference": None}
    difference = cents(Decimal(body[TOTAL])) - cents(row["amount"])
    message = "; ".join(filter(None, (words, row["message"])))
    return {"reason": TOTAL_DIFFERS, "message": message, "difference": difference}
