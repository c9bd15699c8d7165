"""What is open on sales orders and purchase orders of Business Central, by item and variant.

Orders are read whole each time: a line that was deleted leaves no trace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ...settings import Settings
from ...sync.stock.app_stock import AppStock, Place
from ...systems.business_central import BusinessCentral

SALES, PURCHASES, VARIANTS = "salesOrders", "purchaseOrders", "itemVariants"
DRAFT, ITEM = "Draft", "Item"
BASE = ""  # the unit of what the companion app tells: the base unit of each item
Record = dict[str, Any]


@dataclass
class Open:
    """What the open lines of one kind of order take or bring, by item and variant, and by unit."""

    by_place: dict[Place, dict[str, Decimal]] = field(default_factory=dict)

    def add(self, line: Record, done: str, variant: str) -> None:
        """Adds what is left of a line. `done` is its field with the quantity that was handled already."""
        left = line["quantity"] - line[done]
        if line["lineType"] == ITEM and left:
            units = self.by_place.setdefault((line["lineObjectNumber"], variant), {})
            unit = line["unitOfMeasureCode"]
            units[unit] = units.get(unit, Decimal(0)) + left

    def of(self, place: Place, unit: str) -> Decimal:
        """The open quantity in the base unit."""
        return self.by_place.get(place, {}).get(unit, Decimal(0))

    def in_words(self, place: Place) -> str:
        units = self.by_place.get(place, {})
        return "; ".join(f"{format(left.normalize(), 'f')} {unit}".strip() for unit, left in sorted(units.items()))

    def other_units(self, place: Place, unit: str) -> bool:
        return any(other != unit for other in self.by_place.get(place, {}))


Orders = tuple[Open, Open]  # of sales and of purchases


def open_orders(
    settings: Settings, source: BusinessCentral, since: Mapping[str, datetime], app: AppStock | None
) -> Orders:
    """What is open on sales orders and on purchase orders, as far as a formula reads it."""
    sales, purchases = Open(), Open()
    kinds = (
        (SALES, "salesOrderLines", "shippedQuantity", sales),
        (PURCHASES, "purchaseOrderLines", "receivedQuantity", purchases),
    )
    for entity_set, lines, done, found in kinds:
        if entity_set not in since:
            continue
        if app and entity_set == SALES:
            found.by_place = {place: {BASE: left} for place, left in app.on_orders().items() if left}
            continue
        variants = _variant_codes(source) if app else {}
        inner = f"lineType,lineObjectNumber,itemVariantId,unitOfMeasureCode,quantity,{done}"
        for order in source.get(f"{entity_set}?$select=id,status&$expand={lines}($select={inner})"):
            if settings.stock.drafts or order["status"] != DRAFT:
                for line in order[lines]:
                    found.add(line, done, variants.get(line["itemVariantId"], ""))
    return sales, purchases


def _variant_codes(source: BusinessCentral) -> dict[str, str]:
    """The codes of all variants by their ids."""
    return {each["id"]: each["code"] for each in source.get(f"{VARIANTS}?$select=id,code")}
