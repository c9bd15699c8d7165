"""Figures of stock in the target: which records cannot have one, and whether a figure has moved since it was planned.

Here belongs: what the records engine asks for parts whose figures the source owns. Source of the rules of Business
Central: rules.md, Stock.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ....staging.store import Row
from ....systems.business_central import BusinessCentral
from ...flow import Part
from ...payloads import equal
from ..target.matching import Target

OTHER_OWNER = "@other_owner"
"""Marks a record of the target that the target itself owns."""
STOCKED = "Inventory"  # the type of items whose stock Business Central keeps


class Stocked:
    """Which of the target's records take a figure of stock."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.with_variants: set[str] = set()
        self.inner: Collection[str] = ()  # keys of records that are variants of an item (Part.inner)

    def look_up(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Asks which of some items have variants: what is written to such an item is the sum of all of them."""
        if isinstance(self.target, BusinessCentral):
            numbers = {str(record["number"]) for record in records}
            field = ("itemNumber",)
            self.with_variants = set(self.target.find("itemVariants", "itemNumber", numbers, False, field))

    def refusal(self, record: Mapping[str, Any]) -> str | None:
        """The reason code of a record that takes no figure; None for one that does."""
        if record.get(OTHER_OWNER):
            return "OTHER_OWNER"
        if not isinstance(self.target, BusinessCentral):
            return None
        if record.get("type") != STOCKED:
            return "NOT_STOCKED"
        if record.get("blocked"):
            return "BLOCKED"
        return "NOT_STOCKED_PER_VARIANT" if record["number"] in self.with_variants else None


def moved(part: Part, target: Target, rows: Collection[Row]) -> set[str]:
    """The keys of planned rows whose figures the target shows otherwise than when they were planned.

    A sale moves neither the ETag nor the moment of an item, so they are asked for once more.
    """
    there = [row for row in rows if row["action"] == "update"]
    if not there:
        return set()
    planned = {row["key"]: json.loads(row["changes"], parse_float=Decimal) for row in there}
    fields = sorted({change["field"] for changes in planned.values() for change in changes} | {"id"})
    ids = {row["target_id"] for row in there}
    if isinstance(target, BusinessCentral):
        live = target.find_by_id(part.entity_set, ids, fields)
    else:
        live = target.find(part.entity_set, "id", ids, False, fields)
    found = set()
    for row in there:
        now: Mapping[str, Any] = next(iter(live.get(row["target_id"], [])), {})
        if any(not equal(now.get(change["field"]), change["old"]) for change in planned[row["key"]]):
            found.add(row["key"])
    return found
