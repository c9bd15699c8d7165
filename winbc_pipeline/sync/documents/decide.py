"""Decides what happens to one document, by the rules of exactly_once.md sections 2 and 3.

Here belongs: decisions from what is known already; nothing here asks a system. Lookups: plan.py. What an edited order
would change: changes.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ...settings import OrderSettings, Settings
from ...staging.ledger import State
from ...staging.store import Row
from ...systems.business_central.amounts import cents, differing, tolerance, total_with_tax
from ..payloads import filled, is_blank
from .by_key.negotiated import gone_message, is_linked, posted
from .by_key.request import NOT_SENT, REQUESTS
from .candidates import Candidate
from .differences import differences, is_incomplete
from .existing import LONGEST, Found, is_reference, several_message

TRIES = 3  # how often a document is sent, before it is for a person
# The same of an order request. As a second one does no harm, it is sent at once so often as a document is sent at all,
# and then waits like a document.
TRIES_BY_KEY = 2 * TRIES
LOOK_AGAIN_S = 60  # between the two empty lookups after which a lost document is sent again (section 3, step 6)
# Reasons in the ledger that decide what happens next.
BY_HAND, INCOMPLETE, TOTAL_DIFFERS = "BY_HAND", "INCOMPLETE", "TOTAL_DIFFERS"
LOST_STATES = (State.UNKNOWN, State.NEEDS_HUMAN, State.DUPLICATE)
ROUNDING = "rounding"  # key of the line that takes the cents by which the lines miss the source's total
# The number of the order in Winstore, which the companion app keeps on documents and carries to posted ones.
WINSTORE_NUMBER, LONGEST_NUMBER = "winstoreOrderNumber", 50
# Fields of Business Central's sales header that orders and invoices of API v2.0 do not have.
COMPANION_FIELDS = (
    *("paymentMethodCode", "paymentMethodId", "yourReference", "shipToCode", "locationCode"),
    *("customerPostingGroup", "genBusPostingGroup", "vatBusPostingGroup", "customerPriceGroup", "customerDiscGroup"),
    *("shippingAgentCode", "shippingAgentServiceCode", "packageTrackingNo", "languageCode", "workDescription"),
    *(WINSTORE_NUMBER, "release"),
)
# The fields of an address, without `sellTo` or `shipTo`. Without a PLACE it is none: a country alone is no address.
ADDRESS = ("AddressLine1", "AddressLine2", "City", "Country", "State", "PostCode")
PLACE = ("AddressLine1", "City", "PostCode")
# Fields of the mapping tables that are never sent.
OWN_FIELDS = frozenset(("expectedTotal", *COMPANION_FIELDS))
OWN_LINE_FIELDS = frozenset(("_key", "_blank", "vatPercent", "itemVariantCode"))


@dataclass
class Choice:
    """What is to happen to a document.

    Attributes:
        action: what is sent (create, change, delete, cancel, ship), or what becomes of it without a call (skip, adopt,
            fail, conflict, wait, duplicate, human). `hold` leaves the ledger as it is.
        reason: its reason code (sync/outcomes.py); message: more of it in words.
        found: the document that is there already.
        effects: what a change would do, for people: dictionaries of field, old and new.
        operations: the calls of a change, which count all or not at all: dictionaries of method, path, body and etag.
    """

    action: str
    reason: str | None = None
    message: str | None = None
    found: Found | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)


def as_if_never_sent(known: Row) -> Row:
    """The ledger row of a document, as if the document had never been sent.

    Its reference stays, because a document may be there under it. So does its last attempt: without it the plan would
    look as if a run had overtaken it (outbox.is_stale).
    """
    kept = {name: known[name] for name in ("reference", "attempt_id")}
    return dict.fromkeys(known) | kept | {"reason": BY_HAND}


def reconciled(
    order: Candidate, found: list[Found], settings: Settings, now: datetime, server: datetime | None
) -> Choice | None:
    """Reconciles a document whose call ended without a clear answer (section 3, step 6).

    Args:
        found: the documents with its reference, with their lines.
        now: our clock; server: the target's clock, None when it has not told it.

    Returns:
        None when the document may be sent, or sent again.
    """
    known = order.known
    if len(found) > 1:
        return Choice("duplicate", "DUPLICATE", several_message(found), found[0])
    if known["state"] not in LOST_STATES:
        return None
    if found:
        choice = adopt(order, found[0], "RECONCILED", settings.orders)
        # A document that is not like the order may be somebody else's, and ours may still come.
        is_ours = choice.reason == "RECONCILED" or is_linked(order.link, found[0])
        if not is_ours and may_arrive(known, settings, now, server):
            return Choice("wait", "QUARANTINE")
        return choice
    if order.link:
        return gone(order.link)
    if known["state"] != State.UNKNOWN:
        return Choice("hold", "NOT_FOUND")
    if is_lost_by_key(order):
        again_at_once = (known["attempt_no"] or 1) < TRIES
        return None if again_at_once else decide_lost(known, settings, now, server, by_key=True)
    return decide_lost(known, settings, now, server)


def gone(link: Mapping[str, Any]) -> Choice:
    """Decides on an order whose document was made of a request, and is no longer there."""
    if found := posted(link):
        return Choice("adopt", "ADOPTED", gone_message(link), found)
    return Choice("conflict", "DELETED", gone_message(link))


def is_lost_by_key(order: Candidate) -> bool:
    """Whether the lost call of a document was an order request, and it may go as one again: its key makes them one."""
    known = order.known
    return order.by_key and known["state"] == State.UNKNOWN and known["target_set"] == REQUESTS


def may_arrive(known: Row, settings: Settings, now: datetime, server: datetime | None) -> bool:
    """Whether Business Central may still carry out a lost call: the quarantine has not passed."""
    if known["state"] != State.UNKNOWN:
        return False
    passed: timedelta = now - known["intent_at"]
    if server and known["server_at"]:
        # The shorter time counts: a clock that jumped must not end the quarantine.
        passed = min(passed, server - known["server_at"])
    return passed < timedelta(minutes=settings.quarantine_minutes)


def decide_lost(
    known: Row, settings: Settings, now: datetime, server: datetime | None, by_key: bool = False
) -> Choice | None:
    """What becomes of a document that was sent and is not in Business Central.

    None when it may be sent again: the quarantine has passed, and two lookups found nothing.

    Args:
        by_key: whether it was an order request, which goes more often: its key makes it one.
    """
    if may_arrive(known, settings, now, server):
        return Choice("wait", "QUARANTINE")
    if not known["looked_at"] or now < known["looked_at"] + timedelta(seconds=LOOK_AGAIN_S):
        return Choice("wait", "LOOK_AGAIN")
    tries = TRIES_BY_KEY if by_key else TRIES
    if (known["attempt_no"] or 1) >= tries:
        return Choice("human", "TRIED_OUT", f"sent {tries} times, and not found in Business Central")
    return None


def sent_otherwise(order: Candidate, found: list[Found]) -> bool:
    """Whether a lost document is there, and its order was edited or cancelled after it was sent.

    So is one whose edit was refused because its first request, which was lost, had made the document meanwhile.
    """
    may_be_there = order.known["state"] in LOST_STATES or is_made_by_key(order, found)
    sent = order.known["hash"] if may_be_there else None
    return len(found) == 1 and sent not in (None, order.hash)


def is_made_by_key(order: Candidate, found: list[Found]) -> bool:
    """Whether the one document that is there was made of our request, though the ledger has it as refused."""
    is_refused = order.known["state"] == State.FAILED and bool(order.known["field_hashes"])
    return is_refused and len(found) == 1 and is_linked(order.link, found[0])


def decide_existing(order: Candidate, found: list[Found], chosen: OrderSettings) -> Choice | None:
    """Decides on a document that somebody else made, or that a lost ledger forgot. None when there is none.

    A cancelled document does not count when a person wants the order sent anew.
    """
    if not found or (found[0].is_cancelled and order.known["reason"] == BY_HAND):
        return None
    document = found[0]
    if document.is_cancelled:
        return Choice("conflict", "DELETED", cancelled_message(document), document)
    if is_made_by_key(order, found):
        return adopt(order, document, "RECONCILED", chosen)
    if chosen.on_existing in ("error", "skip"):
        action = "fail" if chosen.on_existing == "error" else "skip"
        return Choice(action, "EXISTS", f"Business Central has it already: {document.number}", document)
    return adopt(order, document, "ADOPTED", chosen)


def adopt(order: Candidate, found: Found, reason: str, chosen: OrderSettings) -> Choice:
    """Takes a document that is there for the order's, and says what differs. An incomplete one is for a person.

    Args:
        reason: the reason code when nothing differs.
    """
    sent = bool(order.known["field_hashes"])
    if is_incomplete(order, found, sent):
        return Choice("conflict", INCOMPLETE, f"{found.number} has not all lines of the order", found)
    # We may have sent a total that is cents away. Another's document has to be exact.
    words = differences(order, found, tolerance_of(order, chosen) if sent else Decimal(0))
    return Choice("adopt", "ADOPTED_DIFFERS" if words else reason, words, found)


def in_doubt(order: Candidate, found: list[Found], chosen: OrderSettings) -> Choice | None:
    """Leaves alone a document that a person was told to look at, while neither it nor its order has changed."""
    known = order.known
    if known["state"] != State.CONFLICT or known["sent_version"] != order.version or len(found) != 1:
        return None
    if known["reason"] == INCOMPLETE and is_incomplete(order, found[0], sent=bool(known["field_hashes"])):
        return Choice("hold", INCOMPLETE)
    allowed = tolerance_of(order, chosen)
    if known["reason"] == TOTAL_DIFFERS and total_is_off(found[0].total, order.expected, allowed, chosen):
        return Choice("hold", TOTAL_DIFFERS)
    return None


def tolerance_of(order: Candidate, chosen: OrderSettings) -> Decimal:
    """How far the total of an order's document may be from the order's."""
    counted = sum(line.get("lineType") != "Comment" and line["_key"] != ROUNDING for line in order.lines)
    return tolerance(counted, chosen.total_tolerance)


def total_is_off(
    total: Decimal | int | None, expected: Decimal | None, allowed: Decimal, chosen: OrderSettings
) -> bool:
    """Whether a document's total differs from the source's by more than is allowed (see `tolerance_of`)."""
    return chosen.on_total == "fail" and bool(differing(total, expected, allowed))


def cancelled_message(found: Found) -> str:
    """Says in words that the document of a wanted order was cancelled."""
    return f"invoice {found.number} was cancelled in Business Central, and the order is wanted"


def wrong(order: Candidate) -> Choice | None:
    """Why an order cannot be sent, whatever Business Central has; None when it can."""
    if order.line_lost:
        words = "a line has no number of its own (`linenr` is empty or is there twice), so lines may be missing"
        return Choice("fail", "LINE_NUMBER", words)
    if order.errors:
        return Choice("fail", "BAD_VALUE" if order.bad_values else "MAPPING", "; ".join(order.errors[:3]))
    if not is_reference(order.reference):
        words = f"the external document number takes 1 to {LONGEST} of A-Z 0-9 . _ / -, without blanks"
        return Choice("fail", "REFERENCE", words)
    if not order.lines:
        return Choice("fail", "NO_LINES", "the order has no lines")
    total = order.expected if order.expected is not None else total_with_tax(order.header, order.lines)
    if total is not None and total < 0:
        words = f"the order comes to {cents(total)}: Business Central posts no invoice below 0"
        return Choice("fail", "NEGATIVE_TOTAL", words)
    asked = [name for name in COMPANION_FIELDS if not is_blank(order.header.get(name))]
    if asked and not order.by_key:
        words = f"API v2.0 has no {', '.join(asked)} on documents; delete the row of the table"
        if order.lacks:
            words += f", or those of {', '.join(order.lacks)}, which the companion app does not take"
        return Choice("fail", "NEEDS_APP", words)
    if order.missing:
        return Choice("fail", "RELATION_MISSING", order.missing)
    if order.ambiguous:
        return Choice("fail", "AMBIGUOUS_SKU", order.ambiguous)
    return None


def why_total_differs(order: Candidate, chosen: OrderSettings) -> Choice | None:
    """Fails an order whose lines do not come to the source's total; None when they do, within the tolerance."""
    total = total_with_tax(order.header, order.lines)
    if order.expected is None or not total_is_off(total, order.expected, tolerance_of(order, chosen), chosen):
        return None
    return Choice("fail", "TOTAL", f"the lines come to {total} with VAT, the order to {cents(order.expected)}")


def add_rounding(order: Candidate, chosen: OrderSettings) -> None:
    """Adds a line for the cents by which the order's lines miss the source's total.

    The line goes to `orders.rounding_account`. Without that setting there is none, and the document may be cents off.
    """
    total = total_with_tax(order.header, order.lines) if chosen.rounding_account else None
    if order.expected is None or total is None:
        return
    difference = cents(order.expected) - total
    if not difference or abs(difference) > tolerance_of(order, chosen):
        return
    line: dict[str, Any] = {
        "_key": ROUNDING,
        "lineType": "Account",
        "lineObjectNumber": chosen.rounding_account,
        "description": "Rounding",
        "quantity": 1,
        "unitPrice": difference,
        "vatPercent": Decimal(0),
    }
    if chosen.rounding_tax_code:
        line["taxCode"] = chosen.rounding_tax_code
    order.lines.append(line)


def _rest_of_addresses(header: Mapping[str, Any]) -> dict[str, str]:
    """The fields that an address of the order leaves empty. They are sent, or the customer's own would fill them."""
    return {
        f"{whose}{name}": ""
        for whose in ("sellTo", "shipTo")
        if any(not is_blank(header.get(f"{whose}{name}")) for name in PLACE)
        for name in ADDRESS
        if is_blank(header.get(f"{whose}{name}"))
    }


def own_fields(order: Candidate) -> frozenset[str]:
    """The fields of an order's header that are never sent. The companion app takes more of them."""
    return NOT_SENT if order.by_key else OWN_FIELDS


def body_of(order: Candidate, customer_number: str | None, navigation: str) -> dict[str, Any]:
    """The whole document as it is sent, without the fields that are never sent.

    Empty fields are left out, except those of an address and those that the table leaves empty on purpose.

    Args:
        customer_number: of the debtor, when it is known already.
        navigation: the property that holds the lines.
    """
    header = filled(order.header, own_fields(order)) | _rest_of_addresses(order.header) | dict.fromkeys(order.blank, "")
    if customer_number:
        header["customerNumber"] = customer_number
    if order.by_key and len(order.key) <= LONGEST_NUMBER:
        header.setdefault(WINSTORE_NUMBER, order.key)
    lines = [filled(line, OWN_LINE_FIELDS) | dict.fromkeys(line.get("_blank", ()), "") for line in order.lines]
    return header | {navigation: lines}
