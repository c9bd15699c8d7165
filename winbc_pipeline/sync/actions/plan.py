"""The plan of actions: what each status asks of its document. Materialising it is the exact dry run.

An action whose answer was lost is recognised by what it leaves behind: shipping leaves a posted document, and deleting
leaves none.
"""

import json
from collections.abc import Mapping
from typing import Any

from ... import clock
from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import State
from ...staging.store import Row, renew_table, rows_of
from ...systems.business_central import BusinessCentral
from ...systems.business_central.client import dumps
from ..connected import ConnectedFlow
from ..documents.changes import operation
from ..documents.decide import Choice, decide_lost
from ..documents.existing import INVOICE, ORDER, Found, look_up, several_message, with_lines
from ..documents.outbox import SENT
from ..flow import Flow
from ..map import MAPPED, mapped_table, mapped_with_ledger
from ..outcomes import broken_rule
from ..plan_table import store_plan, unchanged_rows
from ..session import recover
from ..work import Work
from . import with_app

NOTHING, SHIP, DELETE = "none", "shipAndInvoice", "delete"
ACTIONS = (NOTHING, with_app.RELEASE, with_app.SHIP, SHIP, DELETE)
# SQL over the ledger of the orders: orders on whose document nothing is done. EXISTS: the document is somebody else's.
UNSETTLED = "state IN ('PLANNED', 'SENDING', 'UNKNOWN', 'CONFLICT', 'DUPLICATE', 'NEEDS_HUMAN') OR reason = 'EXISTS'"
# BC's bound actions that ship and invoice a document, by its entity set. An invoice has nothing to ship.
CALLS = {ORDER: "Microsoft.NAV.shipAndInvoice", INVOICE: "Microsoft.NAV.post"}


def plan(work: Work, target: BusinessCentral) -> None:
    """Writes the plan table: what each status asks of its document.

    Raises:
        WinbcError: a lookup was not answered.
    """
    flow, settings = work.flow, work.settings
    recover(work.store, work.run_id)
    rows = [row for row in _candidates(work) if work.wants(row["part"], row["_key"])]
    work.connected.check_mapped_now(row["mapping_version"] for row in rows)
    asked = {row["_key"]: json.loads(row["updates"]) for row in rows}
    references = {row["_key"]: _reference(row, asked[row["_key"]]) for row in rows}
    found = look_up(target, set(references.values()))
    by_line = {references[key] for key, wanted in asked.items() if wanted.get(with_app.QUANTITIES)}
    found |= with_lines(target, {each: found[each] for each in by_line & found.keys()})
    app = with_app.WithApp(settings, target)
    in_doubt = _in_doubt(work.connected)
    planned = []
    for row in rows:
        wanted, reference = asked[row["_key"]], references[row["_key"]]
        documents = found.get(reference, [])
        held = _held_back(wanted.get("action"), in_doubt.get(reference), settings)
        choice = _choice(flow, row, wanted, documents, settings, target, held, app)
        if work.keys is None and row["state"] == State.NEEDS_HUMAN and choice.action in SENT:
            choice = Choice("hold", "TRIED_OUT")  # It is sent again only when a person names its key.
        planned.append(_planned(flow, row, choice, reference))
    store_plan(work, [planned], unchanged_rows(mapped_with_ledger(flow)))


def _candidates(work: Work) -> list[Row]:
    flow = work.flow
    with work.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        return rows_of(
            connection,
            f"""
            SELECT c.*, l.looked_at, l.server_at, l.attempt_no, l.attempt_id, l.action, l.reference
            FROM ({mapped_with_ledger(flow)}) AS c
            LEFT JOIN ledger AS l ON l.part = c.part AND l.key = c._key
            WHERE NOT c.unchanged
            ORDER BY c._key
            """,
            work.days,
        )


def _reference(row: Row, asked: Mapping[str, str | None]) -> str:
    """The reference of the document. An action that may still arrive keeps the reference that it was sent with."""
    sent_with = row["reference"] if row["state"] == State.UNKNOWN else None
    return sent_with or asked.get("externalDocumentNumber") or ""


def _choice(
    flow: Flow,
    row: Row,
    wanted: Mapping[str, str | None],
    documents: list[Found],
    settings: Settings,
    target: BusinessCentral,
    held: Choice | None,
    app: with_app.WithApp,
) -> Choice:
    """Decides on one status (`row`), whose mapped fields are `wanted`.

    Args:
        documents: the documents with its reference.
        held: what is done instead of an action, because a person has to decide first.
    """
    table = flow.part(flow.main).table
    action = wanted.get("action")
    found = documents[0] if documents else None
    is_lost = row["state"] == State.UNKNOWN
    lost_once = is_lost or row["state"] == State.NEEDS_HUMAN
    arrived = is_lost and _left_its_mark(row["action"], documents)
    may_be_repeated = row["action"] in with_app.PLANNED.values()
    waits = decide_lost(row, settings, clock.now(), target.server_now) if is_lost and not may_be_repeated else None
    if waits and waits.action == "wait" and documents and not arrived:
        return waits  # The lost action may still come, whatever the status asks for by now.
    if row["errors"]:
        return Choice("fail", "MAPPING", broken_rule(row["errors"][0], table))
    if action in (None, NOTHING):
        return Choice("adopt", "RECONCILED", None, found) if arrived else Choice("skip", "NO_ACTION")
    if not wanted.get("externalDocumentNumber"):
        return Choice("fail", "REFERENCE", f"{table} gives no external document number to find the document by")
    if len(documents) > 1:
        return Choice("conflict", "DUPLICATE", several_message(documents))
    if not found:
        # A document that a lost call should have deleted is gone: the call was run.
        was_deleted = action == DELETE and lost_once
        return Choice("adopt", "RECONCILED") if was_deleted else Choice("skip", "NO_DOCUMENT")
    if action in with_app.PLANNED:
        chosen = app.choice(row, wanted, found, lost_once)
        return waits or held or chosen if chosen.action in SENT else chosen
    if _is_done(action, found):
        return Choice("adopt", "RECONCILED" if lost_once else "UNCHANGED", None, found)
    if arrived:  # The lost action is settled. The status asks for another one.
        return _asked(action, found)
    return waits or held or _asked(action, found)


def _in_doubt(connected: ConnectedFlow) -> dict[str, Row]:
    """The ledger rows of unsettled orders, by reference.

    Such an order waits for a person, for a lost answer or for an edit, or its document is somebody else's.
    """
    rows = ledger.read_other(connected.settings, connected.flow.acts_on, f"reference IS NOT NULL AND ({UNSETTLED})")
    return {row["reference"]: row for row in rows}


def _held_back(action: str | None, order: Row | None, settings: Settings) -> Choice | None:
    """Why nothing is done to a document before a person has decided; None when something may be done."""
    if order:
        return Choice("skip", "HELD", f"the order is {order['state']} ({order['reason']}): settle that first")
    if action == DELETE and settings.orders.on_cancel == "hold":
        return Choice("skip", "HELD", "cancelled orders are held for a person (`orders.on_cancel`)")
    return None


def _left_its_mark(sent: str, documents: list[Found]) -> bool:
    """Whether a lost action was done, by what it leaves behind. What may be repeated is not waited for."""
    if sent in with_app.PLANNED.values():
        return False
    if sent == "ship":
        return any(each.is_posted for each in documents)
    return not documents


def _is_done(action: str, found: Found) -> bool:
    return action == SHIP and found.is_posted


def _asked(action: str, found: Found) -> Choice:
    """The call that an action makes; a conflict for a document that can no longer be deleted."""
    effects = [{"field": "document", "old": found.number, "new": None}]
    if action == SHIP:
        effects[0]["new"] = "shipped and invoiced"
        # Only PATCH and DELETE need an ETag (behaviour.md). The protocol alone keeps this call from being run twice.
        call = operation("POST", f"{found.path}/{CALLS[found.entity_set]}", {})
        return Choice("ship", None, None, found, effects, [call])
    if found.is_open:
        deletion = operation("DELETE", found.path, None, found.record)
        return Choice("delete", "CANCELLED", None, found, effects, [deletion])
    what = "posted" if found.is_posted else "released"
    return Choice("conflict", "CANCELLED", f"cancelled in Winstore; {found.number} is {what}", found, effects)


def _planned(flow: Flow, row: Row, choice: Choice, reference: str) -> Row:
    """The row of the plan table for one status."""
    place: Any = choice.found
    return {
        "part": flow.main,
        "key": row["_key"],
        "window": row["_window"],
        "action": choice.action,
        "reason": choice.reason,
        "message": choice.message,
        "target_id": place.record["id"] if place else row["target_id"],
        "target_no": place.number if place else None,
        "body": dumps(choice.operations).decode(),
        "changes": dumps(choice.effects).decode(),
        "hash": row["hash"],
        "field_hashes": "{}",
        "version": row["_version"],
        "mapping_version": row["mapping_version"],
        "reference": reference or None,
        "target_set": place.entity_set if place else None,
        "planned_at": clock.now(),
        "attempt_id": row["attempt_id"],
    }
