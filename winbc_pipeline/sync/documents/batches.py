"""Sends planned documents in batches: each document once, whatever fails (exactly_once.md section 3).

Here belongs: the intent before the first byte, batches in flight, and the split of a batch that was not run. Such a
batch goes again in batches of a tenth, down to one document a call, so that one bad document fails alone.
What is sent: plan.py. What becomes of a document in the ledger: moves.py.
"""

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

import duckdb

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable, UnreadableAnswer, WinbcError
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row, compress_with_zstd
from ...systems.business_central import BusinessCentral, Operation, Result
from ...systems.business_central.companion import companion_of, is_of_app
from .. import crash_points
from ..outcomes import BLOCKED_WITH_TYPE, BY_TABLE, PRIVACY_BLOCKED
from ..plan_table import planned_table
from ..sending import INTENTS_PER_COMMIT, chunks_of, intent_chunks
from ..work import Work
from .by_key.request import REQUESTS
from .by_key.sending import Request, Requests
from .candidates import CHUNK, needed_document
from .decide import TOTAL_DIFFERS
from .duplicates import DuplicateSearch, mark
from .hashes import with_body
from .moves import Moves, is_new
from .outbox import keys_due, planned_documents, put_bodies, with_customer_number

TRIES = 4  # how often a document is sent that was certainly not run
NOT_RUN = -1  # status of an operation whose call never left, or was turned away before it was run
UNREADABLE = 0  # status of an operation whose batch got an answer that nobody can read: it may have been run
UNKNOWN_STATUSES = (UNREADABLE, 408, *range(500, 600))  # those after which a call may have been carried out
CUSTOMER_GROUP = BY_TABLE["Customer"]
WITHOUT_GROUP = f"its customer has no posting group there ({CUSTOMER_GROUP})"
BLOCKED = "its customer is blocked there"


@dataclass
class _Sending:
    """A planned document on its way.

    Attributes:
        operations: its calls. All have the same request id, which is the id of the attempt.
        tries: how often it was sent, and was certainly not run or may go again.
        lost: the answer of a try that may have been carried out. Only an order request goes again after one.
    """

    row: Row
    operations: list[Operation]
    tries: int = 0
    lost: Result | None = None

    @property
    def by_key(self) -> bool:
        """Whether it goes as an order request of the companion app."""
        return bool(self.row["action"] == "create" and self.row["target_set"] == REQUESTS)


Answers = list[tuple[_Sending, Result]]
Taken = tuple[list[Move], list[_Sending]]  # the outcomes that are known, and the documents that go again


class Sender:
    """Sends the planned documents of one flow, or the planned actions on documents."""

    def __init__(self, work: Work, target: BusinessCentral) -> None:
        self.flow, self.settings, self.run_id, self.store = work.flow, work.settings, work.run_id, work.store
        self.work, self.target = work, target
        self.hash_key = work.connected.hash_key
        self.moves = Moves(work.flow.main, work.settings.orders, self._document)
        self._requests: Requests | None = None
        self.refused: AuthenticationFailed | None = None
        self.taking = threading.Lock()
        # The error codes of the last refusals. They are all the same, and no document was taken in between.
        self.alike: list[str] = []
        # Documents that were refused for their customer and go again for the default customer: why, by their keys.
        self.again_for_default: dict[str, str] = {}

    def send(self) -> None:
        """Sends the planned documents. All of them have an outcome in the ledger afterwards.

        Raises:
            AuthenticationFailed: Business Central refused the credentials. The outcomes are in the ledger all the same.
            WinbcError: the lookup for second documents was not answered.
        """
        settled, due = keys_due(self.work)
        wanted = [key for key in due if self.work.lets(self.flow.main, key)]
        self._move_unsent(settled, self.moves.without_call)
        self._move_unsent(sorted(set(due) - set(wanted)), self.moves.held)
        try:
            with ThreadPoolExecutor(1) as beside:
                looks = DuplicateSearch(self.target, beside)
                self._send_all(wanted, looks)
                if self.again_for_default:
                    self._send_all(list(self.again_for_default), looks)
                mark(self.work, looks.found_twice())
        finally:
            if self._requests:
                self._requests.close()
        if self.refused:
            raise self.refused

    @property
    def _document(self) -> str:
        """The entity set of the documents."""
        document = self.flow.document
        header = document.kind(self.settings).header if document else self.flow.main
        return self.flow.part(header).entity_set

    def _planned(self, connection: duckdb.DuckDBPyConnection, keys: list[str]) -> list[Row]:
        customer = needed_document(self.flow).customer[0] if self.flow.document else ""
        return planned_documents(connection, self.work, keys, customer)

    def _move_unsent(self, keys: list[str], outcome: Callable[[Row], Move | None]) -> None:
        """Commits the outcomes of planned documents for which no call is made."""
        for some in chunks_of(keys, CHUNK):
            with self.store.transaction() as connection:
                moves = [move for row in self._planned(connection, some) if (move := outcome(row))]
                ledger.move_within(connection, moves, self.run_id, clock.now())

    def _send_all(self, keys: list[str], looks: DuplicateSearch) -> None:
        """Keeps batches in flight, and writes the ledger beside them.

        The outcomes so far are committed together with the next intents.
        """
        chunks = deque(intent_chunks(keys))
        outcomes: list[Move] = []
        again: list[_Sending] = []
        pending: dict[Future[Taken], list[_Sending]] = {}
        with ThreadPoolExecutor(self.target.in_flight) as pool:
            try:
                while pending or (self._may_send and (chunks or again)):
                    while chunks and self._may_send and len(pending) <= self._enough:
                        intended = self._intend(chunks.popleft(), outcomes)
                        outcomes = []
                        pending |= self._submit(pool, intended)
                    if not pending:  # Only documents are left that go again.
                        some, again = again, []
                        pending = self._submit(pool, some)
                    for batch in wait(pending, return_when=FIRST_COMPLETED).done:
                        moves, not_run = batch.result()
                        del pending[batch]
                        looks.add(move.known["reference"] for move in moves if is_new(move))
                        outcomes += moves
                        again += not_run
            except BaseException:
                self._call_off(pending, outcomes, again)
                raise
        outcomes += [self._left(each) for each in again]
        ledger.move(self.store, outcomes, self.run_id)
        left = [key for chunk in chunks for key in chunk]
        self._move_unsent(left, lambda row: self.moves.not_intended(row, self._why_stopped))
        crash_points.point("after confirm")

    def _call_off(
        self, pending: dict[Future[Taken], list[_Sending]], outcomes: list[Move], again: list[_Sending]
    ) -> None:
        """After an error or a cancel, sends nothing more, and notes what is known and what was not sent.

        What is on its way gets no outcome here: the next run looks it up, and all of it where nothing can be noted.
        """
        unsent = [*again, *(each for batch, some in pending.items() if batch.cancel() for each in some)]
        with suppress(WinbcError, ledger.IllegalMove, duckdb.Error):
            ledger.move(self.store, [*outcomes, *map(self._left, unsent)], self.run_id)

    @property
    def _enough(self) -> int:
        """The number of batches that keep all calls in flight busy while the ledger is written."""
        return max(self.target.in_flight, INTENTS_PER_COMMIT // self._batch_size)

    @property
    def _batch_size(self) -> int:
        return min(self.settings.bc.batch_size, self.settings.orders.batch_size)

    @property
    def _may_send(self) -> bool:
        return not self.refused and not self._why_stopped and not self.target.transport.pausing

    @property
    def _why_stopped(self) -> str:
        """Why the run sends no more, in words; empty when it goes on.

        It stops after `orders.stop_after` documents in a row with one error code, or with a total that is not the
        order's: the rest would end in the same way.
        """
        alike = self.alike  # an answer that is taken meanwhile may begin another list; this one only grows
        if 0 < self.settings.orders.stop_after <= len(alike):
            return f"{len(alike)} in a row ended with {alike[-1]}"
        return ""

    def _submit(self, pool: ThreadPoolExecutor, sending: list[_Sending]) -> dict[Future[Taken], list[_Sending]]:
        batches = list(self._batches(sending))  # before any is sent: the answers change the tries that tell them apart
        return {pool.submit(self._sent, batch): batch for batch in batches}

    def _sent(self, batch: list[_Sending]) -> Taken:
        """Sends one batch and takes its answers at once, so that the batches behind it know why to stop."""
        answers = self._send_batch(batch)
        crash_points.point("after answer")
        with self.taking:
            return self._taken(answers)

    def _taken(self, answers: Answers) -> Taken:
        """The outcomes that are known now, and the documents that go again because they were certainly not run."""
        moves, again = [], []
        for each, result in answers:
            each.lost = result if each.by_key and result.status in UNKNOWN_STATUSES else each.lost
            if result.status not in (NOT_RUN, 429) and result is not each.lost:
                moves.append(self.moves.answered(each.row, result, self.target.server_now))
                if not self._goes_to_default(each.row, moves[-1], result):
                    self._count_refusals(moves[-1], result)
                continue
            each.tries += 1
            if each.tries < TRIES:
                again.append(each)
            else:
                moves.append(self._left(each))
        return moves, again

    def _left(self, each: _Sending) -> Move:
        """The outcome of a document that is sent no more in this run. One of its calls may have been carried out."""
        if each.lost:
            return self.moves.answered(each.row, each.lost, self.target.server_now)
        return self.moves.not_sent(each.row, self._why_stopped)

    def _goes_to_default(self, row: Row, move: Move, result: Result) -> bool:
        """Notes a document that goes again for the default customer, if there is one.

        It was refused because its customer has no posting group, or is blocked and not for privacy. API v2.0 shows
        neither, so only the refusal of a document tells.
        """
        if move.state != State.FAILED or not row["fallback"] or row["key"] in self.again_for_default:
            return False
        if move.known["reason"] == CUSTOMER_GROUP:
            self.again_for_default[row["key"]] = WITHOUT_GROUP
        elif BLOCKED_WITH_TYPE.search(str(result.error.get("message", ""))):
            self.again_for_default[row["key"]] = BLOCKED
        return row["key"] in self.again_for_default

    def _count_refusals(self, move: Move, result: Result) -> None:
        """Counts the documents in a row that failed with one error code, or whose totals are all wrong."""
        if move.known["reason"] == PRIVACY_BLOCKED:  # of one person, which says nothing of the others
            return
        off = move.state == State.CONFLICT and move.known["reason"] == TOTAL_DIFFERS
        code = TOTAL_DIFFERS if off else result.error_code
        if self.alike[-1:] != [code]:
            self.alike = []
        if off or move.state == State.FAILED:
            self.alike.append(code)

    def _intend(self, keys: list[str], outcomes: list[Move]) -> list[_Sending]:
        """Commits outcomes together with the intents of the next documents. These may be sent from then on."""
        crash_points.point("before intent")
        now = clock.now()
        keep = timedelta(days=self.settings.payload_days)
        with self.store.transaction() as connection:
            compress_with_zstd(connection)
            ledger.create(connection)
            sending, failed = self._prepared(connection, self._planned(connection, keys))
            if self._requests is None and any(each.by_key for each in sending):
                self._requests = self._opened()
            intents = [self._intent(each, now) for each in sending]
            ledger.move_within(connection, outcomes + failed + intents, self.run_id, now)
            ledger.keep_bodies(connection, planned_table(self.flow), self.flow.main, now, now - keep)
        crash_points.point("after intent")
        return sending

    def _opened(self) -> Requests:
        navigation = needed_document(self.flow).kind(self.settings).navigation
        return Requests(self.settings, self.target, self._document, navigation, self.hash_key)

    def _prepared(self, connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> tuple[list[_Sending], list[Move]]:
        """Makes documents ready to be sent. A document whose customer could not be written fails alone."""
        sending, failed = [], []
        numbered: dict[str, str] = {}  # bodies that got the number of their customer only now
        for row in rows:
            customer, number = row["customer"], row["customer"]["target_no"]
            why = self.again_for_default.get(row["key"], "")
            if row["customer_key"] and customer["state"] != State.CONFIRMED:
                why = f"its customer is {customer['state'] or 'not there'} ({customer['reason']})"
                private = customer["reason"] == PRIVACY_BLOCKED
                if private or not row["fallback"] or customer["state"] != State.FAILED:
                    row |= {"reason": PRIVACY_BLOCKED if private else "NO_CUSTOMER", "message": why}
                    failed.append(self.moves.move(row, State.FAILED, sent=False))
                    continue
            if why:
                number = row["fallback"]
                row |= {"reason": None, "message": f"for the default customer {number}: {why}"}
            body = row["body"]
            if row["customer_key"] or why:
                body = with_customer_number(body, number)
            if body is not row["body"]:
                numbered[row["key"]] = body
            if row["action"] == "create":
                navigation = needed_document(self.flow).kind(self.settings).navigation
                row["field_hashes"] = with_body(self.hash_key, row["field_hashes"], body, navigation)
            sending.append(_Sending(row, self._operations(row, body)))
        put_bodies(connection, self.flow, numbered)
        return sending, failed

    def _intent(self, each: _Sending, now: datetime) -> Move:
        old = each.row["known"]
        # Attempts count while the document is lost. Any answer begins the count anew.
        tries = (old["attempt_no"] or 0) if old["state"] == State.UNKNOWN else 0
        known = {
            "attempt_id": each.operations[0].request_id,
            "attempt_no": tries + 1,
            "intent_at": now,
            "server_at": self.target.server_now,
            "looked_at": None,
        }
        # A lost request and one of its edited order may both make the document: the hashes of the first one stay until
        # one is answered, so that the plan can tell what the edit has changed.
        again_by_key = each.by_key and old["state"] == State.UNKNOWN
        sent = each.row["action"] == "create" and not again_by_key
        return self.moves.move(each.row, State.SENDING, known, sent=sent)

    def _operations(self, row: Row, body: str) -> list[Operation]:
        """The calls of one document: one for a new document, else those of its change."""
        attempt = str(uuid.uuid4())
        if row["action"] == "create":
            return [Operation(attempt, "POST", row["target_set"], body, request_id=attempt)]
        calls = json.loads(body, parse_float=Decimal)
        return [
            Operation(f"{attempt} {number}", call["method"], call["path"], call["body"], call["etag"], attempt)
            for number, call in enumerate(calls)
        ]

    def _batches(self, chunk: list[_Sending]) -> Iterator[list[_Sending]]:
        """Batches of documents. A change has a batch of its own, because it is one transaction.

        New documents go together, and a tenth as many of them after each time that they were not run.
        """
        yield from ([each] for each in chunk if each.row["action"] != "create")
        for by_key, tries in product((False, True), range(TRIES)):
            is_new = (each for each in chunk if each.row["action"] == "create" and each.by_key == by_key)
            created = [each for each in is_new if each.tries == tries]
            size = max(1, self._batch_size // 10**tries)
            yield from chunks_of(created, size)

    def _send_batch(self, batch: list[_Sending]) -> Answers:
        """Sends one batch; gives one result per document.

        Of a change with several calls, a refusal counts before a call whose outcome is not known, and this before the
        last answer.
        """
        if batch[0].by_key:
            return list(zip(batch, self._requested(batch), strict=True))
        operations = [operation for each in batch for operation in each.operations]
        isolated = len(batch) == 1 and len(operations) > 1
        results = {result.id: result for result in self._answered(operations, isolated)}
        answers = []
        for each in batch:
            own = [results[operation.id] for operation in each.operations]
            failed = [result for result in own if not 200 <= result.status < 300]
            # Refusals have the highest status: UNREADABLE is 0, NOT_RUN is -1.
            answers.append((each, max(failed, key=lambda result: result.status, default=own[-1])))
        return answers

    def _requested(self, batch: list[_Sending]) -> list[Result]:
        """Sends documents as order requests; gives one result for each."""
        requests = [Request(each.operations[0].id, str(each.operations[0].body)) for each in batch]
        try:
            if self._may_send and self._requests:
                return self._requests.send(requests)
        except AuthenticationFailed as error:
            self.refused = error
        return [Result(each.attempt, NOT_RUN, {}) for each in requests]

    def _client_of(self, operations: list[Operation]) -> BusinessCentral:
        """The client of the companion app for its own actions, which are never in one call with others."""
        companion = companion_of(self.target, self.settings) if is_of_app(operations[0].path) else None
        return companion.client if companion else self.target

    def _answered(self, operations: list[Operation], isolated: bool) -> list[Result]:
        """Sends operations in one call; gives one result per operation, whatever becomes of the call."""
        try:
            if self._may_send:
                return self._client_of(operations).batch(operations, isolated)
        except AuthenticationFailed as error:
            self.refused = error
        except SystemUnavailable:
            pass
        except UnreadableAnswer:
            return [Result(operation.id, UNREADABLE, {}) for operation in operations]
        return [Result(operation.id, NOT_RUN, {}) for operation in operations]
