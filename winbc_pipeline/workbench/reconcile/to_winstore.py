"""Compares orders and statuses of Business Central with what Winstore answers when it is asked for all of its own.

Of an order: whether it is there, once, and its total. Winstore's own orders are none of the flow's business.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from ...errors import NotDone
from ...staging.store import Row, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.payloads import fields_of
from ...sync.records.decision import Decision
from ...sync.to_winstore.decide import Decider
from ...sync.to_winstore.plan import due, states_by_word
from ...systems.business_central.amounts import cents
from ...systems.business_central.client import dumps
from .findings import DIFFERENT, HELD, LEFT, MISSING_RIGHT, SAME
from .scratch import EVER, Scratch
from .target import WholeWinstore, add_listed, note_unmatched

NEVER_SENT = dict.fromkeys(("state", "target_id", "target_no", "sent_hash", "sent_version"))
There = Mapping[str, list[Row]]  # what Winstore has, by order number


def can_compare(connected: ConnectedFlow) -> bool:
    """Whether anybody has said that a call of Winstore tells which orders it has. Statuses it tells."""
    is_status = connected.flow.part(connected.flow.main).repeatable
    return is_status or connected.settings.orders_to_winstore.look_up != "none"


def compare(scratch: Scratch) -> None:
    """Reads what Winstore has and compares all records with it.

    Raises: NotDone for orders, when no call of Winstore tells which it has.
    """
    part = scratch.connected.flow.part(scratch.connected.flow.main)
    if not can_compare(scratch.connected):
        hint = "Set `orders_to_winstore.look_up` once you know that its call gives orders that were posted."
        raise NotDone("Nobody has said that Winstore tells which orders it has.", hint)
    target = WholeWinstore(scratch)
    try:
        if not scratch.is_done("copy"):
            target.read(part.entity_set)
            scratch.note("copy")
        _compare(scratch, target, None)
    finally:
        target.close()


def compare_again(scratch: Scratch, keys: Sequence[tuple[str, str]]) -> None:
    """Compares some records anew, by part and key."""
    flow = scratch.connected.flow
    target = WholeWinstore(scratch)
    try:
        target.read_changes(flow.part(flow.main).entity_set)
        _compare(scratch, target, {key for part, key in keys if part == flow.main})
        if not flow.part(flow.main).repeatable:
            _list(scratch, target)
            note_unmatched(scratch)
    finally:
        target.close()


def _compare(scratch: Scratch, target: WholeWinstore, keys: set[str] | None) -> None:
    connected = scratch.connected
    flow = connected.flow
    there = _there(target, flow.part(flow.main).entity_set)
    with connected.store.open() as connection:
        rows = [row | NEVER_SENT for row in rows_of(connection, due(flow), list(EVER))]
    decider = Decider(connected, target.winstore, {}, _states(scratch, there), {})
    decided = decider.decide_all([row for row in rows if keys is None or row["_key"] in keys])
    results = [_row(flow.main, row, decision, there) for row, decision in decided]
    partners = [{"entity_set": flow.main, "id": None, "number": each["number"].lower()} for each in results]
    scratch.keep("", "", results, partners)


def _there(target: WholeWinstore, entity: str) -> There:
    """What Winstore has, by order number, one row for each order: its lines repeat it."""
    found: dict[str, dict[tuple[str, ...], Row]] = {}
    profile = target.winstore.profile.entity(entity)
    names = (*profile.identity, "total") if "total" in profile.fields else ("status",)
    for row in target.rows(entity):
        found.setdefault(str(row["ordernr"]), {})[tuple(str(row[name]) for name in names)] = row
    return {number: list(rows.values()) for number, rows in found.items()}


def _states(scratch: Scratch, there: There) -> dict[str, str]:
    """The states that Winstore's statuses stand for, by order number."""
    if not scratch.connected.flow.target_state_from:
        return {}
    states = states_by_word(scratch.connected)
    found = {number: states.get(str(rows[0]["status"]).lower()) for number, rows in there.items()}
    return {number: state for number, state in found.items() if state}


def _row(part: str, row: Row, decision: Decision, there: There) -> Row:
    fields = fields_of(row["creates"])
    number = str(fields.get("ordernr") or "")
    kind, reason, message, changes = _judged(fields, decision, there.get(number, []))
    return {
        "part": part,
        "key": row["_key"],
        "kind": kind,
        "number": number,
        "reason": reason,
        "message": message,
        "changes": dumps(changes).decode() if changes else None,
        "target_id": number if number in there else None,
        "window": row["_window"],
        "version": row["_version"],
    }


def _judged(
    fields: Mapping[str, str | None], decision: Decision, found: list[Row]
) -> tuple[str, str | None, str | None, list[Row]]:
    """Kind, reason, message and changes of a record."""
    reason, message = decision.reason, decision.message
    if decision.action == "skip":
        return LEFT, reason, message, []
    if len(found) > 1:
        return HELD, "DUPLICATE", f"{len(found)} orders have this number in Winstore", []
    if not found:
        return MISSING_RIGHT, reason, message, []
    name = "total" if "total" in fields else "status"
    old, new = found[0][name], fields.get(name)
    if _same(old, new):
        return SAME, None, None, []
    return DIFFERENT, reason, message, [{"field": name, "old": old, "new": new}]


def _same(old: str | None, new: str | None) -> bool:
    """Whether two amounts are the same to the cent, or two words are the same."""
    try:
        return cents(Decimal(old or "")) == cents(Decimal(new or ""))
    except InvalidOperation:
        return str(old or "").strip().lower() == str(new or "").strip().lower()


def _list(scratch: Scratch, target: WholeWinstore) -> None:
    """Notes the orders in Winstore that the ledger knows as sent."""
    flow = scratch.connected.flow
    with scratch.connected.store.open() as connection:
        connection.execute("DELETE FROM listed")
        sent = connection.execute(
            "SELECT DISTINCT target_id FROM ledger WHERE part = ? AND target_id IS NOT NULL", [flow.main]
        ).fetchall()
    there = _there(target, flow.part(flow.main).entity_set)
    own = {"part": flow.main, "entity_set": flow.main}
    rows = [own | {"id": number, "number": number.lower()} for (number,) in sent if number in there]
    add_listed(scratch, "list", rows, "", is_done=True)
