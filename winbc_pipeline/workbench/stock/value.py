"""What a plan of stock would book: quantity and value (unit cost) by warehouse, for a person who approves it."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ...staging.load import create as create_staging
from ...staging.store import Row, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.guards import writes
from ...sync.plan_table import planned_rows
from ...systems.business_central import BusinessCentral

ZERO = Decimal(0)


@dataclass(frozen=True)
class Worth:
    """Stock of one warehouse that a plan is made of, or what the plan changes (`warehouse` is empty then).

    Attributes:
        skus: how many SKUs.
        quantity: pieces; value: the same at the unit cost of Business Central, in its currency.
    """

    warehouse: str
    skus: int
    quantity: Decimal
    value: Decimal


def worth(connected: ConnectedFlow) -> list[Worth]:
    """The stock by warehouse of the SKUs that the plan would write, and at last what the plan changes in the target."""
    flow = connected.flow
    rows = [row for row in planned_rows(writes.everything(connected), flow.main) if row["action"] == "update"]
    cost = _costs(connected, rows)
    changed = [(row["key"], _difference(row, flow.emptied)) for row in rows]
    total = Worth("", len(rows), sum((each for _, each in changed), ZERO), _value(changed, cost))
    return [*_by_warehouse(connected, rows, cost), total]


def _difference(row: Row, field: str) -> Decimal:
    changes = json.loads(row["changes"], parse_float=Decimal)
    (change,) = [each for each in changes if each["field"] == field] or [{"old": 0, "new": 0}]
    return Decimal(change["new"] or 0) - Decimal(change["old"] or 0)


def _by_warehouse(connected: ConnectedFlow, rows: list[Row], cost: Mapping[str, Decimal]) -> list[Worth]:
    """The stock of each warehouse of Winstore; Business Central has none in API v2.0."""
    if connected.flow.source != "winstore":
        return []
    keys = [row["key"] for row in rows]
    with connected.store.open() as connection:
        create_staging(connection, connected.loaded)
        name = quote(connected.loaded.name)
        found = rows_of(
            connection,
            f"SELECT warehouse, sku, quantity FROM {name} WHERE sku IN (SELECT unnest(?::VARCHAR[])) ORDER BY ALL",
            [keys],
        )
    stocks: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in found:
        stocks[row["warehouse"]].append((row["sku"], row["quantity"] or ZERO))
    return [
        Worth(warehouse, len(stock), sum((each for _, each in stock), ZERO), _value(stock, cost))
        for warehouse, stock in stocks.items()
    ]


def _value(stock: list[tuple[str, Decimal]], cost: Mapping[str, Decimal]) -> Decimal:
    return sum((quantity * cost.get(sku, ZERO) for sku, quantity in stock), ZERO)


def _costs(connected: ConnectedFlow, rows: list[Row]) -> dict[str, Decimal]:
    """The unit cost in Business Central by the key of each planned row."""
    to_bc = connected.flow.target == "bc"
    numbers = {row["key"]: str(row["target_no"] if to_bc else row["key"]) for row in rows}
    target = BusinessCentral(connected.settings)
    try:
        found = target.find("items", "number", numbers.values(), False, ("number", "unitCost"))
    finally:
        target.close()
    return {key: Decimal(found[number][0]["unitCost"]) for key, number in numbers.items() if number in found}
