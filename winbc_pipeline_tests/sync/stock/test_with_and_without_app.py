"""An odd shop's stock with the companion app and without it: each difference has its reason (docs/companion-app.md)."""

from decimal import Decimal
from pathlib import Path

import pytest

from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import Record
from ...support.shops.stock_world import TO_BC, StockWorld, open_stock_world
from .test_odd_shops import EVER, MODES, loaded

pytestmark = pytest.mark.proof
Outcomes = dict[str, tuple[str, str | None]]


def sent(folder: Path, mode: str, app: bool) -> tuple[list[Record], Outcomes]:
    """The stock rows of Business Central, and what became of each SKU."""
    with open_stock_world(folder, app, products=MODES[mode], history_start=EVER[0]) as world:
        loaded(world, "25", folder / "shop")
        sync(Work(world.connected(), *EVER, "stock"))
        return world.records("stock"), outcomes(world)


def outcomes(world: StockWorld) -> Outcomes:
    rows = ledger.read(world.connected(TO_BC).store)
    return {row["key"]: (row["state"], row["reason"]) for row in rows}


def places(rows: list[Record], with_variants: bool) -> dict[tuple[str, str], Decimal]:
    """What is there by item and variant, of items or of variants."""
    found = {(row["itemNumber"], row["variantCode"]): Decimal(row["quantity"]) for row in rows}
    return {place: figure for place, figure in found.items() if bool(place[1]) == with_variants}


def test_where_skus_are_items_nothing_differs(tmp_path: Path, tables: Path) -> None:
    with_app, without = (sent(tmp_path / str(app), "items", app) for app in (True, False))
    assert with_app[1] == without[1]
    assert places(with_app[0], False) == places(without[0], False)
    assert places(without[0], False)


def test_where_skus_are_variants_only_these_differ_and_have_their_own_stock(tmp_path: Path, tables: Path) -> None:
    with_app, without = (sent(tmp_path / str(app), "item_variants", app) for app in (True, False))
    assert places(with_app[0], False) == places(without[0], False)
    differing = {key: told for key, told in without[1].items() if with_app[1][key] != told}
    assert set(differing.values()) == {("SKIPPED", "NOT_STOCKED_PER_VARIANT")}
    assert {with_app[1][key] for key in differing} == {("CONFIRMED", None)}
    assert (places(without[0], True), bool(places(with_app[0], True))) == ({}, True)
