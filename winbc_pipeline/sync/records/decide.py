"""Decides what happens to one record of master data, compared with the live target.

Here belongs: skip, create, update, conflict. One field: merge.py. The plan table: plan.py. Sending: push.py.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from ... import clock
from ...mapping.compiler import Compiled
from ...mapping.people import email_keys
from ...staging.ledger import State
from ...staging.pairs import KEYS
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ...systems.winstore.writing import first_field_not_in_xml
from ..connected import ConnectedFlow
from ..flow import Part
from ..outcomes import IGNORED, MAKE_AGAIN, PRIVACY_BLOCKED, TAKEN, broken_rule, is_ignored
from ..payloads import fields_of, filled
from .index import Key
from .known import KnownRecords
from .matching import ByKeys, Found, Target, matching_of
from .merge import Rules, merge
from .privacy import Privacy
from .references import IdsByCode, with_payloads
from .stocked import Stocked
from .winstore_target import NOT_SEEN, WinstoreRecords, is_unseen

OF_PEOPLE = ("customers", "contacts")


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


@dataclass(frozen=True)
class Live:
    """What the target has now for some records.

    Attributes:
        by_id: the target's records by the id that the ledger or the pair links to.
        by_key: the target's records that have each key (matching.py).
    """

    by_id: dict[str, list[dict[str, Any]]]
    by_key: Found

    def records(self) -> Iterator[list[dict[str, Any]]]:
        yield from (*self.by_id.values(), *self.by_key.values())


def decide(
    connected: ConnectedFlow,
    part: Part,
    target: Target,
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
    ids = IdsByCode(target) if isinstance(target, BusinessCentral) else {}
    whole = [with_payloads(row, compiled, ids) for row in rows]
    return Planner(connected, part, target, compiled, linked).decide_all(whole)


def live_targets(
    connected: ConnectedFlow,
    part: Part,
    target: Target,
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
        target: Target,
        compiled: Compiled,
        linked: dict[tuple[str, str], str],
    ) -> None:
        self.part, self.settings, self.target, self.linked = part, connected.settings, target, linked
        self.flow, self.source = connected.flow.id, connected.flow.source
        self.records, self.matching = KnownRecords(connected, part, compiled), matching_of(connected, part, target)
        self.rules = Rules(
            owner=connected.flow.owner(connected.settings),
            owners=compiled.owners,
            fill_empty=compiled.fill_empty,
            fixed=frozenset(part.fixed),
            kind=part.kind,
            absolute=part.owns,
        )
        # The flow of orders asks by itself, because an order must not go to a default customer either.
        asks = part.entity_set in OF_PEOPLE and isinstance(target, BusinessCentral) and not connected.flow.document
        self.privacy = Privacy(target) if asks and isinstance(target, BusinessCentral) else None
        self.stocked = Stocked(target) if part.owns else None
        # The number of the record that this run creates, by its keys.
        self.claimed: dict[Key, str] = {}
        self.paired: dict[str, Row] = {}  # the pairs of the target's records that were looked up, by their id
        self.ids: Iterator[int] | None = None  # the ids that are left for new records

    def prepared(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each record from before."""
        return rows if rows and "known" in rows[0] else self.records.added(rows)

    def look_up(self, rows: list[Row]) -> Live:
        """Asks the target what it has for some records. Decides nothing."""
        rows = [row for row in self.prepared(rows) if not self._without_target(row)]
        linked_ids = {row["target_id"] for row in rows if row["target_id"]}
        by_id = self.target.find(self.part.entity_set, "id", linked_ids, False) if linked_ids else {}
        loose = [row for row in rows if row["target_id"] not in by_id]
        return Live(by_id, self.matching.find({key for row in loose for key in self._keys(row)}))

    def _keys(self, row: Row) -> list[Key]:
        return self.matching.keys(self._wanted(row), fields_of(row.get("source") or "{}"))

    def _wanted(self, row: Row) -> dict[str, Any]:
        """The fields of the record as it would be made. One that was lost has the id that it was given then."""
        own_id = self.part.match[0][0]
        creates: dict[str, Any] = row["creates"]
        if self.part.keys and row["target_no"] and not creates.get(own_id):
            return creates | {own_id: row["target_no"]}
        return creates

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
        matched = {each["id"] for found in there.by_key.values() for each in found}
        self.paired |= self.records.pairs_of(self.records.flow.target, matched)
        if self.stocked:
            self.stocked.look_up(record for found in there.records() for record in found)
        if self.privacy and self.part.keys:
            self.privacy.look_up(record for found in there.records() for record in found)
        return [(row, self._sendable(self._without_target(row) or self._against_target(row, there))) for row in rows]

    def _sendable(self, decision: Decision) -> Decision:
        """The decision, unless the target's format cannot carry a value."""
        name = first_field_not_in_xml(decision.body, []) if isinstance(self.target, WinstoreRecords) else None
        return Decision("fail", "MAPPING", f"{name}: a character that XML cannot carry") if name else decision

    def _without_taken(self, decided: list[tuple[Row, Decision]]) -> list[tuple[Row, Decision]]:
        """Fails each update that would give a record the e-mail of another record.

        Both records would match the same customer from then on.
        """
        wanted: dict[int, list[Key]] = {}
        for index, (_, decision) in enumerate(decided):
            if decision.action == "update":
                given = [key for key in self.matching.keys(decision.body) if key[0] in self.matching.unique]
                wanted |= {index: given} if given else {}
        live = self.matching.find({key for keys in wanted.values() for key in keys})
        times = Counter(key for keys in wanted.values() for key in keys)
        for index, keys in wanted.items():
            row, decision = decided[index]
            for key in keys:
                owner = _other_owner(live.get(key, []), decision.target["id"])
                if owner is None and times[key] > 1:
                    owner = "another record of this run"
                if owner is not None:
                    decided[index] = (row, Decision("fail", "TARGET_TAKEN", f"{owner} has this {key[0]}"))
        return decided

    def _without_target(self, row: Row) -> Decision | None:
        """What is decided without a look at the target."""
        if row["skip_reason"]:
            return Decision("skip", row["skip_reason"])
        if is_ignored(row["state"], row["reason"]) and row["version"] == row["_version"]:
            return Decision("skip", IGNORED, row["message"])
        if row["known"].waits:
            return Decision("wait", "OTHER_DIRECTION")
        if row["errors"]:
            return Decision("fail", "MAPPING", broken_rule(row["errors"][0], self.part.table))
        if row["missing"]:
            return Decision("fail", "RELATION_MISSING", row["missing"])
        return None

    def _against_target(self, row: Row, there: Live) -> Decision:
        if row["target_id"] in there.by_id:
            # The link holds, whatever number or e-mail the record has by now.
            return self._update(row, there.by_id[row["target_id"]][0])
        live = self._matching(row, there)
        if isinstance(live, Decision):
            return live
        if live is None:
            return self._missing(row)
        if owner := self._partner_of(row, live):
            number = live.get("number", live["id"])
            return Decision(
                "fail", "TARGET_TAKEN", f"{number} in the target is linked to {owner} of the source already"
            )
        self.linked[self.part.name, live["id"]] = row["_key"]
        if row["target_id"]:  # The record that it knew is gone; this one has its key.
            row = row | {"known": row["known"].met_anew()}
        return self._update(row, live)

    def _partner_of(self, row: Row, live: Mapping[str, Any]) -> str | None:
        """The key of another record of the source whose partner a record of the target is; None when it is free."""
        if self.part.shared or self.part.merged_by:
            return None
        known, pair = row["known"], self.paired.get(live["id"])
        if pair and pair[KEYS[self.source]] not in (known.own, known.before):
            return str(pair["bc_no" if self.source == "bc" else KEYS[self.source]])
        linked = self.linked.get((self.part.name, live["id"]), row["_key"])
        return linked if linked != row["_key"] else None

    def _matching(self, row: Row, there: Live) -> dict[str, Any] | Decision | None:
        """The target's record with the strongest key that finds one; a decision when that is unclear."""
        for kind, keys in groupby(self._keys(row), key=itemgetter(0)):
            own = list(keys)  # one field may hold several addresses
            matches = {each["id"]: each for key in own for each in there.by_key.get(key, [])}
            if len(matches) > 1:
                numbers = ", ".join(sorted(str(each.get("number", each["id"])) for each in matches.values()))
                return Decision("fail", "AMBIGUOUS", f"{len(matches)} records match by {kind}: {numbers}")
            if matches:
                return next(iter(matches.values()))
            if claimed := [key for key in own if key in self.claimed]:
                return self._of_claimed(claimed[0])
        return None

    def _of_claimed(self, key: Key) -> Decision:
        """What becomes of a record when this run already creates one with the same key."""
        if self.part.shared:
            return Decision("skip", "SHARED", target={"number": self.claimed[key]})
        return Decision("fail", "TARGET_TAKEN", f"another record of this run has the same {key[0]}")

    def _missing(self, row: Row) -> Decision:
        """Decides on a record that the target does not have."""
        if not self.part.creates:
            return Decision("skip", self.part.missing)
        may_come_back = self.part.shared or self.part.merged_by or row["reason"] == MAKE_AGAIN
        if row["target_id"] and not may_come_back:
            return Decision("conflict", "DELETED_THERE", target={"id": row["target_id"], "number": row["target_no"]})
        return self._create(row)

    def _create(self, row: Row) -> Decision:
        # With a number of ours the target refuses a second record, so only a record without one has to wait for a
        # lost call (exactly_once.md section 1).
        creates, own_id = self._wanted(row), self.part.match[0][0]
        if self._is_private(creates, {}):
            return Decision("skip", PRIVACY_BLOCKED)
        if row["known"].held and not row["known"].pair:
            return Decision("wait", "OTHER_DIRECTION")
        if self.part.keys and not creates.get(own_id):
            if not (number := self._new_id()):
                first, last = self.part.keys.new_ids(self.settings)
                return Decision("fail", "NO_ID_LEFT", f"{first} to {last} are used up")
            creates = creates | {own_id: number}
        quarantine = timedelta(minutes=self.settings.quarantine_minutes)
        if row["state"] == State.UNKNOWN and not creates.get(own_id) and clock.now() < row["intent_at"] + quarantine:
            return Decision("wait", "QUARANTINE")
        number = str(creates.get(own_id) or "")
        self.claimed |= dict.fromkeys(self.matching.keys(creates), number)
        body = filled(creates)
        changes = [{"field": name, "old": None, "new": value} for name, value in body.items()]
        target = {"number": number} if self.part.keys else {}
        return Decision("create", target=target, body=body, changes=changes, pair=self.records.pair_made(row["known"]))

    def _new_id(self) -> str | None:
        """An id for a new record that brings none."""
        if not isinstance(self.matching, ByKeys) or not self.part.keys:
            return None
        if self.ids is None:
            first, last = self.part.keys.new_ids(self.settings)
            self.ids = iter(range(self.matching.first_free_id(first, last, self.records.numbers_given()), last + 1))
        number = next(self.ids, None)
        return None if number is None else str(number)

    def _update(self, row: Row, live: dict[str, Any]) -> Decision:
        known, updates = row["known"], self._meant(row["updates"])
        if self._is_private(row["creates"], live):
            return Decision("skip", PRIVACY_BLOCKED, target=live)
        if self.stocked and (reason := self.stocked.refusal(live)):
            return Decision("skip", reason, target=live)
        if live.get("blocked") == "All" and self.part.keys:
            return Decision("skip", "BLOCKED", target=live)
        if is_unseen(live) and not known.target:
            return self._create(row) if _is_own_lost(row, live) else Decision("wait", "UNSEEN", target=live)
        answered = self.records.hashes(known, live)
        moved = self.records.moved(known, live, answered)
        # What a lost call has made holds what the source had then; nobody else has made it.
        rules = replace(self._rules_of(row), owner="source") if _is_own_lost(row, live) else self._rules_of(row)
        merged = merge(updates, live, moved, rules, _is_newer(row, live))
        if merged.both:
            words = f"{', '.join(merged.both)}; `winbc resolve {row['_key']} --flow {self.flow} --take winstore` or bc"
            return Decision("conflict", "BOTH_CHANGED", words, target=live, changes=merged.changes)
        bc_no = row["_key"] if self.source == "bc" else str(live.get("number") or live.get("code") or "")
        pair = self.records.pair_after(known, merged, answered, bc_no)
        if is_unseen(live):
            merged.changes = [each | {"old": NOT_SEEN} for each in merged.changes]
        if merged.changes:
            body = {each["field"]: each["new"] for each in merged.changes}
            words = f"changed on both sides, the source's value is sent: {', '.join(merged.overwritten)}"
            message = words if merged.overwritten else None
            return Decision("update", None, message, target=live, body=body, changes=merged.changes, pair=pair)
        if merged.kept:
            return Decision("skip", "DRIFT", ", ".join(merged.kept), target=live, pair=pair)
        return Decision("skip", "UNCHANGED", target=live, pair=pair)

    def _meant(self, updates: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of an update without those that are about something else in a record of this kind."""
        if not updates.get(self.part.kind):
            return updates
        return {name: value for name, value in updates.items() if name not in self.part.lone}

    def _is_private(self, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether the person of a record is blocked for privacy in Business Central."""
        if self.privacy is None:
            return False
        names = [str(wanted.get("number") or ""), *email_keys(str(wanted.get("email") or ""))]
        return bool(live.get("privacyBlocked")) or self.privacy.is_blocked(live, names)

    def _rules_of(self, row: Row) -> Rules:
        """The part's rules, or what a person decided for this record (`winbc resolve --take`)."""
        taken = TAKEN.get(row["reason"] or "")
        return replace(self.rules, owner=taken, owners={}, fixed=frozenset(), kind="") if taken else self.rules


def _is_own_lost(row: Row, live: Mapping[str, Any]) -> bool:
    """Whether a record of the target is the one that a lost call was to make: it has the number that was given then."""
    return bool(row["known"].lost and not row["target_id"] and live.get("number") == row["target_no"])


def _is_newer(row: Row, live: Mapping[str, Any]) -> bool:
    """Whether the source's record was modified after the target's; each by the clock of its own system."""
    modified = live.get("lastModifiedDateTime") or live.get("modified")
    if not modified or not row.get("modified_us"):
        return True
    return bool(row["modified_us"] > datetime.fromisoformat(str(modified)).timestamp() * 1_000_000)


def _other_owner(records: list[dict[str, Any]], own_id: str) -> str | None:
    """The number of the first record that is not the own one."""
    for record in records:
        if record["id"] != own_id:
            return str(record.get("number", record["id"]))
    return None
