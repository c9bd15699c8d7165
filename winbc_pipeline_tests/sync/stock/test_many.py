"""A shop of 20,000 SKUs of which 1,000 moved last: corrections without any order, seen by the next sweep.

The promise is docs/stock.md, "When a change is seen"; sweeps come each 15 minutes, and may make 200 calls an hour.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State

from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.stock_world import TO_BC, TO_WINSTORE, StockWorld, open_stock_world

SKUS, MOVED = 20_000, 1_000
CORRECTED = (0, 1, MOVED // 2, MOVED - 2, MOVED - 1)  # of those that moved, on each side
FIGURE, TYPED = Decimal(5), Decimal(77)
SWEEP_S, A_WEEK_S, CALLS_PER_HOUR = 15 * 60, 7 * 86400, 200
Correction = tuple[Callable[[StockWorld, tuple[int, ...], Decimal], None], tuple[int, ...], Decimal]
pytestmark = pytest.mark.proof


def sku(number: int) -> str:
    return f"S{number:05d}"


@pytest.fixture
def many(tmp_path: Path, tables: Path) -> Iterator[StockWorld]:
    """Both systems agree about every SKU, and a week later those with the least numbers have moved."""
    with open_stock_world(tmp_path) as world:
        item = {"displayName": "Mug", "type": "Inventory", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
        items = [item | {"number": sku(number), "inventory": float(FIGURE)} for number in range(SKUS)]
        for start in range(0, SKUS, 5000):
            world.seed(items=items[start : start + 5000])
        shown(world, range(SKUS))
        for number in CORRECTED:  # Winstore takes no stock without an article
            world.shop_lists(sku(number))
        world.pass_time(A_WEEK_S)
        shown(world, range(MOVED))
        yield world


def shown(world: StockWorld, numbers: range) -> None:
    world.shop_shows({(sku(number), "7"): (FIGURE, 0) for number in numbers})


def linked(world: StockWorld, flow: str) -> None:
    """The ledger says that every SKU was sent, and knows its record."""
    ids = {item["number"]: item["id"] for item in world.records("items")}
    moves = [
        Move(world.connected(flow).flow.main, own, State.CONFIRMED, {"hash": "as sent", "target_id": found})
        for own, found in ((sku(n), ids[sku(n)] if flow == TO_BC else f"{sku(n)}/7") for n in range(SKUS))
    ]
    ledger.move(world.connected(flow).store, moves, "before")


def calls(world: StockWorld) -> tuple[int, int]:
    return len(world.calls(BC)), len(world.calls(WINSTORE))


def count_in_shop(world: StockWorld, numbers: tuple[int, ...], figure: Decimal) -> None:
    world.pass_time(1)
    world.shop_shows({(sku(number), "7"): (figure, 0) for number in numbers})


def count_in_books(world: StockWorld, numbers: tuple[int, ...], figure: Decimal) -> None:
    for number in numbers:
        world.counted(float(figure), sku(number))


def test_corrections_on_either_side_arrive_with_the_next_sweep_inside_the_calls(many: StockWorld) -> None:
    of_owner, of_other = CORRECTED[::2], CORRECTED[1::2]
    corrected_and_swept(many, TO_BC, (count_in_shop, of_owner, Decimal(11)), (count_in_books, of_other, TYPED))
    many.owner("bc", warehouse="7")
    corrected_and_swept(many, TO_WINSTORE, (count_in_books, of_owner, Decimal(12)), (count_in_shop, of_other, TYPED))


def corrected_and_swept(world: StockWorld, flow: str, of_owner: Correction, of_other: Correction) -> None:
    """Both sides agree; then each is corrected, and a sweep comes."""
    linked(world, flow)
    assert world.swept(flow).differing == 0
    world.pass_time(SWEEP_S)
    for correct, numbers, figure in (of_owner, of_other):
        correct(world, numbers, figure)
    before = calls(world)
    done = world.swept(flow)
    took = [after - there for after, there in zip(calls(world), before, strict=True)]
    others = flow == TO_WINSTORE  # the item that Business Central has from the beginning
    assert (done.seen, done.differing, done.failed, done.late) == (SKUS + others, len(CORRECTED), [], 0)
    _, numbers, figure = of_owner
    assert figures(world, flow) == {sku(n): figure if n in numbers else FIGURE for n in range(SKUS)}
    assert max(took) <= CALLS_PER_HOUR * SWEEP_S // 3600, took


def figures(world: StockWorld, flow: str) -> dict[str, Decimal]:
    """What the target shows of each SKU."""
    if flow == TO_BC:
        there = {each["number"]: Decimal(each["inventory"]) for each in world.records("items")}
        return {own: figure for own, figure in there.items() if own.startswith(("S0", "S1"))}
    rows = world.state(WINSTORE)["records"]["stock"]
    return {row["sku"]: Decimal(row["quantity"]) for row in rows}
