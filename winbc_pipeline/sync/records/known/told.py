"""Writes what was carried out into the table of pairs: what each side answered, or agreed to without a call.

Here belongs: a planned pair with its answer, and what the other direction must look at again. The plan: known.py.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from ....staging import ledger
from ....staging.pairs import ETAG, KEYS, SIGNS, Pairs, read_within, write_within
from ....staging.store import Row, Store
from ...connected import ConnectedFlow
from ...part import Part
from .known import OTHER


def told(connected: ConnectedFlow, pairs: Pairs, part: Part, planned: Iterable[tuple[Row, Mapping[str, Any]]]) -> None:
    """Writes the pairs of planned rows that were carried out, or that needed no call.

    It comes before the ledger is told: a record that the ledger takes for lost is looked up again, but a pair that is
    behind the target would send the program's own change back.

    Args:
        planned: each row of the plan table with the fields that the target answered; empty when there was no call.
    """
    source = connected.flow.source
    rows = [_pair_row(pairs, part, source, row, answer) for row, answer in planned if row["pair"] and _id(row, answer)]
    if not rows:
        return
    with pairs.opened(transaction=True) as connection:
        there = read_within(connection, part.paired_as, source, [row[KEYS[source]] for row in rows])
        changed = [row for row in rows if not _is_same(row, there.get(row[KEYS[source]]))]
        # A sign that is another one is no edit.
        edited = [row for row in changed if not _is_same(row, there.get(row[KEYS[source]]), SIGNS)]
        if changed:
            _let_the_other_direction_look(connected, part, edited)
            write_within(connection, changed)


def _is_same(row: Row, there: Row | None, but: Collection[str] = ()) -> bool:
    """Whether two pairs are equal, but for some of their hashes."""
    if there is None or any(row[name] != there[name] for name in (*KEYS.values(), "bc_no", "parent")):
        return False
    both = [(row[each], there[each]) for each in KEYS]
    return all({name for name, _ in one.items() ^ other.items()} <= set(but) for one, other in both)


def _let_the_other_direction_look(connected: ConnectedFlow, part: Part, rows: list[Row]) -> None:
    """Makes the other direction compare these records again, even if they look as they did when it last sent them."""
    store = Store.of(connected.settings, connected.settings.flow_database(connected.flow.reverse))
    if not store.exists():
        return
    numbers = {str(row[name]) for row in rows for name in (*KEYS.values(), "bc_no") if row[name]}
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
    if answer.get(ETAG) and planned["whole"] and planned["target"].keys().isdisjoint(planned["open"]):
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
