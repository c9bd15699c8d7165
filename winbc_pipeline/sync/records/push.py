"""Sends the plan of master data: batches in flight beside the ledger's writes, and one outcome per record.

Here belongs: the protocol of exactly_once.md section 3 for records with a number of our own: intent committed before
the first byte, no blind retry, what is not known is looked up before it is sent again.
"""

import json
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from decimal import Decimal
from typing import Any

from ... import clock
from ...errors import SystemUnavailable
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.business_central import BusinessCentral, Operation, Result
from ..flow import Part, Reference
from ..outcomes import STALE_CODES, refusal
from ..plan_table import planned_rows
from ..sending import INTENTS, chunks_of, intent_chunks
from ..session import recover
from ..watermark import advance_watermark
from ..work import Work
from .plan import plan

ROUNDS = 3


def push(work: Work, target: BusinessCentral) -> None:
    """Sends what is planned; every record has an outcome in the ledger afterwards."""
    if recover(work.store, work.run_id):
        plan(work, target)
    rows = planned_rows(work)
    for _ in range(ROUNDS):
        again: set[tuple[str, str]] = set()
        for part in work.flow.parts:
            again |= Push(work, part, target).send([row for row in rows if row["part"] == part.name])
        if not again:
            break
        plan(work.only(again), target)
        rows = planned_rows(work.only(again))
    advance_watermark(work.connected)


class Push:
    """Sends the planned rows of one part."""

    def __init__(self, work: Work, part: Part, target: BusinessCentral) -> None:
        self.part, self.target = part, target
        self.settings, self.run_id, self.store = work.settings, work.run_id, work.store
        self.again: set[tuple[str, str]] = set()

    def send(self, rows: list[Row]) -> set[tuple[str, str]]:
        """Returns the records that must be planned again: someone else changed them meanwhile."""
        self.present = {row["key"]: row for row in ledger.read(self.store, "part = ?", [self.part.name])}
        writes = [row for row in rows if row["action"] in ("create", "update") and not self._is_done(row)]
        settled = [move for row in rows if (move := self._settled(row))]
        writes, missing = self._resolve(writes)
        self._send_all(writes, settled + missing)
        return self.again

    def _is_done(self, row: Row) -> bool:
        old = self.present.get(row["key"])
        return bool(old and old["state"] == State.CONFIRMED and old["hash"] == row["hash"])

    def _known(self, row: Row) -> Row:
        names = ("hash", "field_hashes", "version", "mapping_version", "window", "reason", "message", "action")
        known = {name: row[name] for name in names}
        if row["target_id"]:
            known["target_id"] = row["target_id"]
        return known | ({"target_no": row["target_no"]} if row["target_no"] else {})

    def _settled(self, row: Row) -> Move | None:
        """The outcome of a row that needs no call."""
        old = self.present.get(row["key"])
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            same = ("hash", "version", "window")
            if old and old["state"] == State.CONFIRMED and all(old[name] == row[name] for name in same):
                return None
            return Move(self.part.name, row["key"], State.CONFIRMED, self._known(row))
        state = {"skip": State.SKIPPED, "fail": State.FAILED, "conflict": State.CONFLICT}.get(row["action"])
        known = self._known(row)
        if state != State.SKIPPED:
            for name in ("hash", "field_hashes"):
                known.pop(name)
        return Move(self.part.name, row["key"], state, known) if state else None

    def _resolve(self, rows: list[Row]) -> tuple[list[Row], list[Move]]:
        """Fills in the reference to the parent's record; a record without one fails alone."""
        reference = self.part.reference
        creates = [row for row in rows if row["action"] == "create"]
        if not reference or not creates:
            return rows, []
        parents = {r["key"]: r for r in ledger.read(self.store, "part = ?", [self.part.parent])}
        paths = {
            row["key"]: reference.collection.format(id=parents[row["key"]]["target_id"])
            for row in creates
            if parents.get(row["key"], {}).get("target_id")
        }
        values = self._looked_up(reference, paths)
        ready, missing = [row for row in rows if row["action"] != "create"], []
        for row in creates:
            if row["key"] in values:
                body = json.loads(row["body"], parse_float=Decimal) | {reference.field: values[row["key"]]}
                ready.append({**row, "body": body})
            else:
                known = {**self._known(row), "reason": "REFERENCE_MISSING", "message": None, "hash": None}
                missing.append(Move(self.part.name, row["key"], State.FAILED, known))
        return ready, missing

    def _looked_up(self, reference: Reference, paths: dict[str, str]) -> dict[str, str]:
        operations = [Operation(key, "GET", path) for key, path in paths.items()]
        values = {}
        name, wanted = reference.where
        with ThreadPoolExecutor(self.settings.bc.in_flight) as pool:
            for results in pool.map(self.target.batch, chunks_of(operations, self.settings.bc.batch_size)):
                for result in results:
                    for record in result.body.get("value", []):
                        if record.get(name) == wanted:
                            values[result.id] = record[reference.value]
        return values

    def _intent(self, row: Row, now: datetime) -> Move:
        known = self._known(row) | {"attempt_id": str(uuid.uuid4()), "intent_at": now, "hash": None}
        known.pop("field_hashes")
        return Move(self.part.name, row["key"], State.SENDING, known)

    def _send_all(self, rows: list[Row], moves: list[Move]) -> None:
        """Batches in flight, and the ledger written beside them. The intent of a row is committed before it is sent."""
        pending: set[Future[list[Move]]] = set()
        with ThreadPoolExecutor(self.settings.bc.in_flight) as pool:
            try:
                for chunk in intent_chunks(rows):
                    now = clock.now()
                    ledger.move(self.store, moves + [self._intent(row, now) for row in chunk], self.run_id)
                    moves = []
                    pending |= {pool.submit(self._send_batch, b) for b in chunks_of(chunk, self.settings.bc.batch_size)}
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        moves += future.result()
                    if len(moves) >= INTENTS:
                        ledger.move(self.store, moves, self.run_id)
                        moves = []
            finally:
                for future in pending:
                    future.cancel()
                ledger.move(self.store, moves, self.run_id)

    def _send_batch(self, rows: list[Row]) -> list[Move]:
        operations = [self._operation(number, row) for number, row in enumerate(rows)]
        try:
            results = self.target.batch(operations)
        except SystemUnavailable:
            results = [Result(operation.id, -1, {}) for operation in operations]
        return [self._outcome(row, result) for row, result in zip(rows, results, strict=True)]

    def _operation(self, number: int, row: Row) -> Operation:
        body: Any = row["body"]
        body = json.loads(body, parse_float=Decimal) if isinstance(body, str) else body
        if row["action"] == "create":
            return Operation(str(number), "POST", self.part.entity_set, body)
        return Operation(str(number), "PATCH", f"{self.part.entity_set}({row['target_id']})", body, row["etag"])

    def _outcome(self, row: Row, result: Result) -> Move:
        known = self._known(row)
        key = (self.part.name, row["key"])
        if result.status in (200, 201) and isinstance(result.body, dict) and result.body.get("id"):
            number = result.body.get("number") or result.body.get("code")
            known |= {"target_id": result.body["id"], "target_no": number}
            return Move(*key, State.CONFIRMED, known)
        for name in ("hash", "field_hashes"):
            known.pop(name)
        if result.error_code in STALE_CODES:
            self.again.add(key)
            return Move(*key, State.FAILED, known | {"reason": "STALE"})
        if result.status in (-1, 429):
            return Move(*key, State.PLANNED, known | {"reason": "NO_ANSWER"})
        if 400 <= result.status < 500 and result.status != 408:
            reason, message = refusal(result)
            return Move(*key, State.FAILED, known | {"reason": reason, "message": message})
        return Move(*key, State.UNKNOWN, known | {"reason": "NO_ANSWER"})
