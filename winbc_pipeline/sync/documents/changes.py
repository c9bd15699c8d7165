"""What a record of the source that was edited or cancelled would change in the document that was made of it.

A change is applied while the document is open and the settings say so, all of it in one transaction that the
document's ETag guards; else a person decides.
"""

from typing import Any

from ...settings import Settings
from ..payloads import equal, field_hashes, filled
from .candidates import Candidate
from .decide import OWN_FIELDS, OWN_LINE_FIELDS, Choice, taken_back, wrong, wrong_total
from .differences import sold
from .existing import INVOICE, LINES, Found, several
from .hashes import SEQUENCE, base_hashes, places, sequences, written

CANCEL = "Microsoft.NAV.cancel"
NUMBER = "lineObjectNumber"
SOLD = (NUMBER, "quantity", "unitPrice", "discountPercent", "discountAmount")  # fields of a line
Record = dict[str, Any]


def change(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """What is to happen to a document that was confirmed once and whose source is another now; it has its lines."""
    if len(documents) > 1:
        return Choice("duplicate", "DUPLICATE", several(documents), documents[0])
    if order.ended:
        return _ended(order, documents, settings)
    if not documents:
        return Choice("conflict", "DELETED", "the document is no longer in Business Central, the order has changed")
    found = documents[0]
    if found.is_cancelled:
        return Choice("conflict", "DELETED", taken_back(found), found)
    if problem := wrong(order):
        return Choice("conflict", problem.reason, problem.message, found)
    effects, operations = _compared(order, found)
    if not effects:
        return Choice("adopt", "UNCHANGED", None, found)
    if problem := wrong_total(order, settings.orders):
        return Choice("conflict", problem.reason, problem.message, found, effects)
    if settings.orders.on_change == "apply" and found.is_open and not _has_other_lines(order, found):
        return Choice("change", "CHANGED", None, found, effects, operations)
    names = ", ".join(each["field"] for each in effects[:8])
    return Choice("conflict", "CHANGED", f"edited after it was sent: {names}", found, effects)


def _has_other_lines(order: Candidate, found: Found) -> bool:
    """Whether what is sold in a line of the document is neither what was sent in its place nor what the order has now:
    a person changed it, took it out or added it, or the document was typed in another order."""
    there, base = _by_place(found), base_hashes(order.known)
    now = {line["_key"]: field_hashes(line) for line in order.lines}
    sent = places(base)
    added = there.keys() - {*sent.values(), *sequences(order).values()}
    others = any(_is_other(there.get(place), key, base, now.get(key)) for key, place in sent.items())
    return others or bool(sold(there[place] for place in added))


def _by_place(found: Found) -> dict[str, Record]:
    return {str(line["sequence"]): line for line in found.lines}


def _is_other(line: Record | None, key: str, base: dict[str, str], now: dict[str, str] | None) -> bool:
    """Whether a line of the document is another than the one of a key: `base` hashes of the document that was sent,
    `now` of the order's line, None when it has that no more."""
    if line is None:
        return now is not None
    hashes = field_hashes({name: line.get(name) for name in SOLD})
    return any(own not in (base.get(f"{key} {name}", own), (now or {}).get(name)) for name, own in hashes.items())


def _ended(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """The source no longer wants the order: the document goes, is credited, or a person decides."""
    if not documents:
        return Choice("adopt", "CANCELLED")
    found, chosen = documents[0], settings.orders
    effects = [{"field": "document", "old": found.number, "new": None}]
    if found.is_open and chosen.on_cancel == "apply":
        return Choice(
            "delete", "CANCELLED", None, found, effects, [operation("DELETE", found.path, None, found.record)]
        )
    if found.is_cancelled:
        return Choice("adopt", "CANCELLED", None, found)
    if found.entity_set == INVOICE and found.is_posted and chosen.credit_memo:
        effects = [{"field": "credit memo", "old": None, "new": f"of invoice {found.number}"}]
        return Choice("cancel", "CANCELLED", None, found, effects, [operation("POST", f"{found.path}/{CANCEL}", None)])
    what = "posted" if found.is_posted else "open" if found.is_open else "released"
    return Choice("conflict", "CANCELLED", f"{order.ended} in Winstore; {found.number} is {what}", found, effects)


def operation(method: str, path: str, body: Record | None, record: Record | None = None) -> Record:
    return {"method": method, "path": path, "body": body, "etag": record["@odata.etag"] if record else None}


def _compared(order: Candidate, found: Found) -> tuple[list[Record], list[Record]]:
    """The effect of the change, and the operations that make it: the header's first, whose ETag guards them all."""
    base, wanted, there = base_hashes(order.known), sequences(order), _by_place(found)
    header = _edited(written(order.header, OWN_FIELDS), base, "", found.record)
    effects = _effects(header, found.record)
    guard = header or {"externalDocumentNumber": found.record["externalDocumentNumber"]}
    operations = [operation("PATCH", found.path, guard, found.record)]
    for number, line in enumerate(order.lines, 1):
        sequence = wanted[f"{line['_key']}{SEQUENCE}"]
        own = _line_compared(line, number, sequence, base, there.get(sequence, {}), found)
        effects, operations = effects + own[0], operations + own[1]
    for key, place in places(base).items():
        if place in there and place not in wanted.values():
            line = there[place]
            effects.append({"field": _gone_line(order, key), "old": line.get(NUMBER), "new": None})
            operations.append(operation("DELETE", _line_path(found, line), None, line))
    return effects, operations


def _line_compared(
    line: Record, number: int, sequence: str, base: dict[str, str], there: Record, found: Found
) -> tuple[list[Record], list[Record]]:
    """The same of one line: one that was not sent before is inserted, unless a lost call or a person did so; else its
    edited fields are written."""
    name, fields = f"line {number}", written(line, OWN_LINE_FIELDS)
    if f"{line['_key']}{SEQUENCE}" not in base:
        if there and sold([line]) == sold([there]):
            return [], []
        new = filled(fields) | {"sequence": int(sequence)}
        path = f"{found.path}/{LINES[found.entity_set]}"
        return [{"field": name, "old": None, "new": fields}], [operation("POST", path, new)]
    edited = _edited(fields, base, f"{line['_key']} ", there)
    patch = [operation("PATCH", _line_path(found, there), edited, there)] if edited and there else []
    return _effects(edited, there, f"{name} "), patch


def _gone_line(order: Candidate, key: str) -> str:
    """A line that the source no longer has: the shipping cost's has the order's key, an article's its number too."""
    return "shipping" if key == order.key else f"former line {key.removeprefix(order.key).lstrip('/')}"


def _effects(edited: Record, there: Record, prefix: str = "") -> list[Record]:
    return [{"field": prefix + name, "old": there.get(name), "new": value} for name, value in edited.items()]


def _line_path(found: Found, line: Record) -> str:
    return f"{LINES[found.entity_set]}({line['id']})"


def _edited(fields: Record, base: dict[str, str], prefix: str, there: Record) -> Record:
    """Fields whose value is another than was last sent, and than is there; one that the tables name only since then
    waits."""
    now = field_hashes(fields)
    return {
        name: value
        for name, value in fields.items()
        if base.get(prefix + name, now[name]) != now[name] and not equal(there.get(name), value)
    }
