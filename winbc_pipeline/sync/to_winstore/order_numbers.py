"""Tells Winstore the number of the document that was made of its order. To tell a number twice does no harm."""

from concurrent.futures import ThreadPoolExecutor

from ...errors import AuthenticationFailed, SystemUnavailable
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row
from ...systems.transport import Lost
from ...systems.winstore import Winstore
from ..work import Work

PART, WRITE = "number", "order_number"  # the part in the ledger, and the call in Winstore's profile
IN_FLIGHT = 5  # calls at once


def send_order_numbers(work: Work) -> None:
    """Sends the numbers of a work's documents that Winstore does not have yet, if `orders.write_back` says so.

    Each number has an outcome of its own in the ledger afterwards, under the part `number`.
    """
    rows = _not_sent(work) if work.settings.orders.write_back else []
    if not rows:
        return
    winstore = Winstore(work.settings)
    try:
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            moves = list(pool.map(lambda row: _send(winstore, row), rows))
    finally:
        winstore.close()
    ledger.move(work.store, moves, work.run_id)


def _not_sent(work: Work) -> list[Row]:
    """The ledger rows of the documents whose number Winstore does not have. The hash of a sent number is the number."""
    told = ledger.read(work.store, "part = ? AND state = 'CONFIRMED'", [PART])
    sent = {row["key"]: row["hash"] for row in told}
    made = "part = ? AND state = 'CONFIRMED' AND target_no IS NOT NULL AND \"window\" BETWEEN ? AND ?"
    rows = ledger.read(work.store, made, [work.flow.main, *work.days])
    return [row for row in rows if sent.get(row["key"]) != row["target_no"] and work.lets(row["part"], row["key"])]


def _send(winstore: Winstore, row: Row) -> Move:
    known = {"window": row["window"], "version": row["version"], "target_no": row["target_no"], "action": "update"}
    try:
        given = winstore.post(WRITE, {"ordernr": row["key"], "number": row["target_no"]}, [], repeatable=True)
    except (Lost, SystemUnavailable, AuthenticationFailed):
        return Move(PART, row["key"], State.PLANNED, known | {"reason": "NO_ANSWER"})
    if given.taken:
        return Move(PART, row["key"], State.CONFIRMED, known | {"hash": row["target_no"]})
    words = f"{given.code}: {given.message}"
    return Move(PART, row["key"], State.FAILED, known | {"reason": "WINSTORE_REFUSED", "message": words})
