"""Random histories of stock on both sides, under faults and kills, against a model of its own.

After the last event and one sweep both sides agree by the rule, and nothing was created.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.sync import crash_points

from ...support.in_process import Killed
from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.stock_world import TO_BC, TO_WINSTORE, StockWorld, open_stock_world

SKUS, WAREHOUSES = ("A", "B", "C"), ("1", "7")
POINTS = ("before record intent", "after record intent", "after record answer", "after record confirm")
RULES = {"B": (Decimal(1), Decimal(20), Decimal("0.5"), True)}  # safety, cap, rounding, clamp
FAULTS = ("drop_before", "drop_after")


@dataclass
class Model:
    """What people on both sides have done."""

    shop: dict[tuple[str, str], tuple[Decimal, Decimal]] = field(default_factory=dict)
    books: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SKUS, Decimal(0)))
    orders: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SKUS, Decimal(0)))

    def of_shop(self, sku: str) -> Decimal:
        rows = [row for (own, _), row in self.shop.items() if own == sku]
        return ruled(sku, sum((quantity - reserved for quantity, reserved in rows), Decimal(0)))

    def of_books(self, sku: str) -> Decimal:
        return ruled(sku, self.books[sku] - self.orders[sku])


def ruled(sku: str, free: Decimal) -> Decimal:
    """The rule of a SKU, step by step as docs/stock.md says it."""
    if sku not in RULES:
        return free
    safety, cap, step, clamp = RULES[sku]
    figure = free - safety
    if figure > cap:
        figure = cap
    figure = (figure / step).to_integral_value(rounding="ROUND_FLOOR") * step
    return Decimal(0) if clamp and figure < 0 else figure


class Story:
    """One history. The owner's people change what counts; the others type what is to be overwritten."""

    def __init__(self, world: StockWorld, model: Model, chance: Random, flow: str) -> None:
        self.world, self.model, self.chance, self.flow = world, model, chance, flow
        self.acts: list[Callable[[], None]] = [self.shop_changes, self.shop_transfers, self.books_count]
        self.acts += [self.run, self.run, self.sweep, self.fault]
        self.acts += [self.books_sell] if flow == TO_WINSTORE else []

    def amount(self) -> Decimal:
        return Decimal(self.chance.randint(0, 80)) / 4

    def shop_changes(self) -> None:
        sku, warehouse = self.chance.choice(SKUS), self.chance.choice(WAREHOUSES)
        row = (self.amount(), self.chance.choice((Decimal(0), Decimal(1))))
        self.model.shop[sku, warehouse] = row
        self.world.shop_has(sku, warehouse, *map(str, row))

    def shop_transfers(self) -> None:
        sku = self.chance.choice(SKUS)
        there = {place: self.model.shop[sku, place] for place in WAREHOUSES if (sku, place) in self.model.shop}
        if len(there) == 2:
            for place, sign in zip(WAREHOUSES, (-1, 1), strict=True):
                quantity, reserved = there[place]
                self.model.shop[sku, place] = (quantity + sign, reserved)
                self.world.shop_has(sku, place, str(quantity + sign), str(reserved))

    def books_count(self) -> None:
        sku, amount = self.chance.choice(SKUS), self.amount()
        self.model.books[sku] = amount
        self.world.counted(float(amount), sku)

    def books_sell(self) -> None:
        sku = self.chance.choice(SKUS)
        self.world.sold(1, sku)
        self.model.orders[sku] += 1

    def run(self) -> None:
        if self.chance.random() < 0.3:
            crash_points.armed[self.chance.choice(POINTS)] = self.chance.randint(1, 2)
        with suppress(Killed, WinbcError):
            self.world.run_changes(self.flow)
        crash_points.armed.clear()

    def sweep(self) -> None:
        with suppress(Killed, WinbcError):
            self.world.swept(self.flow)

    def fault(self) -> None:
        port, path = (BC, "$batch") if self.flow == TO_BC else (WINSTORE, "PostStock")
        nth = self.chance.randint(1, 2)
        self.world.fault(port, {"kind": self.chance.choice(FAULTS), "path": path, "nth": nth})

    def told(self, events: int) -> None:
        for _ in range(events):
            self.chance.choice(self.acts)()
        for port in (BC, WINSTORE):
            self.world.fault(port)
        self.world.pass_time(15 * 60)
        self.world.swept(self.flow)


@contextmanager
def story(folder: Path, seed: int, flow: str) -> Iterator[Story]:
    with open_stock_world(folder) as world:
        world.table("stock_rules", "B,,1,20,0.5,yes,,")
        if flow == TO_WINSTORE:
            world.owner("bc", warehouse="7")
        for sku in SKUS:
            world.item(sku)
            world.shop_lists(sku)
        yield Story(world, Model(), Random(seed), flow)


def check(told: Story) -> None:
    world, model = told.world, told.model
    if told.flow == TO_BC:
        shown = {sku: world.inventory(sku) for sku in SKUS if any(own == sku for own, _ in model.shop)}
        assert shown == {sku: model.of_shop(sku) for sku in shown}
    else:
        rows = world.state(WINSTORE)["records"].get("stock", [])
        shown = {row["sku"]: Decimal(row["quantity"]) for row in rows if row["warehouse"] == "7"}
        assert shown == {sku: model.of_books(sku) for sku in SKUS}
    assert [each for each in world.written() if (each["method"], each["entity"]) == ("POST", "items")] == []


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize("seed", [0])
def test_after_any_history_and_one_sweep_both_sides_agree(tmp_path: Path, tables: Path, seed: int, flow: str) -> None:
    with story(tmp_path, seed, flow) as told:
        told.told(25)
        check(told)


@pytest.mark.proof
@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize(
    "first", [1, pytest.param(11, marks=pytest.mark.soak), pytest.param(21, marks=pytest.mark.soak)]
)
def test_after_more_histories_both_sides_agree(tmp_path: Path, tables: Path, first: int, flow: str) -> None:
    for seed in range(first, first + 10):
        with story(tmp_path / str(seed), seed, flow) as told:
            told.told(40)
            check(told)


@pytest.mark.soak
@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize("first", range(1000, 6000, 100))
def test_after_ten_thousand_histories_both_sides_agree(tmp_path: Path, tables: Path, first: int, flow: str) -> None:
    for seed in range(first, first + 100):
        with story(tmp_path / str(seed), seed, flow) as told:
            told.told(25)
            check(told)
