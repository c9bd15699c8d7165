"""What is known of a record from before: its pair, what each side last answered, and what the ledger says was sent.

Here belongs: reading pairs for a plan, and what a pair becomes when the plan is carried out. The rule for one field:
merge.py. The table of pairs: staging/pairs.py.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.ledger import State
from ...staging.pairs import KEYS, Hashes, Pairs
from ...staging.store import Row, Store
from ..connected import ConnectedFlow
from ..flow import Part
from ..payloads import field_hashes, fields_of
from .merge import Merged, Moved
from .winstore_target import is_unseen

OTHER = {"winstore": "bc", "bc": "winstore"}


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


class KnownRecords:
    """What is known of the records of one part, and the pairs that a plan makes of them.

    Args:
        compiled: the part's table.
    """

    def __init__(self, connected: ConnectedFlow, part: Part, compiled: Compiled) -> None:
        self.flow, self.part, self.compiled = connected.flow, part, compiled
        self.pairs = Pairs(connected.settings, self.flow.pairs) if self.flow.pairs else None
        self.depends = compiled.depends
        self.open_there = _open_there(connected)

    def added(self, rows: list[Row]) -> list[Row]:
        """Rows with what is known of each, as `known`, and with the target's id that its pair has.

        Args:
            rows: mapped records with the columns of KNOWN (sync/map.py), `made_by` (the mapping version that the ledger
                has), `own` (the record's id in the source) and `source` (JSON of the source's fields); the last three
                may be missing.
        """
        keys = [str(row.get("own") or row["_key"]) for row in rows]
        found = self.pairs.read(self.part.paired_as, self.flow.source, keys) if self.pairs else {}
        loose = {row["target_id"] for row, key in zip(rows, keys, strict=True) if row["target_id"] and key not in found}
        taken = {} if self.part.shared else self.owners(loose)
        return [self._with_known(row, key, found.get(key), taken) for row, key in zip(rows, keys, strict=True)]

    def owners(self, ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """Which records of the source are the partners of records of the target: their ids and the numbers people know.

        A pair says more than the ledger: a person may have chosen another partner than the one that was found first.
        """
        if not self.pairs:
            return {}
        own = KEYS[self.flow.source]
        number = "bc_no" if self.flow.source == "bc" else own
        found = self.pairs.read(self.part.paired_as, self.flow.target, ids)
        return {each: (pair[own], pair[number] or pair[own]) for each, pair in found.items()}

    def _with_known(self, row: Row, own: str, pair: Row | None, taken: Collection[str]) -> Row:
        source, target = self.flow.source, self.flow.target
        fields = fields_of(row.get("source") or "{}")
        known = Known(
            own=own,
            pair=pair,
            source=pair[source] if pair else {},
            target=pair[target] if pair else {},
            now=self.pairs.hashes(fields) if self.pairs else {},
            sent=json.loads(row["field_hashes"] or "{}"),
            same_table=row.get("made_by") in (None, row["mapping_version"]),
            lost=row["state"] == State.UNKNOWN,
            waits=not self.open_there.isdisjoint(_names(row, own, pair, self.part)),
        )
        there = pair[KEYS[target]] if pair and not row.get("adopted") else None
        once = row["target_id"] if pair or row["target_id"] not in taken else None
        return row | {"known": known, "target_id": there or once}

    def moved(self, known: Known, new: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Moved]:
        """Which side changed each mapped field since both last agreed.

        Args:
            new: the mapped values.
            live: the target's record.
        """
        wanted, there = field_hashes(new), field_hashes({name: live.get(name) for name in new})
        answered = self.pairs.hashes({name: live.get(name) for name in new}) if self.pairs else {}
        if is_unseen(live):  # Nobody can tell whether the target changed; what the source changed is sent.
            return {name: Moved(self._source_moved(known, name, wanted[name]), False) for name in new}
        return {
            name: Moved(
                self._source_moved(known, name, wanted[name]),
                self._target_moved(known, name, answered.get(name), there[name], _alike(live.get(name), new[name])),
            )
            for name in new
        }

    def _source_moved(self, known: Known, name: str, wanted: str) -> bool | None:
        if not known.same_table and known.sent.get(name) != wanted:
            return True  # by an edit of the tables
        reads = [each for each in self.depends.get(name, ()) if each in known.now]
        if reads and all(each in known.source for each in reads):
            return any(known.now[each] != known.source[each] for each in reads)
        if name in known.sent:
            return known.sent[name] != wanted
        return False if not reads and known.source else None

    def _target_moved(self, known: Known, name: str, answered: str | None, there: str, is_alike: bool) -> bool | None:
        if known.lost and is_alike:
            return False  # it has what was sent
        if name in known.target:
            return answered != known.target[name]
        return there != known.sent[name] if name in known.sent else None

    def pair_made(self, known: Known, made_by: str = "") -> str | None:
        """The pair (JSON) of a record that is made in the target: all that either side has is known then."""
        if not self.pairs:
            return None
        made = {"own": known.own, "made_by": made_by or self.flow.source, "source": known.now, "target": {}}
        return json.dumps(made | {"open": [], "whole": True})

    def pair_after(self, known: Known, merged: Merged, live: Mapping[str, Any]) -> str | None:
        """The pair (JSON) of a record that is in the target, for when the plan is carried out.

        What both sides agree on is noted. What only the target changed is not: the other direction must still see it.
        """
        if not self.pairs:
            return None
        agreed = merged.settled | {each["field"] for each in merged.changes}
        heard = agreed | set(merged.kept)  # The target keeps its own value; the other direction may still carry it.
        read = {each for name in heard for each in self.depends.get(name, ()) if each in known.now}
        target, open_fields = dict(known.target), []
        for name, value in self.pairs.hashes(live).items():
            if name in agreed:
                target[name] = value
            elif target.get(name) != value:
                open_fields.append(name)
        source = known.source | {name: known.now[name] for name in read}
        pair = {"own": known.own, "made_by": (known.pair or {}).get("made_by") or self.flow.source}
        pair |= {"source": source, "target": target, "open": open_fields, "whole": bool(known.target)}
        return json.dumps(pair)


def _open_there(connected: ConnectedFlow) -> set[str]:
    """Keys and numbers of the records that the other direction has sent, and whose answer it does not know."""
    if connected.flow.direction(connected.settings) != "both":
        return set()
    rows = ledger.read_other(connected.settings, connected.flow.reverse, "state IN ('SENDING', 'UNKNOWN')")
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
    return there is not None and all(row[name] == there[name] for name in (*KEYS, *KEYS.values(), "bc_no"))


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
    planned, target = json.loads(row["pair"]), OTHER[source]
    sent = set(json.loads(row["body"])) if isinstance(row["body"], str) else set(row["body"])
    answered = {
        name: value
        for name, value in pairs.hashes(answer).items()
        if name in sent or (planned["whole"] and name not in planned["open"])
    }
    number = answer.get("number") or answer.get("code") or row["target_no"]
    own_no = row["key"]
    return {
        "part": part.paired_as,
        KEYS[source]: planned["own"],
        KEYS[target]: _id(row, answer),
        "bc_no": number if target == "bc" else own_no,
        "made_by": planned["made_by"],
        source: planned["source"],
        target: planned["target"] | answered,
    }


def made_by_hand(part: Part, source: str, own: str, partner: str, number: str) -> Row:
    """The pair of two records that a person has joined; what both sides have is compared from now on."""
    target = OTHER[source]
    pair = {"part": part.paired_as, KEYS[source]: own, KEYS[target]: partner, "made_by": "person"}
    return pair | {"bc_no": number if target == "bc" else None, "winstore": {}, "bc": {}}
