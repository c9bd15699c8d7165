"""What is to happen to one document: the rules of exactly_once.md sections 2 and 3, without asking anybody.

Here belongs: decisions from what is known. Looking things up: plan.py. What an edited record changes: changes.py.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ...settings import OrderSettings, Settings
from ...staging.ledger import State
from ...staging.store import Row
from ..payloads import filled, is_blank
from .amounts import cents, differing, total_with_tax
from .candidates import Candidate
from .differences import differences, is_incomplete
from .existing import LONGEST, Found, is_reference, several

TRIES = 3
LOOK_AGAIN_S = 60
BY_HAND, INCOMPLETE, TOTAL_DIFFERS = "BY_HAND", "INCOMPLETE", "TOTAL_DIFFERS"  # reasons that decide what comes next
COMPANION_FIELDS = (  # of Business Central's sales header, which API v2.0 does not have on orders and invoices
    *("paymentMethodCode", "paymentMethodId", "yourReference", "shipToCode", "locationCode"),
    *("customerPostingGroup", "genBusPostingGroup", "vatBusPostingGroup", "customerPriceGroup", "customerDiscGroup"),
    *("shippingAgentCode", "shippingAgentServiceCode", "packageTrackingNo", "languageCode", "workDescription"),
)
OWN_FIELDS = frozenset(("expectedTotal", *COMPANION_FIELDS))
OWN_LINE_FIELDS = frozenset(("_key", "vatPercent", "itemVariantCode"))


@dataclass
class Choice:
    """What is to happen to a document.

    Attributes:
        action: create, change, delete, cancel, ship; skip, adopt, fail, conflict, wait, duplicate, human; hold = leave
            as is.
        found: the document that is there already.
        operations: of what is sent to that document: method, path, body and etag of each, all or none of which count.
        effects: what the change would do: dictionaries of what, old and new.
    """

    action: str
    reason: str | None = None
    message: str | None = None
    found: Found | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)


def unsent(known: Row) -> Row:
    """What is known of a document that is to count as never sent: only by which reference it may be there, and which
    attempt was the last, so that its plan is not taken for one that a run overtook."""
    return dict.fromkeys(known) | {name: known[name] for name in ("reference", "attempt_id")} | {"reason": BY_HAND}


def reconciled(
    order: Candidate, found: list[Found], settings: Settings, now: datetime, server: datetime | None
) -> Choice | None:
    """What becomes of a document that was sent once without a clear end; None when it may be sent (again)."""
    state = order.known["state"]
    if len(found) > 1:
        return Choice("duplicate", "DUPLICATE", several(found), found[0])
    if state in (State.UNKNOWN, State.NEEDS_HUMAN, State.DUPLICATE):
        if found:
            choice = taken(order, found[0], "RECONCILED", settings.orders)
            unlike = choice.reason != "RECONCILED"  # somebody else's, perhaps: ours is waited for
            return Choice("wait", "QUARANTINE") if unlike and may_arrive(order.known, settings, now, server) else choice
        if state != State.UNKNOWN:
            return Choice("hold", "NOT_FOUND")
        return lost(order.known, settings, now, server)
    return None


def may_arrive(known: Row, settings: Settings, now: datetime, server: datetime | None) -> bool:
    """Whether a lost call may still be carried out."""
    if known["state"] != State.UNKNOWN:
        return False
    passed: timedelta = now - known["intent_at"]
    if server and known["server_at"]:  # a clock that jumped must not shorten the wait
        passed = min(passed, server - known["server_at"])
    return passed < timedelta(minutes=settings.quarantine_minutes)


def lost(known: Row, settings: Settings, now: datetime, server: datetime | None) -> Choice | None:
    """What was sent and left no trace: it may still arrive. Sent again after the quarantine and two empty look-ups."""
    if may_arrive(known, settings, now, server):
        return Choice("wait", "QUARANTINE")
    if not known["looked_at"] or now < known["looked_at"] + timedelta(seconds=LOOK_AGAIN_S):
        return Choice("wait", "LOOK_AGAIN")
    if (known["attempt_no"] or 1) >= TRIES:
        return Choice("human", "TRIED_OUT", f"sent {TRIES} times, and not found in Business Central")
    return None


def sent_otherwise(order: Candidate, found: list[Found]) -> bool:
    """Whether a lost document is there, and the order is another now than the one that was sent."""
    lost_states = (State.UNKNOWN, State.NEEDS_HUMAN, State.DUPLICATE)
    sent = order.known["hash"] if order.known["state"] in lost_states else None
    return len(found) == 1 and sent not in (None, order.hash)


def existing(order: Candidate, found: list[Found], chosen: OrderSettings) -> Choice | None:
    """What becomes of a document that somebody else made, or that a lost ledger forgot."""
    if not found or (found[0].is_cancelled and order.known["reason"] == BY_HAND):
        return None
    if found[0].is_cancelled:
        return Choice("conflict", "DELETED", taken_back(found[0]), found[0])
    if chosen.on_existing == "error":
        return Choice("fail", "EXISTS", f"Business Central has it already: {found[0].number}", found[0])
    if chosen.on_existing == "skip":
        return Choice("skip", "EXISTS", f"Business Central has it already: {found[0].number}", found[0])
    return taken(order, found[0], "ADOPTED", chosen)


def taken(order: Candidate, found: Found, reason: str, chosen: OrderSettings) -> Choice:
    """A document that is there counts as the order's, with what differs; one that is not whole is for a person. Of one
    that we sent, cents are no difference."""
    sent = bool(order.known["field_hashes"])
    if is_incomplete(order, found, sent):
        return Choice("conflict", INCOMPLETE, f"{found.number} has not all lines of the order", found)
    words = differences(order, found, chosen.total_tolerance if sent else Decimal(0))
    return Choice("adopt", "ADOPTED_DIFFERS" if words else reason, words, found)


def in_doubt(order: Candidate, found: list[Found], chosen: OrderSettings) -> Choice | None:
    """A document of this version that a person was told to look at, and that is still as it was."""
    known = order.known
    if known["state"] != State.CONFLICT or known["sent_version"] != order.version or len(found) != 1:
        return None
    if known["reason"] == INCOMPLETE and is_incomplete(order, found[0], sent=bool(known["field_hashes"])):
        return Choice("hold", INCOMPLETE)
    if known["reason"] == TOTAL_DIFFERS and is_off(found[0].total, order.expected, chosen):
        return Choice("hold", TOTAL_DIFFERS)
    return None


def is_off(total: Decimal | int | None, expected: Decimal | None, chosen: OrderSettings) -> bool:
    """Whether a document's total is another than the source's by more than may be."""
    return chosen.on_total == "fail" and bool(differing(total, expected, chosen.total_tolerance))


def taken_back(found: Found) -> str:
    return f"invoice {found.number} was cancelled in Business Central, and the order is wanted"


def wrong(order: Candidate) -> Choice | None:
    """What makes an order that cannot be sent, whatever Business Central says."""
    if order.errors:
        return Choice("fail", "MAPPING", "; ".join(order.errors[:3]))
    if not is_reference(order.reference):
        words = f"the external document number takes 1 to {LONGEST} of A-Z 0-9 . _ / -, without blanks"
        return Choice("fail", "REFERENCE", words)
    if not order.lines:
        return Choice("fail", "NO_LINES", "the order has no lines")
    if asked := [name for name in COMPANION_FIELDS if not is_blank(order.header.get(name))]:
        return Choice(
            "fail", "NEEDS_APP", f"API v2.0 has no {', '.join(asked)} on documents; delete the row of the table"
        )
    if order.missing:
        return Choice("fail", "RELATION_MISSING", order.missing)
    return None


def wrong_total(order: Candidate, chosen: OrderSettings) -> Choice | None:
    """An order whose lines do not come to what the source says, by more than cents."""
    total = total_with_tax(order.header, order.lines)
    if order.expected is None or not is_off(total, order.expected, chosen):
        return None
    return Choice("fail", "TOTAL", f"the lines come to {total} with VAT, the order to {cents(order.expected)}")


def add_rounding(order: Candidate, chosen: OrderSettings) -> None:
    """Adds a line that makes up for cents, on the account of the settings."""
    total = total_with_tax(order.header, order.lines) if chosen.rounding_account else None
    if order.expected is None or total is None:
        return
    difference = cents(order.expected) - total
    if difference and abs(difference) <= chosen.total_tolerance:
        line: dict[str, Any] = {"_key": "rounding", "lineType": "Account", "lineObjectNumber": chosen.rounding_account}
        line |= {"description": "Rounding", "quantity": 1, "unitPrice": difference, "vatPercent": Decimal(0)}
        order.lines.append(line | ({"taxCode": chosen.rounding_tax_code} if chosen.rounding_tax_code else {}))


def body_of(order: Candidate, customer_number: str | None, navigation: str) -> dict[str, Any]:
    """The whole document as it is sent: empty fields and the flow's own are left out."""
    header = filled(order.header, OWN_FIELDS)
    if customer_number:
        header["customerNumber"] = customer_number
    return header | {navigation: [filled(line, OWN_LINE_FIELDS) for line in order.lines]}
