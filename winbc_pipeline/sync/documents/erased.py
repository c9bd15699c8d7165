"""Lost orders of people who were erased: nothing is left to send, and still it must be known whether they arrived.

What erasing leaves of an order is in its ledger row: the reference, by which a document is found (privacy/).
"""

from datetime import timedelta

from ... import clock
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row, literal
from ...systems.business_central import BusinessCentral
from ..outcomes import ERASED
from ..work import Work
from .by_key.emptying import empty_noted
from .existing import Found, look_up

NOT_THERE = "Business Central does not have it, and nothing is left to send"


def settle(work: Work, target: BusinessCentral) -> None:
    """Looks such orders up. One that is there counts as sent, one that can no longer arrive is skipped.

    A request of the companion app that made none is emptied: its call may have arrived after the erasing.

    Raises: WinbcError when a lookup was not answered.
    """
    where = f"part = {literal(work.flow.main)} AND state = '{State.UNKNOWN}' AND reason = '{ERASED}'"
    if rows := ledger.read(work.store, where):
        found = look_up(target, {row["reference"] for row in rows if row["reference"]})
        over = clock.now() - timedelta(minutes=work.settings.quarantine_minutes)
        moves = [
            _move(row, found.get(row["reference"] or "", []), row["intent_at"] is None or row["intent_at"] < over)
            for row in rows
        ]
        gone = [row["reference"] for row, move in zip(rows, moves, strict=True) if move and move.state == State.SKIPPED]
        empty_noted(work.settings, target.root, [each for each in gone if each])
        ledger.move(work.store, filter(None, moves), work.run_id)
    else:
        empty_noted(work.settings, target.root)


def _move(row: Row, found: list[Found], is_over: bool) -> Move | None:
    """What becomes of an order; None while it may still arrive."""
    if found:
        known = {"target_id": found[0].record["id"], "target_no": found[0].number, "target_set": found[0].entity_set}
        return Move(row["part"], row["key"], State.CONFIRMED, {"reason": ERASED, **known})
    if is_over:
        return Move(row["part"], row["key"], State.SKIPPED, {"reason": ERASED, "message": NOT_THERE})
    return None
