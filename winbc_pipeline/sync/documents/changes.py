"""Compares an order that was edited or cancelled with the document that was made of it.

The change is applied only while the document is open, and only if the settings say so. It is one transaction that the
document's ETag guards. In all other cases a person decides.
"""

from typing import Any

from ...settings import OrderSettings, Settings
from ...systems.business_central.amounts import differing
from ..payloads import equal, field_hashes, filled, is_blank
from .candidates import Candidate
from .decide import (
    ADDRESS,
    COMPANION_FIELDS,
    OWN_FIELDS,
    OWN_LINE_FIELDS,
    PLACE,
    TOTAL_DIFFERS,
    Choice,
    cancelled_message,
    tolerance_of,
    total_is_off,
    why_total_differs,
    wrong,
)
from .differences import sold
from .existing import INVOICE, LINES, TOTAL, Found, several_message
from .hashes import CUSTOMER, SEQUENCE, base_hashes, customer_hash, places, sequences, written

CANCEL = "Microsoft.NAV.cancel"
NUMBER = "lineObjectNumber"
AMOUNTS = ("quantity", "unitPrice", "discountPercent", "discountAmount")
SOLD = (NUMBER, *AMOUNTS)  # fields that say what a line sells
LARGEST_BATCH = 100  # operations that one transaction takes (behaviour.md section 8)
Record = dict[str, Any]


def change(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """Decides on a document that was confirmed once, and whose order is not as it was sent.

    Args:
        documents: the documents with the order's reference, with their lines.
    """
    if len(documents) > 1:
        return Choice("duplicate", "DUPLICATE", several_message(documents), documents[0])
    if order.ended:
        return _ended(order, documents, settings)
    if not documents:
        return Choice("conflict", "DELETED", "the document is no longer in Business Central, the order has changed")
    found = documents[0]
    if found.is_cancelled:
        return Choice("conflict", "DELETED", cancelled_message(found), found)
    if problem := wrong(order):
        return Choice("conflict", problem.reason, problem.message, found)
    effects, operations = _compared(order, found)
    by_hand = _only_by_hand(order, found, settings.orders)
    if not effects and not by_hand:
        return _unchanged(order, found, settings)
    if problem := why_total_differs(order, settings.orders):
        return Choice("conflict", problem.reason, problem.message, found, effects)
    may_be_changed = settings.orders.on_change == "apply" and found.is_open and len(operations) <= LARGEST_BATCH
    if may_be_changed and not by_hand and not _has_other_lines(order, found):
        return Choice("change", "CHANGED", None, found, effects, operations)
    names = ", ".join(each["field"] for each in [*by_hand, *effects][:8])
    return Choice("conflict", "CHANGED", f"edited after it was sent: {names}", found, [*by_hand, *effects])


def _unchanged(order: Candidate, found: Found, settings: Settings) -> Choice:
    """Decides on an edit that changes no field of the document. Both systems must agree in money all the same."""
    total_changed = differing(order.known["amount"], order.expected)
    allowed = tolerance_of(order, settings.orders)
    if total_changed and total_is_off(found.total, order.expected, allowed, settings.orders):
        return Choice("conflict", TOTAL_DIFFERS, differing(found.total, order.expected), found)
    return Choice("adopt", "UNCHANGED", None, found)


def _only_by_hand(order: Candidate, found: Found, chosen: OrderSettings) -> list[Record]:
    """The effects of an edit that no call can make: another customer, another VAT rate without another tax code,
    what API v2.0 does not have on documents."""
    base, there = base_hashes(order.known), _by_place(found)
    effects = []
    if base.get(CUSTOMER) not in (None, customer_hash(order)):
        effects.append({"field": "customer", "old": found.record.get("customerNumber"), "new": "another one"})
    for name in COMPANION_FIELDS:
        now = field_hashes(order.hash_key, written({name: order.header.get(name)}, ()))[name]
        if name in order.header and base.get(name, now) != now:
            effects.append({"field": name, "old": None, "new": order.header[name]})
    for number, line in enumerate(order.lines if chosen.on_total == "fail" else [], 1):
        live = there.get(places(base).get(line["_key"], ""), {})
        rate, own = live.get("taxPercent"), line.get("vatPercent")
        known = rate is not None and own is not None
        if known and not equal(rate, own) and equal(live["taxCode"], line.get("taxCode")):
            effects.append({"field": f"line {number} VAT rate", "old": rate, "new": own})
    return effects


def _has_other_lines(order: Candidate, found: Found) -> bool:
    """Whether a line sells neither what was sent in its place nor what the order has now.

    Then a person changed, deleted or added a line, or typed the document with its lines in another sequence.
    """
    there, base = _by_place(found), base_hashes(order.known)
    now = {line["_key"]: field_hashes(order.hash_key, line) for line in order.lines}
    sent = places(base)
    if any(_is_other(order, there.get(place), key, base, now.get(key)) for key, place in sent.items()):
        return True
    added = there.keys() - {*sent.values(), *sequences(order).values()}
    return bool(sold(there[place] for place in added))


def _by_place(found: Found) -> dict[str, Record]:
    """The lines of a document by their sequence."""
    return {str(line["sequence"]): line for line in found.lines}


def _is_other(
    order: Candidate, line: Record | None, key: str, base: dict[str, str], now: dict[str, str] | None
) -> bool:
    """Whether a line of the document is neither as it was sent nor as the order has it now.

    Args:
        line: the line of the document, None when it is gone; key: the key of the order's line in its place.
        base: hashes of the document as it was sent.
        now: hashes of the order's line, None when the order no longer has it.
    """
    if line is None:
        return now is not None
    wanted = now or {}
    hashes = field_hashes(order.hash_key, {name: line.get(name) for name in SOLD})
    # A field that was not sent cannot tell: it counts as unchanged.
    return any(own not in (base.get(f"{key} {name}", own), wanted.get(name)) for name, own in hashes.items())


def _ended(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """Decides on the document of an order that the source no longer wants.

    An open document is deleted and a posted invoice is credited if the settings say so; else a person decides.
    """
    if not documents:
        return Choice("adopt", "CANCELLED")
    found, chosen = documents[0], settings.orders
    if kept := _kept_in_part(order, found, chosen):
        return Choice("conflict", "CANCELLED", f"{order.ended} in part: {kept}", found)
    effects = [{"field": "document", "old": found.number, "new": None}]
    if found.is_open and chosen.on_cancel == "apply":
        deletion = operation("DELETE", found.path, None, found.record)
        return Choice("delete", "CANCELLED", None, found, effects, [deletion])
    if found.is_cancelled:
        return Choice("adopt", "CANCELLED", None, found)
    if found.entity_set == INVOICE and found.is_posted and chosen.credit_memo:
        effects = [{"field": "credit memo", "old": None, "new": f"of invoice {found.number}"}]
        cancellation = operation("POST", f"{found.path}/{CANCEL}", None)
        return Choice("cancel", "CANCELLED", None, found, effects, [cancellation])
    what = "posted" if found.is_posted else "open" if found.is_open else "released"
    return Choice("conflict", "CANCELLED", f"{order.ended} in Winstore; {found.number} is {what}", found, effects)


def _kept_in_part(order: Candidate, found: Found, chosen: OrderSettings) -> str | None:
    """Says in words that the shop keeps a part of a refunded order's money, so the document cannot be undone whole."""
    if order.ended != "refunded" or not order.expected or found.is_cancelled:
        return None
    return differing(found.total, order.expected, tolerance_of(order, chosen))


def operation(method: str, path: str, body: Record | None, record: Record | None = None) -> Record:
    """One call of a change, as the plan keeps it.

    Args:
        record: the record whose ETag guards the call (If-Match); None for a call without a guard.
    """
    etag = record["@odata.etag"] if record else None
    return {"method": method, "path": path, "body": body, "etag": etag}


def _compared(order: Candidate, found: Found) -> tuple[list[Record], list[Record]]:
    """The effects of the change, and the operations that make it.

    The first operation writes the header. Its ETag guards them all: a second try of the same change is refused before
    it could add lines twice. So the header is written even when none of its fields has changed.
    """
    base, wanted, there = base_hashes(order.known), sequences(order), _by_place(found)
    header = _edited(order, written(order.header, OWN_FIELDS), base, "", found.record)
    effects = _effects(header, found.record)
    unchanged = {"externalDocumentNumber": found.record["externalDocumentNumber"]}
    guard = _kept_ship_to(order, header, found.record) | header or unchanged
    operations = [operation("PATCH", found.path, guard, found.record)]
    for number, line in enumerate(order.lines, 1):
        sequence = wanted[f"{line['_key']}{SEQUENCE}"]
        line_effects, line_calls = _line_compared(order, line, number, sequence, base, there.get(sequence, {}), found)
        effects += line_effects
        operations += line_calls
    for key, place in places(base).items():
        if place in there and place not in wanted.values():
            line = there[place]
            effects.append({"field": _gone_line(order, key), "old": line.get(NUMBER), "new": None})
            operations.append(operation("DELETE", _line_path(found, line), None, line))
    # What the change made of the total is read in the same transaction. That one may read is assumed [?].
    return effects, [*operations, operation("GET", f"{found.path}?$select=id,number,{TOTAL}", None)]


def _kept_ship_to(order: Candidate, header: Record, there: Record) -> Record:
    """The document's delivery address, if the order has one of its own and another address of it changes.

    While ship-to equals sell-to, Business Central changes both with sell-to (Sales Header,
    UpdateShipToAddressFromSellToAddress).
    """
    has_own = any(not is_blank(order.header.get(f"shipTo{end}")) for end in PLACE)
    if not has_own or not any(f"sellTo{end}" in header for end in ADDRESS):
        return {}
    return {f"shipTo{end}": there[f"shipTo{end}"] for end in ADDRESS if f"shipTo{end}" in there}


def _line_compared(
    order: Candidate, line: Record, number: int, sequence: str, base: dict[str, str], there: Record, found: Found
) -> tuple[list[Record], list[Record]]:
    """The effects and the operations of one line of the order.

    Args:
        number: the line's place in the order, from 1; sequence: its sequence in the document.
        base: hashes of the document as it was sent.
        there: the document's line with that sequence, {} when there is none.
    """
    name = f"line {number}"
    fields = written(line, OWN_LINE_FIELDS)
    if f"{line['_key']}{SEQUENCE}" not in base:  # The line is new.
        if there and sold([line]) == sold([there]):
            return [], []  # A lost call inserted it, or a person did.
        new = filled(fields) | {"sequence": int(sequence)}
        path = f"{found.path}/{LINES[found.entity_set]}"
        return [{"field": name, "old": None, "new": fields}], [operation("POST", path, new)]
    edited = _edited(order, fields, base, f"{line['_key']} ", there)
    sent = edited
    if edited.keys() & set(AMOUNTS):  # Business Central computes one of them anew when another one changes.
        sent = {name: fields[name] for name in AMOUNTS if not is_blank(fields.get(name))} | edited
    patch = [operation("PATCH", _line_path(found, there), sent, there)] if edited and there else []
    return _effects(edited, there, f"{name} "), patch


def _gone_line(order: Candidate, key: str) -> str:
    """The name of a line that the order no longer has. Only the line of the shipping cost has the order's own key."""
    return "shipping" if key == order.key else f"former line {key.removeprefix(order.key).lstrip('/')}"


def _effects(edited: Record, there: Record, prefix: str = "") -> list[Record]:
    return [{"field": prefix + name, "old": there.get(name), "new": value} for name, value in edited.items()]


def _line_path(found: Found, line: Record) -> str:
    return f"{LINES[found.entity_set]}({line['id']})"


def _edited(order: Candidate, fields: Record, base: dict[str, str], prefix: str, there: Record) -> Record:
    """The fields whose value is neither as it was last sent nor as it is there.

    A field that a mapping table names only since the document was sent does not count: no edit of a table changes a
    document that is there.

    Args:
        prefix: of the names of these fields in `base`.
    """
    now = field_hashes(order.hash_key, fields)
    return {
        name: value
        for name, value in fields.items()
        if base.get(prefix + name, now[name]) != now[name] and not equal(there.get(name), value)
    }
