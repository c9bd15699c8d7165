"""What is to happen to one record of master data, decided against the live target.

Here belongs: skip, create, update field by field, conflict. The plan table: plan.py. Sending: push.py.
"""

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ... import clock
from ...mapping.compiler import Compiled
from ...settings import Settings
from ...staging.ledger import State
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..flow import Part
from ..outcomes import IGNORED, broken_rule, is_ignored
from ..payloads import empty, equal, field_hashes, filled
from .references import IdsByCode, with_payloads


@dataclass
class Decision:
    """What is to happen to one record: create, update, skip, fail, conflict or wait."""

    action: str
    reason: str | None = None
    message: str | None = None
    target: Mapping[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)


Records = dict[str, list[dict[str, Any]]]  # of the target, by the value that they were found by


@dataclass(frozen=True)
class Live:
    """What the target has of some records: by the id that they were linked to, and by each field that is matched."""

    by_id: Records
    by_field: list[tuple[str, bool, Records]]


def decide(
    part: Part,
    settings: Settings,
    target: BusinessCentral,
    compiled: Compiled,
    rows: list[Row],
    linked: dict[tuple[str, str], str],
) -> list[tuple[Row, Decision]]:
    """What would happen to mapped records of one part, each with its payloads made whole.

    Args:
        rows: columns of MAPPED and KNOWN.
        linked: the source's key by part and id of the target's record.
    """
    ids = IdsByCode(target)
    whole = [with_payloads(row, compiled, ids) for row in rows]
    return Planner(part, settings, target, compiled.fill_empty, linked).decide_all(whole)


def live_targets(
    part: Part, settings: Settings, target: BusinessCentral, rows: list[Row], linked: dict[tuple[str, str], str]
) -> list[Mapping[str, Any]]:
    """What the target has now of records that `decide` made whole, whatever is wrong with them; {} for none."""
    whole = [row | {"skip_reason": None, "errors": [], "missing": None} for row in rows]
    found = Planner(part, settings, target, frozenset(), linked).decide_each(whole)
    return [decision.target for _, decision in found]


class Planner:
    """Decides the records of one part."""

    def __init__(
        self,
        part: Part,
        settings: Settings,
        target: BusinessCentral,
        fill_empty: frozenset[str],
        linked: dict[tuple[str, str], str],
    ) -> None:
        self.part, self.settings, self.target = part, settings, target
        self.fill_empty, self.linked = fill_empty, linked
        self.claimed: dict[tuple[str, str], str] = {}

    def look_up(self, rows: list[Row]) -> Live:
        """What the target has of them; nothing is decided yet."""
        rows = [row for row in rows if not self._without_target(row)]
        linked = {row["target_id"] for row in rows if row["target_id"]}
        by_id = self.target.find(self.part.entity_set, "id", linked, False)
        loose = [row["creates"] for row in rows if row["target_id"] not in by_id]

        def matched(field: tuple[str, bool]) -> tuple[str, bool, Records]:
            name, ignore_case = field
            keys = {_folded(body[name], ignore_case) for body in loose if body.get(name)}
            return name, ignore_case, self.target.find(self.part.entity_set, name, keys, ignore_case)

        with ThreadPoolExecutor(len(self.part.match)) as pool:
            return Live(by_id, list(pool.map(matched, self.part.match)))

    def decide_all(self, rows: list[Row], live: Live | None = None) -> list[tuple[Row, Decision]]:
        return self._without_taken(self.decide_each(rows, live))

    def decide_each(self, rows: list[Row], live: Live | None = None) -> list[tuple[Row, Decision]]:
        """`live`: of these records at least; looked up now when it is not given."""
        there = live or self.look_up(rows)
        return [(row, self._without_target(row) or self._against_target(row, there)) for row in rows]

    def _without_taken(self, decided: list[tuple[Row, Decision]]) -> list[tuple[Row, Decision]]:
        """An update that would give a record the e-mail of another one fails: the two could not be told apart again."""
        for name, ignore_case in self.part.match[1:]:
            wanted = {
                number: _folded(decision.body[name], ignore_case)
                for number, (_, decision) in enumerate(decided)
                if decision.action == "update" and decision.body.get(name)
            }
            live = self.target.find(self.part.entity_set, name, wanted.values(), ignore_case)
            times = Counter(wanted.values())
            for number, value in wanted.items():
                row, decision = decided[number]
                others = [each for each in live.get(value, []) if each["id"] != decision.target["id"]]
                if others or times[value] > 1:
                    owner = others[0].get("number", others[0]["id"]) if others else "another record of this run"
                    decided[number] = (row, Decision("fail", "TARGET_TAKEN", f"{owner} has this {name}"))
        return decided

    def _without_target(self, row: Row) -> Decision | None:
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
        creates, updates = row["creates"], row["updates"]
        if row["target_id"] in there.by_id:  # what it was linked to once, whatever its number or e-mail is now
            return self._update(row, there.by_id[row["target_id"]][0], updates)
        live = None
        for name, ignore_case, records in there.by_field:
            value = _folded(creates.get(name) or "", ignore_case)
            matches = records.get(value, []) if value else []
            if len(matches) > 1:
                numbers = ", ".join(sorted(str(m.get("number", m["id"])) for m in matches))
                return Decision("fail", "AMBIGUOUS", f"{len(matches)} records match by {name}: {numbers}")
            if matches:
                live = matches[0]
                break
            if value and (name, value) in self.claimed and live is None:
                if self.part.shared:
                    return Decision("skip", "SHARED", target={"number": self.claimed[name, value]})
                return Decision("fail", "TARGET_TAKEN", f"another record of this run has the same {name}")
        if live is None:
            return self._create(row, creates)
        owner = self.linked.get((self.part.name, live["id"]), row["_key"])
        if owner != row["_key"] and not (self.part.shared or self.part.merged_by):
            return Decision("fail", "TARGET_TAKEN", f"linked to {owner}")
        self.linked[self.part.name, live["id"]] = row["_key"]
        return self._update(row, live, updates)

    def _create(self, row: Row, creates: dict[str, Any]) -> Decision:
        natural = bool(creates.get(self.part.match[0][0]))
        waits = timedelta(minutes=self.settings.quarantine_minutes)
        if row["state"] == State.UNKNOWN and not natural and clock.now() < row["intent_at"] + waits:
            return Decision("wait", "QUARANTINE")
        for name, ignore_case in self.part.match:
            if creates.get(name):
                self.claimed[name, _folded(creates[name], ignore_case)] = str(creates.get("number") or "")
        body = filled(creates)
        changes = [{"field": name, "old": None, "new": value} for name, value in body.items()]
        return Decision("create", body=body, changes=changes)

    def _update(self, row: Row, live: dict[str, Any], updates: dict[str, Any]) -> Decision:
        base = json.loads(row["field_hashes"]) if row["field_hashes"] else {}
        now = field_hashes(updates)
        changes, both = [], []
        for name, value in updates.items():
            old = live.get(name)
            if value is None or equal(old, value) or (name in self.fill_empty and not empty(old)):
                continue
            target_changed = name in base and field_hashes({name: old})[name] != base[name]
            if target_changed and base[name] == now[name]:
                continue  # only the target changed it: its users keep what they typed
            if target_changed:
                both.append(name)
            changes.append({"field": name, "old": old, "new": value})
        if both:
            return Decision("conflict", "BOTH_CHANGED", ", ".join(both), target=live, changes=changes)
        if not changes:
            return Decision("skip", "UNCHANGED", target=live)
        return Decision("update", target=live, body={c["field"]: c["new"] for c in changes}, changes=changes)


def _folded(value: object, ignore_case: bool) -> str:
    """A matching field's value, as it is compared."""
    return str(value).lower() if ignore_case else str(value)
