"""After hours without power or network nothing is lost, each step stays small, and what matters most comes first.

Source of the promise: docs/operations.md, "After hours without power or network".
"""

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import StockSettings
from winbc_pipeline.sync.reading.glance import change_since
from winbc_pipeline.sync.stock import sweep as module

from ..support.order_sandboxes import BC
from ..support.shops.stock_world import StockWorld

pytestmark = pytest.mark.proof

HOUR = 3600
SKUS = [f"S{number}" for number in range(6)]
ORDERS = [f"W{number}" for number in range(6)]


def test_six_hours_off_are_caught_up_in_bounded_steps_orders_in_order_and_newest_stock_first(
    stock: StockWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST", 1)  # so few SKUs has a sweep that has calls for no more
    monkeypatch.setattr(module, "FOUND_AT_ONCE", 2)
    stock.call(batch_size=2, page_size=1)
    stock.settings = stock.settings.model_copy(update={"stock": StockSettings(calls_per_hour=20)})
    for sku in SKUS:
        stock.item(sku)
        stock.shop_has(sku=sku, quantity="5")
    stock.run()
    off_since = stock.now

    for number, (sku, order) in enumerate(zip(SKUS, ORDERS, strict=True)):
        stock.pass_time(HOUR)
        stock.shop_has(sku=sku, quantity=str(10 + number))
        stock.order(order)

    seen = change_since(stock.connected(ORDERS_TO_BC.id), off_since)
    assert seen
    assert seen.oldest == off_since.date(), "one run takes all days since then"
    before = len(stock.calls(BC))
    assert stock.sync().created == len(ORDERS)  # `assert_bounded` looks at its calls
    assert len(stock.calls(BC)) > before + len(ORDERS) // 2, "not all in one call"
    made = [stock.documents(order)[0]["number"] for order in ORDERS]
    assert made == sorted(made), "the oldest order has the first number"

    assert stock.run_changes().failed == 0
    assert [stock.inventory(sku) for sku in SKUS] == [10 + number for number in range(len(SKUS))]
    for sku in SKUS:
        stock.counted(1, sku)
    stock.pass_time(HOUR)
    assert stock.swept().seen == 2, "a sweep looks at so many"
    assert stock.inventory(SKUS[-1]) == 10 + len(SKUS) - 1, "it moved last, so it was looked at first"
