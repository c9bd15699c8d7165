"""Sends planned documents: each once, whatever fails (exactly_once.md section 3).

Here belongs: intent before the first byte, batches in flight, poison isolation, outcomes. What is sent: plan.py.
"""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable
from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.business_central import BusinessCentral, Operation, Result
from .. import crash
from ..flow import Flow
from ..outcomes import STALE_CODES, refusal
from ..plan import recover
from ..push import LEDGER_CHUNK, Push, planned_rows
from ..stage import flow_store
from ..watermark import advance_watermark
from .amounts import cents
from .candidates import needed_document
from .existing import look_up
from .plan import plan

FRESH = timedelta(minutes=5)
ROUNDS = 4
STATES = {
    "skip": State.SKIPPED,
    "adopt": State.CONFIRMED,
    "fail": State.FAILED,
    "conflict": State.CONFLICT,
    "wait": State.UNKNOWN,
    "duplicate": State.DUPLICATE,
    "human": State.NEEDS_HUMAN,
}
SENT = ("create", "change", "delete", "cancel", "ship")
LOST = (State.UNKNOWN, State.DUPLICATE, State.NEEDS_HUMAN)
MENDABLE = ("create", "ship")  # what is sent again once its cause is mended; else a person decides
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
OF_THE_SENT = ("hash", "field_hashes", "version")


def push(flow: Flow, settings: Settings, target: BusinessCentral, first: date, last: date, run_id: str) -> None:
    """Sends what is planned for the windows; every document has an outcome in the ledger afterwards."""
    crash.point("after lease")
    rows = planned_rows(flow, settings, first, last)
    if recover(flow, settings, run_id) or is_stale(flow, settings, rows):
        plan(flow, settings, target, first, last, run_id)
        rows = planned_rows(flow, settings, first, last)
    crash.point("after plan")
    for name in needed_document(flow).customer:
        Push(flow, flow.part(name), settings, target, run_id).send([row for row in rows if row["part"] == name])
    crash.point("after customers")
    Sender(flow, settings, target, run_id).send([row for row in rows if row["part"] == flow.main])
    advance_watermark(flow, settings)
    crash.point("after cursor")


def is_stale(flow: Flow, settings: Settings, rows: list[Row]) -> bool:
    """Whether the plan may no longer be true: too old to send a document on its look-ups, or overtaken by a run."""
    moments = [row["planned_at"] for row in rows if row["planned_at"]]
    if not moments:
        return False
    newest = ledger.read(flow_store(flow, settings), "moved_at > ?", [min(moments)])
    return clock.now() - min(moments) > FRESH or bool(newest)


@dataclass
class _Sending:
    """A planned document on its way."""

    row: Row
    operations: list[Operation]
    tries: int = 0


class Sender:
    """Sends the planned documents of one flow, or the actions on them."""

    def __init__(self, flow: Flow, settings: Settings, target: BusinessCentral, run_id: str) -> None:
        self.flow, self.settings, self.target, self.run_id = flow, settings, target, run_id
        self.store = flow_store(flow, settings)
        self.refused: AuthenticationFailed | None = None

    def send(self, rows: list[Row]) -> None:
        self.present = {row["key"]: row for row in ledger.read(self.store, "part = ?", [self.flow.main])}
        settled = [move for row in rows if row["action"] not in SENT and (move := self._settled(row))]
        ledger.move(self.store, settled, self.run_id)
        ready = self._with_customers([row for row in rows if row["action"] in SENT])
        for start in range(0, len(ready), LEDGER_CHUNK):
            self._send_chunk(ready[start : start + LEDGER_CHUNK])

    def _settled(self, row: Row) -> Move | None:
        """The outcome of a document that needs no call."""
        old = self.present.get(row["key"])
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            return None if old and old["version"] == row["version"] else self._seen(row, old or {})
        if row["action"] == "hold":
            return None
        state = STATES[row["action"]]
        same = ("version", "reason", "target_id")
        if state != State.UNKNOWN and old and old["state"] == state and all(old[name] == row[name] for name in same):
            return None
        known: Row = {}
        if state == State.UNKNOWN:
            known["looked_at"] = clock.now() if row["reason"] == "LOOK_AGAIN" else None
            known["looked_at"] = (old or {}).get("looked_at") or known["looked_at"]
            known["action"] = (old or {}).get("action")
        return self._move(row, state, known, sent=state == State.CONFIRMED)

    def _move(self, row: Row, state: State, known: Row | None = None, sent: bool = True) -> Move:
        """A move with what the plan knows; what says "this version is in the target" only when it is."""
        fields = {name: row[name] for name in KNOWN if sent or name not in OF_THE_SENT}
        for name in ("target_id", "target_no"):
            if not fields[name]:
                del fields[name]
        unsent = {} if sent else self._unsent(row, state)
        return Move(self.flow.main, row["key"], state, fields | (known or {}) | unsent)

    def _seen(self, row: Row, old: Row) -> Move:
        """A new version of a record that asks for the same document: what is known of the document stays."""
        known = {name: old.get(name) for name in ("reason", "message")} | {"action": "skip"}
        known |= {name: row[name] for name in ("version", "window")}
        return Move(self.flow.main, row["key"], State.CONFIRMED, known)

    def _unsent(self, row: Row, state: State) -> Row:
        """The version was looked at; a document that was sent, or may have been, keeps what is known of that."""
        old = self.present.get(row["key"])
        made = (old and old["field_hashes"] and old["target_id"]) or state in LOST
        return {"version": row["version"]} | ({} if made else {"hash": None})

    def _with_customers(self, rows: list[Row]) -> list[_Sending]:
        """Documents with their customer's number filled in; one whose customer could not be written fails alone."""
        parts = self.flow.document.customer[:1] if self.flow.document else ()
        customers = {row["key"]: row for part in parts for row in ledger.read(self.store, "part = ?", [part])}
        ready, failed = [], []
        for row in rows:
            body = json.loads(row["body"], parse_float=Decimal)
            key = body.pop("_customer", None) if row["action"] == "create" else None
            customer = customers.get(key, {})
            if key and customer.get("state") != State.CONFIRMED:
                why = f"its customer is {customer.get('state', 'not there')} ({customer.get('reason')})"
                failed.append(self._move(row | {"reason": "NO_CUSTOMER", "message": why}, State.FAILED, sent=False))
                continue
            if key:
                body["customerNumber"] = customer["target_no"]
            ready.append(_Sending(row, self._operations(row, body)))
        ledger.move(self.store, failed, self.run_id)
        return ready

    def _operations(self, row: Row, body: Any) -> list[Operation]:
        attempt = str(uuid.uuid4())
        if row["action"] == "create":
            return [Operation(attempt, "POST", row["target_set"], body, request_id=attempt)]
        return [
            Operation(f"{attempt} {n}", o["method"], o["path"], o["body"], o["etag"], attempt)
            for n, o in enumerate(body)
        ]

    def _send_chunk(self, chunk: list[_Sending]) -> None:
        """Commits the intents, sends, and writes outcomes beside the calls; what certainly was not run goes again."""
        crash.point("before intent")
        self._commit_intents(chunk)
        crash.point("after intent")
        confirmed: list[str] = []
        for _ in range(ROUNDS):
            chunk = self._send_round(chunk, confirmed)
            if not chunk or self.refused or self.target.transport.pausing:
                break
        ledger.move(self.store, [self._not_taken(each) for each in chunk], self.run_id)
        if self.refused:
            raise self.refused
        self._find_duplicates(confirmed)

    def _not_taken(self, each: _Sending) -> Move:
        known = {"attempt_no": self._tries(each)}
        return self._move(each.row | {"reason": "NOT_TAKEN"}, State.PLANNED, known, sent=False)

    def _tries(self, each: _Sending) -> int:
        """How often the document was lost: an answer, whatever it said, begins the count again."""
        old = self.present.get(each.row["key"])
        return (old["attempt_no"] or 0) if old and old["state"] in (State.UNKNOWN, State.PLANNED) else 0

    def _commit_intents(self, chunk: list[_Sending]) -> None:
        now, server = clock.now(), self.target.server_now
        moves = []
        for each in chunk:
            known: Row = {"attempt_id": each.operations[0].request_id, "attempt_no": self._tries(each) + 1}
            known |= {"intent_at": now, "server_at": server, "looked_at": None}
            moves.append(self._move(each.row, State.SENDING, known, sent=each.row["action"] == "create"))
        bodies = [
            {
                "part": self.flow.main,
                "key": e.row["key"],
                "attempt_id": e.operations[0].request_id,
                "sent_at": now,
                "body": e.row["body"],
            }
            for e in chunk
        ]
        ledger.intend(self.store, moves, bodies, self.run_id, now - timedelta(days=self.settings.payload_days))

    def _send_round(self, chunk: list[_Sending], confirmed: list[str]) -> list[_Sending]:
        """One call per batch, or per change; returns the documents that were certainly not run."""
        again: list[_Sending] = []
        pending: set[Future[list[tuple[_Sending, Result]]]] = set()
        with ThreadPoolExecutor(self.settings.bc.in_flight) as pool:
            for batch in self._batches(chunk):
                pending.add(pool.submit(self._send_batch, batch))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                answers = [answer for future in done for answer in future.result()]
                crash.point("after answer")
                again += [each for each, result in answers if result.status in (-1, 429)]
                moves = [self._outcome(each.row, result) for each, result in answers if result.status not in (-1, 429)]
                ledger.move(self.store, moves, self.run_id)
                made = [move for move in moves if move.state == State.CONFIRMED and move.known["action"] == "create"]
                confirmed += [move.known["reference"] for move in made]
                crash.point("after confirm")
        for each in again:
            each.tries += 1
        return again

    def _batches(self, chunk: list[_Sending]) -> Iterator[list[_Sending]]:
        """New documents together, fewer of them each time that they were refused; changes each on their own."""
        created = [each for each in chunk if each.row["action"] == "create"]
        yield from ([each] for each in chunk if each.row["action"] != "create")
        while created:
            size = max(1, self.settings.bc.batch_size // 10 ** created[0].tries)
            yield created[:size]
            created = created[size:]

    def _send_batch(self, batch: list[_Sending]) -> list[tuple[_Sending, Result]]:
        """One result per document: of a change, the first failure, else the last answer."""
        operations = [operation for each in batch for operation in each.operations]
        isolated = len(batch) == 1 and len(operations) > 1
        try:
            results = {result.id: result for result in self.target.batch(operations, isolated)}
        except (SystemUnavailable, AuthenticationFailed) as error:
            self.refused = error if isinstance(error, AuthenticationFailed) else self.refused
            results = {operation.id: Result(operation.id, -1, {}) for operation in operations}
        answers = []
        for each in batch:
            own = [results[operation.id] for operation in each.operations]
            answers.append((each, next((r for r in own if not 200 <= r.status < 300), own[-1])))
        return answers

    def _outcome(self, row: Row, result: Result) -> Move:
        if row["action"] == "create":
            return self._created(row, result)
        if 200 <= result.status < 300:
            return self._move(row, State.CONFIRMED)
        if result.error_code in STALE_CODES:
            return self._move(row | {"reason": "STALE"}, State.CONFLICT, sent=False)
        if _is_refusal(result):
            reason, message = refusal(result)
            state = State.FAILED if row["action"] in MENDABLE else State.CONFLICT
            return self._move(row | {"reason": reason, "message": message}, state, sent=False)
        return self._lost(row, "NO_ANSWER")

    def _created(self, row: Row, result: Result) -> Move:
        body = result.body if isinstance(result.body, dict) else {}
        if result.status in (200, 201):
            if not body.get("id") or body.get("externalDocumentNumber") != row["reference"]:
                return self._lost(row, "ECHO")
            row = row | _differing_total(row, body) | {"target_id": body["id"], "target_no": body.get("number")}
            return self._move(row, State.CONFIRMED)
        if _is_refusal(result):
            reason, message = refusal(result)
            return self._move(row | {"reason": reason, "message": message}, State.FAILED, sent=False)
        return self._lost(row, "NO_ANSWER")

    def _lost(self, row: Row, reason: str) -> Move:
        """It may arrive until the quarantine has passed from now on: it may have waited long after its intent."""
        known = {"intent_at": clock.now(), "server_at": self.target.server_now}
        return self._move(row | {"reason": reason}, State.UNKNOWN, known, sent=False)

    def _find_duplicates(self, references: list[str]) -> None:
        """Looks once more at what was confirmed: two documents with one reference are for a person."""
        found = look_up(self.target, set(references))
        twice = {reference: documents for reference, documents in found.items() if len(documents) > 1}
        rows = ledger.read(self.store, "part = ? AND list_contains(?, reference)", [self.flow.main, sorted(twice)])
        moves = []
        for row in rows:
            numbers = ", ".join(sorted(each.number for each in twice[row["reference"]]))
            known = {"reason": "DUPLICATE", "message": f"documents with this reference: {numbers}"}
            moves.append(Move(self.flow.main, row["key"], State.DUPLICATE, known))
        ledger.move(self.store, moves, self.run_id)


def _is_refusal(result: Result) -> bool:
    """Business Central took the call back, and says so."""
    refused = 400 <= result.status < 500 and result.status not in (408, 429)
    return refused and bool(result.error_code)


def _differing_total(row: Row, body: Row) -> Row:
    """To the cent: what the document comes to, and what the source says."""
    there = body.get("totalAmountIncludingTax")
    if row["amount"] is None or there is None or cents(Decimal(there)) == cents(row["amount"]):
        return {}
    words = f"total with VAT: {cents(Decimal(there))} in Business Central, {cents(row['amount'])} in Winstore"
    return {"reason": "TOTAL_DIFFERS", "message": words}
