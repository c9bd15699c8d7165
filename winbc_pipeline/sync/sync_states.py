"""Tells people in Business Central what became of the records of a run: the list "Winstore: skipped and failed".

They do not look at a page on another computer. Written are records that are not done, and those that were not done when
a run before told of them: a first load of a catalogue would else write every item twice. Which these are is kept in the
flow's database, so a run in which all is done costs no call. The texts are those of the reason codes, so they hold
nothing about a person. Not here: what a record's outcome is (ledger).
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from ..errors import WinbcError
from ..staging import ledger
from ..staging.people.personal import PersonalTable
from ..staging.store import Row, insert_rows, quote, renew_table, rows_of
from ..systems.business_central import BusinessCentral, Operation
from ..systems.business_central.companion import app_client, capabilities
from .outcomes import REASONS
from .work import Work

SET, KEY_LENGTH, MESSAGE_LENGTH, NUMBER_LENGTH = "syncStates", 50, 250, 20
DONE = "Done"
RESULTS = {"CONFIRMED": DONE, "SKIPPED": "Skipped", "FAILED": "Failed", "UNKNOWN": "Failed", "DUPLICATE": "Failed"}
WAITING = "Waiting"  # for a person, or for an approval
KINDS = {
    "items": "Item",
    "stock": "Item",
    "customers": "Customer",
    "salesOrders": "Sales_x0020_Order",
    "salesInvoices": "Sales_x0020_Invoice",
    "orderRequests": "Sales_x0020_Order",  # one that was lost on its way
}
KINDS_OF_FLOWS = {
    "products": "Item",
    "stock": "Item",
    "customers": "Customer",
    "orders": "Sales_x0020_Order",
    "order_status": "Sales_x0020_Order",
}
DIRECTIONS = {"bc": "From_x0020_Winstore", "winstore": "To_x0020_Winstore"}
COMPARED = ("result", "reasonCode", "message", "recordNumber")
# What was told of the records that were not done: the id and ETag of the row there, and what it says.
TOLD, TOLD_STATE = "told_state", dict.fromkeys(("part", "key", "id", "etag", "said"), "VARCHAR")
TAKEN = (200, 201)
log = logging.getLogger(__name__)
State = dict[str, Any]


def tell(work: Work) -> None:
    """Writes what became of the records that the run moved. A run never fails because of it."""
    bc = work.settings.bc
    if not bc.sync_states or bc.companion_app == "off":
        return
    try:
        _tell(work)
    except WinbcError as error:
        log.warning("What became of the records was not told to Business Central: %s", error)
    except Exception as error:  # noqa: BLE001 - such as an answer of another form; its text may quote a value
        log.warning("What became of the records was not told to Business Central: %s", type(error).__name__)


def _tell(work: Work) -> None:
    rows = ledger.read(work.store, "run_id = ? AND part = ?", [work.run_id, work.flow.main])
    told = _told(work)
    rows = [row for row in rows if row["state"] != "CONFIRMED" or row["key"] in told]
    ids = _ids(work, [row["key"] for row in rows]) if work.flow.source == "bc" and rows else {}
    states = {row["key"]: state for row in rows if (state := _state(row, work, ids))}
    states = {key: state for key, state in states.items() if told.get(key, {}).get("said") != _said(state)}
    if not states:
        return
    app = app_client(work.settings)
    try:
        if capabilities(app).can(SET, write=True):
            _note(work, states, _write(app, states, told))
    finally:
        app.close()


def _state(row: Row, work: Work, ids: Mapping[str, str]) -> State | None:
    """What is told of a ledger row; None for a key that is too long to be told of.

    Args:
        ids: of the records of Business Central, by key, where it is the source.
    """
    key, from_bc = str(row["key"]).upper(), work.flow.source == "bc"
    entity_set = str(row["target_set"] or work.flow.part(work.flow.main).entity_set)
    kind = KINDS_OF_FLOWS.get(work.flow.name) if from_bc else KINDS.get(entity_set)
    if len(key) > KEY_LENGTH or kind is None:
        return None
    reason, own = row["reason"] or "", ids.get(row["key"]) if from_bc else row["target_id"]
    number = key if from_bc else row["target_no"] or ""
    state: State = {"flow": work.flow.id.upper(), "sourceKey": key, "recordKind": kind}
    state |= {"recordNumber": number[:NUMBER_LENGTH], "direction": DIRECTIONS[work.flow.target]}
    state |= {"result": RESULTS.get(row["state"], WAITING), "reasonCode": reason}
    state |= {"message": REASONS.get(reason, "")[:MESSAGE_LENGTH], "happenedAt": row["moved_at"].isoformat()}
    return state | ({"recordId": own} if own else {})


def _said(state: State) -> str:
    return json.dumps([state[name] for name in COMPARED])


def _ids(work: Work, keys: list[str]) -> dict[str, str]:
    """The ids of staged records of Business Central, by key."""
    staging = work.connected.staging
    if "id" not in staging.fields:
        return {}
    with work.store.open() as connection:
        rows = rows_of(connection, f"SELECT _key, id FROM {quote(staging.name)} WHERE list_contains(?, _key)", [keys])
    return {row["_key"]: row["id"] for row in rows if row["id"]}


def _told(work: Work) -> dict[str, Row]:
    """What was told of the records that were not done, by key."""
    with work.store.open() as connection:
        renew_table(connection, TOLD, TOLD_STATE)
        return {row["key"]: row for row in rows_of(connection, f"FROM {TOLD}")}


def _note(work: Work, states: Mapping[str, State], written: Mapping[str, Row]) -> None:
    """Keeps what was told of records that are not done, and forgets the others.

    Args:
        written: the row there of each state that was taken, by key.
    """
    kept = [
        {"part": work.flow.main, "key": key, "id": row["id"], "etag": row["@odata.etag"], "said": _said(states[key])}
        for key, row in written.items()
        if states[key]["result"] != DONE
    ]
    with work.store.transaction() as connection:
        connection.execute(f"DELETE FROM {TOLD} WHERE list_contains(?, key)", [list(written)])
        insert_rows(connection, TOLD, TOLD_STATE, kept)


def _write(app: BusinessCentral, states: Mapping[str, State], told: Mapping[str, Row]) -> dict[str, Row]:
    """Writes states; gives the row there of each that was taken.

    What is refused is looked up: it was told before, and nobody here knows it, or its row was deleted or changed.
    """
    known = {key: (row["id"], row["etag"]) for key, row in told.items()}
    results = app.run([_operation(key, state, known.get(key)) for key, state in states.items()])
    refused = [one.id for one in results if one.status not in TAKEN]
    if refused:
        found = app.find(SET, "sourceKey", {states[key]["sourceKey"] for key in refused}, False)
        rows = [one for some in found.values() for one in some if one["flow"] == states[refused[0]]["flow"]]
        there = {row["sourceKey"]: (row["id"], row["@odata.etag"]) for row in rows}
        results = [one for one in results if one.status in TAKEN]
        results += app.run([_operation(key, states[key], there.get(states[key]["sourceKey"])) for key in refused])
    left = [one for one in results if one.status not in TAKEN]
    if left:
        words = "%d of the states were not told to Business Central (status %d)"
        log.warning(words, len(left), left[0].status)
    return {one.id: one.body for one in results if one.status in TAKEN}


def _operation(key: str, state: State, there: tuple[str, str] | None) -> Operation:
    if there is None:
        return Operation(key, "POST", SET, state)
    changed = {name: value for name, value in state.items() if name not in ("flow", "sourceKey")}
    return Operation(key, "PATCH", f"{SET}({there[0]})", changed, there[1])


PERSONAL = (PersonalTable(TOLD, "keyed"),)
"""What this table holds of people (staging/people/personal.py)."""
