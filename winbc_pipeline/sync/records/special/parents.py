"""Records that belong to another record of the target, such as the variants of an item.

Here belongs: who the parent of a record is, and a parent of the source that has only got another key. What is decided
of a record: decide.py.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ....staging import ledger
from ....staging.pairs import Pairs
from ....staging.store import Row, quote, rows_of
from ...connected import ConnectedFlow
from ...part import Part
from ...payloads import fields_of
from ..known.staged import StagedRecords
from ..target.matching import Target

Parents = Callable[[Collection[str]], Mapping[str, Row]]
"""Gives, of some keys of parents, what a plan has decided of each, by key, as rows of the plan table."""


def with_parents(connected: ConnectedFlow, part: Part, target: Target, rows: list[Row], parents: Parents) -> list[Row]:
    """Rows whose field `Part.within` is the number that the parent has in the target now, whatever the table says.

    A parent that the target does not have, and will not get by this plan, is named in the new column `orphan`.

    Args:
        rows: mapped records as `with_payloads` makes them. They are changed.
        parents: gives what this plan has decided of them.
    """
    owner = connected.flow.part(str(part.parent))
    named = StagedRecords(connected, part).named([row["_key"] for row in rows])
    for row in rows:
        row["group"] = named.get(row["_key"], {}).get("group")
    groups = sorted({row["group"] for row in rows if row["group"] is not None})
    planned = parents(groups)
    where = "part = ? AND target_id IS NOT NULL AND key IN (SELECT unnest(?::VARCHAR[]))"
    ids = {row["key"]: row["target_id"] for row in ledger.read(connected.store, where, [owner.name, groups])}
    ids |= {key: row["target_id"] for key, row in planned.items() if row["target_id"]}
    there = target.find(owner.entity_set, "id", set(ids.values()), False) if ids else {}
    numbers = {key: there[own][0]["number"] for key, own in ids.items() if own in there}
    made, _ = owner.match[0]
    numbers |= {key: fields_of(row["body"])[made] for key, row in planned.items() if row["action"] == "create"}
    for row in rows:
        if number := numbers.get(row["group"]):
            row["creates"][part.within] = number
        else:
            row["orphan"] = f"{part.parent} {row['group']} is not in the target"
    return rows


def renamed(connected: ConnectedFlow, part: Part, keys: Collection[str]) -> dict[str, str]:
    """The parents that the source has only given another key, each with whose children it has, in words.

    All children of such a parent were those of one parent that the source no longer has.

    Args:
        keys: keys of parents that the target does not have yet.
    """
    child = next((each for each in connected.parts if each.parent == part.name and each.within), None)
    if not child or not keys:
        return {}
    pairs, group, table = Pairs(connected.settings, connected.flow.pairs), quote(child.group), connected.staging.name
    with connected.store.open() as connection:
        children = rows_of(
            connection,
            f"SELECT {group} AS parent, _key AS key FROM {quote(table)} WHERE {group} IN (SELECT unnest(?::VARCHAR[]))",
            [list(keys)],
        )
        known = pairs.read(child.paired_as, connected.flow.source, [each["key"] for each in children])
        left = rows_of(connection, f"SELECT DISTINCT {group} AS parent FROM {quote(table)}") if known else []
    alive = {each["parent"] for each in left}
    before: dict[str, set[str]] = {}
    for each in children:
        if each["key"] in known:
            before.setdefault(each["parent"], set()).add(known[each["key"]]["parent"])
    return {
        key: f"its SKUs were those of {next(iter(old))}, which the source no longer has"
        for key, old in before.items()
        if len(old) == 1 and not old & (alive | {None})
    }


def of_another(part: Part, flow: str, row: Row, live: Mapping[str, Any]) -> str | None:
    """In words: the target's record belongs to another parent than the source's. It cannot go to another one.

    Args:
        flow: the id of the flow.
    """
    if not part.within:
        return None
    there, wanted = live.get(part.within), row["creates"].get(part.within)
    if there == wanted:
        return None
    known = row["known"].pair
    before = f"{part.parent} {known['parent']}" if known and known["parent"] else "another one"
    words = f"it belongs to {part.parent} {row['group']} ({wanted}) now, and in the target to {there} ({before})"
    return f"{words}; `winbc resolve {row['_key']} --flow {flow} --again` makes it there anew"
