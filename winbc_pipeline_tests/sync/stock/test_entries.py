"""Ledger entries are found by their numbers too, because a long posting commits entries with older moments.

Source: extension.md section 3.3 (entries are stamped when they are written, and numbers may commit out of order).
"""

from datetime import timedelta

import pytest

from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.reading.glance import Change, change_since
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_sandboxes import BC
from ...support.shops.stock_world import SKU, TO_WINSTORE, StockWorld


@pytest.fixture
def of_bc(stock: StockWorld) -> StockWorld:
    """Business Central owns all stock, and both sides have ten pieces."""
    stock.shop_has(warehouse="7", quantity="1")
    stock.bc_owns()
    stock.run(TO_WINSTORE)
    return stock


def seen(world: StockWorld) -> Change | None:
    """What the sensor sees."""
    followed = ledger.watermark(world.connected(TO_WINSTORE).store, TO_WINSTORE)
    assert followed is not None
    return change_since(world.connected(TO_WINSTORE), followed)


def commit_late(world: StockWorld, older: timedelta, number: int | None = None) -> None:
    """Makes the newest entry one of a long posting: its moment is older than what was read, maybe its number too."""
    entries = world.bc_app.state.records
    newest = max(world.records("itemLedgerEntries"), key=lambda entry: entry["lastModifiedDateTime"])
    moment = (world.now - older).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    changed = newest | {"lastModifiedDateTime": moment, "entryNumber": number or newest["entryNumber"]}
    entries.replace("itemLedgerEntries", newest["id"], changed)


def counted_late(world: StockWorld) -> None:
    """A count of four pieces that is older than the change of the item that was read last."""
    world.pass_time(3600)
    world.item(SKU, displayName="Mug, blue")
    world.run_changes(TO_WINSTORE)
    world.counted(4)
    commit_late(world, timedelta(minutes=30))


def test_nothing_is_seen_while_nothing_is_posted(of_bc: StockWorld) -> None:
    assert seen(of_bc) is None


@pytest.mark.parametrize("older", [timedelta(hours=1), timedelta(days=3)])
def test_an_entry_that_a_long_posting_commits_late_is_seen_and_arrives(of_bc: StockWorld, older: timedelta) -> None:
    of_bc.pass_time(5 * 86400)
    of_bc.item(SKU, displayName="Mug, blue")
    of_bc.run_changes(TO_WINSTORE)
    assert seen(of_bc) is None

    of_bc.counted(4)
    commit_late(of_bc, older)
    change = seen(of_bc)
    assert change is not None and change.newest is None
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 4
    assert seen(of_bc) is None, "it was read"


def test_a_number_that_is_filled_late_is_seen(of_bc: StockWorld) -> None:
    of_bc.counted(11)
    first = max(entry["entryNumber"] for entry in of_bc.records("itemLedgerEntries"))
    commit_late(of_bc, timedelta(0), first + 1)  # another posting holds the number before
    of_bc.run_changes(TO_WINSTORE)
    of_bc.pass_time(3600)
    of_bc.item(SKU, displayName="Mug, blue")
    of_bc.run_changes(TO_WINSTORE)
    assert seen(of_bc) is None

    of_bc.counted(4)
    commit_late(of_bc, timedelta(minutes=30), first)
    assert seen(of_bc) == Change(None, of_bc.now.date())
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 4
    assert seen(of_bc) is None


@pytest.mark.proof
def test_a_comparison_leaves_a_late_entry_to_the_flow(of_bc: StockWorld) -> None:
    """It writes nothing to the flow's database. Source: docs/operations.md, "Do both systems agree?"."""
    counted_late(of_bc)
    assert len(reconcile(of_bc.connected(TO_WINSTORE)).findings) == 1
    assert seen(of_bc) is not None
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 4


def test_an_entry_whose_run_failed_stays_unread(of_bc: StockWorld) -> None:
    counted_late(of_bc)
    of_bc.fault(BC, {"kind": "status", "status": 500, "path": "itemVariants", "times": 50})
    with pytest.raises(Exception, match="Business Central"):
        of_bc.run_changes(TO_WINSTORE)
    of_bc.fault(BC)
    assert seen(of_bc) is not None
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 4
