"""A decision about one record, and what the decisions about the records of one run mean for each other.

Here belongs: what is said or refused because of another record of the run. One record: decide.py.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...staging.store import Row
from .target.index import Key
from .target.matching import Found, Matching

SWAPPED, TAKEN_THERE = "SWAPPED", "TARGET_TAKEN"


@dataclass
class Decision:
    """What is to happen to one record.

    Attributes:
        action: create, update, skip, fail, conflict or wait. For Winstore also adopt and hold.
        reason: its reason code (sync/outcomes.py); message: more of it in words.
        target: the target's record, as far as it is known; empty when there is none.
        body: the fields that are sent.
        changes: the effect for people: dictionaries of field, old and new; none for a new record, whose body says it.
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


Decided = list[tuple[Row, Decision]]


def number_of_another(number: object, others: Iterable[str], live: Live) -> str | None:
    """The number of a record that is to be made, if a record has it that a person has said is another one.

    Args:
        others: the ids of these records.
    """
    records = [record for each in others for record in live.by_id.get(each, [])]
    taken = {str(each.get("number") or each.get("code")) for each in records}
    return str(number) if number and str(number) in taken else None


@dataclass(frozen=True, slots=True)
class Given:
    """Keys that an update gives to a record of the target, of the kinds that no two records may share.

    Attributes:
        key: the key of the source's record.
        target_id: the id of the target's record; named: its number, or its id where it has none.
        keys: the keys that it gets; had: all keys that it has now.
    """

    key: str
    target_id: str
    named: str
    keys: list[Key]
    had: list[Key]


def signs_of(decided: Decided, sign: str) -> dict[str, tuple[Any, Any]]:
    """The old and the new sign (Part.sign) of each record whose sign an update changes, by the record's key."""
    return {
        row["_key"]: (change["old"], change["new"])
        for row, decision in decided
        if decision.action == "update"
        for change in decision.changes
        if change["field"] == sign
    }


def words_of_swap(sign: str, owners: list[str]) -> str:
    """In words: a record takes over the sign that other records of this run lose.

    Args:
        owners: the keys of these records.
    """
    verb = "get" if len(owners) > 1 else "gets"
    return f"it takes over the {sign} of {' and '.join(owners)}, which {verb} another one"


def with_swaps(decided: Decided, sign: str) -> Decided:
    """Tells of each update that gives a record the sign (Part.sign) that another record of this run loses."""
    signs = signs_of(decided, sign)
    owners: dict[Any, list[str]] = {}  # by a sign: the keys of all records that lose it
    for key, (old, _) in signs.items():
        if old:
            owners.setdefault(old, []).append(key)
    if not owners:
        return decided
    for row, decision in decided:
        _, new = signs.get(row["_key"], (None, None))
        if new in owners:
            decision.reason = decision.reason or SWAPPED
            decision.message = "; ".join(filter(None, (decision.message, words_of_swap(sign, owners[new]))))
    return decided


def given_by(decided: Decided, matching: Matching) -> list[Given]:
    """The keys that updates give to records of the target, where no two records may share them."""
    found = []
    for row, decision in decided:
        if decision.action == "update":
            keys = [key for key in matching.keys(decision.body) if key[0] in matching.unique]
            target = decision.target
            if keys:
                found.append(Given(row["_key"], target["id"], _named(target), keys, matching.keys(target)))
    return found


def without_taken(decided: Decided, matching: Matching) -> Decided:
    """Fails each update that would give a record the e-mail of another record.

    Both records would match the same customer from then on.
    """
    given = given_by(decided, matching)
    times = Counter(key for each in given for key in each.keys)
    gets = {each.target_id: each.keys for each in given}
    live = matching.find(times.keys())
    taken = words_of_taken(given, live, {key for key, count in times.items() if count > 1}, gets)
    return [(row, failed_as_taken(taken[row["_key"]]) if row["_key"] in taken else each) for row, each in decided]


def failed_as_taken(words: str) -> Decision:
    """The decision about an update that would make two records of the target alike."""
    return Decision("fail", TAKEN_THERE, words)


def words_of_taken(
    given: Iterable[Given], live: Found, repeated: Collection[Key], gets: Mapping[str, list[Key]]
) -> dict[str, str]:
    """In words, by the key of the record: which key of an update another record of the target has, or is to get.

    Args:
        live: the target's records that have the given keys.
        repeated: the keys that several updates of this run give.
        gets: the keys that this run gives to records of the target, by their id.
    """
    taken = {}
    for each in given:
        for key in each.keys:
            owner = _other_owner(live.get(key, []), each.target_id)
            words = f"{_named(owner) if owner else 'another record of this run'} has this {key[0]}"
            if owner and not set(gets.get(owner["id"], [])).isdisjoint(each.had):
                words += f" and is to get that of {each.named}: give one of the two a third one first"
            if owner or key in repeated:
                taken[each.key] = words
    return taken


def _named(record: Mapping[str, Any]) -> str:
    return str(record.get("number", record["id"]))


def _other_owner(records: list[dict[str, Any]], own_id: str) -> dict[str, Any] | None:
    """The first record that is not the own one."""
    return next((record for record in records if record["id"] != own_id), None)
