"""Reason codes: why a record ended as it did, in words and with what to do. Explained in docs/errors.md."""

from collections.abc import Mapping
from typing import Any

from ..systems.business_central import Result

REASONS: dict[str, str] = {
    "UNCHANGED": "The target has these values already.",
    "GONE": "The source no longer has this record in this form; nothing is to be sent.",
    "NO_SKU": "The article has nothing that can be sold: no SKU.",
    "VARIANT": "The article has variants; these are not sent yet.",
    "MAPPING": "A value breaks a rule of the mapping table; the message names field, rule and row.",
    "AMBIGUOUS": "Several records of the target match; merge them, or give one the right number.",
    "TARGET_TAKEN": "Another source record is linked to this target record; mend the key in one of the two.",
    "REFERENCE_MISSING": "The record that this one must point to is not there (see docs/errors.md).",
    "BOTH_CHANGED": "Source and target changed the same field; make them equal, or clear it in the target.",
    "TOO_LONG": "Business Central found a text too long.",
    "TOO_LARGE": "Business Central, or a proxy before it, takes no call as large as this one record needs; make the "
    "record smaller, or the limit larger.",
    "RELATION_MISSING": "A code is not in Business Central's table; add it there or mend the lookup table.",
    "BC_REFUSED": "Business Central refused the record; the ledger holds its words.",
    "STALE": "The record kept changing while it was being written; the next run tries again.",
    "NO_ANSWER": "The answer was lost; the next run looks the record up before it sends again.",
    "QUARANTINE": "A lost call may still arrive; the record waits before it is sent again.",
    "STATUS": "Orders with this status are not taken (`orders.statuses`).",
    "PAYMENT_METHOD": "Orders with this payment method are not taken (`orders.payment_rules`).",
    "NOT_PAID": "The order is not paid yet; it goes once Winstore says that it is.",
    "GIVEN_UP": "The order was not paid in time (`orders.give_up_after_days`).",
    "NOT_COMPLETED": "Invoices are made of completed orders only (`orders.document`).",
    "CANCELLED": "The order was cancelled or refunded in Winstore; the message says what is left to do in Business "
    "Central.",
    "KEPT": "The customer is there, and orders do not change customers (`orders.customers`).",
    "SHARED": "Another order of this run makes the same customer.",
    "NO_CUSTOMER": "The order has no customer that can be used; the message says why. Mend it, or set a default "
    "customer.",
    "NO_LINES": "The order has no lines; add them in Winstore, or cancel it.",
    "REFERENCE": "The order number makes no external document number; mend the order number, or its row in the table.",
    "DEPENDENCY": "An item is missing or blocked; the message names the SKUs. The order goes by itself once they are "
    "there.",
    "TOTAL": "The lines do not come to the order's total; mend prices, VAT rates or the table, or see "
    "`orders.on_total`.",
    "TOTAL_DIFFERS": "The document was made, and its total is not the order's to the cent; the message has both.",
    "NEEDS_APP": "A row of the table fills a field that API v2.0 does not have on documents; delete the row.",
    "EXISTS": "Business Central has a document with this reference already.",
    "ADOPTED": "A document with this reference was there already; it counts as the order's.",
    "ADOPTED_DIFFERS": "The same, and its total or its lines are others than the order's; compare the two.",
    "LEDGER_EMPTY": "A document with this reference was there, and the ledger knew of no order at all: was it lost? "
    "The document counts as the order's.",
    "INCOMPLETE": "A document with this reference has not all lines of the order; complete or delete it.",
    "RECONCILED": "The answer was lost; the document was found, and counts as sent.",
    "LOOK_AGAIN": "A lost document was not found after the quarantine; it is looked up once more before it is sent "
    "again.",
    "TRIED_OUT": "The document was lost three times and is nowhere. Find out why, then `winbc resolve` it.",
    "NOT_FOUND": "A person must decide, and nothing was found since; `winbc resolve` it.",
    "DUPLICATE": "Two documents have this reference. Delete or rename one; the next run takes the other.",
    "DELETED": "The order is wanted, and its document was deleted or cancelled in Business Central; "
    "`winbc resolve` it.",
    "CHANGED": "The order was edited after it was sent; make the change in Business Central, or see "
    "`orders.on_change`.",
    "ECHO": "The answer was not about this order; it is looked up before anything else happens.",
    "NO_ACTION": "The status asks for nothing in Business Central (`lookups/order_actions.csv`).",
    "HELD": "The order waits for a person, and so does what its status asks for; the message says why.",
    "NO_DOCUMENT": "Business Central has no document of this order; the sweep looks again.",
    "NOT_TAKEN": "Business Central did not take the call; the next run sends it.",
    "STOPPED": "Many orders before it were refused alike: the run sent no more. Mend the cause, the next run goes on.",
    "ORIGIN": "It came from the other system; it does not go back.",
    "AS_ORDER": "The invoice is of an order that is sent itself.",
    "NOT_RELEASED": "Nothing was done with the order yet that Winstore is told.",
    "BACKWARDS": "Winstore has a later status, or was sent one; the table does not allow going back.",
    "NO_LOOK_UP": "The answer was lost and Winstore cannot be asked; look there, then `winbc resolve`.",
    "FOUND": "The answer was lost; the record was found in the target.",
    "RESOLVED": "A person looked the record up.",
    "WINSTORE_REFUSED": "Winstore refused the record; the ledger holds its code and words.",
    "IGNORED": "A person said so by `winbc resolve --ignore`, and the message says why; an edit in the source ends it.",
    "BY_HAND": "A person asked for it to be sent again; the next run does so if the command could not.",
}

IGNORED = "IGNORED"
BY_CODE = {
    "Application_StringExceededLength": "TOO_LONG",
    "Internal_InvalidTableRelation": "RELATION_MISSING",
    "RequestTooLarge": "TOO_LARGE",
}
STALE_CODES = {"Request_EntityChanged", "Internal_EntityWithSameKeyExists"}


def is_ignored(state: str | None, reason: str | None) -> bool:
    """Whether a person has settled a version of the source by `winbc resolve --ignore`."""
    return state == "SKIPPED" and reason == IGNORED


def broken_rule(error: Mapping[str, Any], table: str = "") -> str:
    """A broken rule of a mapped record in words: its field, the rule, what kind of value it was given, and the table's
    row; a value that is wrong in the source itself has none."""
    place = f"{table} row {error['row']}".strip() if error["row"] else "source"
    return f"{error['field']}: {error['rule']}, given {error['given']} ({place})"


def refusal(result: Result) -> tuple[str, str]:
    """Reason code and Business Central's own words (for the ledger only: they may hold personal data)."""
    words = f"{result.error.get('code', result.status)}: {result.error.get('message', '')}".split("  CorrelationId")[0]
    return BY_CODE.get(result.error_code, "BC_REFUSED"), words[:500]
