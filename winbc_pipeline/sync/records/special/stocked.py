"""Figures of stock in the target: which records cannot have one.

Here belongs: what the records engine asks for parts whose figures the source owns. Whether a figure has moved since it
was planned: figures.py. Source of the rules of Business Central: rules.md, Stock.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ....systems.business_central import BusinessCentral
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
