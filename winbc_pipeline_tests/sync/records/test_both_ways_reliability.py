"""Customers in both directions when calls fail, processes die and nothing happens for a day."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.sync.crash_points import POINTS_OF_RECORDS

from ...support.order_sandboxes import BC, WINSTORE, Record
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, open_two_ways
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
OFTEN = ("drop_after", "status_after")  # the answer is lost, and the call was run; the others go to the long loops


def changed_on_both_sides(world: TwoWays) -> None:
    """Two customers whom both systems have, one edited on each side, and one new on each."""
    world.shop_has(streetnr="12-b")
    world.shop_has("7", email="b@mail.example")
    world.passes()
    world.in_winstore(city="Gent", phone="+31301112233")
    world.in_bc("WS7", city="Brugge")
    world.shop_has("8", email="c@mail.example")
    world.bc_has("C1", email="d@mail.example")


def assert_both_agree(world: TwoWays) -> None:
    """Every edit arrived once, nobody is there twice, and a further pass writes nothing."""
    assert (world.of_bc()["city"], world.of_bc()["phoneNumber"]) == ("Gent", "+31301112233")
    assert world.of_shop("7")["city"] == "Brugge"
    assert sorted(each["number"] for each in world.records("customers")) == ["C1", "WS000123", "WS7", "WS8"]
    shop = world.state(WINSTORE)["records"]["customers"]
    assert sorted(each["customerid"] for each in shop) == ["000123", "7", "8", "800000000"]
    assert world.of_shop()["streetnr"] == "12-b"
    before = world.writes()
    assert [each.failed for each in world.passes()] == [0, 0]
    assert world.writes() == before


def settle_down(world: TwoWays) -> None:
    """Runs as sensors and sweeps would."""
    for _ in range(3):
        world.pass_time(22 * 60)
        world.passes()


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize("point", POINTS_OF_RECORDS)
def test_a_run_that_dies_is_completed_and_nothing_comes_back(two_ways: TwoWays, flow: str, point: str) -> None:
    changed_on_both_sides(two_ways)
    assert two_ways.run_dies_at(flow, point)
    settle_down(two_ways)
    assert_both_agree(two_ways)


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize(("kind", "turn"), in_turns(FAULTS, OFTEN))
def test_a_fault_on_any_call_loses_nothing_and_doubles_nothing(
    tmp_path: Path, tables: Path, flow: str, kind: str, turn: int
) -> None:
    for number, (port, path) in of_turn(_calls(tmp_path / "calls", flow), turn):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_two_ways(folder) as world:
            changed_on_both_sides(world)
            world.fault(port, {"kind": kind, "path": path, "nth": 1} | FAULTS[kind])
            with suppress(WinbcError):
                world.run(flow)
            world.fault(port)
            settle_down(world)
            assert_both_agree(world)


def _calls(folder: Path, flow: str) -> list[tuple[int, str]]:
    """The calls of a run after the story: system, and path without the query; each once."""
    folder.mkdir()
    with open_two_ways(folder) as world:
        changed_on_both_sides(world)
        before = {port: len(world.log(port)) for port in (BC, WINSTORE)}
        world.run(flow)
        return list(
            dict.fromkeys(
                (port, path.rpartition("/")[2])
                for port in (BC, WINSTORE)
                for _, path in world.log(port)[before[port] :]
            )
        )


@pytest.mark.parametrize("minutes", [-10, pytest.param(0, marks=pytest.mark.soak), 10])
def test_a_day_without_edits_writes_nothing_however_the_clocks_go(two_ways: TwoWays, minutes: int) -> None:
    two_ways.shop_has(streetnr="12-b")
    two_ways.shop_has("7", email="b@mail.example", company="Klein BV")
    two_ways.bc_has("C1", email="d@mail.example")
    two_ways.winstore_clock(timedelta(minutes=minutes))
    two_ways.passes()
    before = two_ways.writes()
    for _ in range(24):
        two_ways.pass_time(3600)
        two_ways.winstore_clock(timedelta(minutes=minutes))
        two_ways.passes()
    assert two_ways.writes() == before


def test_a_picture_that_moves_the_moment_of_a_customer_writes_nothing(two_ways: TwoWays) -> None:
    # Uploading a picture modifies the customer itself (rules.md, "Pictures").
    two_ways.shop_has()
    two_ways.passes()
    customer: Record = two_ways.of_bc()
    two_ways.pass_time(1)
    two_ways.pictured_in_bc()
    assert two_ways.of_bc()["lastModifiedDateTime"] != customer["lastModifiedDateTime"]
    before = two_ways.writes()
    two_ways.passes()
    assert two_ways.writes() == before
