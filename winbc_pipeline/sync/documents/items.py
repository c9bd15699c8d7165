"""Finds the items of documents' lines in Business Central. An order waits for an item that is not there."""

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
        """Puts the number of the item and the id of the variant on each line.

        A line names an item by its number (SKU) or by its GTIN. `Candidate.dependency` of an order tells which items
        and variants are missing.

        Raises:
            WinbcError: a lookup was not answered.
        """
        lines = [line for order in orders for line in order.lines if line.get("lineType") == ITEM]
        numbers = {str(line["lineObjectNumber"]) for line in lines}
        items = self._there("items", "number", numbers)
        gtins = {number for number in numbers if not items[number] and number.isdigit()}
        by_gtin = self._there("items", "gtin", gtins)
        coded = {str(line["itemVariantCode"]) for line in lines if line.get("itemVariantCode")}
        variants = self._there("itemVariants", "code", coded)
        for order in orders:
            missing = [_linked(line, items, by_gtin, variants) for line in order.lines if line.get("lineType") == ITEM]
            if words := list(dict.fromkeys(each for each in missing if each)):  # each once, in the order of the lines
                order.dependency = "; ".join(words)

    def _there(self, entity_set: str, field: str, values: Iterable[str]) -> dict[str, list[Record]]:
        """The records by the value of a field. A value without a record has an empty list."""
        known = self.found.setdefault((entity_set, field), {})
        asked = {value for value in values if value not in known}
        known |= dict.fromkeys(asked, []) | self.target.find(entity_set, field, asked, False)
        return known


def _linked(
    line: Record, items: dict[str, list[Record]], by_gtin: dict[str, list[Record]], variants: dict[str, list[Record]]
) -> str | None:
    """Links one line; says in words what is missing for it."""
    number = str(line["lineObjectNumber"])
    there = items[number] or by_gtin.get(number, [])
    if not there:
        return f"SKU {number}: no such item in Business Central"
    if len(there) > 1:
        return f"SKU {number}: several items have this GTIN"
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
