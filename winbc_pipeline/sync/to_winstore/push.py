"""Sends a plan to Winstore: one call and one outcome per record.

Here belongs: the protocol of exactly_once.md section 3 for a target that may not keep our key unique. The intent is
committed before the first byte leaves. A call that may have arrived is not tried again.
"""

import json
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.transport import Lost
from ...systems.winstore import Winstore
from ..outcomes import IGNORED
from ..plan_table import planned_slices
from ..sending import chunks_of
from ..session import recover
from ..watermark import advance_watermark
from ..work import Work
from .plan import plan

IN_FLIGHT = 5  # calls at once; also the intents of orders at once, each of which waits for a person after a kill
AT_ONCE = 100  # intents at once of records that may arrive twice


def push(work: Work, target: Winstore) -> None:
    """Sends what is planned. Every record has an outcome in the ledger afterwards.

    Raises:
        AuthenticationFailed: Winstore refused the credentials. The outcomes are in the ledger all the same.
    """
    recover(work.store, work.run_id)
    lost = ledger.read(work.store, "state = 'UNKNOWN'")
    if lost:  # The plan may be older than the call whose answer was lost.
        plan(work, target)
    _Push(work, target).send(planned_slices(work, work.flow.main))
    advance_watermark(work.connected)


class _Push:
    """Sends planned rows."""

    def __init__(self, work: Work, target: Winstore) -> None:
        self.work, self.part, self.target = work, work.flow.part(work.flow.main), target
        self.settings, self.run_id, self.store = work.settings, work.run_id, work.store
        self.refused: AuthenticationFailed | None = None
        self.present: dict[str, Row] = {}  # the ledger's rows of the planned rows that are sent just now

    def send(self, slices: Iterable[list[Row]]) -> None:
        """Sends planned rows, a few at a time: what a killed run had under way may have arrived.

        Raises:
            AuthenticationFailed: Winstore refused the credentials. No further row was sent.
        """
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for rows in slices:
                self._send_some(pool, rows)
        if self.refused:
            raise self.refused

    def _send_some(self, pool: ThreadPoolExecutor, rows: list[Row]) -> None:
        wanted = [self.part.name, [row["key"] for row in rows]]
        there = ledger.read(self.store, "part = ? AND key IN (SELECT unnest(?::VARCHAR[]))", wanted)
        self.present = {row["key"]: row for row in there}
        moves = [move for row in rows for move in self._settled(row)]
        due = [row for row in rows if row["action"] in ("create", "update") and self._may_go(row)]
        for chunk in chunks_of(due, AT_ONCE if self.part.repeatable else IN_FLIGHT):
            if self.refused:
                break
            intents = [self._intent(row) for row in chunk]
            with self.store.transaction() as connection:
                ledger.move_within(connection, moves + intents, self.run_id, clock.now())
                bodies = [row["body"] for row in chunk]
                ledger.keep_sent(connection, intents, bodies, self.settings.payload_days)
            moves = []
            sent = [pool.submit(self._sent, row) for row in chunk]
            for future in sent:
                moves += future.result()
        ledger.move(self.store, moves, self.run_id)

    def _may_go(self, row: Row) -> bool:
        """Whether a planned row may still be sent: nothing holds it, and no other run has sent it meanwhile, or may
        have sent it."""
        old = self.present.get(row["key"])
        if not self.work.lets(self.part.name, row["key"]):
            return False
        if not old:
            return True
        if old["state"] == State.CONFIRMED and old["hash"] == row["hash"]:
            return False
        in_doubt = old["state"] in (State.NEEDS_HUMAN, State.DUPLICATE, State.CONFLICT)
        return self.part.repeatable or not (old["target_id"] or in_doubt)

    def _known(self, row: Row) -> Row:
        names = ("version", "mapping_version", "window", "reason", "message", "action")
        return {name: row[name] for name in names}

    def _settled(self, row: Row) -> list[Move]:
        """The outcome of a row that needs no call; empty when it needs one, or when the ledger says so already.

        The ledger keeps the hash of what was last sent, whatever the outcome.
        """
        old = self.present.get(row["key"])
        known = self._known(row)
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            same = ("hash", "version", "window")
            if old and old["state"] == State.CONFIRMED and all(old[name] == row[name] for name in same):
                return []
            sent = {name: row[name] for name in ("hash", "field_hashes", "target_id", "target_no")}
            return [Move(self.part.name, row["key"], State.CONFIRMED, known | sent)]
        if row["reason"] == IGNORED:
            return []
        if row["action"] == "adopt":
            known.pop("version")  # An earlier version may have been sent: the next plan compares.
            found = {name: row[name] for name in ("target_id", "target_no")}
            return [Move(self.part.name, row["key"], State.CONFIRMED, known | found)]
        held = State.DUPLICATE if row["reason"] == "DUPLICATE" else State.NEEDS_HUMAN
        states = {"skip": State.SKIPPED, "fail": State.FAILED, "conflict": State.CONFLICT, "hold": held}
        state = states.get(row["action"])
        if state == State.NEEDS_HUMAN:  # a person looks for the number that it may have
            known["target_no"] = row["target_no"]
        return [Move(self.part.name, row["key"], state, known)] if state else []

    def _intent(self, row: Row) -> Move:
        known = self._known(row) | {"attempt_id": str(uuid.uuid4()), "intent_at": clock.now(), "hash": None}
        if not self.part.repeatable:
            # Should the answer be lost, the ledger knows what may have arrived, and under which number.
            known |= {"hash": row["hash"], "target_no": row["target_no"]}
        return Move(self.part.name, row["key"], State.SENDING, known)

    def _sent(self, row: Row) -> list[Move]:
        """Sends one row; gives its outcome."""
        name, known = (self.part.name, row["key"]), self._known(row)
        not_sent = Move(*name, State.PLANNED, known | {"reason": "NO_ANSWER"})
        body = json.loads(row["body"], parse_float=Decimal)
        if self.refused:
            return [not_sent]
        try:
            given = self.target.post(self.part.entity_set, body["fields"], body["lines"], self.part.repeatable)
        except AuthenticationFailed as error:
            self.refused = error
            return [not_sent]
        except SystemUnavailable:
            return [not_sent]
        except Lost:
            return self._lost(row)
        if given.taken:
            sent = {name: row[name] for name in ("hash", "field_hashes", "target_no")}
            return [Move(*name, State.CONFIRMED, known | sent | {"target_id": body["fields"]["ordernr"]})]
        message = f"{given.code}: {given.message}"[:500]
        return [Move(*name, State.FAILED, known | {"reason": "WINSTORE_REFUSED", "message": message})]

    def _lost(self, row: Row) -> list[Move]:
        """The outcome of a row that may have arrived. It is for a person when nothing can be looked up."""
        name, known = (self.part.name, row["key"]), self._known(row)
        moves = [Move(*name, State.UNKNOWN, known | {"reason": "NO_ANSWER"})]
        if not self.part.repeatable and self.settings.orders_to_winstore.look_up == "none":
            moves.append(Move(*name, State.NEEDS_HUMAN, known | {"reason": "NO_LOOK_UP"}))
        return moves
