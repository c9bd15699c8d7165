"""A plan that is made some records at a time is, row for row, the plan of all records at once.

Source: test catalogue, row 74: memory does not grow with the records of a window. No outcome may depend on where the
records are cut.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import PRODUCTS, flow_named
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.dispatch import sending_of
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.records.draft import IN_DATABASE
from winbc_pipeline.sync.records.plan import plan
from winbc_pipeline.sync.run import dry_run, sync
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import Record
from ...support.sandboxes import FIRST as RETAIL_FIRST
from ...support.sandboxes import LAST as RETAIL_LAST
from ...support.sandboxes import Sandboxes
from ...support.shops.pictured_shop import PicturedShop
from ...support.shops.pictured_shop import pictured_shop as pictured_shop
from ...support.shops.pictures import jpeg
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import gone_shop as gone_shop
from ...support.shops.product_shop import product_shop as product_shop
from ...support.shops.strange_shops import FIRST, LAST, trial_of
from ...support.shops.two_ways import TO_BC, TwoWays
from ...support.shops.two_ways import two_ways as two_ways
from .test_retail import RETAIL

SIZES = (1, 7)
GTINS = ("0100537900016", "4006381333931", "5901234123457", "96385074", "")
EVERYTHING = 10**6


def planned_in(work: Work, at_once: int) -> list[Record]:
    """The rows of a plan that is made so many records at a time, without its moment."""
    target: Any = sending_of(work.flow).open(work.settings)
    try:
        plan(work, target, at_once=at_once)
    finally:
        target.close()
    rows = sorted(planned_rows(work), key=lambda row: (row["part"], row["key"]))
    return [row | {"planned_at": None} for row in rows]


def assert_same_in_slices(work: Work, sizes: tuple[int, ...] = SIZES) -> list[Record]:
    """Compares the plans of staged and mapped records; returns that of all records at once."""
    whole = planned_in(work, EVERYTHING)
    for size in sizes:
        assert planned_in(work, size) == whole, f"{size} at a time"
    return whole


def of_part(rows: list[Record], part: str) -> dict[str, tuple[str, str | None]]:
    """Action and reason of the planned rows of a part, by key."""
    return {row["key"]: (row["action"], row["reason"]) for row in rows if row["part"] == part}


@pytest.mark.proof
def test_two_customers_who_take_each_others_email_fail_though_they_are_in_two_slices(two_ways: TwoWays) -> None:
    first, second = {"fname": "Anna", "email": "anna@mail.example"}, {"fname": "Bram", "email": "bram@mail.example"}
    for key, person in (("1", first), ("2", second)):
        two_ways.shop_has(key, **person)
    two_ways.passes()
    for key, person in (("1", second), ("2", first)):
        two_ways.in_winstore(key, **person)
    work = Work(ConnectedFlow(flow_named(TO_BC), two_ways.settings), FIRST, LAST, "sliced")
    dry_run(work)
    rows = assert_same_in_slices(work, (1,))
    assert of_part(rows, "customer") == dict.fromkeys(("1", "2"), ("fail", "TARGET_TAKEN"))
    assert all("and is to get that of" in row["message"] for row in rows if row["part"] == "customer")


@pytest.mark.proof
def test_a_new_item_does_not_get_the_number_of_one_that_an_earlier_slice_makes(gone_shop: ProductShop) -> None:
    for key, sku in (("4", "MUG"), ("5", "TEA"), ("6", "mug")):
        gone_shop.article(key, sku)
    work = gone_shop.work()
    dry_run(work)
    rows = assert_same_in_slices(work, (1, 2))
    made = {"MUG": ("create", None), "TEA": ("create", None), "mug": ("fail", "TARGET_TAKEN")}
    assert of_part(rows, "item").items() >= made.items()


@pytest.mark.proof
def test_a_swap_of_gtins_is_told_though_its_halves_are_in_two_slices(gone_shop: ProductShop) -> None:
    for gtins in ((GTINS[0], "", GTINS[1]), (GTINS[1], "", GTINS[0])):
        gone_shop.run()
        for key, gtin in zip(("1", "2", "3"), gtins, strict=True):
            gone_shop.article(key, f"S{key}", gtin=gtin)
    work = gone_shop.work()
    dry_run(work)
    rows = assert_same_in_slices(work, (1,))
    assert {key: reason for key, (_, reason) in of_part(rows, "item").items() if reason == "SWAPPED"}.keys() == {
        "S1",
        "S3",
    }


def test_a_plan_leaves_no_draft_behind(gone_shop: ProductShop) -> None:
    gone_shop.article("4", "S4")
    work = gone_shop.work()
    dry_run(work)
    with work.store.open() as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables.isdisjoint(IN_DATABASE)
    assert not list(Path(work.store.path).parent.glob("*.draft"))


def edit(shop: ProductShop, chance: random.Random) -> None:
    """Random articles of one to four SKUs; several SKUs have one GTIN, and SKUs move between articles."""
    skus = [f"K{number:02}" for number in range(32)]
    chance.shuffle(skus)
    for key in range(chance.randint(4, 6)):
        own = [skus.pop() for _ in range(chance.choice((1, 1, 2, 4)))]
        colours = [{"color": chance.choice(("red", "blue", "green")), "size": str(size)} for size in range(len(own))]
        shop.sells(
            f"{100 + key}",
            *({"sku": sku, "gtin": chance.choice(GTINS)} | colour for sku, colour in zip(own, colours, strict=True)),
            category=chance.choice(("", "Wine", "Clothing")),
            model_name=chance.choice(("Shirt", "Trousers")),
        )


@pytest.mark.proof
@pytest.mark.parametrize("as_variants", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_a_shop_with_variants_is_planned_alike_however_it_is_cut(
    product_shop: ProductShop, seed: int, as_variants: bool
) -> None:
    chance = random.Random(seed)
    if as_variants:
        product_shop.as_variants()
    for _ in range(2):
        edit(product_shop, chance)
        work = product_shop.work()
        dry_run(work)
        assert assert_same_in_slices(work)
        product_shop.run()


@pytest.mark.proof
@pytest.mark.parametrize("seed", [3, 10])
def test_an_odd_shop_is_planned_alike_however_it_is_cut(seed: int, tables: Path, tmp_path: Path) -> None:
    with trial_of(seed, tmp_path) as trial:
        for folder in ("", "later"):
            if folder:
                trial.pass_time(7 * 86400)
                trial.load(tmp_path / "shop" / folder)
            for flow in (CUSTOMERS, PRODUCTS):
                work = Work(ConnectedFlow(flow, trial.settings), FIRST, LAST, f"plan-{folder}")
                dry_run(work)
                assert_same_in_slices(work)
                sync(work)


@pytest.mark.proof
def test_pictures_are_planned_alike_however_they_are_cut_and_each_is_read_once(pictured_shop: PicturedShop) -> None:
    pictured_shop.sells("50", {"sku": "A1", "color": "red"}, {"sku": "Z1", "color": "blue"})
    pictured_shop.article("2", "S2")
    for key in ("50", "1", "2"):
        pictured_shop.picture(key, jpeg(colour=int(key)))
    work = pictured_shop.work()
    dry_run(work)
    rows = assert_same_in_slices(work, (1,))
    assert [row["action"] for row in rows if row["part"] == "picture"] == ["create"] * 4
    pictured_shop.run()
    for key in ("50", "2"):
        pictured_shop.picture(key, jpeg(colour=9))
    dry_run(work)
    before = pictured_shop.readings()
    one_by_one = planned_in(work, 1)
    assert [row["action"] for row in one_by_one if row["part"] == "picture"] == ["update", "skip", "update", "update"]
    assert pictured_shop.readings() - before == 2
    assert one_by_one == planned_in(work, EVERYTHING)


@pytest.mark.proof
@pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout")
@pytest.mark.parametrize(("flow", "main"), [(CUSTOMERS, 91), (PRODUCTS, 372)])
def test_the_whole_retail_folder_is_planned_alike_fifty_at_a_time(sandboxes: Sandboxes, flow: Flow, main: int) -> None:
    sandboxes.seed(RETAIL)
    work = Work(ConnectedFlow(flow, sandboxes.settings), RETAIL_FIRST, RETAIL_LAST, "sliced")
    dry_run(work)
    rows = assert_same_in_slices(work, (50,))
    assert [row["action"] for row in rows if row["part"] == flow.main] == ["create"] * main
