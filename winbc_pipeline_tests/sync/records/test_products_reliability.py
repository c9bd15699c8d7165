"""Products in both directions, in both ways of variants, when calls fail, processes die and clocks differ."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.flows.products import PRODUCTS, PRODUCTS_TO_WINSTORE
from winbc_pipeline.sync.crash_points import POINTS_OF_RECORDS
from winbc_pipeline.sync.flow import Flow

from ...support.order_sandboxes import BC, KNOWN_SKU, WINSTORE
from ...support.shops.product_shop import ProductShop, open_product_shop
from ...support.turns import in_turns, of_turn

pytestmark = pytest.mark.proof

FAULTS: dict[str, dict[str, Any]] = {
    "drop_before": {},
    "drop_after": {},
    "status": {"status": 503},
    "status_after": {"status": 504},
    "html": {},
    "truncate": {},
    "garbage": {},
    "storm": {"times": 5},
}
MODES = ("items", "item_variants")
# The answer is lost, and the call was run. The other faults, and each with the other mode, go to the long loops.
OFTEN = {"items": ["drop_after"], "item_variants": ["status_after"]}


def in_proof(case: tuple[Any, ...], is_proof: bool) -> Any:
    """A case of two parameters, which the long loops run where it is no proof."""
    return pytest.param(*case, marks=() if is_proof else pytest.mark.soak)


CLOCKS = (("items", -10), ("item_variants", 10))
FAULT_CASES = [
    pytest.param(mode, *case.values, marks=case.marks) for mode in MODES for case in in_turns(FAULTS, OFTEN[mode])
]
# Each crash point in one of the modes, by turns.
CRASHES = [
    in_proof((point, mode), number % 2 == turn)
    for turn, mode in enumerate(MODES)
    for number, point in enumerate(POINTS_OF_RECORDS)
]
BOTH = (PRODUCTS, PRODUCTS_TO_WINSTORE)
RED, BLUE, GREEN = ({"sku": f"SHIRT-{name[0].upper()}", "color": name} for name in ("red", "blue", "green"))


@contextmanager
def changed_on_both_sides(folder: Path, mode: str) -> Iterator[ProductShop]:
    """Articles that both systems have, one edited on each side, and new ones on each."""
    with open_product_shop(folder) as shop:
        shop.both_ways(mode)
        shop.sells("7", RED, BLUE, category="Clothing")
        shop.article("8", "MUG", category="Kitchen")
        shop.in_bc(KNOWN_SKU, displayName="Known")
        shop.passes()
        shop.sells("7", RED | {"color": "rose"}, BLUE, GREEN, category="Clothing")
        shop.in_bc("MUG", displayName="Mug, blue")
        shop.article("90", "CUP", category="Kitchen")
        shop.in_bc_made(
            "items",
            {"number": "POT", "displayName": "Pot", "unitPrice": 3, "taxGroupCode": "VAT21", "type": "Inventory"},
        )
        yield shop


def assert_both_agree(shop: ProductShop, mode: str) -> None:
    """Every edit arrived once, nothing is there twice, and a further pass writes nothing."""
    plain, skus = ["CUP", "MUG", "POT"], ["SHIRT-B", "SHIRT-G", "SHIRT-R"]
    assert shop.numbers() == sorted([*plain, *(skus if mode == "items" else ["7"])])
    if mode == "item_variants":
        assert shop.variants() == {"SHIRT-R": ("7", "rose"), "SHIRT-B": ("7", "blue"), "SHIRT-G": ("7", "green")}
    else:
        assert shop.item("SHIRT-R")["displayName"] == "Shirt rose"
    articles = shop.state(WINSTORE)["records"]["articles"]
    assert sorted(row["sku"] for each in articles for row in each["variants"]) == sorted([*plain, *skus, KNOWN_SKU])
    assert shop.sku("MUG")["title"] == "Mug, blue"
    before = shop.all_writes()
    shop.passes()
    assert shop.all_writes() == before


def settle_down(shop: ProductShop) -> None:
    """Runs as sensors and sweeps would."""
    for _ in range(3):
        shop.pass_time(22 * 60)
        shop.passes()


@pytest.mark.parametrize("flow", BOTH, ids=lambda flow: flow.id)
@pytest.mark.parametrize(("point", "mode"), CRASHES)
def test_a_run_that_dies_is_completed_and_nothing_comes_back(tmp_path: Path, flow: Flow, mode: str, point: str) -> None:
    with changed_on_both_sides(tmp_path, mode) as shop:
        assert shop.run_dies_at(flow, point)
        settle_down(shop)
        assert_both_agree(shop, mode)


@pytest.mark.parametrize("flow", BOTH, ids=lambda flow: flow.id)
@pytest.mark.parametrize(("mode", "kind", "turn"), FAULT_CASES)
def test_a_fault_on_any_call_loses_nothing_and_doubles_nothing(
    tmp_path: Path, flow: Flow, mode: str, kind: str, turn: int
) -> None:
    for number, (port, path) in of_turn(_calls(tmp_path / "calls", flow, mode), turn):
        folder = tmp_path / str(number)
        folder.mkdir()
        with changed_on_both_sides(folder, mode) as shop:
            shop.fault(port, {"kind": kind, "path": path, "nth": 1} | FAULTS[kind])
            with suppress(WinbcError):
                shop.run_of(flow)
            shop.fault(port)
            settle_down(shop)
            assert_both_agree(shop, mode)


def _calls(folder: Path, flow: Flow, mode: str) -> list[tuple[int, str]]:
    """The calls of a run after the story: system, and path without the query; each once."""
    folder.mkdir()
    with changed_on_both_sides(folder, mode) as shop:
        before = {port: len(shop.log(port)) for port in (BC, WINSTORE)}
        shop.run_of(flow)
        made = [(port, path) for port in (BC, WINSTORE) for _, path in shop.log(port)[before[port] :]]
        return list(dict.fromkeys((port, path.rpartition("/")[2]) for port, path in made))


@pytest.mark.parametrize(("mode", "minutes"), [in_proof(case, case in CLOCKS) for case in product(MODES, (-10, 10))])
def test_a_day_without_edits_writes_nothing_however_the_clocks_go(tmp_path: Path, mode: str, minutes: int) -> None:
    with changed_on_both_sides(tmp_path, mode) as shop:
        shop.winstore_clock(timedelta(minutes=minutes))
        shop.passes()
        shop.passes()
        before = shop.all_writes()
        for _ in range(24):
            shop.pass_time(3600)
            shop.winstore_clock(timedelta(minutes=minutes))
            shop.passes()
        assert shop.all_writes() == before
