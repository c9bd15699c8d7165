"""Compares orders of the shop with their documents: which exist, their totals and their lines.

Header fields such as addresses are not compared: people in Business Central may change them, and posting freezes them.
"""

from collections.abc import Collection, Sequence
from functools import partial

import orjson

from ...staging.store import Row
from ...sync.documents.candidates import Candidate, needed_document, read
from ...sync.documents.decide import add_rounding, cancelled_message, tolerance_of, wrong
from ...sync.documents.differences import differences
from ...sync.documents.existing import INVOICE, ORDER, Found, look_up, several_message, with_lines
from ...sync.documents.items import Items
from ...sync.outcomes import IGNORED, is_ignored
from ...sync.records.target.references import IdsByCode
from ...sync.work import Work
from ...systems.business_central import BusinessCentral
from .findings import DIFFERENT, HELD, LEFT, MISSING_RIGHT, SAME
from .scratch import EVER, Scratch
from .target import add_listed, note_unmatched

DOCUMENTS = "documents"  # all places of documents count as one set
LISTED = (ORDER, INVOICE)  # a shipment has its order, until that becomes an invoice
Verdict = tuple[str, str | None, str | None]  # kind, reason, message


def compare(scratch: Scratch) -> None:
    """Compares all orders, some at a time, and lists what documents there are besides. Goes on where it stopped."""
    flow, settings = scratch.connected.flow, scratch.connected.settings
    target = BusinessCentral(settings)
    try:
        scratch.forget_hashes(flow.main)
        header = needed_document(flow).kind(settings).header
        _compare(scratch, target, scratch.not_compared(header, flow.main))
        for place in LISTED:
            _list(scratch, target, place)
    finally:
        target.close()


def compare_again(scratch: Scratch, keys: Sequence[tuple[str, str]]) -> None:
    """Compares some orders anew, by part and key."""
    flow = scratch.connected.flow
    target = BusinessCentral(scratch.connected.settings)
    try:
        own = (flow.main, needed_document(flow).kind(scratch.connected.settings).header)
        _compare(scratch, target, {key for part, key in keys if part in own})
    finally:
        target.close()
    note_unmatched(scratch)


def _compare(scratch: Scratch, target: BusinessCentral, keys: Collection[str]) -> None:
    connected = scratch.connected
    flow, settings = connected.flow, connected.settings
    compiled, ids = connected.compiled(), IdsByCode(target)
    items = Items(target, partial(needed_document(flow).variants, settings))
    work = Work(connected, *EVER, "reconcile", {(flow.main, key) for key in keys})
    for orders in read(work, compiled, ids):
        found = with_lines(target, look_up(target, set().union(*(order.references for order in orders))))
        items.find(orders)
        rows, partners = [], []
        for order in orders:
            add_rounding(order, settings.orders)
            documents = [each for reference in sorted(order.references) for each in found.get(reference, [])]
            rows.append(_row(flow.main, order, documents, _judged(scratch, order, documents)))
            partners += [_partner("id", each.record["id"]) for each in documents]
            partners += [_partner("number", reference.lower()) for reference in order.references]
        scratch.keep("", "", rows, partners)


def _partner(name: str, value: str) -> Row:
    return {"entity_set": DOCUMENTS, "id": None, "number": None} | {name: value}


def _judged(scratch: Scratch, order: Candidate, documents: list[Found]) -> Verdict:
    """What an order and the documents with its reference come to."""
    if is_ignored(order.known["state"], order.known["reason"]):
        return LEFT, IGNORED, None
    if len(documents) > 1:
        return HELD, "DUPLICATE", several_message(documents)
    if order.skip_reason or order.ended:
        return _unwanted(order, documents)
    if not documents:
        return _missing(order)
    (document,) = documents
    if document.is_cancelled:
        return DIFFERENT, "DELETED", cancelled_message(document)
    words = differences(order, document, tolerance_of(order, scratch.connected.settings.orders))
    return (DIFFERENT, "ADOPTED_DIFFERS", words) if words else (SAME, None, None)


def _unwanted(order: Candidate, documents: list[Found]) -> Verdict:
    """What an order comes to that becomes no document, or no longer one."""
    reason = order.skip_reason or "CANCELLED"
    if order.ended and any(not each.is_cancelled for each in documents):
        return DIFFERENT, "CANCELLED", f"{order.ended} in Winstore; {documents[0].number} is in Business Central"
    return LEFT, reason, None


def _missing(order: Candidate) -> Verdict:
    """An order without a document. Its reason is why it cannot be sent, if there is one."""
    if choice := wrong(order):
        return MISSING_RIGHT, choice.reason, choice.message
    return MISSING_RIGHT, "DEPENDENCY" if order.dependency else None, order.dependency


def _row(part: str, order: Candidate, documents: list[Found], verdict: Verdict) -> Row:
    kind, reason, message = verdict
    document = documents[0] if documents else None
    return {
        "part": part,
        "key": order.key,
        "kind": kind,
        "number": document.number if document else order.known["target_no"],
        "reason": reason,
        "message": message,
        "target_id": document.record["id"] if document else order.known["target_id"],
        "window": order.window,
        "version": order.version,
    }


def _list(scratch: Scratch, target: BusinessCentral, place: str) -> None:
    """Notes all documents of a place that have an external document number."""
    step = f"list {place}"
    if scratch.is_done(step):
        return
    own = {"part": scratch.connected.flow.main, "entity_set": DOCUMENTS}
    query = f"{place}?$select=id,externalDocumentNumber&$filter=externalDocumentNumber ne ''"
    for page, link in target.linked_pages(query, scratch.position(step)):
        rows = [
            own | {"id": each["id"], "number": each["externalDocumentNumber"].lower()} for each in orjson.loads(page)
        ]
        add_listed(scratch, step, rows, link, is_done=not link)
