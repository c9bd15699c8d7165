"""A sale while a figure is being written: how often it is overwritten, and that the next run sets it right.

The sale is known to both systems at once, and falls between any two calls of the run, one after the other.
"""

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from winbc_pipeline.sync.records.special.figures import Looks
from winbc_pipeline.sync.stock import sending

from ...support.order_sandboxes import WINSTORE
from ...support.shops.stock_world import SKU, StockWorld, open_stock_world

CALLS = 18  # of a run with one figure: the sale falls before one of them, or after all


def sell_at(world: StockWorld, place: int, left: Decimal) -> None:
    """Lets a sale happen before the next call with this number."""
    calls, answer = iter(range(1, 1000)), world.wire.handle_request

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/__"):
            return answer(request)
        if next(calls) == place:
            world.wire.handle_request = answer  # type: ignore[method-assign]
            world.shop_has(quantity=str(left))
            world.user(do="adjust", item=SKU, quantity=-1)
        return answer(request)

    world.wire.handle_request = handle  # type: ignore[method-assign]


def lost_of(world: StockWorld) -> int:
    """How many sales were overwritten when the run had ended; the run after it must agree with Winstore each time."""
    lost = 0
    for place in range(1, CALLS + 1):
        figure = Decimal(10 + 3 * place)  # never the one before, which would not be compared
        world.counted(float(figure + 100))  # it differs, so that the run writes
        world.shop_has(quantity=str(figure))
        sell_at(world, place, figure - 1)
        world.run_changes()
        world.wire.__dict__.pop("handle_request", None)
        wanted = next(Decimal(row["quantity"]) for row in world.state(WINSTORE)["records"]["stock"])
        lost += world.inventory() != wanted
        world.run_changes()
        assert world.inventory() == wanted
    return lost


@pytest.mark.proof
def test_few_sales_are_lost_and_the_next_run_finds_each(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_stock_world(tmp_path / "looks") as world:
        world.shop_has(quantity="5")
        world.run()
        lost = lost_of(world)
    monkeypatch.setattr(Looks, "moved", lambda *_: set())
    monkeypatch.setattr(sending, "read_again", lambda _: None)
    with open_stock_world(tmp_path / "blind") as world:
        world.shop_has(quantity="5")
        world.run()
        lost_blind = lost_of(world)
    assert lost < lost_blind
    assert lost <= CALLS // 5, "only a sale between the last look and the posting"
