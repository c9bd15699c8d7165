"""What is to happen to one record that Winstore is handed: send it, leave it, hold it for a person.

Source: exactly_once.md section 3, "Back to Winstore": an order that may have arrived is never sent again, unless
Winstore says that it has none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from ... import clock
from ...staging.ledger import State
from ...staging.store import Row
from ...systems.winstore import Winstore
from ...systems.winstore.writing import unfit
from ..connected import ConnectedFlow
from ..flow import Flow, Part
from ..outcomes import broken_rule
from ..payloads import empty, fields_of, filled
from ..records.decide import Decision

STATES = ("released", "partly shipped", "shipped", "invoiced", "cancelled")
"""What BC has done with an order, in the order in which a status may run."""
HELD = (State.NEEDS_HUMAN, State.DUPLICATE)
LOOK_BACK = timedelta(days=1)


def lines_of(flow: Flow) -> Part | None:
    """The part whose records go with those of the main part, as their lines."""
    return next((part for part in flow.parts if part.parent == flow.main), None)


def body_of(row: Row) -> dict[str, Any]:
    """A record's fields and its lines, without what is empty."""
    fields, *lines = (filled(fields_of(text)) for text in _texts(row))
    return {"fields": fields, "lines": lines}


def _texts(row: Row) -> list[str]:
    return [row["creates"], *row["lines"]]


class Decider:
    """Decides the records of a flow's main part.

    Args:
        sent: the ledger's rows that have a number in Winstore, or may have it.
        there: what Winstore has of an order now, as one of STATES, by its number; empty where that is not known.
    """

    def __init__(self, connected: ConnectedFlow, target: Winstore, sent: list[Row], there: Mapping[str, str]) -> None:
        flow, settings = connected.flow, connected.settings
        self.part, self.lines, self.settings, self.target = flow.part(flow.main), lines_of(flow), settings, target
        self.there = there
        self.look_up = settings.orders_to_winstore.look_up
        self.taken = {row["target_no"]: row["key"] for row in sent if row["target_id"] or _may_be_there(row)}

    def decide_all(self, rows: list[Row]) -> Iterator[tuple[Row, Decision]]:
        """Each row with its decision; Winstore is asked once, about all whose answer was lost."""
        if self.part.repeatable:
            yield from ((row, self._absolute(row)) for row in rows)
            return
        there = self._there([row for row in rows if row["state"] == State.UNKNOWN])
        yield from ((row, self._once(row, there)) for row in rows)

    def _there(self, unknown: list[Row]) -> Counter[str]:
        """How many orders Winstore has of each number, if it can tell."""
        if self.look_up == "none" or not unknown:
            return Counter()
        return self.target.counted(self.part.entity_set, min(row["intent_at"] for row in unknown) - LOOK_BACK)

    def _once(self, row: Row, there: Counter[str]) -> Decision:
        """A record that must never arrive twice."""
        number = row["target_no"]
        sent = {"id": row["target_id"], "number": number}
        if row["state"] in HELD:
            return Decision("hold", "NO_LOOK_UP" if row["state"] == State.NEEDS_HUMAN else "DUPLICATE", target=sent)
        if row["state"] == State.UNKNOWN:
            if self.look_up == "none":
                return Decision("hold", "NO_LOOK_UP", target=sent)
            if there[number] > 1:
                return Decision("hold", "DUPLICATE", f"{there[number]} orders {number} in Winstore", target=sent)
            if there[number]:
                return Decision("adopt", "FOUND", target={"id": number, "number": number})
            if clock.now() < row["intent_at"] + timedelta(minutes=self.settings.quarantine_minutes):
                return Decision("wait", "QUARANTINE", target=sent)
        if row["target_id"]:
            return self._taken_before(row, sent)
        return self._refused(row) or self._new(row)

    def _taken_before(self, row: Row, sent: dict[str, str]) -> Decision:
        """Winstore has no call that changes an order. With the source as it was, only the tables were edited."""
        edited = row["sent_by"] != row["mapping_version"] and row["sent_version"] == str(row["_version"])
        if row["skip_reason"] or row["sent_hash"] == row["hash"] or (edited and row["state"] == State.CONFIRMED):
            return Decision("skip", "UNCHANGED", target=sent)
        return Decision("conflict", "CHANGED", target=sent)

    def _new(self, row: Row) -> Decision:
        number = fields_of(row["creates"])["ordernr"]
        owner = self.taken.setdefault(number, row["_key"])
        if owner != row["_key"]:
            return Decision("fail", "TARGET_TAKEN", f"{owner} has order number {number} in Winstore")
        return self._sending("create", row, number)

    def _absolute(self, row: Row) -> Decision:
        """A record that may arrive twice. One that tells a state goes forward only, unless its table says otherwise."""
        if refused := self._refused(row):
            return refused
        if row["target_id"] and row["sent_hash"] == row["hash"]:
            return Decision("skip", "UNCHANGED", target={"id": row["target_id"], "number": row["target_no"]})
        fields = fields_of(row["creates"])
        state, there = fields.get("state"), self.there.get(fields.get("ordernr", ""))
        later = [f"{row['target_no']} was sent"] if _is_before(state, row["target_no"]) else []
        later += [f"Winstore has {there}"] if _is_before(state, there) else []
        if later and not fields.get("allow_backwards"):
            message = f"{' and '.join(later)}, {state} comes before it"
            return Decision("skip", "BACKWARDS", message, target={"number": row["target_no"]})
        return self._sending("update", row, state)

    def _refused(self, row: Row) -> Decision | None:
        """Why a record is not sent as it is."""
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
        if name := unfit(body["fields"], body["lines"]):
            return Decision("fail", "MAPPING", f"{name}: a character that XML cannot carry")
        return None

    def _sending(self, action: str, row: Row, number: str | None) -> Decision:
        body = body_of(row)
        body["fields"] = {name: value for name, value in body["fields"].items() if name not in self.part.own_fields}
        changes = [{"field": name, "old": None, "new": value} for name, value in body["fields"].items()]
        target = {"id": row["target_id"], "number": number}
        return Decision(action, body=body, changes=[each for each in changes if not empty(each["new"])], target=target)


def _may_be_there(row: Row) -> bool:
    return row["state"] in (State.SENDING, State.UNKNOWN, *HELD)


def _is_before(state: str | None, sent: str | None) -> bool:
    return state in STATES and sent in STATES and STATES.index(state) < STATES.index(sent)
