"""Tells people in Business Central what became of the records of a run: the list "Winstore: skipped and failed".

They do not look at a page on another computer. Written are records that are not done, and those that were not done when
the run before told of them: a first load of a catalogue would else write every item twice. The texts are those of the
reason codes, so they hold nothing about a person. Not here: what a record's outcome is (ledger).
"""

import logging
from collections.abc import Iterator
from typing import Any

from ..errors import WinbcError
from ..staging import ledger
from ..staging.store import Row
from ..systems.business_central import BusinessCentral, Operation
from ..systems.business_central.companion import app_client, capabilities
from .outcomes import REASONS
from .work import Work

SET, KEY_LENGTH, MESSAGE_LENGTH = "syncStates", 50, 250
DONE = "Done"
RESULTS = {"CONFIRMED": DONE, "SKIPPED": "Skipped", "FAILED": "Failed", "UNKNOWN": "Failed", "DUPLICATE": "Failed"}
WAITING = "Waiting"  # for a person, or for an approval
KINDS = {
    "items": "Item",
    "customers": "Customer",
    "salesOrders": "Sales_x0020_Order",
    "salesInvoices": "Sales_x0020_Invoice",
    "orderRequests": "Sales_x0020_Order",  # one that was lost on its way
}
FROM_WINSTORE = "From_x0020_Winstore"
COMPARED = ("result", "reasonCode", "message", "recordNumber")
log = logging.getLogger(__name__)


def tell(work: Work) -> None:
    """Writes what became of the records that the run moved. A run never fails because of it."""
    bc = work.settings.bc
    if not bc.sync_states or bc.companion_app == "off" or work.flow.target != "bc":
        return
    try:
        _tell(work)
    except WinbcError as error:
        log.warning("What became of the records was not told to Business Central: %s", error)
    except Exception as error:  # noqa: BLE001 - such as an answer of another form; its text may quote a value
        log.warning("What became of the records was not told to Business Central: %s", type(error).__name__)


def _tell(work: Work) -> None:
    rows = ledger.read(work.store, "run_id = ? AND part = ?", [work.run_id, work.flow.main])
    states = {state["sourceKey"]: state for state in map(_state, rows, [work] * len(rows)) if state}
    if not states:
        return
    app = app_client(work.settings)
    try:
        if capabilities(app).can(SET, write=True):
            _write(app, work.flow.id.upper(), states)
    finally:
        app.close()


def _state(row: Row, work: Work) -> dict[str, Any] | None:
    """What is told of a ledger row; None for a key that is too long to be told of."""
    key = str(row["key"]).upper()
    kind = KINDS.get(str(row["target_set"] or work.flow.part(work.flow.main).entity_set))
    if len(key) > KEY_LENGTH or kind is None:
        return None
    reason = row["reason"] or ""
    state: dict[str, Any] = {"flow": work.flow.id.upper(), "sourceKey": key, "recordKind": kind}
    state |= {"recordNumber": row["target_no"] or "", "direction": FROM_WINSTORE}
    state |= {"result": RESULTS.get(row["state"], WAITING), "reasonCode": reason}
    state |= {"message": REASONS.get(reason, "")[:MESSAGE_LENGTH], "happenedAt": row["moved_at"].isoformat()}
    return state | ({"recordId": row["target_id"]} if row["target_id"] else {})


def _write(app: BusinessCentral, flow: str, states: dict[str, dict[str, Any]]) -> None:
    found = app.find(SET, "sourceKey", states, False)
    there = {key: one for key, several in found.items() for one in several if one["flow"] == flow}
    operations = list(_operations(states, there))
    for start in range(0, len(operations), app.batch_size):
        refused = [one for one in app.batch(operations[start : start + app.batch_size]) if one.status not in (200, 201)]
        if refused:
            words = "%d of the states were not told to Business Central (status %d)"
            log.warning(words, len(refused), refused[0].status)


def _operations(states: dict[str, dict[str, Any]], there: dict[str, dict[str, Any]]) -> Iterator[Operation]:
    """What has to be written, given what is there. A record that is done and was never told of is not."""
    for key, state in states.items():
        old = there.get(key)
        if old is None and state["result"] != DONE:
            yield Operation(key, "POST", SET, state)
        elif old is not None and any(old[name] != state[name] for name in COMPARED):
            changed = {name: value for name, value in state.items() if name not in ("flow", "sourceKey")}
            yield Operation(key, "PATCH", f"{SET}({old['id']})", changed, old["@odata.etag"])
