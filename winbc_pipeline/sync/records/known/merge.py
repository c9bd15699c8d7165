"""Compares the fields of one record on both sides with what each side last answered: what is sent, stays, or waits.

Here belongs: the rule for one field, and nothing else. What is known of a record: known.py. The record: decide.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...payloads import empty, equal, is_blank


@dataclass(frozen=True)
class Rules:
    """How the fields of a part are compared.

    Attributes:
        owner: who decides on a field that both sides changed, where `owners` names nobody for it: `source` sends the
            source's value, `target` leaves the target's, `newest` takes that of the record that changed last, `hold`
            lets a person decide.
        owners: the same by field, from the mapping table. A field that the target owns is never sent in an update.
        fill_empty: fields that are written only where the target's field is empty.
        fixed: fields that are never changed by themselves: a person decides.
        kind: a field that is never filled where it was empty, or emptied, by itself.
        absolute: whether the source owns every figure, whoever changed the target's.
    """

    owner: str = "source"
    owners: Mapping[str, str] = field(default_factory=dict)
    fill_empty: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    kind: str = ""
    absolute: bool = False

    @property
    def compares_moments(self) -> bool:
        """Whether the record that changed last decides on any field."""
        return "newest" in (self.owner, *self.owners.values())

    def owner_of(self, name: str) -> str:
        return self.owners.get(name) or self.owner

    def is_for_a_person(self, name: str, old: Any, value: Any) -> bool:
        """Whether a field is never changed in this way by itself."""
        return name in self.fixed or (name == self.kind and is_blank(old) != is_blank(value))


@dataclass(frozen=True)
class Moved:
    """Which side changed a field since both last agreed. None: nobody knows, because they never did."""

    source: bool | None
    target: bool | None


@dataclass
class Merged:
    """What becomes of the fields of a record.

    Attributes:
        changes: what is sent: dictionaries of field, old and new.
        both: fields that both sides changed and that a person must decide on.
        overwritten: fields that both sides changed and whose value of the source is sent.
        kept: fields whose value of the target stays although the source has another one.
        settled: fields on which both sides agree once the changes are sent.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    both: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)


def merge(
    new: Mapping[str, Any],
    live: Mapping[str, Any],
    moved: Callable[[str, Any], Moved],
    rules: Rules,
    source_is_newer: bool,
) -> Merged:
    """Compares the mapped fields of a record with the target's record.

    Args:
        new: the mapped values. None means: leave the field alone.
        live: the target's record.
        moved: tells which side changed a field, by its name and mapped value.
        source_is_newer: whether the source's record was modified after the target's.
    """
    merged = Merged()
    for name, value in new.items():
        old = live.get(name)
        if value is None or (name in rules.fill_empty and not empty(old)) or equal(old, value):
            merged.settled.add(name)
        else:
            _differing(merged, name, old, value, moved(name, value), rules, source_is_newer)
    return merged


def _differing(
    merged: Merged, name: str, old: Any, value: Any, moved: Moved, rules: Rules, source_is_newer: bool
) -> None:
    """Settles one field that differs on both sides."""
    change = {"field": name, "old": old, "new": value}
    owner = rules.owner_of(name)
    if rules.absolute:
        merged.changes.append(change)
    elif moved.source is False or (moved.source is None and is_blank(value)):
        return  # The source has nothing new. What the target changed, the other direction carries.
    elif rules.owners.get(name) == "target":
        merged.kept.append(name)
    elif rules.is_for_a_person(name, old, value):
        merged.both.append(name)
        merged.changes.append(change)
    elif moved.target is False or (moved.target is None and empty(old)):
        merged.changes.append(change)
    elif owner == "hold":
        merged.both.append(name)
        merged.changes.append(change)
    elif owner == "source" or (owner == "newest" and source_is_newer):
        merged.changes.append(change)
        if moved.target:
            merged.overwritten.append(name)
    else:
        merged.kept.append(name)
