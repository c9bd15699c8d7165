"""Finds the target's records that have the keys of a record: by the fields of `Part.match`, or by a chain of keys.

Here belongs: which keys a record has and what the target has for them. What follows from it: decide.py.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ....staging.pairs import Pairs
from ....systems.business_central import BusinessCentral
from ...connected import ConnectedFlow
from ...part import KeyChain, Part
from .index import Key, KeyIndex, keys_in
from .winstore_target import WinstoreRecords, is_unseen

Record = dict[str, Any]
Target = BusinessCentral | WinstoreRecords
Found = dict[Key, list[Record]]
NOTHING: Mapping[str, Any] = MappingProxyType({})
WITHIN = "\n"  # between the number of a parent and a key among its records; no code has it


class ByFields:
    """Records that a filter on one field finds.

    Attributes:
        unique: kinds of keys that an update must not give to a second record. The strongest kind is not among them:
            the target itself keeps it unique.
    """

    def __init__(self, part: Part, target: Target, in_capitals: Collection[str] = ()) -> None:
        """`in_capitals` names the fields whose texts the target turns into capitals."""
        self.part, self.target, self.in_capitals = part, target, in_capitals
        self.unique: Collection[str] = [name for name, _ in part.match[1:]]

    def keys(self, fields: Mapping[str, Any], _: Mapping[str, Any] = NOTHING) -> list[Key]:
        """The keys of a record in the target's terms, the strongest first."""
        return [(name, self._key(name, ignore, fields)) for name, ignore in self.part.match if fields.get(name)]

    def _key(self, name: str, ignore_case: bool, fields: Mapping[str, Any]) -> str:
        """The value of a matching field as it is compared; after the parent's number where only the two are unique."""
        text = str(fields[name])
        value = text.upper() if name in self.in_capitals else text.lower() if ignore_case else text
        return f"{fields.get(self.part.within)}{WITHIN}{value}" if self.part.within else value

    def find(self, keys: Collection[Key]) -> Found:
        """The target's records that have each key now."""
        if self.part.within:
            return self._find_within(keys)

        def of_field(field: tuple[str, bool]) -> Found:
            name, ignore_case = field
            values = {value for kind, value in keys if kind == name}
            found = self.target.find(self.part.entity_set, name, values, ignore_case) if values else {}
            return {(name, value): records for value, records in found.items()}

        with ThreadPoolExecutor(len(self.part.match) or 1) as pool:
            return {key: records for found in pool.map(of_field, self.part.match) for key, records in found.items()}

    def _find_within(self, keys: Collection[Key]) -> Found:
        parents = {value.partition(WITHIN)[0] for _, value in keys}
        there = self.target.find(self.part.entity_set, self.part.within, parents, False) if parents else {}
        found: Found = {}
        wanted = set(keys)
        for record in (each for records in there.values() for each in records):
            for key in wanted.intersection(self.keys(record)):
                found.setdefault(key, []).append(record)
        return found


class ByKeys:
    """Records that the local index proposes; each is looked up, and must have the key now."""

    unique: Collection[str] = ("email",)

    def __init__(self, connected: ConnectedFlow, part: Part, chain: KeyChain, target: Target) -> None:
        flow, settings = connected.flow, connected.settings
        self.part, self.chain, self.target, self.system, self.other = part, chain, target, flow.target, flow.source
        self.chosen = chain.chosen(settings)
        overlap = timedelta(minutes=settings.overlap_minutes)
        self.index = KeyIndex(Pairs(settings, flow.pairs), part, chain, flow.target, overlap)
        self.is_fresh = False

    def keys(self, fields: Mapping[str, Any], source: Mapping[str, Any] = NOTHING) -> list[Key]:
        """The keys of a record, the strongest first.

        Args:
            fields: the record in the target's terms.
            source: the record as the source has it, if that is known: one e-mail field may hold several addresses, of
                which the table sends the first. Its own id is no key of the target.
        """
        found = dict(self.chain.keys_of(self.system, fields))
        if source:
            there = self.chain.keys_of(self.other, source)
            found |= {kind: found[kind] | there[kind] for kind in found if kind != "id"}
        return keys_in(found, self.chosen)

    def find(self, keys: Collection[Key]) -> Found:
        if not keys:
            return {}
        self._refresh()
        proposed = self.index.proposed(keys)
        ids = {each for found in proposed.values() for each in found}
        records = self.target.find(self.part.entity_set, "id", ids, False)
        return {key: there for key, found in proposed.items() if (there := self._with(key, found, records))}

    def _refresh(self) -> None:
        if not self.is_fresh:
            self.index.refresh(self.target)
            self.is_fresh = True

    def _with(self, key: Key, ids: Iterable[str], records: Mapping[str, list[Record]]) -> list[Record]:
        """Those of the records that have a key now. Of a record that nobody can ask for, the index is believed."""
        kind, value = key
        there = [record for each in sorted(ids) for record in records.get(each, [])]
        return [each for each in there if is_unseen(each) or value in self.chain.keys_of(self.system, each)[kind]]

    def first_free_id(self, first: int, last: int, given: Collection[str]) -> int:
        """The first id of a range after all that a record has; beyond the range when it is used up.

        Args:
            given: numbers that records were given before, though the target may not have them yet.
        """
        self._refresh()
        numbers = [int(each) for each in given if each.isdecimal() and first <= int(each) <= last]
        greatest = self.index.greatest_id(first, last)
        return max([first - 1, *numbers, *([] if greatest is None else [greatest])]) + 1


Matching = ByFields | ByKeys


def matching_of(connected: ConnectedFlow, part: Part, target: Target) -> Matching:
    """How the records of a part are found: by a chain of keys where the part has one and pairs are kept."""
    if part.keys and connected.flow.pairs:
        return ByKeys(connected, part, part.keys, target)
    return ByFields(part, target, {name for name, facts in connected.target_fields(part).items() if facts.upper_cased})
