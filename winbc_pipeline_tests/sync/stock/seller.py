"""Sellers beside a run: each sale is known to both systems at once, and falls between two calls of the run."""

from collections.abc import Collection
from decimal import Decimal
from random import Random

import httpx

from winbc_pipeline.staging import ledger

from ...support.shops.stock_world import TO_BC, StockWorld

CALLS = 24  # of a run that writes figures: a sale falls before one of them, or after all


def sell_at(world: StockWorld, places: dict[str, int], left: dict[str, Decimal]) -> None:
    """Lets each SKU be sold before the call with its number."""
    number, answer, waiting = 0, world.wire.handle_request, dict(places)

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal number
        if request.url.path.startswith("/__"):
            return answer(request)
        number += 1
        sell([sku for sku, place in waiting.items() if place <= number])
        return answer(request)

    def sell(skus: Collection[str]) -> None:
        for sku in skus:
            del waiting[sku]
            world.wire.handle_request = answer  # type: ignore[method-assign]
            world.shop_has(sku, quantity=str(left[sku]))
            world.user(do="adjust", item=sku, quantity=-1)
            world.wire.handle_request = handle  # type: ignore[method-assign]

    world.wire.handle_request = handle  # type: ignore[method-assign]


def lost_of(world: StockWorld, skus: int, rounds: int, seed: int) -> int:
    """How many of `skus` times `rounds` sales were written over. The run after each must agree with Winstore."""
    chance, lost = Random(seed), 0
    names = [f"S{n}" for n in range(skus)]
    for name in names:
        world.item(name)
    for number in range(rounds):
        figures = {name: Decimal(10 + 3 * number + 5 * place) for place, name in enumerate(names)}
        for name, figure in figures.items():
            world.counted(float(figure + 100), name)  # it differs, so that the run writes
            world.shop_has(name, quantity=str(figure))
        sell_at(world, {name: chance.randint(1, CALLS) for name in names}, {k: v - 1 for k, v in figures.items()})
        world.run_changes()
        world.wire.__dict__.pop("handle_request", None)
        sent = [row["key"] for row in ledger.read(world.connected(TO_BC).store, "state = 'CONFIRMED'")]
        lost += len(_differing(world, names) & set(sent))  # the others were not written, and wait for the next run
        world.run_changes()
        assert not _differing(world, names)
    return lost


def _differing(world: StockWorld, names: Collection[str]) -> set[str]:
    there = {item["number"]: Decimal(item["inventory"]) for item in world.records("items")}
    wanted = {row["sku"]: Decimal(row["quantity"]) for row in world.winstore_app.state.records.select("stock")}
    return {name for name in names if there[name] != wanted[name]}
