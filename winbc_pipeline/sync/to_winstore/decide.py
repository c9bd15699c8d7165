"""Decides what happens to one record that goes to Winstore: send it, leave it, or hold it for a person.

Source: exactly_once.md section 3, "Back to Winstore". An order that may have arrived is never sent again, unless
Winstore says that it does not have the order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ... import clock
from ...staging.ledger import State
from ...staging.store import Row
from ...systems.business_central.amounts import cents, tolerance, total_with_tax
from ...systems.winstore import Winstore
from ...systems.winstore.writing import first_field_not_in_xml
from ..connected import ConnectedFlow
from ..flow import Flow
from ..outcomes import IGNORED, broken_rule, is_ignored
from ..part import Part
from ..payloads import empty, fields_of, filled
from ..records.decision import Decision

STATES = ("released", "partly shipped", "shipped", "invoiced", "cancelled")
"""What Business Central has done with an order, in the order in which a status may go."""
# Fields of a position of Winstore, by the names that they have on a line of Business Central.
AS_IN_BC = {
    "quantity": "amount",
    "unitPrice": "single_price",
    "discountPercent": "reduction",
    "vatPercent": "vatrate",
}
HELD = (State.NEEDS_HUMAN, State.DUPLICATE)  # states that only a person ends
LOOK_BACK = timedelta(days=1)  # before the earliest lost call: the two clocks may differ


def lines_of(flow: Flow) -> Part | None:
    """The part whose records are the lines of the main part's records; None for a flow without lines."""
    return next((part for part in flow.parts if part.parent == flow.main), None)


def body_of(row: Row) -> dict[str, Any]:
    """What is sent of a record: its fields, and the fields of its lines, without empty ones."""
    fields, *lines = (filled(fields_of(text)) for text in (row["creates"], *row["lines"]))
    return {"fields": fields, "lines": lines}


class Decider:
    """Decides the records of a flow's main part.

    Args:
        taken: the key of the record that has an order number in Winstore, or may have it, by the number.
        there: the state of orders in Winstore now, each one of STATES, by order number. An order of which nothing is
            known is left out.
        in_doubt: the records that may have been sent although the ledger does not know it, by key, with the earliest
            moment at which they may have been: the ledger was restored from a backup.
    """

    def __init__(
        self,
        connected: ConnectedFlow,
        target: Winstore,
        taken: Mapping[str, str],
        there: Mapping[str, str],
        in_doubt: Mapping[str, datetime],
    ) -> None:
        flow, settings = connected.flow, connected.settings
        self.part, self.lines = flow.part(flow.main), lines_of(flow)
        self.settings, self.target = settings, target
        self.there, self.in_doubt = there, in_doubt
        self.look_up = settings.orders_to_winstore.look_up
        self.taken = dict(taken)
        self.counted: tuple[datetime, Counter[str]] | None = None  # since when Winstore's orders were counted

    def decide_all(self, rows: list[Row]) -> Iterator[tuple[Row, Decision]]:
        """Gives each row with its decision. Winstore is asked once about the orders whose answer was lost.

        Args:
            rows: mapped records with lines and with what the ledger knows (plan.py); all, or some at a time.
        """
        if self.part.repeatable:
            yield from ((row, self._absolute(row)) for row in rows)
            return
        rows = [self._as_lost(row) if row["_key"] in self.in_doubt else _edited_since(row) for row in rows]
        there = self._there([row for row in rows if row["state"] == State.UNKNOWN])
        yield from ((row, self._once(row, there)) for row in rows)

    def _as_lost(self, row: Row) -> Row:
        """A record that may have been sent, as one whose answer was lost; one that would not be sent stays as it is."""
        if row["state"] in HELD or _is_left(row) or self._refused(row):
            return row
        number = fields_of(row["creates"])["ordernr"]
        return row | {"state": State.UNKNOWN, "intent_at": self.in_doubt[row["_key"]], "target_no": number}

    def _there(self, unknown: list[Row]) -> Counter[str]:
        """How many orders Winstore has under each number; empty when Winstore cannot tell."""
        if self.look_up == "none" or not unknown:
            return Counter()
        since = min(row["intent_at"] for row in unknown) - LOOK_BACK
        if self.counted is None or since < self.counted[0]:
            self.counted = since, self.target.counted(self.part.entity_set, since)
        return self.counted[1]

    def _once(self, row: Row, there: Counter[str]) -> Decision:
        """Decides on a record that must never arrive twice."""
        sent = {"id": row["target_id"], "number": row["target_no"]}
        if _is_left(row):
            return Decision("skip", IGNORED, row["message"], target=sent)
        if row["state"] == State.NEEDS_HUMAN:
            return Decision("hold", "NO_LOOK_UP", row["message"], target=sent)
        if row["state"] == State.DUPLICATE:
            return Decision("hold", "DUPLICATE", target=sent)
        if row["state"] == State.UNKNOWN and (decision := self._lost(row, there, sent)):
            return decision
        if row["target_id"]:
            return self._taken_before(row, sent)
        return self._refused(row) or self._new(row)

    def _lost(self, row: Row, there: Counter[str], sent: dict[str, str]) -> Decision | None:
        """Decides on a record whose answer was lost; None when it may be sent again."""
        if self.look_up == "none":
            return Decision("hold", "NO_LOOK_UP", self._since_backup(row), target=sent)
        number = row["target_no"]
        if there[number] > 1:
            return Decision("hold", "DUPLICATE", f"{there[number]} orders {number} in Winstore", target=sent)
        if there[number]:
            return Decision("adopt", "FOUND", target={"id": number, "number": number})
        if clock.now() < row["intent_at"] + timedelta(minutes=self.settings.quarantine_minutes):
            return Decision("wait", "QUARANTINE", target=sent)
        return None

    def _since_backup(self, row: Row) -> str:
        backup_at = self.in_doubt.get(row["_key"])
        return f"it may have been sent since the backup of {backup_at:%Y-%m-%d %H:%M} UTC" if backup_at else ""

    def _taken_before(self, row: Row, sent: dict[str, str]) -> Decision:
        """Decides on a record that Winstore has taken. Winstore has no call that changes an order."""
        same_source = row["sent_version"] == str(row["_version"])
        only_tables_edited = same_source and row["sent_by"] != row["mapping_version"]
        if row["skip_reason"] or row["sent_hash"] == row["hash"]:
            return Decision("skip", "UNCHANGED", target=sent)
        if only_tables_edited and row["state"] == State.CONFIRMED:
            return Decision("skip", "UNCHANGED", target=sent)
        return Decision("conflict", "CHANGED", target=sent)

    def _new(self, row: Row) -> Decision:
        number = fields_of(row["creates"])["ordernr"]
        owner = self.taken.setdefault(number, row["_key"])
        if owner != row["_key"]:
            return Decision("fail", "TARGET_TAKEN", f"{owner} has order number {number} in Winstore")
        return self._sending("create", row, number)

    def _absolute(self, row: Row) -> Decision:
        """Decides on a record that may arrive twice.

        A status goes forward only, unless its mapping table gives `allow_backwards`.
        """
        if _is_left(row):
            return Decision(
                "skip", IGNORED, row["message"], target={"id": row["target_id"], "number": row["target_no"]}
            )
        if refused := self._refused(row):
            return refused
        if row["target_id"] and row["sent_hash"] == row["hash"]:
            return Decision("skip", "UNCHANGED", target={"id": row["target_id"], "number": row["target_no"]})
        fields = fields_of(row["creates"])
        state = fields.get("state")
        there = self.there.get(fields.get("ordernr", ""))
        later = []
        if _is_before(state, row["target_no"]):  # The ledger keeps the state that was sent last as `target_no`.
            later.append(f"{row['target_no']} was sent")
        if _is_before(state, there):
            later.append(f"Winstore has {there}")
        if later and not fields.get("allow_backwards"):
            message = f"{' and '.join(later)}, {state} comes before it"
            return Decision("skip", "BACKWARDS", message, target={"number": row["target_no"]})
        return self._sending("update", row, state)

    def _refused(self, row: Row) -> Decision | None:
        """Why a record is not sent as it is; None when it can be sent."""
        if row["skip_reason"]:
            return Decision("skip", row["skip_reason"], target={"number": row["target_no"]})
        broken = [(error, self.part) for error in row["errors"]]
        broken += [(error, self.lines) for error in row["line_errors"] or [] if self.lines]
        if broken:
            error, part = broken[0]
            return Decision("fail", "MAPPING", broken_rule(error, part.table))
        body = body_of(row)
        if row["has_lines"] and not body["lines"]:
            return Decision("skip", "NO_LINES")
        if words := self._why_total_differs(body):
            return Decision("fail", "TOTAL", words)
        if name := first_field_not_in_xml(body["fields"], body["lines"]):
            return Decision("fail", "MAPPING", f"{name}: a character that XML cannot carry")
        return None

    def _why_total_differs(self, body: dict[str, Any]) -> str | None:
        """Says in words that the positions of an order do not come to its total; None when they do, or cannot tell."""
        expected, chosen = body["fields"].get("total"), self.settings.orders
        if expected is None or not body["lines"] or chosen.on_total != "fail":
            return None
        lines = [{name: line.get(field) for name, field in AS_IN_BC.items()} for line in body["lines"]]
        total = total_with_tax({}, lines)
        if total is None or abs(total - cents(expected)) <= tolerance(len(lines), chosen.total_tolerance):
            return None
        return f"the positions come to {total} with VAT, the document to {cents(expected)}"

    def _sending(self, action: str, row: Row, number: str | None) -> Decision:
        body = body_of(row)
        fields = {name: value for name, value in body["fields"].items() if name not in self.part.own_fields}
        body["fields"] = fields
        changes = [{"field": name, "old": None, "new": value} for name, value in fields.items() if not empty(value)]
        target = {"id": row["target_id"], "number": number}
        return Decision(action, body=body, changes=changes, target=target)


def _is_left(row: Row) -> bool:
    """Whether a person has left this version of the record as it is."""
    return is_ignored(row["state"], row["reason"]) and row["sent_version"] == str(row["_version"])


def _edited_since(row: Row) -> Row:
    """An order that a person has left, and that was edited since then, as a lost one where it may have arrived."""
    is_edited = is_ignored(row["state"], row["reason"]) and not _is_left(row)
    return row | {"state": State.UNKNOWN} if is_edited and row["target_no"] and not row["target_id"] else row


def _is_before(state: str | None, sent: str | None) -> bool:
    """Whether a state comes before another one; False when either is unknown."""
    return state in STATES and sent in STATES and STATES.index(state) < STATES.index(sent)
