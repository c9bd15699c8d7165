"""Decides what happens to one record of master data, compared with the live target.

Here belongs: skip, create, update, conflict. One field: merge.py. The plan table: plan.py. Sending: push.py.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ... import clock
from ...mapping.compiler import Compiled
from ...staging.ledger import State
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..flow import Part
from ..outcomes import IGNORED, broken_rule, is_ignored
from ..payloads import filled
from .known import KnownRecords
from .merge import Rules, merge
from .references import IdsByCode, with_payloads


@dataclass
class Decision:
    """What is to happen to one record.

    Attributes:
        action: create, update, skip, fail, conflict or wait. For Winstore also adopt and hold.
        reason: its reason code (sync/outcomes.py); message: more of it in words.
        target: the target's record, as far as it is known; empty when there is none.
        body: the fields that are sent.
        changes: the effect for people: dictionaries of field, old and new.
        pair: what the record's pair becomes when this is carried out (JSON); None when nothing is known of it.
    """

    action: str
    reason: str | None = None
    message: str | None = None
    target: Mapping[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    pair: str | None = None


Records = dict[str, list[dict[str, Any]]]  # records of the target, by the value that found them


@dataclass(frozen=True)
class Live:
    """What the target has now for some records.

    Attributes:
        by_id: the target's records by the id that the ledger links to.
        by_field: for each field of `Part.match`: its name, whether case is ignored, and the records by its value.
    """

    by_id: Records
    by_field: list[tuple[str, bool, Records]]


def decide(
    connected: ConnectedFlow,
    part: Part,
    target: BusinessCentral,
    compiled: Compiled,
    rows: list[Row],
    linked: dict[tuple[str, str], str],
) -> list[tuple[Row, Decision]]:
    """Decides mapped records of one part. Looks them up in the target, and writes nothing.

    Args:
        rows: mapped records with the columns of MAPPED and KNOWN (sync/map.py).
        linked: the source's key by part and id of the target's record (`plan.links`). Matches found now are added.

    Returns:
        Each row as `with_payloads` makes it, with its decision.
    """
    ids = IdsByCode(target)
    whole = [with_payloads(row, compiled, ids) for row in rows]
    return Planner(connected, part, target, compiled, linked).decide_all(whole)


def live_targets(
    connected: ConnectedFlow,
    part: Part,
    target: BusinessCentral,
    compiled: Compiled,
    rows: list[Row],
    linked: dict[tuple[str, str], str],
) -> list[Mapping[str, Any]]:
    """What the target has now for each of some records; {} for a record that it does not have.

    Args:
        rows: records as `decide` returns them. A record with errors is looked up like any other.
    """
    whole = [row | {"skip_reason": None, "errors": [], "missing": None} for row in rows]
    found = Planner(connected, part, target, compiled, linked).decide_each(whole)
    return [decision.target for _, decision in found]


class Planner:
    """Decides the records of one part.

    Args:
        compiled: the part's table.
        linked: the source's key by part and id of the target's record. Matches found now are added.
    """

    def __init__(
        self,
        connected: ConnectedFlow,
        part: Part,
        target: BusinessCentral,
        compiled: Compiled,
        linked: dict[tuple[str, str], str],
    ) -> None:
        self.part, self.settings, self.target, self.linked = part, connected.settings, target, linked
        self.records = KnownRecords(connected, part, compiled)
        self.rules = Rules(
            owner=connected.flow.owner(connected.settings),
            fill_empty=compiled.fill_empty,
            fixed=frozenset(part.fixed),
            absolute=part.owns,
        )
        # The number of the record that this run creates, by matching field and value.
        self.claimed: dict[tuple[str, str], str] = {}

    def prepared(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each record from before."""
        return rows if rows and "known" in rows[0] else self.records.added(rows)

    def look_up(self, rows: list[Row]) -> Live:
        """Asks the target what it has for some records. Decides nothing."""
        rows = [row for row in self.prepared(rows) if not self._without_target(row)]
        linked_ids = {row["target_id"] for row in rows if row["target_id"]}
        by_id = self.target.find(self.part.entity_set, "id", linked_ids, False)
        loose = [row["creates"] for row in rows if row["target_id"] not in by_id]

        def matched(field: tuple[str, bool]) -> tuple[str, bool, Records]:
            name, ignore_case = field
            values = {_folded(body[name], ignore_case) for body in loose if body.get(name)}
            return name, ignore_case, self.target.find(self.part.entity_set, name, values, ignore_case)

        with ThreadPoolExecutor(len(self.part.match)) as pool:
            return Live(by_id, list(pool.map(matched, self.part.match)))

    def decide_all(self, rows: list[Row], live: Live | None = None) -> list[tuple[Row, Decision]]:
        """Decides records; refuses updates after which two records of the target would be alike.

        Args:
            live: what the target has for these records at least. It is looked up when it is not given.
        """
        return self._without_taken(self.decide_each(rows, live))

    def decide_each(self, rows: list[Row], live: Live | None = None) -> list[tuple[Row, Decision]]:
        """Decides each record by itself. The arguments are those of `decide_all`."""
        rows = self.prepared(rows)
        there = live or self.look_up(rows)
        return [(row, self._without_target(row) or self._against_target(row, there)) for row in rows]

    def _without_taken(self, decided: list[tuple[Row, Decision]]) -> list[tuple[Row, Decision]]:
        """Fails each update that would give a record the e-mail of another record.

        Both records would match the same customer from then on. The first field of `Part.match` is the number, which
        the target itself keeps unique.
        """
        for name, ignore_case in self.part.match[1:]:
            wanted = {
                index: _folded(decision.body[name], ignore_case)
                for index, (_, decision) in enumerate(decided)
                if decision.action == "update" and decision.body.get(name)
            }
            live = self.target.find(self.part.entity_set, name, wanted.values(), ignore_case)
            times = Counter(wanted.values())
            for index, value in wanted.items():
                row, decision = decided[index]
                owner = _other_owner(live.get(value, []), decision.target["id"])
                if owner is None and times[value] > 1:
                    owner = "another record of this run"
                if owner is not None:
                    decided[index] = (row, Decision("fail", "TARGET_TAKEN", f"{owner} has this {name}"))
        return decided

    def _without_target(self, row: Row) -> Decision | None:
        """What is decided without a look at the target."""
        if row["skip_reason"]:
            return Decision("skip", row["skip_reason"])
        if is_ignored(row["state"], row["reason"]) and row["version"] == row["_version"]:
            return Decision("skip", IGNORED, row["message"])
        if row["errors"]:
            return Decision("fail", "MAPPING", broken_rule(row["errors"][0], self.part.table))
        if row["missing"]:
            return Decision("fail", "RELATION_MISSING", row["missing"])
        return None

    def _against_target(self, row: Row, there: Live) -> Decision:
        if row["target_id"] in there.by_id:
            # The link holds, whatever number or e-mail the record has by now.
            return self._update(row, there.by_id[row["target_id"]][0])
        live = self._matching(row["creates"], there)
        if isinstance(live, Decision):
            return live
        if live is None:
            return self._create(row)
        link = (self.part.name, live["id"])
        owner = self.linked.get(link, row["_key"])
        if owner != row["_key"] and not (self.part.shared or self.part.merged_by):
            number = live.get("number", live["id"])
            return Decision(
                "fail", "TARGET_TAKEN", f"{number} in the target is linked to {owner} of the source already"
            )
        self.linked[link] = row["_key"]
        return self._update(row, live)

    def _matching(self, creates: dict[str, Any], there: Live) -> dict[str, Any] | Decision | None:
        """The target's record with the value of the strongest field that finds one; a decision when that is unclear."""
        for name, ignore_case, records in there.by_field:
            value = _folded(creates.get(name) or "", ignore_case)
            if not value:
                continue
            matches = records.get(value, [])
            if len(matches) > 1:
                numbers = ", ".join(sorted(str(each.get("number", each["id"])) for each in matches))
                return Decision("fail", "AMBIGUOUS", f"{len(matches)} records match by {name}: {numbers}")
            if matches:
                return matches[0]
            if (name, value) in self.claimed:
                return self._of_claimed(name, value)
        return None

    def _of_claimed(self, name: str, value: str) -> Decision:
        """What becomes of a record when this run already creates one with the same value."""
        if self.part.shared:
            return Decision("skip", "SHARED", target={"number": self.claimed[name, value]})
        return Decision("fail", "TARGET_TAKEN", f"another record of this run has the same {name}")

    def _create(self, row: Row) -> Decision:
        # With a number of ours the target refuses a second record, so only a record without one has to wait for a
        # lost call (exactly_once.md section 1).
        creates = row["creates"]
        has_number = bool(creates.get(self.part.match[0][0]))
        quarantine = timedelta(minutes=self.settings.quarantine_minutes)
        if row["state"] == State.UNKNOWN and not has_number and clock.now() < row["intent_at"] + quarantine:
            return Decision("wait", "QUARANTINE")
        for name, ignore_case in self.part.match:
            if creates.get(name):
                self.claimed[name, _folded(creates[name], ignore_case)] = str(creates.get("number") or "")
        body = filled(creates)
        changes = [{"field": name, "old": None, "new": value} for name, value in body.items()]
        return Decision("create", body=body, changes=changes, pair=self.records.pair_made(row["known"]))

    def _update(self, row: Row, live: dict[str, Any]) -> Decision:
        known, updates = row["known"], row["updates"]
        merged = merge(updates, live, self.records.moved(known, updates, live), self.rules, _is_newer(row, live))
        if merged.both:
            return Decision("conflict", "BOTH_CHANGED", ", ".join(merged.both), target=live, changes=merged.changes)
        pair = self.records.pair_after(known, merged, live)
        if merged.changes:
            body = {each["field"]: each["new"] for each in merged.changes}
            words = f"changed on both sides, the source's value is sent: {', '.join(merged.overwritten)}"
            message = words if merged.overwritten else None
            return Decision("update", None, message, target=live, body=body, changes=merged.changes, pair=pair)
        if merged.kept:
            return Decision("skip", "DRIFT", ", ".join(merged.kept), target=live, pair=pair)
        return Decision("skip", "UNCHANGED", target=live, pair=pair)


def _is_newer(row: Row, live: Mapping[str, Any]) -> bool:
    """Whether the source's record was modified after the target's; each by the clock of its own system."""
    modified = live.get("lastModifiedDateTime") or live.get("modified")
    if not modified or not row.get("modified_at"):
        return True
    return bool(row["modified_at"] > datetime.fromisoformat(str(modified)))


def _other_owner(records: list[dict[str, Any]], own_id: str) -> str | None:
    """The number of the first record that is not the own one."""
    for record in records:
        if record["id"] != own_id:
            return str(record.get("number", record["id"]))
    return None


def _folded(value: object, ignore_case: bool) -> str:
    """The value of a matching field, as it is compared."""
    return str(value).lower() if ignore_case else str(value)
