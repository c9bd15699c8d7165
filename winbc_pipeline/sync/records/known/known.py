"""What is known of a record from before: its pair, what each side last answered, and what the ledger says was sent.

Here belongs: reading pairs for a plan, and what a pair becomes when the plan is carried out. The rule for one field:
merge.py. The table of pairs: staging/pairs.py.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from ....mapping.compiler import Compiled
from ....staging import ledger
from ....staging.apart import NOBODY, Apart
from ....staging.ledger import State
from ....staging.pairs import ETAG, KEYS, SIGNS, VERSION, Hashes, Pairs
from ....staging.store import Row
from ....systems.business_central.facts import ROWS, is_beside
from ....systems.facts import DIMENSION
from ...connected import ConnectedFlow
from ...keeping.restored import last_restored
from ...part import Part
from ...payloads import field_hashes
from ..target.winstore_target import is_unseen
from .merge import Merged, Moved
from .staged import StagedRecords

OTHER = {"winstore": "bc", "bc": "winstore"}
OPEN_THERE = "state IN ('SENDING', 'UNKNOWN') OR (state = 'FAILED' AND target_id IS NULL AND target_no IS NOT NULL)"
"""SQL: a record may have been sent, and nobody knows the answer. One that failed after that has a number and no id."""


@dataclass(slots=True)
class Known:
    """What is known of one record.

    Attributes:
        own: the record's id in the source.
        pair: its row of the table of pairs; None without one.
        source, target: what each side last answered, a hash by field; empty when they never agreed.
        now: a hash of each field of the source, as it is now; the same as `source` when the record has not changed.
        sent_json: the ledger's hash of each mapped value as it was last sent or found to be there already (JSON). Few
            records of a plan are compared with it, so it is read where it is needed (`sent`).
        same_table: whether those values were made by the present tables.
        lost: whether the answer to the last call was lost, so that the target may have what was sent.
        waits: whether the other direction has sent this record and does not know the answer.
        held: whether the other direction has found this record's partner, and waits for a person.
        number: the number by which people know the record in the source.
        group: the group of the source that the record belongs to (Part.group); None for records without one.
        unsure: whether the record changed since the backup that all this comes from.
        before: the own id of a record that had this one's key and partner before, and that is gone; None without one.
        apart: the ids of records of the target that a person has said are not this one.
    """

    own: str
    pair: Row | None = None
    source: Hashes = field(default_factory=dict)
    target: Hashes = field(default_factory=dict)
    now: Hashes = field(default_factory=dict)
    sent_json: str | None = None
    same_table: bool = True
    lost: bool = False
    waits: bool = False
    held: bool = False
    number: str = ""
    group: str | None = None
    unsure: bool = False
    before: str | None = None
    apart: frozenset[str] = NOBODY

    @property
    def sent(self) -> Hashes:
        """The hash of each mapped value as it was last sent; empty when nothing is known of it."""
        hashes: Hashes = orjson.loads(self.sent_json or "{}")
        return hashes

    @property
    def has_moved(self) -> bool:
        """Whether the pair says another group than the source does now."""
        return self.pair is not None and self.pair["parent"] != self.group

    @property
    def is_as_told(self) -> bool:
        """Whether the source's record is the one that the pair knows."""
        return self.now is self.source

    def met_anew(self) -> "Known":
        """The same without all that was known of another record: both sides meet for the first time."""
        return replace(self, source={}, target={}, sent_json=None)


class KnownRecords:
    """What is known of the records of one part, and the pairs that a plan makes of them.

    Args:
        compiled: the part's table.
    """

    def __init__(self, connected: ConnectedFlow, part: Part, compiled: Compiled) -> None:
        self.flow, self.part, self.hash_key = connected.flow, part, connected.hash_key
        self.pairs = Pairs(connected.settings, self.flow.pairs) if self.flow.pairs else None
        self.apart = Apart(connected.settings, self.flow.pairs)
        self.set_apart: set[str] = set()  # the records of the target that are not those of which `apart` speaks
        self.staged = StagedRecords(connected, part)
        self.depends = {name: reads & self.staged.kinds.keys() for name, reads in compiled.depends.items()}
        self.compared = compiled.compared
        self.reads = frozenset[str]().union(*(self.depends[name] for name in self.compared))
        # Default dimensions and rows of the companion app move no ETag of their parent.
        self.by_etag = not any(is_beside(name, DIMENSION, *ROWS) for name in self.depends)
        self.blank = self.pairs.hashes({"": None})[""] if self.pairs else ""
        self.open_there = _names_there(connected, OPEN_THERE)
        self.held_there = _names_there(connected, "state = 'CONFLICT'")
        self.watched = bool(self.open_there or self.held_there)
        self.store, self.restored = connected.store, last_restored(connected.store)

    def added(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each, as `known`, and with the target's id that its pair has.

        Args:
            rows: mapped records with the columns of KNOWN (sync/map.py) and `made_by` (the mapping version that the
                ledger has), which may be missing. The rows are changed.
        """
        named = self.staged.named([row["_key"] for row in rows])
        keys = [str(named.get(row["_key"], row).get("own") or row["_key"]) for row in rows]
        both = list(zip(rows, keys, strict=True))
        apart = self._apart(both)
        found = self.pairs_of(self.flow.source, keys)
        for key in apart.keys() & found.keys():
            if found[key][KEYS[self.flow.target]] in apart[key]:
                del found[key]
        others = self._of_others([row["target_id"] for row, key in both if key not in found])
        alive = self.staged.present(set(others.values()))
        now = self._now([(row, found.get(key)) for row, key in both])
        for row, key in both:
            known = self._known(row, key, found.get(key), now.get(row["_key"], {}))
            told = named.get(row["_key"], {})
            known.number, known.apart = str(told.get("number") or row["_key"]), apart.get(key, NOBODY)
            known.group = told.get("group") if self.part.group else (known.pair or told).get("parent")
            self._link(row, known, others, alive)
        for row in self._since_backup(rows):
            row["known"] = replace(row["known"], unsure=True)
        return rows

    def _apart(self, rows: list[tuple[Row, str]]) -> dict[str, frozenset[str]]:
        """Whom a person has said that records are not, by own id; in a proposal also what is not noted yet."""
        ids = [own for _, own in rows]
        apart = self.apart.partners(self.part.paired_as, self.flow.source, ids) if self.pairs else {}
        for row, own in rows:
            if "apart" in row:
                joined = {row["target_id"]} if row.get("adopted") else NOBODY
                apart[own] = (apart.get(own, NOBODY) | row["apart"]) - joined
        self.set_apart = self.set_apart.union(*apart.values())
        return apart

    def _since_backup(self, rows: list[Row]) -> list[Row]:
        """The records that changed since a backup, and that were not settled since it was put back.

        Nobody knows any more what either side answered then: a value that went away and back looks unchanged.
        """
        if not self.restored:
            return []
        modified = self.staged.modified([row["_key"] for row in rows])
        changed = [key for key, moment in modified.items() if moment >= self.restored.backup_at]
        sql = """part = ? AND moved_at >= ? AND state IN ('CONFIRMED', 'SKIPPED')
            AND key IN (SELECT unnest(?::VARCHAR[]))"""
        settled = ledger.read(self.store, sql, [self.part.name, self.restored.restored_at, changed]) if changed else []
        unsure = set(changed).difference(row["key"] for row in settled)
        return [row for row in rows if row["_key"] in unsure]

    def _now(self, rows: list[tuple[Row, Row | None]]) -> dict[str, Hashes]:
        """What the source has now of mapped records, a hash by field, by key.

        It is only asked of records that are not as their pair knows them: hashing takes longer than all the rest.
        """
        now: dict[str, Hashes] = {}
        versions: dict[str, str] = {}
        for row, pair in rows:
            told: Hashes = pair[self.flow.source] if pair else {}
            if told.get(VERSION) == row["_version"] and self.reads <= told.keys():
                now[row["_key"]] = told
            else:
                versions[row["_key"]] = row["_version"]
        return now | self.staged.hashes(versions, self.pairs) if self.pairs else now

    def pairs_of(self, system: str, ids: Collection[str]) -> dict[str, Row]:
        """The pairs of records by the id that they have in a system; none where the flow keeps no pairs."""
        return self.pairs.read(self.part.paired_as, system, ids) if self.pairs else {}

    def links(self, ids: Collection[str]) -> dict[str, str]:
        """The keys of the records that were ever linked to records of the target, by the id there.

        Records of other parts in the same entity set have the name of their part before the key. None of a document's
        customers: the flow of documents asks the ledgers of both flows.
        """
        if not ids or self.flow.document:
            return {}
        alike = [part.name for part in self.flow.parts if part.entity_set == self.part.entity_set]
        where = "list_contains(?, part) AND target_id IN (SELECT unnest(?::VARCHAR[]))"
        return {
            row["target_id"]: row["key"] if row["part"] == self.part.name else f"{row['part']} {row['key']}"
            for row in ledger.read(self.store, where, [alike, list(ids)])
        }

    def _of_others(self, linked: list[str | None]) -> dict[str, str]:
        """Whose partners these records of the target are: the own id by the id in the target."""
        ids = [] if self.part.shared else [each for each in linked if each]
        found = self.pairs_of(self.flow.target, ids)
        return {each: str(pair[KEYS[self.flow.source]]) for each, pair in found.items()}

    def _known(self, row: Row, own: str, pair: Row | None, now: Hashes) -> Known:
        names = _names(row, own, pair, self.part) if self.watched else NOBODY
        return Known(
            own=own,
            pair=pair,
            source=pair[self.flow.source] if pair else {},
            target=pair[self.flow.target] if pair else {},
            now=now,
            sent_json=row["field_hashes"],
            same_table=row.get("made_by") in (None, row["mapping_version"]),
            lost=row["state"] == State.UNKNOWN,
            waits=not self.open_there.isdisjoint(names),
            held=not self.held_there.isdisjoint(names) and "apart" not in row,
        )

    def _link(self, row: Row, known: Known, others: Mapping[str, str], alive: set[str]) -> None:
        """Adds to a row what is known of it, and the id of its partner."""
        row["known"], pair = known, known.pair
        if pair and not row.get("adopted"):
            partner = pair[KEYS[self.flow.target]]
            if row["target_id"] not in (None, partner):  # The ledger knows of a partner that the record had before.
                row |= {"known": replace(known, sent_json=None), "field_hashes": None}
            row["target_id"] = partner
        elif row["target_id"] in known.apart:  # The ledger is behind what a person said.
            row |= {"known": known.met_anew(), "target_id": None, "target_no": None, "field_hashes": None}
        elif not pair and (other := others.get(row["target_id"] or "")):
            row["known"] = replace(known.met_anew(), before=None if other in alive else other)
            if other in alive:  # The number was given to another record; the partner stays with the one that had it.
                row["target_id"] = None

    def hashes(self, known: Known, live: Mapping[str, Any]) -> Hashes:
        """The hashes of the target's record, for `moved` and `pair_after`; empty where no pairs are kept.

        With the ETag that the pair knows, it has not changed since, and needs no hashing.
        """
        if not self.pairs:
            return {}
        if self.is_as_answered(known, live):
            return known.target
        etag = live.get(ETAG)
        return self.pairs.hashes(live) | ({ETAG: etag} if etag else {})

    def is_as_answered(self, known: Known, live: Mapping[str, Any]) -> bool:
        """Whether the target's record is the one that the pair knows, with all that the table compares."""
        etag = live.get(ETAG)
        return bool(etag) and self.by_etag and known.target.get(ETAG) == etag and self.compared <= known.target.keys()

    def moved(
        self, known: Known, live: Mapping[str, Any], answered: Hashes, unsent: Collection[str] = ()
    ) -> Callable[[str, Any], Moved]:
        """Gives a function that tells which side changed a field since both last agreed, by its name and mapped value.

        Args:
            live: the target's record; answered: its `hashes`.
            unsent: fields that were never sent, whatever else both have agreed on.
        """

        def of_field(name: str, value: Any) -> Moved:
            source = name in unsent or self._source_moved(known, name, field_hashes(self.hash_key, {name: value})[name])
            if is_unseen(live):  # Nobody can tell whether the target changed; what the source changed is sent.
                return Moved(source, False)
            target = self._target_moved(known, name, live.get(name), value, answered)
            one_has = {source, target} == {True, False}
            return Moved(None, None) if known.unsure and one_has else Moved(source, target)

        return of_field

    def _source_moved(self, known: Known, name: str, wanted: str) -> bool | None:
        if not known.same_table and known.sent.get(name) != wanted:
            return True  # by an edit of the tables
        reads = [each for each in self.depends.get(name, ()) if each in known.now]
        # A field that the pair does not know, because no table read it then, and that is empty now, did not change.
        before = {each: known.source.get(each, self.blank) for each in reads}
        if known.source and reads and all(each in known.source or known.now[each] == self.blank for each in reads):
            return any(known.now[each] != before[each] for each in reads)
        if name in known.sent:
            return known.sent[name] != wanted
        return False if not reads and known.source else None

    def _target_moved(self, known: Known, name: str, old: Any, new: Any, answered: Hashes) -> bool | None:
        if known.lost and _alike(old, new):
            return False  # it has what was sent
        if name in known.target:
            # Winstore leaves out what is empty.
            there = answered.get(name) or (self.pairs.hashes({name: None})[name] if self.pairs else "")
            return there != known.target[name]
        return field_hashes(self.hash_key, {name: old})[name] != known.sent[name] if name in known.sent else None

    def numbers_given(self) -> set[str]:
        """The numbers of the target that the ledger has, also of records that were lost or refused."""
        with self.store.open() as connection:
            rows = connection.execute(
                "SELECT target_no FROM ledger WHERE part = ? AND target_no IS NOT NULL", [self.part.name]
            ).fetchall()
        return {number for (number,) in rows}

    def _is_paired(self, known: Known) -> bool:
        """Whether a record can be half of a pair. A guest of an order is no record of Winstore."""
        document = self.flow.document
        return self.pairs is not None and not (document and known.own.startswith(document.guest_key))

    def pair_made(self, known: Known) -> str | None:
        """The pair (JSON) of a record that is made in the target: all that either side has is known then."""
        if not self._is_paired(known):
            return None
        made = _whose(known) | {"made_by": self.flow.source}
        made |= {"source": known.now, "target": {}, "open": [], "whole": True}
        return orjson.dumps(made).decode()

    def pair_after(
        self, known: Known, merged: Merged, answered: Hashes, bc_no: str, unheard: Collection[str] = ()
    ) -> str | None:
        """The pair (JSON) of a record that is in the target, for when the plan is carried out.

        What both sides agree on is noted. What only the target changed is not: the other direction must still see it.

        Args:
            answered: the `hashes` of the target's record.
            bc_no: the number in Business Central.
            unheard: fields of the target that are never sent. An edit of the source stays news for the other direction
                where the target keeps another value.
        """
        if not self.pairs or not self._is_paired(known):
            return None
        is_told = known.pair is not None and known.pair["bc_no"] == bc_no and known.is_as_told
        is_told = is_told and not known.has_moved
        if is_told and not merged.changes and not merged.kept and answered.items() <= known.target.items():
            return None
        agreed = merged.settled | {each["field"] for each in merged.changes}
        heard = agreed | set(merged.kept)  # The target keeps its own value; the other direction may still carry it.
        news = {each for name in unheard if name in merged.kept for each in self.depends.get(name, ())}
        read = {each for name in heard for each in self.depends.get(name, ()) if each in known.now} - news
        target, open_fields = dict(known.target), []
        target.pop(ETAG, None)
        if merged.changes:
            target.pop(VERSION, None)
        for name, value in answered.items():
            if name in SIGNS:
                continue
            if name in agreed:
                target[name] = value
            elif target.get(name) != value:
                open_fields.append(name)
        if ETAG in answered and target.keys().isdisjoint(open_fields):
            target[ETAG] = answered[ETAG]
        source = known.source | {name: known.now[name] for name in read}
        source.pop(VERSION, None)
        if VERSION in known.now and all(source.get(name) == known.now[name] for name in self.reads):
            source[VERSION] = known.now[VERSION]
        before = known.pair and (known.source, known.target, known.pair["bc_no"])
        if not merged.changes and before == (source, target, bc_no) and not known.has_moved:
            return None
        pair = _whose(known) | {"made_by": (known.pair or {}).get("made_by") or self.flow.source}
        pair |= {"source": source, "target": target, "open": open_fields, "whole": bool(known.target)}
        return orjson.dumps(pair).decode()


def _whose(known: Known) -> Row:
    """What a pair says of the source's record besides its values."""
    return {"own": known.own, "no": known.number, "parent": known.group}


def is_unfinished(row: Row) -> bool:
    """Whether a record was made in the target, or may have been, and not all that belongs to it arrived.

    Args:
        row: a mapped record with the columns of KNOWN (sync/map.py).
    """
    return row.get("sent_as") == "create" and not row["field_hashes"]


def _names_there(connected: ConnectedFlow, where: str) -> set[str]:
    """Keys and numbers of the records of the other direction whose ledger rows meet a condition."""
    if connected.flow.direction(connected.settings) != "both":
        return set()
    rows = ledger.read_other(connected.settings, connected.flow.reverse, where)
    return {name for row in rows for name in (row["key"], row["target_id"], row["target_no"]) if name}


def _names(row: Row, own: str, pair: Row | None, part: Part) -> set[str]:
    """The ids and numbers by which the other direction may know a record."""
    new = row["creates"].get(part.match[0][0]) if part.match and isinstance(row["creates"], dict) else None
    paired = {pair[name] for name in (*KEYS.values(), "bc_no")} if pair else set()
    return {str(name) for name in (own, row["_key"], new, row["target_id"], *paired) if name}


def _alike(old: Any, new: Any) -> bool:
    """Whether a target may have made one value of the other, such as a code in capitals."""
    return str(old if old is not None else "").strip().lower() == str(new if new is not None else "").strip().lower()
