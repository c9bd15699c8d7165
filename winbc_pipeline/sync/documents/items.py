"""Whether the items of a document's lines are there: an order waits for those that are not."""

from collections.abc import Iterable
from typing import Any

from ...systems.business_central import BusinessCentral
from .candidates import Candidate

ITEM = "Item"
Record = dict[str, Any]


class Items:
    """Items and variants of Business Central, each looked up once in a run."""

    def __init__(self, target: BusinessCentral) -> None:
        self.target = target
        self.found: dict[tuple[str, str], dict[str, list[Record]]] = {}

    def find(self, orders: list[Candidate]) -> None:
        """Puts the item's own number and the variant's id on each line; what is missing holds its order back."""
        lines = [line for order in orders for line in order.lines if line.get("lineType") == ITEM]
        numbers = {str(line["lineObjectNumber"]) for line in lines}
        items = self._there("items", "number", numbers)
        by_gtin = self._there("items", "gtin", {each for each in numbers if not items[each] and each.isdigit()})
        coded = {str(line["itemVariantCode"]) for line in lines if line.get("itemVariantCode")}
        variants = self._there("itemVariants", "code", coded)
        for order in orders:
            missing = [_linked(line, items, by_gtin, variants) for line in order.lines if line.get("lineType") == ITEM]
            if named := list(dict.fromkeys(each for each in missing if each)):
                order.dependency = "; ".join(named)

    def _there(self, entity_set: str, field: str, values: Iterable[str]) -> dict[str, list[Record]]:
        """The records by value, none being an empty list."""
        known = self.found.setdefault((entity_set, field), {})
        asked = {value for value in values if value not in known}
        known |= dict.fromkeys(asked, []) | self.target.find(entity_set, field, asked, False)
        return known


def _linked(
    line: Record, items: dict[str, list[Record]], by_gtin: dict[str, list[Record]], variants: dict[str, list[Record]]
) -> str | None:
    number = str(line["lineObjectNumber"])
    there = items[number] or by_gtin.get(number, [])
    if len(there) != 1:
        return f"SKU {number}: {'several items have this GTIN' if there else 'no such item in Business Central'}"
    item = there[0]
    line["lineObjectNumber"] = item["number"]
    if item.get("blocked") is True:
        return f"SKU {number}: the item is blocked"
    if code := line.get("itemVariantCode"):
        own = [each for each in variants[str(code)] if each["itemNumber"] == item["number"]]
        if not own:
            return f"SKU {number}: no variant {code}"
        line["itemVariantId"] = own[0]["id"]
    return None
