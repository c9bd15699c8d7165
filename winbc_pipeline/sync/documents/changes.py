"""Compares an order that was edited or cancelled with the document that was made of it.

The change is applied only while the document is open, and only if the settings say so. It is one transaction that the
document's ETag guards. In all other cases a person decides.
"""

from typing import Any

from ...settings import Settings
from ..payloads import equal, field_hashes, filled
from .candidates import Candidate
from .decide import OWN_FIELDS, OWN_LINE_FIELDS, Choice, cancelled_message, why_total_differs, wrong
from .differences import sold
from .existing import INVOICE, LINES, Found, several_message
from .hashes import SEQUENCE, base_hashes, places, sequences, written

CANCEL = "Microsoft.NAV.cancel"
NUMBER = "lineObjectNumber"
SOLD = (NUMBER, "quantity", "unitPrice", "discountPercent", "discountAmount")  # fields that say what a line sells
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
    if not effects:
        return Choice("adopt", "UNCHANGED", None, found)
    if problem := why_total_differs(order, settings.orders):
        return Choice("conflict", problem.reason, problem.message, found, effects)
    if settings.orders.on_change == "apply" and found.is_open and not _has_other_lines(order, found):
        return Choice("change", "CHANGED", None, found, effects, operations)
    names = ", ".join(each["field"] for each in effects[:8])
    return Choice("conflict", "CHANGED", f"edited after it was sent: {names}", found, effects)


def _has_other_lines(order: Candidate, found: Found) -> bool:
    """Whether a line sells neither what was sent in its place nor what the order has now.

    Then a person changed, deleted or added a line, or typed the document with its lines in another sequence.
    """
    there, base = _by_place(found), base_hashes(order.known)
    now = {line["_key"]: field_hashes(line) for line in order.lines}
    sent = places(base)
    if any(_is_other(there.get(place), key, base, now.get(key)) for key, place in sent.items()):
        return True
    added = there.keys() - {*sent.values(), *sequences(order).values()}
    return bool(sold(there[place] for place in added))


def _by_place(found: Found) -> dict[str, Record]:
    """The lines of a document by their sequence."""
    return {str(line["sequence"]): line for line in found.lines}


def _is_other(line: Record | None, key: str, base: dict[str, str], now: dict[str, str] | None) -> bool:
    """Whether a line of the document is neither as it was sent nor as the order has it now.

    Args:
        line: the line of the document, None when it is gone; key: the key of the order's line in its place.
        base: hashes of the document as it was sent.
        now: hashes of the order's line, None when the order no longer has it.
    """
    if line is None:
        return now is not None
    wanted = now or {}
    hashes = field_hashes({name: line.get(name) for name in SOLD})
    # A field that was not sent cannot tell: it counts as unchanged.
    return any(own not in (base.get(f"{key} {name}", own), wanted.get(name)) for name, own in hashes.items())


def _ended(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """Decides on the document of an order that the source no longer wants.

    An open document is deleted and a posted invoice is credited if the settings say so; else a person decides.
    """
    if not documents:
        return Choice("adopt", "CANCELLED")
    found, chosen = documents[0], settings.orders
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
    header = _edited(written(order.header, OWN_FIELDS), base, "", found.record)
    effects = _effects(header, found.record)
    guard = header or {"externalDocumentNumber": found.record["externalDocumentNumber"]}
    operations = [operation("PATCH", found.path, guard, found.record)]
    for number, line in enumerate(order.lines, 1):
        sequence = wanted[f"{line['_key']}{SEQUENCE}"]
        line_effects, line_calls = _line_compared(line, number, sequence, base, there.get(sequence, {}), found)
        effects += line_effects
        operations += line_calls
    for key, place in places(base).items():
        if place in there and place not in wanted.values():
            line = there[place]
            effects.append({"field": _gone_line(order, key), "old": line.get(NUMBER), "new": None})
            operations.append(operation("DELETE", _line_path(found, line), None, line))
    return effects, operations


def _line_compared(
    line: Record, number: int, sequence: str, base: dict[str, str], there: Record, found: Found
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
    edited = _edited(fields, base, f"{line['_key']} ", there)
    patch = [operation("PATCH", _line_path(found, there), edited, there)] if edited and there else []
    return _effects(edited, there, f"{name} "), patch


def _gone_line(order: Candidate, key: str) -> str:
    """The name of a line that the order no longer has. Only the line of the shipping cost has the order's own key."""
    return "shipping" if key == order.key else f"former line {key.removeprefix(order.key).lstrip('/')}"


def _effects(edited: Record, there: Record, prefix: str = "") -> list[Record]:
    return [{"field": prefix + name, "old": there.get(name), "new": value} for name, value in edited.items()]


def _line_path(found: Found, line: Record) -> str:
    return f"{LINES[found.entity_set]}({line['id']})"


def _edited(fields: Record, base: dict[str, str], prefix: str, there: Record) -> Record:
    """The fields whose value is neither as it was last sent nor as it is there.

    A field that a mapping table names only since the document was sent does not count: no edit of a table changes a
    document that is there.

    Args:
        prefix: of the names of these fields in `base`.
    """
    now = field_hashes(fields)
    return {
        name: value
        for name, value in fields.items()
        if base.get(prefix + name, now[name]) != now[name] and not equal(there.get(name), value)
    }
