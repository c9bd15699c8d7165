"""Sends a plan to Winstore: a call per record, and one outcome per record.

Here belongs: the protocol of exactly_once.md section 3 where the target has no key of ours: intent committed before the
first byte, no second try of a call that may have arrived.
"""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.transport import Lost
from ...systems.winstore import Winstore
from ..plan_table import planned_rows
from ..sending import chunks_of
from ..session import recover
from ..watermark import advance_watermark
from ..work import Work
from .plan import plan

IN_FLIGHT = 5
AT_ONCE = 100


def push(work: Work, target: Winstore) -> None:
    """Sends what is planned for the windows; every record has an outcome in the ledger afterwards."""
    recover(work.store, work.run_id)
    lost = ledger.read(work.store, "state = 'UNKNOWN'")
    if lost:  # the plan may be older than the call whose answer was lost
        plan(work, target)
    _Push(work, target).send(planned_rows(work))
    advance_watermark(work.connected)


class _Push:
    """Sends planned rows."""

    def __init__(self, work: Work, target: Winstore) -> None:
        self.part, self.target = work.flow.part(work.flow.main), target
        self.settings, self.run_id, self.store = work.settings, work.run_id, work.store
        self.refused: AuthenticationFailed | None = None
        self.present = {row["key"]: row for row in ledger.read(self.store, "part = ?", [self.part.name])}

    def send(self, rows: list[Row]) -> None:
        """A few at a time, because what a killed run had under way may have arrived; raises AuthenticationFailed."""
        moves = [move for row in rows for move in self._settled(row)]
        due = [row for row in rows if row["action"] in ("create", "update") and self._may_go(row)]
        size = AT_ONCE if self.part.repeatable else IN_FLIGHT
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for chunk in chunks_of(due, size):
                ledger.move(self.store, moves + [self._intent(row) for row in chunk], self.run_id)
                moves = []
                for future in [pool.submit(self._sent, row) for row in chunk]:
                    moves += future.result()
                if self.refused:
                    break
        ledger.move(self.store, moves, self.run_id)
        if self.refused:
            raise self.refused

    def _may_go(self, row: Row) -> bool:
        """Not when another run did it meanwhile, or came to doubt whether it did."""
        old = self.present.get(row["key"])
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
        """The outcome of a row that needs no call. What was sent stays known by its hash."""
        old, known = self.present.get(row["key"]), self._known(row)
        sent = {name: row[name] for name in ("hash", "field_hashes", "target_id", "target_no")}
        if row["action"] == "skip" and row["reason"] == "UNCHANGED":
            same = ("hash", "version", "window")
            if old and old["state"] == State.CONFIRMED and all(old[name] == row[name] for name in same):
                return []
            return [Move(self.part.name, row["key"], State.CONFIRMED, known | sent)]
        if row["action"] == "adopt":
            known.pop("version")  # what was sent may be an earlier one: the next plan compares
            return [Move(self.part.name, row["key"], State.CONFIRMED, known | {"target_id": row["target_id"]})]
        held = State.DUPLICATE if row["reason"] == "DUPLICATE" else State.NEEDS_HUMAN
        states = {"skip": State.SKIPPED, "fail": State.FAILED, "conflict": State.CONFLICT, "hold": held}
        state = states.get(row["action"])
        return [Move(self.part.name, row["key"], state, known)] if state else []

    def _intent(self, row: Row) -> Move:
        known = self._known(row) | {"attempt_id": str(uuid.uuid4()), "intent_at": clock.now(), "hash": None}
        if not self.part.repeatable:  # should the answer be lost: what may have arrived, and by what it is looked up
            known |= {"hash": row["hash"], "target_no": row["target_no"]}
        return Move(self.part.name, row["key"], State.SENDING, known)

    def _sent(self, row: Row) -> list[Move]:
        name, known = (self.part.name, row["key"]), self._known(row)
        body = json.loads(row["body"], parse_float=Decimal)
        try:
            if self.refused:
                return [Move(*name, State.PLANNED, known | {"reason": "NO_ANSWER"})]
            given = self.target.post(self.part.entity_set, body["fields"], body["lines"], self.part.repeatable)
        except (SystemUnavailable, AuthenticationFailed) as error:
            self.refused = error if isinstance(error, AuthenticationFailed) else self.refused
            return [Move(*name, State.PLANNED, known | {"reason": "NO_ANSWER"})]
        except Lost:
            moves = [Move(*name, State.UNKNOWN, known | {"reason": "NO_ANSWER"})]
            if not self.part.repeatable and self.settings.orders_to_winstore.look_up == "none":
                moves.append(Move(*name, State.NEEDS_HUMAN, known | {"reason": "NO_LOOK_UP"}))
            return moves
        if given.taken:
            sent = {name: row[name] for name in ("hash", "field_hashes", "target_no")}
            return [Move(*name, State.CONFIRMED, known | sent | {"target_id": body["fields"]["ordernr"]})]
        message = f"{given.code}: {given.message}"[:500]
        return [Move(*name, State.FAILED, known | {"reason": "WINSTORE_REFUSED", "message": message})]
