"""Everything that the sandboxes can do wrong, on every call of a run of orders, one at a time."""

from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.sandbox.faults import KINDS

from .shop import Shop, open_shop
from .world import BC, WINSTORE

pytestmark = pytest.mark.proof

MORE: dict[str, dict[str, Any]] = {
    "status": {"status": 503},
    "status_after": {"status": 504},
    "bomb": {"megabytes": 2},
    "late": {"seconds": 60},
    "slow": {"seconds": 0},
    "drip": {"seconds": 0},
}
LOOK_UP_KINDS = ("html", "garbage", "truncate", "bomb", "next_link", "status", "drop_after")
Call = tuple[int, str, str, int]


@pytest.fixture(scope="module")
def calls(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The calls of a run of two orders: system, verb, path, and the how manieth of these it is."""
    with open_shop(tmp_path_factory.mktemp("calls")) as shop:
        place_two(shop)
        shop.sync()
        found: list[Call] = []
        for port in (WINSTORE, BC):
            for method, path in shop.log(port):
                before = [1 for _, verb, other, _ in found if verb == method and path in other]
                found.append((port, method, path, len(before) + 1))
    return found


def place_two(shop: Shop) -> None:
    shop.order("W1")
    shop.order("W2", customerid="2", email="b@mail.example")


def run_with(shop: Shop, kind: str, call: Call) -> None:
    """A run under the fault, runs after it, and what must be true then."""
    port, method, path, nth = call
    shop.settings = shop.settings.model_copy(update={"answer_limit_mb": 1})
    shop.fault(port, {"kind": kind, "path": path, "method": method, "nth": nth} | MORE.get(kind, {}))
    try:
        shop.sync()
    except WinbcError:
        shop.check(run_ended=False)
    assert shop.waiting_faults(port) == [], "the fault befell its call"

    shop.until_settled()

    assert {shop.outcome(number)[0] for number in ("W1", "W2")} == {"CONFIRMED"}
    assert len(shop.records("salesOrders")) == 2


def numbered(calls: list[Call], method: str, name: str) -> list[Call]:
    return [call for call in calls if call[:2] == (BC, method) and call[2].endswith(name)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_call_that_makes_documents_makes_none_twice_and_loses_none(
    calls: list[Call], shop: Shop, kind: str
) -> None:
    place_two(shop)
    run_with(shop, kind, numbered(calls, "POST", "$batch")[-1])


@pytest.mark.parametrize("kind", LOOK_UP_KINDS)
def test_a_look_up_that_is_not_answered_is_not_taken_for_nothing_found(
    calls: list[Call], shop: Shop, kind: str
) -> None:
    """Catalogue rows 13 and 14."""
    shop.types("W1")
    shop.without = {"I7"}
    place_two(shop)
    run_with(shop, kind, numbered(calls, "GET", "/salesOrders")[0])


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_every_call_leaves_each_order_once(calls: list[Call], kind: str, tmp_path: Path) -> None:
    for number, call in enumerate(calls):
        with open_shop(tmp_path / str(number)) as shop:
            place_two(shop)
            try:
                run_with(shop, kind, call)
            except AssertionError as error:
                raise AssertionError(f"{kind} on {call}: {error}") from error
