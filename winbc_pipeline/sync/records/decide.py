"""Decides what happens to one record of master data, compared with the live target.

Here belongs: skip, create, update, conflict. One field: merge.py. The plan table: plan.py. Sending: push.py.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from ... import clock
from ...mapping.compiler import Compiled
from ...staging.ledger import State
from ...staging.pairs import KEYS
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ...systems.winstore.writing import first_field_not_in_xml
from ..connected import ConnectedFlow
from ..outcomes import IGNORED, MAKE_AGAIN, PRIVACY_BLOCKED, TAKEN, UPDATE_FOLLOWS, broken_rule, is_ignored
from ..part import Part
from ..payloads import fields_of, filled
from .beside import beside_of
from .decision import (
    Decided,
    Decision,
    Live,
    given_by,
    number_of_another,
    signs_of,
    with_swaps,
    without_taken,
)
from .draft import LINKED, Draft, Note, Noted
from .known.known import KnownRecords, is_unfinished
from .known.merge import Rules, merge
from .special import containers
from .special.addresses import kept_elsewhere, meant, without
from .special.parents import Parents, of_another, renamed, with_parents
from .special.privacy import Privacy
from .special.stocked import Stocked
from .target.index import Key
from .target.matching import ByKeys, Target, matching_of
from .target.references import Ids, with_payloads
from .target.winstore_target import NOT_SEEN, WinstoreRecords, is_unseen

OF_PEOPLE = ("customers", "contacts")
MOVED = "MOVED"


class Planner:
    """Decides the records of one part.

    Args:
        compiled: the part's table.
        records: what is known of the records, if that is not what pairs and ledger say.
        draft: the plan that the decisions go into, of a part whose records are decided some at a time.
    """

    def __init__(
        self,
        connected: ConnectedFlow,
        part: Part,
        target: Target,
        compiled: Compiled,
        records: KnownRecords | None = None,
        draft: Draft | None = None,
    ) -> None:
        self.draft = draft
        self.connected, self.part, self.settings, self.target = connected, part, connected.settings, target
        self.compiled, self.beside = compiled, beside_of(connected, compiled, part, target)
        self.flow, self.source = connected.flow.id, connected.flow.source
        self.document = connected.flow.document
        self.records = records or KnownRecords(connected, part, compiled)
        self.matching = matching_of(connected, part, target)
        self.rules = Rules(
            # No edit of a container goes to the source, so none waits for a person.
            owner="source" if part.container else connected.flow.owner(connected.settings),
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
        self.lacks_app = containers.lacking_app(self.beside) if part.container else ""
        # The number of the record that this run creates, and the source's key of it, by its keys.
        self.claimed: dict[Key, Note] = {}
        self.renamed: dict[str, str] = {}  # new parents that may be known ones with another key, in words
        # By the id of each record of the target that keys found: its pair, and the key of the record it is linked to.
        self.paired: dict[str, Row] = {}
        self.linked: dict[str, str] = {}
        # By the key of a record: the source's fields with its keys, if it has no partner, and when it was modified.
        self.sources: dict[str, Row] = {}
        self.modified: dict[str, datetime] = {}
        self.ids: Iterator[int] | None = None  # the ids that are left for new records

    def whole(self, rows: list[Row], ids: Ids, parents: Parents) -> list[Row]:
        """Mapped records as they are decided: with payloads, with their parents' numbers, and with what is missing."""
        whole = [with_payloads(row, self.compiled, ids, self.records.hash_key) for row in rows]
        if self.part.within:
            whole = with_parents(self.connected, self.part, self.target, whole, parents)
        if self.part.container:
            containers.mark_taken(self.connected, whole)
        if self.part.joined:
            containers.leave_out(self.connected, self.part, whole, parents)
        for each in self.beside:
            for row in whole:
                row["missing"] = row["missing"] or each.missing(row)
        return whole

    def noted(self, decided: Decided) -> Noted:
        """What these decisions mean for the records after them, for the draft. The planner itself forgets it.

        Args:
            decided: all that was decided since it was last asked.
        """
        linked = {(LINKED, own): ("", key) for own, key in self.linked.items()}
        noted = Noted(self.claimed | linked, given_by(decided, self.matching), signs_of(decided, self.part.sign))
        self.claimed, self.linked, self.sources, self.modified = {}, {}, {}, {}
        self.records.set_apart = set()
        if self.privacy:
            self.privacy.forget()
        return noted

    def claim(self, made: Collection[Row]) -> None:
        """Notes the keys of planned records of other parts: the article 7 must not become the item of the SKU 7."""
        for row in made:
            keys = self.matching.keys(fields_of(row["body"]))
            self.claimed |= dict.fromkeys(keys, (str(row["target_no"] or ""), f"{row['part']} {row['key']}"))

    def prepared(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each record from before."""
        return rows if rows and "known" in rows[0] else self.records.added(rows)

    def look_up(self, rows: list[Row]) -> Live:
        """Asks the target what it has for some records. Decides nothing."""
        rows = [row for row in self.prepared(rows) if not self._without_target(row)]
        linked_ids = {row["target_id"] for row in rows if row["target_id"]} | self.records.set_apart
        by_id = self.target.find(self.part.entity_set, "id", linked_ids, False) if linked_ids else {}
        loose = [row for row in rows if row["target_id"] not in by_id]
        self.sources |= self.records.staged.keys_of([row["_key"] for row in loose])
        keys = {key for row in loose for key in self._keys(row)}
        live = Live(by_id, self.matching.find(keys))
        if self.draft:
            self.claimed |= self.draft.noted(keys)
        for each in self.beside:
            each.add_to(record for found in live.records() for record in found)
        return live

    def _keys(self, row: Row) -> list[Key]:
        if "keys" not in row:  # asked for the look-up, and again for the decision
            row["keys"] = self.matching.keys(self._wanted(row), self.sources.get(row["_key"], {}))
        keys: list[Key] = row["keys"]
        return keys

    def _wanted(self, row: Row) -> dict[str, Any]:
        """The fields of the record as it would be made. One that was lost has the id that it was given then."""
        own_id = self.part.match[0][0]
        creates: dict[str, Any] = row["creates"]
        if self.part.keys and row["target_no"] and not creates.get(own_id):
            return creates | {own_id: row["target_no"]}
        return creates

    def decide_all(self, rows: list[Row], live: Live | None = None) -> Decided:
        """Decides records; refuses updates after which two records of the target would be alike.

        Args:
            live: what the target has for these records at least. It is looked up when it is not given.
        """
        return without_taken(with_swaps(self.decide_each(rows, live), self.part.sign), self.matching)

    def decide_each(self, rows: list[Row], live: Live | None = None) -> Decided:
        """Decides each record by itself. The arguments are those of `decide_all`."""
        rows = self.prepared(rows)
        self.renamed = renamed(self.connected, self.part, [row["_key"] for row in rows if not row["target_id"]])
        there = live or self.look_up(rows)
        matched = {each["id"] for found in there.by_key.values() for each in found}
        self.paired = self.records.pairs_of(self.records.flow.target, matched)
        self.linked = self.records.links(matched) | self.linked | self._linked_before(matched)
        if self.rules.compares_moments:
            self.modified |= self.records.staged.modified([row["_key"] for row in rows])
        if self.stocked:
            self.stocked.look_up(record for found in there.records() for record in found)
            self.stocked.inner = self.part.inner(self.settings, [row["_key"] for row in rows if not row["target_id"]])
        if self.privacy and self.part.keys:
            self.privacy.look_up(record for found in there.records() for record in found)
        return [(row, self._sendable(self._without_target(row) or self._against_target(row, there))) for row in rows]

    def _linked_before(self, matched: Collection[str]) -> dict[str, str]:
        """The keys of the records that the draft has linked to records of the target, by the id there."""
        found = self.draft.noted([(LINKED, own) for own in matched]) if self.draft else {}
        return {own: key for (_, own), (_, key) in found.items()}

    def _sendable(self, decision: Decision) -> Decision:
        """The decision, unless the target's format cannot carry a value."""
        name = first_field_not_in_xml(decision.body, []) if isinstance(self.target, WinstoreRecords) else None
        return Decision("fail", "MAPPING", f"{name}: a character that XML cannot carry") if name else decision

    def _without_target(self, row: Row) -> Decision | None:
        """What is decided without a look at the target."""
        if row["skip_reason"]:
            return Decision("skip", row["skip_reason"], row.get("words"))
        if is_ignored(row["state"], row["reason"]) and row["version"] == row["_version"]:
            return Decision("skip", IGNORED, row["message"])
        if row["known"].waits:
            return Decision("wait", "OTHER_DIRECTION")
        if row["errors"]:
            error = row["errors"][0]
            return Decision(
                "fail", "MAPPING", broken_rule(error, self.compiled.table_of(error["field"], self.part.table))
            )
        if self.lacks_app and not row["target_id"]:
            return Decision("skip", "NEEDS_APP", self.lacks_app)
        if row["missing"]:
            return Decision("fail", "RELATION_MISSING", row["missing"])
        if row.get("taken") and not row["target_id"]:
            return Decision("fail", "TARGET_TAKEN", row["taken"])
        if row.get("orphan"):
            return Decision("fail", "DEPENDENCY", row["orphan"])
        return None

    def _against_target(self, row: Row, there: Live) -> Decision:
        if row["target_id"] in there.by_id:
            # The link holds, whatever number or e-mail the record has by now.
            return self._update(row, there.by_id[row["target_id"]][0])
        live = self._matching(row, there)
        if isinstance(live, Decision):
            return live
        if live is None:
            return self._missing(row, there)
        if owner := self._partner_of(row, live):
            number = live.get("number", live["id"])
            return Decision(
                "fail", "TARGET_TAKEN", f"{number} in the target is linked to {owner} of the source already"
            )
        self.linked[live["id"]] = row["_key"]
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
        linked = self.linked.get(live["id"], row["_key"])
        return linked if linked != row["_key"] else None

    def _matching(self, row: Row, there: Live) -> dict[str, Any] | Decision | None:
        """The target's record with the strongest key that finds one; a decision when that is unclear."""
        apart = row["known"].apart
        for kind, keys in groupby(self._keys(row), key=itemgetter(0)):
            own = list(keys)  # one field may hold several addresses
            found = (each for key in own for each in there.by_key.get(key, []))
            matches = {each["id"]: each for each in found if each["id"] not in apart}
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
            return Decision("skip", "SHARED", target={"number": self.claimed[key][0]})
        other = self.claimed[key][1]
        return Decision("fail", "TARGET_TAKEN", f"{other} of the source gets the same {key[0]} in this run")

    def _missing(self, row: Row, there: Live) -> Decision:
        """Decides on a record that the target does not have."""
        if not self.part.creates:
            is_inner = self.stocked and row["_key"] in self.stocked.inner
            return Decision("skip", "NOT_STOCKED_PER_VARIANT" if is_inner else self.part.missing)
        if row["_key"] in self.renamed and row["reason"] != MAKE_AGAIN:
            return Decision("conflict", "RENUMBERED", self.renamed[row["_key"]])
        may_come_back = self.part.shared or self.part.merged_by or row["reason"] == MAKE_AGAIN
        if row["target_id"] and not may_come_back:
            return Decision("conflict", "DELETED_THERE", target={"id": row["target_id"], "number": row["target_no"]})
        own_id = self.part.match[0][0]
        if number := number_of_another(row["creates"].get(own_id), row["known"].apart, there):
            if not (self.part.keys and isinstance(self.target, WinstoreRecords)):
                words = f"{number} is the number of the record that it was set apart from: give that one another number"
                return Decision("fail", "TARGET_TAKEN", words)
            row = row | {"creates": {**row["creates"], own_id: None}}  # it gets an id of the range
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
        self.claimed |= dict.fromkeys(self.matching.keys(creates), (number, row["_key"]))
        target = {"number": number} if self.part.keys else {}
        later = self._later(row)
        reason, words = (UPDATE_FOLLOWS, ", ".join(later)) if later else (None, None)
        pair = self.records.pair_made(row["known"])
        return Decision("create", reason, words, target=target, body=filled(creates), pair=pair)

    def _later(self, row: Row) -> list[str]:
        """The fields that only an existing record takes (`update`), and that a new one therefore gets by a second call.

        A field with another row for new records is not among them. Orders send their customers once.
        """
        if self.document:
            return []
        return list(filled({name: value for name, value in row["updates"].items() if name not in row["creates"]}))

    def _new_id(self) -> str | None:
        """An id for a new record that brings none."""
        if not isinstance(self.matching, ByKeys) or not self.part.keys:
            return None
        if self.ids is None:
            first, last = self.part.keys.new_ids(self.settings)
            self.ids = iter(range(self.matching.first_free_id(first, last, self.records.numbers_given()), last + 1))
        number = next(self.ids, None)
        return None if number is None else str(number)

    def _unsent(self, row: Row, updates: Mapping[str, Any]) -> list[str]:
        """Fields that were never sent, whatever else of the record was."""
        later = self._later(row) if is_unfinished(row) else ()
        sent = row["known"].sent
        return [*later, *(name for each in self.beside for name in each.never_sent(updates, sent))]

    def _update(self, row: Row, live: dict[str, Any]) -> Decision:
        known = row["known"]
        if self._is_private(row["creates"], live):
            return Decision("skip", PRIVACY_BLOCKED, target=live)
        if self.stocked and (reason := self.stocked.refusal(live)):
            return Decision("skip", reason, target=live)
        if live.get("blocked") == "All" and self.part.keys:
            return Decision("skip", "BLOCKED", target=live)
        if not known.target and is_unseen(live):
            return self._create(row) if _is_own_lost(row, live) else Decision("wait", "UNSEEN", target=live)
        if words := of_another(self.part, self.flow, row, live):
            return Decision("conflict", "MOVED", words, target=live)
        if self._is_settled(row, live):
            return Decision("skip", "UNCHANGED", target=live)
        updates = self._meant(row, live)
        for each in self.beside if is_unfinished(row) else ():
            updates = {**updates, **each.unsent(row, live)}
        answered = self.records.hashes(known, live)
        moved = self.records.moved(known, live, answered, self._unsent(row, updates))
        elsewhere = kept_elsewhere(live, self.part.address)
        rules = self._rules_of(row, live, elsewhere)
        merged = merge(updates, {**live, **elsewhere}, moved, rules, _is_newer(self.modified.get(row["_key"]), live))
        if merged.both:
            words = f"{', '.join(merged.both)}; `winbc resolve {row['_key']} --flow {self.flow} --take winstore` or bc"
            return Decision("conflict", "BOTH_CHANGED", words, target=live, changes=merged.changes)
        merged.changes += [more for each in self.beside for more in each.added(merged.changes, updates, live)]
        bc_no = known.number if self.source == "bc" else str(live.get("number") or live.get("code") or "")
        pair = self.records.pair_after(known, merged, answered, bc_no, elsewhere)
        before = known.pair["parent"] if known.pair and known.has_moved else None
        group = f"it belonged to {before} and belongs to {known.group} now" if before else None
        if is_unseen(live):
            merged.changes = [each | {"old": NOT_SEEN} for each in merged.changes]
        if merged.changes:
            body = {each["field"]: each["new"] for each in merged.changes}
            words = f"changed on both sides, the source's value is sent: {', '.join(merged.overwritten)}"
            message = words if merged.overwritten else None
            reason, message = (MOVED, group) if group else (None, message)
            return Decision("update", reason, message, target=live, body=body, changes=merged.changes, pair=pair)
        if merged.kept:
            return Decision("skip", "DRIFT", ", ".join(merged.kept), target=live, pair=pair)
        if group:
            return Decision("skip", MOVED, group, target=live, pair=pair)
        return Decision("skip", "UNCHANGED", target=live, pair=pair)

    def _is_settled(self, row: Row, live: Mapping[str, Any]) -> bool:
        """Whether neither side has changed since both agreed, and the tables give what was sent then.

        It is what comparing the fields would say. Most records of a large plan are so, and comparing takes longest.
        """
        known = row["known"]
        is_same = known.is_as_told and not known.has_moved and row["new_hashes"] == row["field_hashes"]
        return is_same and not self.part.owns and self.records.is_as_answered(known, live)

    def _meant(self, row: Row, live: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of an update without those that say nothing about this record.

        They are those that are about something else in a record of this kind, and an address that is none. What
        several records share (the customer of orders) has the address of its own record, once that was read.
        """
        updates, address = row["updates"], self.part.address
        if updates.get(self.part.kind):
            updates = {name: value for name, value in updates.items() if name not in self.part.lone}
        is_told = self.part.shared and row["known"].source
        return without(updates, address) if is_told else meant(updates, live, address)

    def _is_private(self, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether the person of a record is blocked for privacy in Business Central."""
        if self.privacy is None:
            return False
        names = [str(wanted.get("number") or ""), str(wanted.get("email") or "")]
        return bool(live.get("privacyBlocked")) or self.privacy.is_blocked(live, names)

    def _rules_of(self, row: Row, live: Mapping[str, Any], elsewhere: Collection[str]) -> Rules:
        """The part's rules, or what a person decided for this record (`winbc resolve --take`).

        Args:
            elsewhere: fields that the target's record keeps elsewhere. They are never sent.
        """
        taken, rules = TAKEN.get(row["reason"] or ""), self.rules
        if taken:
            rules = replace(rules, owner=taken, owners={}, fixed=frozenset(), kind="")
        elif row["known"].unsure:
            rules = replace(rules, owner="hold")
        if _is_own_lost(row, live):  # It holds what the source had then; nobody else has made it.
            rules = replace(rules, owner="source")
        return replace(rules, owners={**rules.owners, **dict.fromkeys(elsewhere, "target")}) if elsewhere else rules


def _is_own_lost(row: Row, live: Mapping[str, Any]) -> bool:
    """Whether a record of the target is the one that a lost call was to make: it has the number that was given then."""
    return bool(row["known"].lost and not row["target_id"] and live.get("number") == row["target_no"])


def _is_newer(source: datetime | None, live: Mapping[str, Any]) -> bool:
    """Whether the source's record was modified after the target's; each by the clock of its own system."""
    modified = clock.moment_of(live.get("lastModifiedDateTime") or live.get("modified"))
    return not modified or not source or source > modified
