"""Finds the items of documents' lines in Business Central. An order waits for an item that is not there."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ...systems.business_central import BusinessCentral
from ..part import Sold
from .candidates import Candidate

ITEM = "Item"
Record = dict[str, Any]


class Items:
    """Items and variants of Business Central, each looked up once in a run.

    Args:
        sold: gives the variants that SKUs or GTINs stand for (Document.variants).
    """

    def __init__(self, target: BusinessCentral, sold: Callable[[Collection[str]], Mapping[str, Sold]]) -> None:
        self.target, self.sold = target, sold
        self.found: dict[tuple[str, str], dict[str, list[Record]]] = {}

    def find(self, orders: list[Candidate]) -> None:
        """Puts the number of the item and the id of the variant on each line.

        A line names an item by its number (SKU) or by its GTIN. `Candidate.dependency` of an order tells which items
        and variants are missing.

        Raises:
            WinbcError: a lookup was not answered.
        """
        lines = [line for order in orders for line in order.lines if line.get("lineType") == ITEM]
        ambiguous = self._name_variants(lines)
        numbers = {str(line["lineObjectNumber"]) for line in lines}
        items = self._there("items", "number", numbers)
        gtins = {number for number in numbers if not items[number] and number.isdigit()}
        by_gtin = self._there("items", "gtin", gtins)
        coded = {str(line["itemVariantCode"]) for line in lines if line.get("itemVariantCode")}
        variants = self._there("itemVariants", "code", coded)
        for order in orders:
            missing = [
                ambiguous.get(id(line)) or _linked(line, items, by_gtin, variants)
                for line in order.lines
                if line.get("lineType") == ITEM
            ]
            if words := list(dict.fromkeys(each for each in missing if each)):  # each once, in the order of the lines
                order.dependency = "; ".join(words)

    def _name_variants(self, lines: list[Record]) -> dict[int, str]:
        """Puts item and variant on the lines whose SKU or GTIN is a variant of an item.

        Returns: in words, what is wrong with the others, by the `id` of the line.
        """
        lines = [line for line in lines if not line.get("itemVariantCode") and not line.get("itemVariantId")]
        sold = self.sold({str(line["lineObjectNumber"]) for line in lines})
        found = self._there("itemVariants", "id", {each for one in sold.values() for each in one.ids})
        items = self._there("items", "gtin", {name for name, one in sold.items() if one.by_gtin})
        wrong = {}
        for line in lines:
            name = str(line["lineObjectNumber"])
            if name not in sold:
                continue
            there = [variant for each in sold[name].ids for variant in found[each]]
            others = {item["number"] for item in items.get(name, [])} - {each["itemNumber"] for each in there}
            if others and there:
                wrong[id(line)] = f"SKU {name}: {_of_both(there[0], others)}"
            elif len(there) == 1:
                line |= {"lineObjectNumber": there[0]["itemNumber"], "itemVariantId": there[0]["id"]}
            else:
                wrong[id(line)] = f"SKU {name}: {_unclear(len(sold[name].ids), len(there))}"
        return wrong

    def _there(self, entity_set: str, field: str, values: Iterable[str]) -> dict[str, list[Record]]:
        """The records by the value of a field. A value without a record has an empty list."""
        known = self.found.setdefault((entity_set, field), {})
        asked = {value for value in values if value not in known}
        known |= dict.fromkeys(asked, []) | self.target.find(entity_set, field, asked, False)
        return known


def _of_both(variant: Record, items: Collection[str]) -> str:
    """In words, that a GTIN is a variant's and an item's."""
    return f"variant {variant['code']} of item {variant['itemNumber']} and item {min(items)} have this GTIN"


def _unclear(known: int, there: int) -> str:
    """Why a SKU or GTIN is no single variant, in words."""
    if not known:
        return "an article, whose SKUs are variants of its item; a line must name one of them"
    return "several variants have this GTIN" if there else "its variant was deleted in Business Central"


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
