"""A decision about one record, and what the decisions about the records of one run mean for each other.

Here belongs: what is said or refused because of another record of the run. One record: decide.py.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...staging.store import Row
from .target.index import Key
from .target.matching import Found, Matching

SWAPPED = "SWAPPED"


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

    def with_body(self, body: dict[str, Any]) -> "Decision":
        """The same for a record that is made with these fields."""
        changes = [{"field": name, "old": None, "new": value} for name, value in body.items()]
        return replace(self, body=body, changes=changes)


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


Decided = list[tuple[Row, Decision]]


def number_of_another(number: object, others: Iterable[str], live: Live) -> str | None:
    """The number of a record that is to be made, if a record has it that a person has said is another one.

    Args:
        others: the ids of these records.
    """
    records = [record for each in others for record in live.by_id.get(each, [])]
    taken = {str(each.get("number") or each.get("code")) for each in records}
    return str(number) if number and str(number) in taken else None


def with_swaps(decided: Decided, sign: str) -> Decided:
    """Tells of each update that gives a record the sign (Part.sign) that another record of this run loses."""
    signs = {}  # by the key of the record: its old and its new sign
    for row, decision in decided:
        for change in decision.changes if decision.action == "update" else ():
            if change["field"] == sign:
                signs[row["_key"]] = (change["old"], change["new"])
    owners: dict[Any, list[str]] = {}  # by a sign: the keys of all records that lose it
    for key, (old, _) in signs.items():
        if old:
            owners.setdefault(old, []).append(key)
    if not owners:
        return decided
    for row, decision in decided:
        _, new = signs.get(row["_key"], (None, None))
        if new in owners:
            named, verb = " and ".join(owners[new]), "get" if len(owners[new]) > 1 else "gets"
            words = f"it takes over the {sign} of {named}, which {verb} another one"
            decision.reason = decision.reason or SWAPPED
            decision.message = "; ".join(filter(None, (decision.message, words)))
    return decided


def without_taken(decided: Decided, matching: Matching) -> Decided:
    """Fails each update that would give a record the e-mail of another record.

    Both records would match the same customer from then on.
    """
    wanted: dict[int, list[Key]] = {}
    for index, (_, decision) in enumerate(decided):
        if decision.action == "update":
            given = [key for key in matching.keys(decision.body) if key[0] in matching.unique]
            wanted |= {index: given} if given else {}
    live = matching.find({key for keys in wanted.values() for key in keys})
    times = Counter(key for keys in wanted.values() for key in keys)
    gets = {decided[index][1].target["id"]: keys for index, keys in wanted.items()}
    for index, keys in wanted.items():
        row, decision = decided[index]
        for key in keys:
            owner = _other_owner(live.get(key, []), decision.target["id"])
            words = f"{_named(owner) if owner else 'another record of this run'} has this {key[0]}"
            if owner and not set(gets.get(owner["id"], [])).isdisjoint(matching.keys(decision.target)):
                words += f" and is to get that of {_named(decision.target)}: give one of the two a third one first"
            if owner or times[key] > 1:
                decided[index] = (row, Decision("fail", "TARGET_TAKEN", words))
    return decided


def _named(record: Mapping[str, Any]) -> str:
    return str(record.get("number", record["id"]))


def _other_owner(records: list[dict[str, Any]], own_id: str) -> dict[str, Any] | None:
    """The first record that is not the own one."""
    return next((record for record in records if record["id"] != own_id), None)
