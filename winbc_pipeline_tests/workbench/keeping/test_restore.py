"""A backup that is put back: nothing that was sent since then is sent again. Test catalogue, rows 22 and 90."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import CustomerSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.keeping.backup import back_up
from winbc_pipeline.workbench.keeping.restore import restore

from ...support.order_flow import OrderFlow, open_order_flow
from ...support.order_invariants import assert_nothing_written
from ...support.order_sandboxes import BC
from ...support.shops.two_ways import TO_BC, TwoWays, open_two_ways

pytestmark = [pytest.mark.proof, pytest.mark.files]

MINUTE, DAY = 60, 24 * 60 * 60


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[OrderFlow]:
    with open_order_flow(tmp_path, on_disk=True) as made:
        made.without = {"I4", "I10"}  # the ledger forgets what it knew
        yield made


@pytest.fixture
def both(tmp_path: Path) -> Iterator[TwoWays]:
    with open_two_ways(tmp_path, on_disk=True) as made:
        yield made


def test_what_was_sent_since_the_backup_is_adopted_and_not_sent_again(shop: OrderFlow) -> None:
    shop.choose(on_change="apply")
    shop.order("W1")
    shop.order("W2", lines=[{"product_id": "SKU-LATER"}])
    shop.sync()
    backup = back_up(shop.settings)
    shop.add_item("SKU-LATER")
    shop.edit("W1", amount="7")
    shop.order("W3")
    shop.sync()
    before = shop.state(BC)
    assert len(before["records"]["salesOrders"]) == 3
    restore(shop.settings, backup)
    assert {key: row["state"] for key, row in shop.ledger().items()} == {"W1": "CONFIRMED", "W2": "FAILED"}
    for _ in range(2):
        shop.pass_time(MINUTE)
        shop.sync()
    assert_nothing_written(before, shop.state(BC))
    assert {row["state"] for row in shop.ledger().values()} == {"CONFIRMED"}


@pytest.mark.parametrize("point", ["after intent", "after answer", "after confirm"])
def test_a_backup_in_the_midst_of_a_run_is_as_good(
    shop: OrderFlow, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    made: list[Path] = []
    backing_up = SimpleNamespace(kill=lambda *_: made.append(back_up(shop.settings)), getpid=lambda: 0)
    shop.order("W1")
    shop.order("W2")
    monkeypatch.setattr(crash_points, "os", backing_up)
    monkeypatch.setitem(crash_points.armed, point, 1)
    shop.sync()
    crash_points.armed.clear()
    before = shop.state(BC)
    restore(shop.settings, made[0])
    shop.until_settled()
    assert_nothing_written(before, shop.state(BC))
    assert {row["state"] for row in shop.ledger().values()} == {"CONFIRMED"}


def test_customers_of_both_directions_stay_as_they_are(both: TwoWays) -> None:
    both.shop_has("000123")
    both.bc_has("C-9", email="bea@mail.example")
    both.passes()
    both.passes()
    backup = back_up(both.settings)
    both.in_winstore("000123", city="Gent")
    both.in_bc("C-9", displayName="Bea Groot")
    both.shop_has("000555", email="new@mail.example")
    both.passes()
    both.passes()
    writes = both.writes()
    restore(both.settings, backup)
    for _ in range(2):
        assert sum(done.failed for done in both.passes()) == 0
    assert both.writes() == writes
    assert len(both.records("customers")) == 3
    both.in_winstore("000123", city="Brugge")
    both.run(TO_BC)
    assert both.of_bc()["city"] == "Brugge", "the next edit goes as ever"


def test_a_value_that_went_away_and_back_since_the_backup_is_not_taken_for_unchanged(both: TwoWays) -> None:
    both.shop_has("000123", city="Utrecht")
    both.passes()
    backup = back_up(both.settings)
    both.in_winstore("000123", city="Gent")
    both.passes()
    assert both.of_bc()["city"] == "Gent"
    restore(both.settings, backup)
    both.in_winstore("000123", city="Utrecht")
    both.passes()
    assert both.rows(TO_BC)["000123"]["state"] == "CONFLICT"
    assert (both.of_shop()["city"], both.of_bc()["city"]) == ("Utrecht", "Gent"), "for a person, and nobody's edit lost"


def test_in_one_direction_it_waits_for_a_person_too(both: TwoWays) -> None:
    both.settings = both.settings.model_copy(update={"customers": CustomerSettings(direction="to_bc")})
    both.shop_has("000123", city="Utrecht")
    both.run(TO_BC)
    backup = back_up(both.settings)
    both.in_winstore("000123", city="Gent")
    both.run(TO_BC)
    restore(both.settings, backup)
    both.in_winstore("000123", city="Utrecht")
    for _ in range(2):
        both.run(TO_BC)
        assert both.rows(TO_BC)["000123"]["reason"] == "BOTH_CHANGED"
    both.settle(TO_BC, "take_source")
    assert both.of_bc()["city"] == "Utrecht"


def test_everything_is_read_again_from_the_moment_of_the_backup(shop: OrderFlow) -> None:
    shop.send("W1")
    store = ConnectedFlow(ORDERS_TO_BC, shop.settings).store
    backup, before = back_up(shop.settings), ledger.watermark(store, ORDERS_TO_BC.id)
    shop.pass_time(DAY)
    shop.send("W2")
    restore(shop.settings, backup)
    assert ledger.watermark(store, ORDERS_TO_BC.id) == before
