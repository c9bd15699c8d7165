"""What is known of a record from before: its pair, what each side last answered, and what the ledger says was sent.

Here belongs: reading pairs for a plan, and what a pair becomes when the plan is carried out. The rule for one field:
merge.py. The table of pairs: staging/pairs.py.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.ledger import State
from ...staging.pairs import KEYS, Hashes, Pairs
from ...staging.store import Row, Store, quote
from ...systems.business_central.facts import is_dimension
from ..connected import ConnectedFlow
from ..flow import Part
from ..payloads import field_hashes
from .merge import Merged, Moved
from .winstore_target import is_unseen

ETAG = "@odata.etag"
OTHER = {"winstore": "bc", "bc": "winstore"}
OPEN_THERE = "state IN ('SENDING', 'UNKNOWN') OR (state = 'FAILED' AND target_id IS NULL AND target_no IS NOT NULL)"
"""SQL: a record may have been sent, and nobody knows the answer. One that failed after that has a number and no id."""


@dataclass(frozen=True)
class Known:
    """What is known of one record.

    Attributes:
        own: the record's id in the source.
        pair: its row of the table of pairs; None without one.
        source, target: what each side last answered, a hash by field; empty when they never agreed.
        now: a hash of each field of the source that the table reads, as it is now.
        sent: the ledger's hash of each mapped value as it was last sent or found to be there already.
        same_table: whether those values were made by the present tables.
        lost: whether the answer to the last call was lost, so that the target may have what was sent.
        waits: whether the other direction has sent this record and does not know the answer.
        held: whether the other direction has found this record's partner, and waits for a person.
        number: the number by which people know the record in the source.
        group: the group of the source that the record belongs to (Part.group); None for records without one.
        before: the own id of a record that had this one's key and partner before, and that is gone; None without one.
    """

    own: str
    pair: Row | None = None
    source: Hashes = field(default_factory=dict)
    target: Hashes = field(default_factory=dict)
    now: Hashes = field(default_factory=dict)
    sent: Hashes = field(default_factory=dict)
    same_table: bool = True
    lost: bool = False
    waits: bool = False
    held: bool = False
    number: str = ""
    group: str | None = None
    before: str | None = None

    @property
    def has_moved(self) -> bool:
        """Whether the pair says another group than the source does now."""
        return self.pair is not None and self.pair["parent"] != self.group

    def met_anew(self) -> "Known":
        """The same without all that was known of another record: both sides meet for the first time."""
        return replace(self, source={}, target={}, sent={})


class KnownRecords:
    """What is known of the records of one part, and the pairs that a plan makes of them.

    Args:
        compiled: the part's table.
    """

    def __init__(self, connected: ConnectedFlow, part: Part, compiled: Compiled) -> None:
        self.flow, self.part = connected.flow, part
        self.pairs = Pairs(connected.settings, self.flow.pairs) if self.flow.pairs else None
        self.depends = compiled.depends
        # Default dimensions move no ETag of their parent.
        self.by_etag = not any(is_dimension(name) for name in self.depends)
        self.blank = self.pairs.hashes({"": None})[""] if self.pairs else ""
        self.open_there = _names_there(connected, OPEN_THERE)
        self.held_there = _names_there(connected, "state = 'CONFLICT'")
        self.store, self.staging = connected.store, connected.staging.name

    def added(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each, as `known`, and with the target's id that its pair has.

        Args:
            rows: mapped records with the columns of KNOWN (sync/map.py), `made_by` (the mapping version that the ledger
                has), `own` (the record's id in the source) and `now` (JSON: the hashes of the source's fields); the
                last three may be missing.
        """
        keys = [str(row.get("own") or row["_key"]) for row in rows]
        found = self.pairs_of(self.flow.source, keys)
        both = list(zip(rows, keys, strict=True))
        others = self._of_others([row["target_id"] for row, key in both if key not in found])
        alive = self._staged(set(others.values()))
        return [self._with_known(row, key, found.get(key), others, alive) for row, key in both]

    def pairs_of(self, system: str, ids: Collection[str]) -> dict[str, Row]:
        """The pairs of records by the id that they have in a system; none where the flow keeps no pairs."""
        return self.pairs.read(self.part.paired_as, system, ids) if self.pairs else {}

    def _of_others(self, linked: list[str | None]) -> dict[str, str]:
        """Whose partners these records of the target are: the own id by the id in the target."""
        ids = [] if self.part.shared else [each for each in linked if each]
        found = self.pairs_of(self.flow.target, ids)
        return {each: str(pair[KEYS[self.flow.source]]) for each, pair in found.items()}

    def _staged(self, owns: set[str]) -> set[str]:
        """Those of the source's own ids that staging has: it loses a record whose key another one took over."""
        if not owns:
            return set()
        name = quote(self.flow.own_id or "_key")
        with self.store.open() as connection:
            rows = connection.execute(
                f"SELECT {name} FROM {quote(self.staging)} WHERE {name} IN (SELECT unnest(?::VARCHAR[]))", [list(owns)]
            ).fetchall()
        return {own for (own,) in rows}

    def _with_known(self, row: Row, own: str, pair: Row | None, others: Mapping[str, str], alive: set[str]) -> Row:
        source, target = self.flow.source, self.flow.target
        watched = self.open_there or self.held_there
        names = _names(row, own, pair, self.part) if watched else set[str]()
        known = Known(
            own=own,
            pair=pair,
            source=pair[source] if pair else {},
            target=pair[target] if pair else {},
            now=orjson.loads(row.get("now") or "{}"),
            sent=orjson.loads(row["field_hashes"] or "{}"),
            same_table=row.get("made_by") in (None, row["mapping_version"]),
            lost=row["state"] == State.UNKNOWN,
            waits=not self.open_there.isdisjoint(names),
            held=not self.held_there.isdisjoint(names),
            number=str(row.get("own_no") or row["_key"]),
            group=row.get("group") if self.part.group else (pair or Row()).get("parent"),
        )
        if pair and not row.get("adopted"):
            # The ledger may know of a partner that the record had before.
            is_same = row["target_id"] in (None, pair[KEYS[target]])
            known = known if is_same else replace(known, sent={})
            return row | {"known": known, "target_id": pair[KEYS[target]]}
        if pair or not (other := others.get(row["target_id"] or "")):
            return row | {"known": known}
        if other in alive:  # The number was given to another record; the partner stays with the one that had it.
            return row | {"known": known.met_anew(), "target_id": None}
        return row | {"known": replace(known.met_anew(), before=other)}

    def hashes(self, known: Known, live: Mapping[str, Any]) -> Hashes:
        """The hashes of the target's record, for `moved` and `pair_after`; empty where no pairs are kept.

        With the ETag that it had when both sides agreed on every field, it has not changed since, and needs no hashing.
        """
        if not self.pairs:
            return {}
        etag = live.get(ETAG)
        if etag and self.by_etag and known.target.get(ETAG) == etag:
            return known.target
        return self.pairs.hashes(live) | ({ETAG: etag} if etag else {})

    def moved(
        self, known: Known, live: Mapping[str, Any], answered: Hashes, unsent: Collection[str] = ()
    ) -> Callable[[str, Any], Moved]:
        """Gives a function that tells which side changed a field since both last agreed, by its name and mapped value.

        Args:
            live: the target's record; answered: its `hashes`.
            unsent: fields that were never sent, whatever else both have agreed on.
        """

        def of_field(name: str, value: Any) -> Moved:
            source = name in unsent or self._source_moved(known, name, field_hashes({name: value})[name])
            if is_unseen(live):  # Nobody can tell whether the target changed; what the source changed is sent.
                return Moved(source, False)
            return Moved(source, self._target_moved(known, name, live.get(name), value, answered))

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
        return field_hashes({name: old})[name] != known.sent[name] if name in known.sent else None

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
        is_told = known.pair is not None and known.pair["bc_no"] == bc_no and known.source == known.now
        is_told = is_told and not known.has_moved
        if is_told and not merged.changes and not merged.kept and answered.items() <= known.target.items():
            return None
        agreed = merged.settled | {each["field"] for each in merged.changes}
        heard = agreed | set(merged.kept)  # The target keeps its own value; the other direction may still carry it.
        news = {each for name in unheard if name in merged.kept for each in self.depends.get(name, ())}
        read = {each for name in heard for each in self.depends.get(name, ()) if each in known.now} - news
        target, open_fields = dict(known.target), []
        target.pop(ETAG, None)
        for name, value in answered.items():
            if name == ETAG:
                continue
            if name in agreed:
                target[name] = value
            elif target.get(name) != value:
                open_fields.append(name)
        if ETAG in answered and not open_fields:
            target[ETAG] = answered[ETAG]
        source = known.source | {name: known.now[name] for name in read}
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


def told(connected: ConnectedFlow, pairs: Pairs, part: Part, planned: Iterable[tuple[Row, Mapping[str, Any]]]) -> None:
    """Writes the pairs of planned rows that were carried out, or that needed no call.

    It comes before the ledger is told: a record that the ledger takes for lost is looked up again, but a pair that is
    behind the target would send the program's own change back.

    Args:
        planned: each row of the plan table with the fields that the target answered; empty when there was no call.
    """
    source = connected.flow.source
    rows = [_pair_row(pairs, part, source, row, answer) for row, answer in planned if row["pair"] and _id(row, answer)]
    there = pairs.read(part.paired_as, source, [row[KEYS[source]] for row in rows])
    changed = [row for row in rows if not _is_same(row, there.get(row[KEYS[source]]))]
    if changed:
        _let_the_other_direction_look(connected, part, changed)
        pairs.write(changed)


def _is_same(row: Row, there: Row | None) -> bool:
    names = (*KEYS, *KEYS.values(), "bc_no", "parent")
    return there is not None and all(row[name] == there[name] for name in names)


def _let_the_other_direction_look(connected: ConnectedFlow, part: Part, rows: list[Row]) -> None:
    """Makes the other direction compare these records again, even if they look as they did when it last sent them."""
    path = connected.settings.flow_database(connected.flow.reverse)
    if not path.exists():
        return
    numbers = {str(row[name]) for row in rows for name in (*KEYS.values(), "bc_no") if row[name]}
    store = Store(path, connected.settings.memory_limit_mb)
    ledger.look_again(store, part.paired_as, numbers)


def _id(row: Row, answer: Mapping[str, Any]) -> str:
    return str(answer.get("id") or row["target_id"] or "")


def _pair_row(pairs: Pairs, part: Part, source: str, row: Row, answer: Mapping[str, Any]) -> Row:
    planned, target = orjson.loads(row["pair"]), OTHER[source]
    sent = set(orjson.loads(row["body"])) if isinstance(row["body"], str) else set(row["body"])
    answered = {
        name: value
        for name, value in pairs.hashes(answer).items()
        if name in sent or (planned["whole"] and name not in planned["open"])
    }
    if answer.get(ETAG) and planned["whole"] and not planned["open"]:
        answered[ETAG] = answer[ETAG]
    number = answer.get("number") or answer.get("code") or row["target_no"]
    return {
        "part": part.paired_as,
        KEYS[source]: planned["own"],
        KEYS[target]: _id(row, answer),
        "bc_no": number if target == "bc" else planned.get("no") or row["key"],
        "parent": planned.get("parent"),
        "made_by": planned["made_by"],
        source: planned["source"],
        target: planned["target"] | answered,
    }


def made_by_hand(part: Part, source: str, own: str, partner: str, number: str) -> Row:
    """The pair of two records that a person has joined; what both sides have is compared from now on."""
    target = OTHER[source]
    pair = {"part": part.paired_as, KEYS[source]: own, KEYS[target]: partner, "made_by": "person"}
    return pair | {"bc_no": number if target == "bc" else None, "winstore": {}, "bc": {}}
