"""Sends the plan of master data in batches. Each record gets one outcome in the ledger.

Here belongs: the protocol of exactly_once.md section 3 for records with a number of our own. The intent is committed
before the first byte leaves. A call is never repeated blindly: a record whose answer was lost is looked up first.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from decimal import Decimal
from itertools import chain
from typing import Any

from ... import clock
from ...errors import SystemUnavailable
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.pairs import Pairs
from ...staging.store import Row
from ...systems.business_central import Operation, Result
from ...systems.business_central.client import dumps
from .. import crash_points
from ..outcomes import STALE_CODES, STOCK_SETUP, UPDATE_FOLLOWS, refusal
from ..part import Part, Reference
from ..plan_table import planned_since, planned_slices
from ..sending import INTENTS_PER_COMMIT, chunks_of, intent_chunks
from ..session import recover
from ..watermark import advance_watermark
from ..work import Work
from .beside import beside_of, own_fields
from .known.told import told
from .moves import intent_of, is_done, known_sent, known_unsent, settled
from .plan import plan
from .special.figures import Looks
from .special.pictures import SentPictures, outcome_of
from .target.matching import Target

ROUNDS = 3  # how often a record that somebody else changed meanwhile is planned and sent in one run
FIGURES_PER_COMMIT = 1000  # more than of other records: a figure that may have arrived is looked at, and that is all
SPARE = 1  # threads that make a call ready while as many calls as are allowed are in flight
Writer = Callable[[list[Row]], list[Result]]
"""Sends planned rows, each with the id of its attempt (`attempt_id`); gives the result of each."""
NO_CALL = -1  # status of an operation whose call never left


def _nothing(_: Work) -> None:
    pass


def push(
    work: Work,
    target: Target,
    read_again: Callable[[Work], None] = _nothing,
    plan_again: Callable[[Work, Target], None] = plan,
    writer: Writer | None = None,
) -> None:
    """Sends what is planned. Every record has an outcome in the ledger afterwards.

    Args:
        read_again: is called before records are planned again that somebody has changed meanwhile.
        plan_again: plans records again.
        writer: sends figures of stock in the place of updates of their records.
    """
    if recover(work.store, work.run_id) or _is_overtaken(work):
        # A killed run left intents: what it sent must be looked up before it is sent again.
        plan_again(work, target)
    left = work
    for _ in range(ROUNDS):
        again: set[tuple[str, str]] = set()
        for part in _in_turn(work):
            again |= _send_part(left, part, target, frozenset(again), writer)
        if not again:
            break
        left = work.only(again)
        read_again(work)
        plan_again(left, target)
    advance_watermark(work.connected)
    crash_points.point("after record cursor")


def _in_turn(work: Work) -> list[Part]:
    """The parts in the order in which they are written. A picture changes its parent's ETag, so pictures come last."""
    return sorted((*work.connected.parts, *work.flow.block_parts), key=lambda part: part.picture is not None)


def _send_part(
    work: Work, part: Part, target: Target, late: Collection[tuple[str, str]], writer: Writer | None
) -> set[tuple[str, str]]:
    """Sends the planned rows of one part, some read at a time; gives part and key of what must be planned again.

    Args:
        late: what must be planned again already. It is not sent now.
    """
    made: list[str] = []
    order = "body, key" if part.picture else "key"  # those of one picture come together, so that it is read once

    def slices() -> Iterator[list[Row]]:
        for planned in planned_slices(work, part.name, order):
            rows = [row for row in planned if (part.name, row["key"]) not in late]
            made.extend(row["key"] for row in rows if row["action"] == "create")
            yield rows

    return Push(work, part, target, writer).send(slices()) | _pictures_of_new(work, part, made)


def _pictures_of_new(work: Work, part: Part, made: list[str]) -> set[tuple[str, str]]:
    """Part and key of pictures that were sent to records which are gone, and that the new ones in their place lack.

    Args:
        made: the keys of the new records.
    """
    again: set[tuple[str, str]] = set()
    for child in work.connected.parts if made else ():
        if child.picture and child.parent == part.name:
            where = "part = ? AND state = 'CONFIRMED' AND key IN (SELECT unnest(?::VARCHAR[]))"
            keys = [row["key"] for row in ledger.read(work.store, where, [child.name, made])]
            ledger.look_again(work.store, child.name, keys)
            again |= {(child.name, key) for key in keys}
    return again


def _is_overtaken(work: Work) -> bool:
    """Whether the other direction has written pairs since the rows of a work were planned."""
    if not work.flow.pairs or not (oldest := planned_since(work)):
        return False
    newest = Pairs(work.settings, work.flow.pairs).newest()
    return bool(newest and newest > oldest)


class Push:
    """Sends the planned rows of one part."""

    def __init__(self, work: Work, part: Part, target: Target, writer: Writer | None = None) -> None:
        self.work, self.part, self.target, self.writer = work, part, target, writer
        self.settings, self.run_id, self.store = work.settings, work.run_id, work.store
        # Part and key of the records that must be planned again.
        self.again: set[tuple[str, str]] = set()
        self.pairs = Pairs(work.settings, work.flow.pairs) if work.flow.pairs else None
        self.connected = work.connected
        self.beside = beside_of(work.connected, work.connected.compiled().get(part.name), part, target)
        self.stopped = False  # whether a refusal is about the set-up of the target, so that no other row can be taken
        self.takes_figures: bool | None = None  # whether the target has taken the first one; None before
        self.answered: list[tuple[Row, Row]] = []  # rows whose pair is not written yet, with the target's answer
        self.pictures = SentPictures(work.connected, part, target) if part.picture else None
        self.batch_size = 1 if part.picture else target.batch_size
        self.looks = Looks(part, target) if part.owns and not writer else None
        self.threads = target.in_flight + (SPARE if target.in_flight > 1 else 0)  # with one call, all in order
        self.intents_per_commit = FIGURES_PER_COMMIT if self.looks else INTENTS_PER_COMMIT

    def send(self, slices: Iterable[list[Row]]) -> set[tuple[str, str]]:
        """Sends planned rows of the part, some read at a time.

        Batches stay in flight, also while the next rows are read, and the ledger is written beside them. The intent of
        a row is committed before its batch is submitted. Outcomes are committed with the next intents, or when there
        are many of them.

        Returns:
            Part and key of the records that must be planned again, because somebody else changed them meanwhile.
        """
        pending: set[Future[list[Move]]] = set()
        moves: list[Move] = []
        pictures = closing(self.pictures) if self.pictures else nullcontext()
        with pictures, ThreadPoolExecutor(self.threads) as pool:
            try:
                for rows in slices:
                    self._submit_some(pool, rows, pending, moves)
                while pending:
                    self._take(pending, moves)
                    self._note_many(moves)
            finally:
                # Also after an error: no outcome that is known by now is lost.
                for future in pending:
                    future.cancel()
                self._note(moves)
        return self.again

    def _submit_some(
        self, pool: ThreadPoolExecutor, rows: list[Row], pending: set[Future[list[Move]]], moves: list[Move]
    ) -> None:
        """Submits planned rows, and takes outcomes of others meanwhile.

        Args:
            pending: what is in flight.
            moves: outcomes that are not committed yet.
        """
        writes, others = self._due(rows)
        moves += others
        for chunk in self._chunks(self._after_first(writes, moves)):
            while len(pending) > self._enough:
                self._take(pending, moves)
            self._commit_intents([row for some in chunk for row in some], moves)
            pending |= {self._submit(pool, some) for some in chunk}
        self._note_many(moves)

    def _due(self, rows: list[Row]) -> tuple[list[Row], list[Move]]:
        """The rows that are sent, and the outcomes of others. Each row gets what the ledger knows of it as `known`."""
        present = self._in_ledger(self.part.name, rows)
        for row in rows:
            row["known"] = present.get(row["key"])
        due = [row for row in rows if row["action"] in ("create", "update") and not is_done(row)]
        writes = [row for row in due if self.work.lets(self.part.name, row["key"])]
        others = [move for row in rows if (move := settled(self.part, row))]
        self.answered += [(row, {}) for row in rows if row["action"] == "skip"]
        writes, missing = self._resolve(writes)
        return writes, others + missing

    def _resolve(self, rows: list[Row]) -> tuple[list[Row], list[Move]]:
        """Adds to each new record the field that refers to its parent's record.

        Returns:
            The rows that can be sent, and the outcomes of those whose parent has no record. Each of these fails alone.
        """
        reference = self.part.reference
        creates = [row for row in rows if row["action"] == "create"]
        if not reference or not creates:
            return rows, []
        if reference.collection:
            values = self._looked_up(reference, self._reference_paths(reference, creates))
        else:
            values = self._parents(creates)
        ready = [row for row in rows if row["action"] != "create"]
        missing = []
        for row in creates:
            if row["key"] in values:
                body = json.loads(row["body"], parse_float=Decimal) | {reference.field: values[row["key"]]}
                ready.append({**row, "body": body})
            else:
                words = (
                    f"the {self.part.parent} of the same record is not in the target, so it has no {reference.field}"
                )
                known = {**known_sent(row), "reason": "REFERENCE_MISSING", "message": words, "hash": None}
                missing.append(Move(self.part.name, row["key"], State.FAILED, known))
        return ready, missing

    def _reference_paths(self, reference: Reference, rows: list[Row]) -> dict[str, str]:
        """By key, the path under which a new record finds its parent's value; none for a parent that was never sent."""
        return {key: reference.collection.format(id=parent) for key, parent in self._parents(rows).items()}

    def _parents(self, rows: list[Row]) -> dict[str, str]:
        """By key, the id of the parent's record in the target; none for a parent that was never sent."""
        parents = self._in_ledger(str(self.part.parent), rows)
        return {key: row["target_id"] for key, row in parents.items() if row["target_id"]}

    def _in_ledger(self, part: str, rows: list[Row]) -> dict[str, Row]:
        """The ledger rows of a part for the keys of some rows, by key."""
        where, keys = "part = ? AND key IN (SELECT unnest(?::VARCHAR[]))", [row["key"] for row in rows]
        return {row["key"]: row for row in ledger.read(self.store, where, [part, keys])} if rows else {}

    def _looked_up(self, reference: Reference, paths: dict[str, str]) -> dict[str, str]:
        """Reads the paths; gives by key the value that the reference asks for."""
        operations = [Operation(key, "GET", path) for key, path in paths.items()]
        batches = chunks_of(operations, self.target.batch_size)
        name, wanted = reference.where
        values = {}
        with ThreadPoolExecutor(self.target.in_flight) as pool:
            for result in chain.from_iterable(pool.map(self.target.batch, batches)):
                for record in result.body.get("value", []):
                    if record.get(name) == wanted:
                        values[result.id] = record[reference.value]
        return values

    def _commit_intents(self, rows: list[Row], moves: list[Move]) -> None:
        """Commits the intents of rows with their bodies, and outcomes of others, which then count as committed."""
        now = clock.now()
        intents = [intent_of(self.part, row, now) for row in rows]
        for row, intent in zip(rows, intents, strict=True):
            row["attempt_id"] = intent.known["attempt_id"]
        bodies = [row["body"] if isinstance(row["body"], str) else dumps(row["body"]).decode() for row in rows]
        self._tell_pairs()
        crash_points.point("before record intent")
        with self.store.transaction() as connection:
            ledger.move_within(connection, moves + intents, self.run_id, now)
            ledger.keep_sent(connection, intents, bodies, self.settings.payload_days)
        moves.clear()
        crash_points.point("after record intent")

    @property
    def _at_once(self) -> int:
        """How many rows a thread sends before it takes others."""
        return self.looks.at_once if self.looks else self.batch_size

    @property
    def _enough(self) -> int:
        """How many of these keep all calls in flight busy while the ledger is written."""
        return self.threads + self.intents_per_commit // self._at_once

    def _chunks(self, rows: list[Row]) -> list[list[list[Row]]]:
        """The rows as they are sent, in the chunks of their intents."""
        groups = chunks_of(rows, self._at_once)
        if self.looks:
            self.looks.expect(groups)
        return intent_chunks(groups, self._at_once, self.intents_per_commit)

    def _submit(self, pool: ThreadPoolExecutor, rows: list[Row]) -> Future[list[Move]]:
        if not self.looks:
            return pool.submit(self._send_some, rows)
        self.looks.add(rows)
        return pool.submit(self._send_figures, self.looks)

    def _take(self, pending: set[Future[list[Move]]], moves: list[Move]) -> None:
        """Waits until one has ended, and adds its outcomes."""
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            pending.remove(future)
            moves += future.result()
        crash_points.point("after record answer")

    def _after_first(self, rows: list[Row], moves: list[Move]) -> list[Row]:
        """Sends the first figure of stock alone: a set-up that takes none shows with one record, and not with each.

        Args:
            moves: outcomes that are not committed yet; those of rows that are not sent are added.
        Returns: the rows that are still to be sent.
        """
        if not self.part.owns or not rows:
            return rows
        if self.takes_figures is None:
            first, *rows = rows
            self._commit_intents([first], moves)
            if self.looks:
                self.looks.add([first])
            moves += self._send_figures(self.looks) if self.looks else self._send_some([first])
            self.takes_figures = not self.stopped
        if self.takes_figures:
            return rows
        told = {"reason": "STOPPED"}
        moves += [Move(self.part.name, row["key"], State.PLANNED, known_unsent(row) | told) for row in rows]
        return []

    def _note_many(self, moves: list[Move]) -> None:
        """Commits outcomes once they are many."""
        if len(moves) + len(self.answered) >= self.intents_per_commit:
            self._note(moves)

    def _note(self, moves: list[Move]) -> None:
        """Commits outcomes, which then count as committed: the pairs first, as `told` says, then the ledger."""
        self._tell_pairs()
        ledger.move(self.store, moves, self.run_id)
        moves.clear()
        crash_points.point("after record confirm")

    def _tell_pairs(self) -> None:
        answered, self.answered = self.answered, []
        if self.pairs:
            told(self.connected, self.pairs, self.part, answered)
            if answered:
                crash_points.point("after pairs")

    def _send_some(self, rows: list[Row]) -> list[Move]:
        """Sends rows in batches."""
        return [move for batch in chunks_of(rows, self.batch_size) for move in self._send_batch(batch)]

    def _send_figures(self, looks: Looks) -> list[Move]:
        """Sends figures of stock whose turn it is. They are looked at just before; those that moved are not sent."""
        rows = looks.next()
        late = looks.moved(rows)
        moves = [self._stale(row) for row in rows if row["key"] in late]
        return moves + self._send_some([row for row in rows if row["key"] not in late])

    def _stale(self, row: Row) -> Move:
        """The outcome of a row that is planned again, because somebody else changed the record meanwhile."""
        key = (self.part.name, row["key"])
        self.again.add(key)
        return Move(*key, State.FAILED, known_unsent(row) | {"reason": "STALE"})

    def _send_batch(self, rows: list[Row]) -> list[Move]:
        if self.pictures:
            return [move for row in rows for move in self._of_picture(*self.pictures.send(row))]
        if self.writer:
            return [self._outcome(row, result) for row, result in zip(rows, self.writer(rows), strict=True)]
        operations = [self._operation(number, row) for number, row in enumerate(rows)]
        # A record of which only fields beside it change needs no call of its own.
        needed = [each for each in operations if each.method == "POST" or each.body]
        results = self._called(needed) if needed else []
        if self.beside:
            there = {each.id: result for each, result in zip(needed, results, strict=True)}
            results = [there.get(each.id) or _is_there(row) for each, row in zip(operations, rows, strict=True)]
        for each in self.beside:
            results = each.write(rows, results)
        return [self._outcome(row, result) for row, result in zip(rows, results, strict=True)]

    def _called(self, operations: list[Operation]) -> list[Result]:
        """Runs operations in one call, with the look at the figures that this thread sends next."""
        asked = self.looks.ask() if self.looks else []
        try:
            results = self.target.batch([*operations, *asked])
        except SystemUnavailable:
            return [Result(operation.id, NO_CALL, {}) for operation in operations]
        if self.looks:
            self.looks.note(results[len(operations) :])
        return results[: len(operations)]

    def _operation(self, number: int, row: Row) -> Operation:
        body: Any = row["body"]
        if isinstance(body, str):  # as planned; `_resolve` makes fields of some
            body = json.loads(body, parse_float=Decimal)
        if self.beside:
            body = own_fields(body)
        if row["action"] == "create":
            return Operation(str(number), "POST", self.part.entity_set, body)
        path = f"{self.part.entity_set}({row['target_id']})"
        return Operation(str(number), "PATCH", path, body, row["etag"])

    def _of_picture(self, row: Row, result: Result) -> list[Move]:
        """What became of a picture. One that was not sent goes back to PLANNED first: its intent came to nothing."""
        if not (not_sent := outcome_of(result)):
            return [self._outcome(row, result)]
        state, reason, message = not_sent
        known = known_sent(row) if state == State.SKIPPED else known_unsent(row)
        back = Move(self.part.name, row["key"], State.PLANNED, {"action": row["action"]})
        return [back, Move(self.part.name, row["key"], state, known | {"reason": reason, "message": message})]

    def _outcome(self, row: Row, result: Result) -> Move:
        """What an answer means (exactly_once.md section 3, step 5)."""
        key, made = (self.part.name, row["key"]), _made(result)
        known = known_unsent(row) | made
        if result.status in (200, 201) and made:
            self.answered.append((row, result.body))
            if row["action"] == "create" and row["reason"] == UPDATE_FOLLOWS:
                self.again.add(key)
                return Move(*key, State.PLANNED, known)
            return Move(*key, State.CONFIRMED, known_sent(row) | made)
        if result.error_code in STALE_CODES:
            return self._stale(row)
        if result.status in (NO_CALL, 429):  # certainly not run
            return Move(*key, State.PLANNED, known | {"reason": "NO_ANSWER"})
        if 400 <= result.status < 500 and result.status != 408:  # rolled back
            reason, message = refusal(result)
            self.stopped |= reason == STOCK_SETUP
            return Move(*key, State.FAILED, known | {"reason": reason, "message": message})
        return Move(*key, State.UNKNOWN, known | {"reason": "NO_ANSWER"})


def _made(result: Result) -> Row:
    """Id and number of the record that an answer is about; nothing for an answer without one."""
    if not isinstance(result.body, dict) or not result.body.get("id"):
        return {}
    return {"target_id": result.body["id"], "target_no": result.body.get("number") or result.body.get("code")}


def _is_there(row: Row) -> Result:
    """The answer that a record without a call of its own stands for."""
    return Result("", 200, {"id": row["target_id"], "number": row["target_no"]})
