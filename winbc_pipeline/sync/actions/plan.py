"""The plan of actions: what each status asks of its document. Materialising it is the exact dry run.

An action that was lost is found again by what it left behind: a posted document, or none.
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
from ..documents.decide import Choice, lost
from ..documents.existing import INVOICE, ORDER, Found, look_up, several
from ..documents.outbox import SENT
from ..flow import Flow
from ..map import MAPPED, classified, mapped_table
from ..outcomes import broken_rule
from ..plan_table import store_plan, unchanged_rows
from ..session import recover
from ..work import Work

NOTHING, SHIP, DELETE = "none", "shipAndInvoice", "delete"
ACTIONS = (NOTHING, SHIP, DELETE)
UNSETTLED = "state IN ('PLANNED', 'SENDING', 'UNKNOWN', 'CONFLICT', 'DUPLICATE', 'NEEDS_HUMAN') OR reason = 'EXISTS'"
CALLS = {ORDER: "Microsoft.NAV.shipAndInvoice", INVOICE: "Microsoft.NAV.post"}


def plan(work: Work, target: BusinessCentral) -> None:
    """Plans what the statuses ask for, into the planned table."""
    flow, settings = work.flow, work.settings
    recover(work.store, work.run_id)
    rows = [row for row in _candidates(work) if work.wants(row["part"], row["_key"])]
    work.connected.check_mapped_now(row["mapping_version"] for row in rows)
    asked = {row["_key"]: json.loads(row["updates"]) for row in rows}
    references = {row["_key"]: _reference(row, asked[row["_key"]]) for row in rows}
    found, in_doubt = look_up(target, set(references.values())), _in_doubt(work.connected)
    planned = []
    for row in rows:
        reference = references[row["_key"]]
        wanted, documents = asked[row["_key"]], found.get(reference, [])
        held = _held_back(wanted.get("action"), in_doubt.get(reference), settings)
        choice = _choice(flow, row, wanted, documents, settings, target, held)
        if work.keys is None and row["state"] == State.NEEDS_HUMAN and choice.action in SENT:
            choice = Choice("hold", "TRIED_OUT")  # sent again only when a person says so
        planned.append(_planned(flow, row, choice, reference))
    store_plan(work, [planned], unchanged_rows(classified(flow)))


def _candidates(work: Work) -> list[Row]:
    flow = work.flow
    with work.store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        return rows_of(
            connection,
            f"""
            SELECT c.*, l.looked_at, l.server_at, l.attempt_no, l.attempt_id, l.action, l.reference
            FROM ({classified(flow)}) AS c
            LEFT JOIN ledger AS l ON l.part = c.part AND l.key = c._key
            WHERE NOT c.unchanged
            ORDER BY c._key
            """,
            work.days,
        )


def _reference(row: Row, asked: Mapping[str, str | None]) -> str:
    """By which the document is found: of an action that may still arrive, as it was sent."""
    return (row["reference"] if row["state"] == State.UNKNOWN else None) or asked.get("externalDocumentNumber") or ""


def _choice(
    flow: Flow,
    row: Row,
    wanted: Mapping[str, str | None],
    documents: list[Found],
    settings: Settings,
    target: BusinessCentral,
    held: Choice | None,
) -> Choice:
    table, action, found = flow.part(flow.main).table, wanted.get("action"), documents[0] if documents else None
    lost_once = row["state"] in (State.UNKNOWN, State.NEEDS_HUMAN)
    arrived = row["state"] == State.UNKNOWN and _left_its_mark(row["action"], documents)
    waits = lost(row, settings, clock.now(), target.server_now) if row["state"] == State.UNKNOWN else None
    if waits and waits.action == "wait" and documents and not arrived:
        return waits  # whatever the status asks for by now
    if row["errors"]:
        return Choice("fail", "MAPPING", broken_rule(row["errors"][0], table))
    if action in (None, NOTHING):
        return Choice("adopt", "RECONCILED", None, found) if arrived else Choice("skip", "NO_ACTION")
    if not wanted.get("externalDocumentNumber"):
        return Choice("fail", "REFERENCE", f"{table} gives no external document number to find the document by")
    if len(documents) > 1:
        return Choice("conflict", "DUPLICATE", several(documents))
    if not found:
        gone = action == DELETE and lost_once
        return Choice("adopt", "RECONCILED") if gone else Choice("skip", "NO_DOCUMENT")
    if _is_done(action, found):
        return Choice("adopt", "RECONCILED" if lost_once else "UNCHANGED", None, found)
    return _asked(action, found) if arrived else waits or held or _asked(action, found)


def _in_doubt(connected: ConnectedFlow) -> dict[str, Row]:
    """By reference, the orders that a person has to look at, of which nobody knows where they are, whose edit was not
    taken yet, or whose document is somebody else's."""
    rows = ledger.read_other(connected.settings, connected.flow.acts_on, f"reference IS NOT NULL AND ({UNSETTLED})")
    return {row["reference"]: row for row in rows}


def _held_back(action: str | None, order: Row | None, settings: Settings) -> Choice | None:
    """Why nothing is done to a document that a person has not decided on."""
    if order:
        return Choice("skip", "HELD", f"the order is {order['state']} ({order['reason']}): settle that first")
    if action == DELETE and settings.orders.on_cancel == "hold":
        return Choice("skip", "HELD", "cancelled orders are held for a person (`orders.on_cancel`)")
    return None


def _left_its_mark(sent: str, documents: list[Found]) -> bool:
    """Whether an action was done, by what it leaves behind: a posted document, or none."""
    return any(each.is_posted for each in documents) if sent == "ship" else not documents


def _is_done(action: str, found: Found) -> bool:
    return action == SHIP and found.is_posted


def _asked(action: str, found: Found) -> Choice:
    effects = [{"field": "document", "old": found.number, "new": None}]
    if action == SHIP:
        effects[0]["new"] = "shipped and invoiced"
        return Choice(
            "ship", None, None, found, effects, [operation("POST", f"{found.path}/{CALLS[found.entity_set]}", {})]
        )
    if found.is_open:
        return Choice(
            "delete", "CANCELLED", None, found, effects, [operation("DELETE", found.path, None, found.record)]
        )
    what = "posted" if found.is_posted else "released"
    return Choice("conflict", "CANCELLED", f"cancelled in Winstore; {found.number} is {what}", found, effects)


def _planned(flow: Flow, row: Row, choice: Choice, reference: str) -> Row:
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
