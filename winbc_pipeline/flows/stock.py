"""Stock, in both directions. Key: SKU = item number. By default the free stock: available less reserved (seed page).

API v2.0 gives and takes an item's stock as one figure, not per location.
"""

from ..sync.flow import Flow, Part

STOCK_TO_BC = Flow(
    name="stock",
    source="winstore",
    target="bc",
    entity="stock",
    main="item",
    parts=(Part(name="item", entity_set="items", table="item.csv", match=(("number", False),)),),
    derived={"total_quantity": "decimal", "total_reserved": "decimal"},
    guarded=True,
)
STOCK_TO_WINSTORE = Flow(
    name="stock",
    source="bc",
    target="winstore",
    entity="items",
    main="stock",
    parts=(Part(name="stock", entity_set="stock", table="stock.csv", match=(("sku", False),)),),
    derived={"reserved": "decimal", "locationCode": "text"},
    guarded=True,
)
