"""Records of the target that only join others, such as the item above the items of an article's SKUs (Part.container).

Here belongs: whether such a record can be made, and whether the records that it joins may name it. What they are:
flows/containers.py. What is decided of a record: decide.py.
"""

from collections.abc import Collection, Sequence

import orjson

from ....staging import ledger
from ....staging.store import Row, quote, rows_of
from ...connected import ConnectedFlow
from ...part import Part
from ..beside.app_fields import AppFields
from ..beside.base import Beside
from ..known.staged import StagedRecords
from .parents import Parents

GONE_THERE = "DELETED_THERE"


def lacking_app(beside: Sequence[Beside]) -> str:
    """In words, why the companion app does not take what tells a container from a record that is sold; empty when it
    does."""
    fields = [each for each in beside if isinstance(each, AppFields)]
    if any(each.client for each in fields):
        return ""
    return "; ".join(gap for each in fields for gap in each.gaps()) or "its table fills no field of the companion app"


def mark_taken(connected: ConnectedFlow, rows: list[Row]) -> None:
    """Says in the new column `taken` of containers, in words, that a record of the source has the number as its key.

    That record comes first, although containers are made before it.
    """
    key, _ = connected.flow.part(connected.flow.main).match[0]
    made = {str(row["creates"].get(key) or ""): row for row in rows}
    with connected.store.open() as connection:
        found = rows_of(
            connection,
            f"""
            SELECT _key, number
            FROM {quote(connected.staging.name)}
            JOIN (SELECT unnest(?::VARCHAR[]) AS number) ON upper(trim(_key)) = upper(number)
            """,
            [list(made)],
        )
    for each in found:
        made[each["number"]]["taken"] = f"{each['_key']} of the source has this number as its key"


def leave_out(connected: ConnectedFlow, part: Part, rows: list[Row], parents: Parents) -> None:
    """Takes the field that names its container out of each record whose container the target will not have.

    Args:
        rows: mapped records as `with_payloads` makes them. They are changed.
        parents: gives what this plan has decided of the containers.
    """
    if not part.joined:
        return
    container, field = part.joined
    named = StagedRecords(connected, part).named([row["_key"] for row in rows])
    there = _there(connected, container, {each["group"] for each in named.values() if each["group"]}, parents)
    for row in rows:
        if named.get(row["_key"], {}).get("group") not in there and row["updates"].get(field):
            hashes = orjson.loads(row["new_hashes"])
            for fields in (row["creates"], row["updates"], hashes):
                fields.pop(field, None)
            row["new_hashes"] = orjson.dumps(hashes).decode()


def _there(connected: ConnectedFlow, container: str, groups: Collection[str], parents: Parents) -> set[str]:
    """The groups whose container is in the target, or will be by this plan."""
    where = "part = ? AND target_id IS NOT NULL AND key IN (SELECT unnest(?::VARCHAR[]))"
    known = {row["key"] for row in ledger.read(connected.store, where, [container, list(groups)])}
    planned = parents(groups)
    made = {key for key, row in planned.items() if row["action"] == "create"}
    found = {key for key, row in planned.items() if row["target_id"] and row["reason"] != GONE_THERE}
    return (known - planned.keys()) | made | found
