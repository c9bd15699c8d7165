"""What a record of the source that was edited or cancelled would change in the document that was made of it.

A change is applied while the document is open and the settings say so, all of it in one transaction that the
document's ETag guards; else a person decides.
"""

from typing import Any

from ...settings import Settings
from ...systems.business_central import BusinessCentral
from ..values import equal, field_hashes, filled
from .candidates import Candidate, base_hashes
from .decide import OWN_FIELDS, OWN_LINE_FIELDS, Choice, wrong
from .existing import INVOICE, ORDER, Found, several

LINES = {ORDER: "salesOrderLines", INVOICE: "salesInvoiceLines"}
STEP = 10_000  # between the sequences of lines that are inserted with their document (behaviour.md section 14)
SEQUENCE = " sequence"
CANCEL = "Microsoft.NAV.cancel"
Record = dict[str, Any]


def change(order: Candidate, documents: list[Found], settings: Settings, target: BusinessCentral) -> Choice:
    """What is to happen to a document that was confirmed once and whose source is another now."""
    if len(documents) > 1:
        return Choice("duplicate", "DUPLICATE", several(documents), documents[0])
    if order.ended:
        return _ended(order, documents, settings)
    if not documents:
        return Choice("conflict", "DELETED", "the document is no longer in Business Central, the order has changed")
    found = documents[0]
    if problem := wrong(order):
        return Choice("conflict", problem.reason, problem.message, found)
    lines = _live_lines(target, found)
    effects, operations = _compared(order, found, lines)
    if not effects:
        return Choice("adopt", "UNCHANGED", None, found)
    if settings.orders.on_change == "apply" and found.is_open:
        return Choice("change", "CHANGED", None, found, effects, operations)
    names = ", ".join(each["field"] for each in effects[:8])
    return Choice("conflict", "CHANGED", f"edited after it was sent: {names}", found, effects)


def sequences(order: Candidate, anew: bool = False) -> dict[str, str]:
    """The sequence of each line by its key: as it was sent, else after all others; of a document that is made `anew`
    as Business Central will give them."""
    base = {} if anew else base_hashes(order.known)
    known = {name: text for name, text in base.items() if name.endswith(SEQUENCE)}
    highest = max((int(text) for text in known.values()), default=0)
    given = {}
    for line in order.lines:
        name = f"{line['_key']}{SEQUENCE}"
        if name not in known:
            highest += STEP
        given[name] = known.get(name, str(highest))
    return given


def written(fields: Record, own: tuple[str, ...]) -> Record:
    """The fields that Business Central gets, nothing being an empty text."""
    return {name: "" if value is None else value for name, value in fields.items() if name not in own}


def _ended(order: Candidate, documents: list[Found], settings: Settings) -> Choice:
    """The source no longer wants the order: the document goes, is credited, or a person decides."""
    if not documents:
        return Choice("adopt", "CANCELLED")
    found, chosen = documents[0], settings.orders
    effects = [{"field": "document", "old": found.number, "new": None}]
    if found.is_open and chosen.on_cancel == "apply":
        return Choice(
            "delete", "CANCELLED", None, found, effects, [operation("DELETE", path_of(found), None, found.record)]
        )
    if found.entity_set == INVOICE and found.record.get("status") == "Canceled":
        return Choice("adopt", "CANCELLED", None, found)
    if found.entity_set == INVOICE and found.is_posted and chosen.credit_memo:
        effects = [{"field": "credit memo", "old": None, "new": f"of invoice {found.number}"}]
        return Choice(
            "cancel", "CANCELLED", None, found, effects, [operation("POST", f"{path_of(found)}/{CANCEL}", None)]
        )
    what = "posted" if found.is_posted else "open" if found.is_open else "released"
    return Choice("conflict", "CANCELLED", f"{order.ended} in Winstore; {found.number} is {what}", found, effects)


def path_of(found: Found) -> str:
    return f"{found.entity_set}({found.record['id']})"


def _live_lines(target: BusinessCentral, found: Found) -> list[Record]:
    return target.get(f"{path_of(found)}/{LINES[found.entity_set]}") if found.entity_set in LINES else []


def operation(method: str, path: str, body: Record | None, record: Record | None = None) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body, "etag": record["@odata.etag"] if record else None}


def _compared(order: Candidate, found: Found, live: list[Record]) -> tuple[list[Record], list[dict[str, Any]]]:
    """The effect of the change, and the operations that make it: the header's first, whose ETag guards them all."""
    base = base_hashes(order.known)
    header = written(order.header, OWN_FIELDS)
    patch = {
        name: value for name, value in _edited(header, base, "").items() if not equal(found.record.get(name), value)
    }
    effects = [{"field": name, "old": found.record.get(name), "new": value} for name, value in patch.items()]
    guard = patch or {"externalDocumentNumber": found.record["externalDocumentNumber"]}
    operations = [operation("PATCH", path_of(found), guard, found.record)]
    by_sequence = {str(line["sequence"]): line for line in live}
    places, collection = sequences(order), LINES.get(found.entity_set, "")
    for number, line in enumerate(order.lines, 1):
        name, sequence = f"line {number}", places[f"{line['_key']}{SEQUENCE}"]
        fields = written(line, OWN_LINE_FIELDS)
        if f"{line['_key']}{SEQUENCE}" not in base:
            effects.append({"field": name, "old": None, "new": fields})
            new = filled(fields) | {"sequence": int(sequence)}
            operations.append(operation("POST", f"{path_of(found)}/{collection}", new))
            continue
        there = by_sequence.pop(sequence, {})
        edited = {k: v for k, v in _edited(fields, base, f"{line['_key']} ").items() if not equal(there.get(k), v)}
        effects += [{"field": f"{name} {key}", "old": there.get(key), "new": value} for key, value in edited.items()]
        if edited and there:
            operations.append(operation("PATCH", f"{collection}({there['id']})", edited, there))
    kept = {places[name] for name in places}
    for name, sequence in base.items():
        if name.endswith(SEQUENCE) and sequence not in kept:
            there = by_sequence.get(sequence, {})
            effects.append(
                {"field": f"line {name.removesuffix(SEQUENCE)}", "old": there.get("lineObjectNumber"), "new": None}
            )
            if there:
                operations.append(operation("DELETE", f"{collection}({there['id']})", None, there))
    return effects, operations


def _edited(fields: Record, base: dict[str, str], prefix: str) -> Record:
    """Fields whose value is another than was last sent; one that the tables name only since then waits."""
    now = field_hashes(fields)
    return {name: value for name, value in fields.items() if base.get(prefix + name, now[name]) != now[name]}
