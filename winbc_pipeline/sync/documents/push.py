"""Sends planned documents: each once, whatever fails (exactly_once.md section 3).

Here belongs: intent before the first byte, batches in flight, poison isolation, outcomes. What is sent: plan.py.
"""

import json
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable, UnreadableAnswer
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row, for_long_texts
from ...systems.business_central import BusinessCentral, Operation, Result
from .. import crash
from ..outcomes import STALE_CODES, refusal
from ..planned import planned_table
from ..push import INTENTS, Push, chunks_of, intent_chunks, planned_rows
from ..watermark import advance_watermark
from ..work import Work
from .amounts import differing
from .candidates import CHUNK, needed_document
from .decide import TOTAL_DIFFERS, is_off
from .due import customers_of, keys_due, planned_documents, put_bodies, renew, with_number
from .duplicates import Looks, mark
from .existing import TOTAL
from .hashes import with_body
from .plan import plan
from .write_back import write_back

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


def push(work: Work, target: BusinessCentral) -> None:
    """Sends what is planned, the customers that documents need first; every document has an outcome in the ledger
    afterwards."""
    crash.point("after lease")
    renew(plan, work, target)
    crash.point("after plan")
    needed = None if work.keys is None else customers_of(work)
    for name in needed_document(work.flow).customer:
        customers = work.only(None if needed is None else {(name, key) for key in needed})
        if rows := planned_rows(customers, name):
            Push(work, work.flow.part(name), target).send(rows)
    crash.point("after customers")
    Sender(work, target).send()
    write_back(work)
    crash.point("after write-back")
    advance_watermark(work.flow, work.settings)
    crash.point("after cursor")


@dataclass
class _Sending:
    """A planned document on its way."""

    row: Row
    operations: list[Operation]
    tries: int = 0


Answers = list[tuple[_Sending, Result]]


class Sender:
    """Sends the planned documents of one flow, or the actions on them."""

    def __init__(self, work: Work, target: BusinessCentral) -> None:
        self.flow, self.settings, self.run_id, self.store = work.flow, work.settings, work.run_id, work.store
        self.work, self.target = work, target
        self.refused: AuthenticationFailed | None = None
        self.alike: list[str] = []  # the codes of the last refusals, all the same, with nothing taken in between

    def send(self) -> None:
        """Sends the planned documents; all of them have an outcome in the ledger afterwards.

        Raises AuthenticationFailed once that is so, when Business Central no longer takes the credentials.
        """
        settled, wanted = keys_due(self.work)
        self._move_unsent(settled, self._settled)
        with ThreadPoolExecutor(1) as beside:
            looks = Looks(self.target, beside)
            self._send_all(wanted, looks)
            mark(self.work, looks.found_twice())
        if self.refused:
            raise self.refused

    def _planned(self, connection: duckdb.DuckDBPyConnection, keys: list[str]) -> list[Row]:
        customer = needed_document(self.flow).customer[0] if self.flow.document else ""
        return planned_documents(connection, self.work, keys, customer)

    def _move_unsent(self, keys: list[str], outcome: Callable[[Row], Move | None]) -> None:
        """Commits what becomes of planned documents for which no call is made."""
        for some in chunks_of(keys, CHUNK):
            with self.store.transaction() as connection:
                moves = [move for row in self._planned(connection, some) if (move := outcome(row))]
                ledger.move_within(connection, moves, self.run_id, clock.now())

    def _send_all(self, keys: list[str], looks: Looks) -> None:
        """Batches in flight, and the ledger written beside them: the outcomes so far and the next intents at once."""
        chunks = deque(intent_chunks(keys))
        outcomes: list[Move] = []
        again: list[_Sending] = []
        pending: set[Future[Answers]] = set()
        with ThreadPoolExecutor(self.settings.bc.in_flight) as pool:
            while pending or (self._may_send and (chunks or again)):
                while chunks and self._may_send and len(pending) <= self._enough:
                    pending |= self._submit(pool, self._intend(chunks.popleft(), outcomes))
                    outcomes = []
                if not pending:
                    pending, again = self._submit(pool, again), []
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                moves, not_run = self._taken(done)
                looks.add(move.known["reference"] for move in moves if _is_new(move))
                outcomes, again = outcomes + moves, again + not_run
        outcomes += [self._not_sent(each.row) for each in again]
        ledger.move(self.store, outcomes, self.run_id)
        self._move_unsent([key for chunk in chunks for key in chunk], self._not_intended)
        crash.point("after confirm")

    @property
    def _enough(self) -> int:
        """Batches that keep the calls in flight busy while the ledger is written."""
        return max(self.settings.bc.in_flight, INTENTS // self._batch_size)

    @property
    def _batch_size(self) -> int:
        return min(self.settings.bc.batch_size, self.settings.orders.batch_size)

    @property
    def _may_send(self) -> bool:
        return not self.refused and not self._stopped and not self.target.transport.pausing

    @property
    def _stopped(self) -> bool:
        """Whether so many in a row were refused alike that the rest would be, too."""
        return 0 < self.settings.orders.stop_after <= len(self.alike)

    def _submit(self, pool: ThreadPoolExecutor, sending: list[_Sending]) -> set[Future[Answers]]:
        return {pool.submit(self._send_batch, batch) for batch in self._batches(sending)}

    def _taken(self, done: Iterable[Future[Answers]]) -> tuple[list[Move], list[_Sending]]:
        """The outcomes that are known now, and the documents that were certainly not run and may go again."""
        answers = [answer for future in done for answer in future.result()]
        crash.point("after answer")
        moves, again = [], []
        for each, result in answers:
            if result.status not in (-1, 429):
                moves.append(self._outcome(each.row, result))
                self._compare(moves[-1], result)
                continue
            each.tries += 1
            if each.tries < ROUNDS:
                again.append(each)
            else:
                moves.append(self._not_sent(each.row))
        return moves, again

    def _compare(self, move: Move, result: Result) -> None:
        """Keeps count of refusals that are alike."""
        if move.state != State.FAILED or self.alike[-1:] != [result.error_code]:
            self.alike = []
        if move.state == State.FAILED:
            self.alike.append(result.error_code)

    def _not_intended(self, row: Row) -> Move:
        """What is lost stays lost."""
        return self._kept(row, State.UNKNOWN) if row["known"]["state"] == State.UNKNOWN else self._not_sent(row)

    def _not_sent(self, row: Row) -> Move:
        """What was refused before stays refused: planned, it would hold up others in the next run."""
        old = row["known"]
        if old["state"] == State.FAILED:
            return self._move(row | {name: old[name] for name in ("reason", "message")}, State.FAILED, sent=False)
        if not self._stopped:
            return self._move(row | {"reason": "NOT_TAKEN"}, State.PLANNED, sent=False)
        why = f"{len(self.alike)} in a row were refused with {self.alike[-1]}"
        return self._move(row | {"reason": "STOPPED", "message": why}, State.PLANNED, sent=False)

    def _settled(self, row: Row) -> Move | None:
        """The outcome of a document that needs no call."""
        old = row["known"]
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            return self._kept(row, State.CONFIRMED, "hash", "action")
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
        return self._move(row, state, known, sent=state == State.CONFIRMED)

    def _kept(self, row: Row, state: State, *told: str) -> Move:
        """Another version in the state that it has: all else that is known stays, but for the fields `told`."""
        known = {name: row["known"][name] for name in ("reason", "message")}
        known |= {name: row[name] for name in ("version", "mapping_version", "window", *told)}
        return Move(self.flow.main, row["key"], state, known)

    def _move(self, row: Row, state: State, known: Row | None = None, sent: bool = True) -> Move:
        """A move with what the plan knows; what tells of the content that is in the target only when it is, or may
        be."""
        fields = {name: row[name] for name in KNOWN if sent or name not in OF_THE_SENT}
        for name in ("target_id", "target_no"):
            if not fields[name]:
                del fields[name]
        return Move(self.flow.main, row["key"], state, fields | {"version": row["version"]} | (known or {}))

    def _intend(self, keys: list[str], outcomes: list[Move]) -> list[_Sending]:
        """Commits outcomes and the intents of the next documents; these may be sent from then on."""
        crash.point("before intent")
        now, keep = clock.now(), timedelta(days=self.settings.payload_days)
        with self.store.transaction() as connection:
            for_long_texts(connection)
            ledger.create(connection)
            sending, failed = self._prepared(connection, self._planned(connection, keys))
            intents = [self._intent(each, now) for each in sending]
            ledger.move_within(connection, outcomes + failed + intents, self.run_id, now)
            ledger.keep_bodies(connection, planned_table(self.flow), self.flow.main, now, now - keep)
        crash.point("after intent")
        return sending

    def _prepared(self, connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> tuple[list[_Sending], list[Move]]:
        """Documents as they are sent; one whose customer could not be written fails alone."""
        sending, failed, numbered = [], [], {}
        for row in rows:
            customer, body = row["customer"], row["body"]
            if row["customer_key"] and customer["state"] != State.CONFIRMED:
                why = f"its customer is {customer['state'] or 'not there'} ({customer['reason']})"
                failed.append(self._move(row | {"reason": "NO_CUSTOMER", "message": why}, State.FAILED, sent=False))
                continue
            if row["customer_key"]:
                body = with_number(body, customer["target_no"])
            if body is not row["body"]:
                numbered[row["key"]] = body
            if row["action"] == "create":
                navigation = needed_document(self.flow).kind(self.settings).navigation
                row["field_hashes"] = with_body(row["field_hashes"], body, navigation)
            sending.append(_Sending(row, self._operations(row, body)))
        put_bodies(connection, self.flow, numbered)
        return sending, failed

    def _intent(self, each: _Sending, now: datetime) -> Move:
        old = each.row["known"]
        tries = (old["attempt_no"] or 0) if old["state"] == State.UNKNOWN else 0
        known = {"attempt_id": each.operations[0].request_id, "attempt_no": tries + 1, "intent_at": now}
        known |= {"server_at": self.target.server_now, "looked_at": None}
        return self._move(each.row, State.SENDING, known, sent=each.row["action"] == "create")

    def _operations(self, row: Row, body: str) -> list[Operation]:
        attempt = str(uuid.uuid4())
        if row["action"] == "create":
            return [Operation(attempt, "POST", row["target_set"], body, request_id=attempt)]
        return [
            Operation(f"{attempt} {n}", o["method"], o["path"], o["body"], o["etag"], attempt)
            for n, o in enumerate(json.loads(body, parse_float=Decimal))
        ]

    def _batches(self, chunk: list[_Sending]) -> Iterator[list[_Sending]]:
        """New documents together, fewer of them each time that they were refused; changes each on their own."""
        yield from ([each] for each in chunk if each.row["action"] != "create")
        for tries in range(ROUNDS):
            created = [each for each in chunk if each.row["action"] == "create" and each.tries == tries]
            size = max(1, self._batch_size // 10**tries)
            yield from chunks_of(created, size)

    def _send_batch(self, batch: list[_Sending]) -> Answers:
        """One result per document: of a change the refusal, else what is not known, else the last answer."""
        operations = [operation for each in batch for operation in each.operations]
        isolated = len(batch) == 1 and len(operations) > 1
        results = {result.id: result for result in self._answered(operations, isolated)}
        answers = []
        for each in batch:
            own = [results[operation.id] for operation in each.operations]
            failed = [result for result in own if not 200 <= result.status < 300]
            answers.append((each, max(failed, key=lambda result: result.status, default=own[-1])))
        return answers

    def _answered(self, operations: list[Operation], isolated: bool) -> list[Result]:
        """What became of the operations; those of a call that never left, or was turned away at the door, did not
        run."""
        try:
            if self._may_send:
                return self.target.batch(operations, isolated)
        except AuthenticationFailed as error:
            self.refused = error
        except SystemUnavailable:
            pass
        except UnreadableAnswer:
            return [Result(operation.id, 0, {}) for operation in operations]
        return [Result(operation.id, -1, {}) for operation in operations]

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
            off = is_off(body.get(TOTAL), row["amount"], self.settings.orders)
            made = {"target_id": body["id"], "target_no": body.get("number"), "reference": row["reference"]}
            known = {"action": "create", "reason": None, "message": None} | made | _differing_total(row, body)
            return Move(self.flow.main, row["key"], State.CONFLICT if off else State.CONFIRMED, known)  # as intended
        if _is_refusal(result):
            reason, message = refusal(result)
            return self._move(row | {"reason": reason, "message": message}, State.FAILED, sent=False)
        return self._lost(row, "NO_ANSWER")

    def _lost(self, row: Row, reason: str) -> Move:
        """It may arrive until the quarantine has passed from now on: it may have waited long after its intent."""
        known = {"intent_at": clock.now(), "server_at": self.target.server_now}
        return self._move(row | {"reason": reason}, State.UNKNOWN, known, sent=False)


def _is_new(move: Move) -> bool:
    return move.known["action"] == "create" and bool(move.known.get("target_id"))


def _is_refusal(result: Result) -> bool:
    """Business Central took the call back, and says so."""
    refused = 400 <= result.status < 500 and result.status not in (408, 429)
    return refused and bool(result.error_code)


def _differing_total(row: Row, body: Row) -> Row:
    """To the cent: what the document comes to, and what the source says."""
    words = differing(body.get(TOTAL), row["amount"])
    return {"reason": TOTAL_DIFFERS, "message": words} if words else {}
