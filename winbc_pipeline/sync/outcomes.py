"""Reason codes: why a record has its outcome, and what to do. docs/errors.md explains each of them."""

import re
from collections.abc import Mapping
from typing import Any

from ..systems.business_central import Result

ERASED = "ERASED"
REASONS: dict[str, str] = {
    ERASED: "The person was erased by `winbc privacy erase`, and with it what the record was made of. It is not sent. "
    "An order whose answer was lost is still looked up; if Business Central has it, it counts as sent.",
    "UNCHANGED": "The target has these values already. Nothing is written.",
    "DRIFT": "The target has other values in fields that it owns (column `owner` of the table), or in an address that "
    "is not sent to it (docs/customers.md). They stay.",
    "INACTIVE": "The article is inactive in Winstore (`active` is false), so its item is blocked "
    "(`products.inactive`).",
    "MISSING_SKU": "The newest whole answer for the article does not have this SKU any more, so its item is blocked "
    "(`products.missing_sku`).",
    "MISSING_ARTICLE": "Of products: a read of everything in Winstore did not give the article, so its item is blocked "
    "(`products.missing_article`). Of stock: the target has no article with this SKU, and stock makes none.",
    "BACK": "The article or SKU is there again. Its item is unblocked if winbc had blocked it.",
    "GONE": "The source no longer has this record in this form. Nothing is sent.",
    "NO_SKU": "The article has no SKU, so it cannot be sold. It is not sent.",
    "PICTURE": "The picture is missing, or breaks a rule; the message names it. The item is sent all the same. A bad "
    "picture is read again when its name changes, or by `winbc replay`; one that was not to be had, by the next run.",
    "PICTURE_KEPT": "The picture is not sent: `products.pictures` says never, or only where the item has none.",
    "MAPPING": "A value breaks a rule of the mapping table. The message names the field, the rule and the row. Correct "
    "the value in the source, or change the row.",
    "AMBIGUOUS": "Several records of the target match. Choose one with `winbc resolve KEY --flow FLOW --adopt NUMBER`, "
    "merge them, or give the right one the number.",
    "AMBIGUOUS_SKU": "Two SKUs differ only in capitals, so they have one item number. Of orders: a line sells the one "
    "that the item was not made of. Of stock: neither figure is sent; the message names both. Change one of the two in "
    "Winstore.",
    "DELETED_THERE": "The record was deleted in the target. It is not made again by itself. Say `winbc resolve "
    "--again` to make it again, or `winbc resolve --ignore`.",
    "MAKE_AGAIN": "A person asked to make a record again that was deleted in the target. The next run does it.",
    "APART": "A person said that the record and its partner are not the same. The next run looks for another partner, "
    "or makes one.",
    "TAKE_SOURCE": "A person decided that the source's values count. The next run sends them.",
    "TAKE_TARGET": "A person decided that the target's values count. The next run leaves them.",
    "MOVED": "The SKU belongs to another article than before; the message names both. An item stays the same item. A "
    "variant cannot go to another item: say `winbc resolve SKU --again` to make it there too, or `--ignore`.",
    "SWAPPED": "The record takes over what another one was known by, such as its GTIN. The message names both. Are two "
    "SKUs mixed up in Winstore?",
    "ITEM_VARIANTS": "The item has variants in Business Central. Winstore gets them with `products.variants = "
    '"item_variants"` only.',
    "RENUMBERED": "All SKUs of this article belonged to an article that Winstore no longer has. Say `winbc resolve "
    "ARTICLE --adopt NUMBER` with the number of its item, or `--again` to make a new item.",
    "MISSING_THERE": "The target does not have the record, and this flow makes none.",
    "NO_ID_LEFT": "No id is left for a new customer of Winstore. Widen `customers.winstore_ids`.",
    "BLOCKED": "The customer or item is blocked in Business Central already, by a person. It stays so, and nothing "
    "is changed.",
    "OTHER_DIRECTION": "The other direction has sent this record and does not know the answer yet, or waits for a "
    "person about it. It comes first.",
    "UNSEEN": "Both systems have the record, and Winstore does not tell what it has (profile of contract 1). The other "
    "direction compares them; afterwards changes are sent.",
    "TARGET_TAKEN": "Another source record is linked to this target record. Change the number or e-mail of one of the "
    "two.",
    "REFERENCE_MISSING": "The record that this record must point to does not exist (see docs/errors.md).",
    "BOTH_CHANGED": "Both sides changed the same field, or a company became a person or the reverse. Decide with "
    "`winbc resolve KEY --flow FLOW --take winstore` (or bc), or make the two equal.",
    "TOO_LONG": "Business Central refused a text because it is too long. Shorten it.",
    "TOO_LARGE": "The record needs a call that is larger than Business Central, or a proxy before it, allows. Make the "
    "record smaller, or raise the limit.",
    "RELATION_MISSING": "A code is not in Business Central's table. Add the code there, or correct the lookup table.",
    "BC_REFUSED": "Business Central refused the record. The ledger holds its error message. Correct the record, the "
    "table or the set-up there; the next run tries again.",
    "CUSTOMER_GROUP": "The customer has no posting group in Business Central, so no document takes it. In API Setup "
    "there, choose a template with posting groups for the table Customer, and fill them in on this customer. Or set a "
    "default customer.",
    "ITEM_GROUP": "An item has no posting group in Business Central, so neither a document nor a change of stock takes "
    "it. In API Setup there, choose a template with posting groups for the table Item, and fill them in on this item.",
    "PRIVACY_BLOCKED": "Business Central has blocked the customer or a contact for privacy. Nothing is sent about the "
    'person, and no default customer stands in. Settle the order with `winbc resolve NUMBER --ignore "why"`, or lift '
    "the block there.",
    "STALE": "The record changed in Business Central while it was being written. The next run tries again.",
    "UPDATE_FOLLOWS": "The record was made. Fields that only an existing record takes (`update`) are sent in the same "
    "run; the message names them. If the run was killed before, the next one does it.",
    "NO_ANSWER": "The answer was lost. The next run looks the record up before it sends it again.",
    "QUARANTINE": "A lost call may still arrive. The record waits before it is sent again.",
    "STATUS": "Documents with this status are not taken (`orders.statuses`; to Winstore "
    "`orders_to_winstore.statuses`).",
    "PAYMENT_METHOD": "Orders with this payment method are not taken (`orders.payment_rules`).",
    "NOT_PAID": "The order is not paid yet. It is sent when Winstore says that it is paid.",
    "GIVEN_UP": "The order was not paid in time (`orders.give_up_after_days`). If it is paid later, it is sent.",
    "NOT_COMPLETED": "Only completed orders become invoices (`orders.document`).",
    "CANCELLED": "The order was cancelled or refunded in Winstore. The message says what is left to do in Business "
    "Central.",
    "KEPT": "The customer exists, and orders do not change customers (`orders.customers`) or the customer is blocked.",
    "SHARED": "Another order of this run creates the same customer.",
    "NO_CUSTOMER": "The order has no customer that can be used. The message says why. Correct the customer, or set a "
    "default customer.",
    "NO_LINES": "The order has no lines. Add lines in the source system, or cancel the order there.",
    "LINE_NUMBER": "A line of the order has no number of its own, so a line may be missing. Give each line its own "
    "`linenr` in Winstore.",
    "NUMBER_TWICE": "Two orders of Winstore have the same number. Give each of them a number of its own. Then settle "
    'this one with `winbc resolve NUMBER --ignore "why"`.',
    "NEGATIVE_TOTAL": "The order gives back more than it sells. Make a credit memo in Business Central, and settle "
    'the order with `winbc resolve NUMBER --ignore "why"`.',
    "BAD_VALUE": "A value of the source is not of its kind, such as a number with a comma. The message names the "
    "field. Correct it in the source.",
    "REFERENCE": "The order number cannot be an external document number. Correct the order number, or its row in the "
    "table.",
    "DEPENDENCY": "An item is missing or blocked. The message names the SKUs. The order is sent when the items are "
    "there.",
    "TOTAL": "The sum of the lines is not the order's total. To fix this, mend prices, VAT rates or the table, or see "
    "`orders.on_total`.",
    "TOTAL_DIFFERS": "The document was created, and its total is not exactly the order's total. The message has both "
    "totals.",
    "NEEDS_APP": "A row of the table fills a field that only the companion app takes, and the order cannot go through "
    "the app; or a container item needs the app. Install the app, or delete the row. The message names the fields.",
    "EXISTS": "Business Central already has a document with this reference.",
    "ADOPTED": "Business Central already had a document with this reference. It counts as the order's document.",
    "ADOPTED_DIFFERS": "A document that was found counts as the order's document, but its total or lines differ from "
    "the order. Compare the two.",
    "LEDGER_EMPTY": "Business Central already had a document with this reference, and the ledger knew no order at all. "
    "Was the ledger lost? The document counts as the order's document.",
    "INCOMPLETE": "The document with this reference does not have all lines of the order. Complete or delete the "
    "document.",
    "RECONCILED": "The answer was lost. The document was found and counts as sent.",
    "LOOK_AGAIN": "A lost document was not found after the quarantine. It is looked up once more before it is sent "
    "again.",
    "TRIED_OUT": "The document was lost three times and was not found. Find out why, then use `winbc resolve`; for a "
    "status use `winbc retry`.",
    "NOT_FOUND": "A person must decide about the document. Later lookups did not find it. Use `winbc resolve`.",
    "DUPLICATE": "Two documents have this reference. Delete one or change its reference. The next run takes the other.",
    "DELETED": "The order is still wanted, but its document was deleted or cancelled in Business Central. Use `winbc "
    "resolve`.",
    "CHANGED": "The order was edited after it was sent. Make the same change in the target, or see `orders.on_change`.",
    "ECHO": "The answer was not about this order. The order is looked up before anything else happens.",
    "NO_ACTION": "The status asks for no action in Business Central (`lookups/order_actions.csv`).",
    "HELD": "The status waits until its order is settled, or `orders.on_cancel` holds it. The message says why.",
    "NO_DOCUMENT": "Business Central has no document of this order. The sweep looks again.",
    "NOT_TAKEN": "Business Central did not take the call. The next run sends it.",
    "STOPPED": "Records before this one were refused for one cause, so the run stopped sending. Fix the cause. The "
    "next run continues.",
    "ORIGIN": "The record came from the other system. It is not sent back.",
    "AS_ORDER": "The invoice belongs to an order that is sent itself.",
    "NOT_RELEASED": "Business Central has done nothing yet with the order that Winstore must be told.",
    "BACKWARDS": "Winstore has a later status, or a later status was sent. The table does not allow an earlier one.",
    "NO_LOOK_UP": "The answer was lost, and Winstore has no lookup for the record. Look in Winstore, then use `winbc "
    "resolve`.",
    "FOUND": "The answer was lost. The record was found in the target.",
    "RESOLVED": "A person looked the record up in Winstore and noted the result.",
    "WINSTORE_REFUSED": "Winstore refused the record. The ledger holds its code and error message.",
    "IGNORED": "A person left the record as it is with `winbc resolve --ignore`. The message says why. An edit in the "
    "source ends it.",
    "STOCK_RULE": "A row of `lookups/stock_rules.csv` says that the stock of this SKU is not sent (`ignore`).",
    "UNKNOWN_WAREHOUSE": "The SKU has stock in a warehouse that `lookups/stock_groups.csv` does not have. Add a row "
    "for it; an empty group is not counted.",
    "WAITS_FOR_PARTS": "A warehouse of the SKU was not read, so the sum would be too small. The next read of "
    "everything completes it.",
    "OTHER_OWNER": "The other system owns the stock of this SKU (`stock.owner`, `stock.owners`). Nothing is written.",
    "NO_WAREHOUSE": "No warehouse of the SKU belongs to a group that counts (`lookups/stock_groups.csv`).",
    "NO_CATEGORY": "A stock rule goes by category, and that of the SKU is not known yet. The flow of products "
    "reads it.",
    "NOT_STOCKED": "Business Central keeps no stock of this item: it is a service, or of type Non-Inventory.",
    "NOT_STOCKED_PER_VARIANT": "The item has variants, and API v2.0 has no stock per variant: the figure would be the "
    "sum of all of them.",
    "OTHER_UNIT": "An open order has the item in another unit than its base unit. API v2.0 does not tell how many "
    "pieces that is.",
    "STOCK_SETUP": "Business Central takes no change of stock without a location or variant (Inventory Setup there), "
    "and API v2.0 can give neither. Nothing more of this run was sent.",
    "APPROVAL": "The run would have created or updated more records than a run may. Nothing of it is sent until "
    "somebody has looked: use `winbc approve`.",
    "APPROVED": "A person has approved the record with `winbc approve`. The next run sends it.",
    "REPAIR": "A person asked to make both systems agree (`winbc reconcile --repair`). The next run sends the source's "
    "values.",
    "BY_HAND": "A person asked to send the record again. The next run does so if the command could not.",
}

IGNORED = "IGNORED"
APPROVAL, APPROVED = "APPROVAL", "APPROVED"
RESOLVED = "RESOLVED"
WINSTORE_REFUSED = "WINSTORE_REFUSED"
MAKE_AGAIN, REPAIR = "MAKE_AGAIN", "REPAIR"
APART = "APART"
# What a person decided about a field that both sides changed, by reason code: who owns it then.
TAKEN = {"TAKE_SOURCE": "source", "TAKE_TARGET": "target"}
# Reasons of PLANNED records that a person has decided about.
BY_PERSON = ("BY_HAND", RESOLVED, MAKE_AGAIN, APART, *TAKEN)
PRIVACY_BLOCKED = "PRIVACY_BLOCKED"
UPDATE_FOLLOWS = "UPDATE_FOLLOWS"
STOCK_SETUP = "STOCK_SETUP"
# Error codes of the target that have a reason code of their own.
BY_CODE = {
    WINSTORE_REFUSED: WINSTORE_REFUSED,
    "Application_StringExceededLength": "TOO_LONG",
    "Internal_InvalidTableRelation": "RELATION_MISSING",
    "RequestTooLarge": "TOO_LARGE",
}
# The same of a table whose record lacks a posting group, which API v2.0 has for items only.
BY_TABLE = {"Customer": "CUSTOMER_GROUP", "Item": "ITEM_GROUP"}
NO_POSTING_GROUP = re.compile(r"(\w[\w. ]* Posting Group) must have a value in (Customer|Item)\b")
# In AL: Customer, CustPrivacyBlockedErrorMessage and Blocked; Contact, CheckIfPrivacyBlocked and -Generic. Their texts
# name the person, and there are alike ones about salespeople, which are no matter of the customer's.
FOR_PRIVACY = re.compile(
    r"(Customer|contact) (\S+) .*\bblocked (?:for|due to) privacy|user is blocked for privacy reasons", re.DOTALL
)
# In AL: Customer, CustBlockedErrorMessage: a block that is not for privacy.
BLOCKED_WITH_TYPE = re.compile(r"when Customer \S+ is blocked with type")
# In AL: Item Jnl.-Check Line, with Inventory Setup's Location Mandatory and Variant Mandatory if Exists.
NO_PLACE = re.compile(r"(Location|Variant) Code must have a value in Item Journal Line")
STALE_CODES = {"Request_EntityChanged", "Internal_EntityWithSameKeyExists"}


def is_ignored(state: str | None, reason: str | None) -> bool:
    """Whether a person has settled this version of the record with `winbc resolve --ignore`."""
    return state == "SKIPPED" and reason == IGNORED


def broken_rule(error: Mapping[str, Any], table: str = "") -> str:
    """A broken rule of a mapped record in words.

    Args:
        error: `field`, `rule`, `given` and `row`. `given` is the kind of value, which may be personal data, or the code
            that a lookup table does not have. A value that is wrong in the source has no row.
        table: the name of the mapping table.
    """
    place = f"{table} row {error['row']}".strip() if error["row"] else "source"
    words = f"{error['field']}: {error['rule']}, given {error['given']} ({place})"
    lookup = re.fullmatch(r"not in lookup table (\w+)", error["rule"])
    return f"{words}; add a row for it to lookups/{lookup[1]}.csv" if lookup else words


def refusal(result: Result) -> tuple[str, str]:
    """Reason code and Business Central's own message. The message is for the ledger only: it may hold personal data.

    If a posting group is missing, the message also says in which template to set it.
    """
    code = result.error.get("code", result.status)
    words = f"{code}: {result.error.get('message', '')}".removeprefix(f"{WINSTORE_REFUSED}: ")
    words = words.split("  CorrelationId")[0]  # an id of the call, which tells people nothing
    if private := FOR_PRIVACY.search(words):
        who = " ".join(filter(None, private.groups())) or "the customer"
        return PRIVACY_BLOCKED, f"{code}: {who} is blocked for privacy"
    if NO_PLACE.search(words):
        return STOCK_SETUP, words[:500]
    if missing := NO_POSTING_GROUP.search(words):
        group, table = missing.groups()
        advice = f"In API Setup, choose a template for the table {table} that sets {group}; then set it on this {table}"
        return BY_TABLE[table], f"{words[:300]} {advice}"
    return BY_CODE.get(result.error_code, "BC_REFUSED"), words[:500]
