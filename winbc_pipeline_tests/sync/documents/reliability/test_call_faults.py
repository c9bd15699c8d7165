"""Everything that the sandboxes can do wrong, on every call of a run of orders, one at a time.

Two stories: new orders, and what happens to orders later (an edit, a cancellation, a refund, their numbers told).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.sandbox.faults import KINDS

from ....support.order_flow import OrderFlow, open_order_flow
from ....support.order_sandboxes import BC, WINSTORE
from ....support.turns import in_turns, of_turn

pytestmark = pytest.mark.proof

MORE: dict[str, dict[str, Any]] = {
    "status": {"status": 503},
    "status_after": {"status": 504},
    "bomb": {"megabytes": 2},
    "late": {"seconds": 60},
    "slow": {"seconds": 0},
    "drip": {"seconds": 0},
    "storm": {"times": 5},
}
# What another kind does to a call in other words; the long loops run these too.
ALIKE = ("garbage", "bomb", "slow", "drip", "drop_before")
LOOK_UP_KINDS = ("html", "garbage", "truncate", "bomb", "next_link", "status", "drop_after")
OFTEN = ("drop_before", "drop_after", "status_after", "late", "truncate", "storm")
TURNS = len(OFTEN)
UNREADABLE = "html"  # what `truncate` tries too, in other words
Call = tuple[int, str, str, int]
Story = Callable[[OrderFlow], None]


@pytest.fixture(scope="module")
def calls(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The calls of a run of two new orders."""
    return calls_after(place_two, tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def later_calls(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The calls of a run that does all that may happen to orders later."""
    return calls_after(change_all, tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def calls_by_key(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """The calls of a run of two new orders that go as order requests of the companion app."""
    return calls_after(place_two, tmp_path_factory.mktemp("calls"), with_app=True)


def calls_after(story: Story, folder: Path, with_app: bool = False) -> list[Call]:
    """The calls of the run after a story: system, verb, path, and the how manieth of these it is."""
    with open_order_flow(folder, with_app=with_app) as order_flow:
        story(order_flow)
        before = {port: len(order_flow.log(port)) for port in (WINSTORE, BC)}
        order_flow.sync()
        found: list[Call] = []
        for port in (WINSTORE, BC):
            for method, path in order_flow.log(port)[before[port] :]:
                same = [1 for system, verb, other, _ in found if (system, verb) == (port, method) and path in other]
                found.append((port, method, path, len(same) + 1))
    return found


def place_two(order_flow: OrderFlow) -> None:
    order_flow.order("W1")
    order_flow.order("W2", customerid="2", email="b@mail.example")


def change_all(order_flow: OrderFlow) -> None:
    """Three orders are there; one is edited, one cancelled, one posted and refunded, and a fourth is new."""
    order_flow.choose(on_change="apply", on_cancel="apply", credit_memo=True, write_back=True)
    for number in ("EDITED", "CANCELLED", "REFUNDED"):
        order_flow.order(number)
    order_flow.sync()
    order_flow.posts("REFUNDED")
    order_flow.edit("EDITED", amount="3")
    order_flow.edit("CANCELLED", status="cancelled")
    order_flow.edit("REFUNDED", status="refunded")
    order_flow.order("NEW")


def run_with(order_flow: OrderFlow, kind: str, call: Call) -> None:
    """A run under the fault, and runs after it until nothing is open."""
    port, method, path, nth = call
    order_flow.settings = order_flow.settings.model_copy(update={"answer_limit_mb": 1})
    order_flow.fault(port, {"kind": kind, "path": path, "method": method, "nth": nth} | MORE.get(kind, {}))
    try:
        order_flow.sync()
    except WinbcError:
        order_flow.check(run_ended=False)
    assert order_flow.waiting_faults(port) == [], "the fault befell its call"

    order_flow.until_settled()


def assert_both_are_there(order_flow: OrderFlow) -> None:
    assert {order_flow.outcome(number)[0] for number in ("W1", "W2")} == {"CONFIRMED"}
    assert len(order_flow.records("salesOrders")) == 2


def assert_all_is_done_once(order_flow: OrderFlow) -> None:
    assert {row["state"] for row in order_flow.ledger().values()} == {"CONFIRMED"}
    there = {each["externalDocumentNumber"]: each["number"] for each in order_flow.records("salesOrders")}
    assert set(there) == {"WS-EDITED", "WS-NEW"}
    assert [line["quantity"] for line in order_flow.lines("EDITED")] == [3, 1]
    assert [each["status"] for each in order_flow.records("salesInvoices")] == ["Canceled"]
    assert len(order_flow.records("salesCreditMemos")) == 1
    told = {order["ordernr"]: order.get("externalnr") for order in order_flow.state(WINSTORE)["records"]["orders"]}
    assert (told["EDITED"], told["NEW"]) == (there["WS-EDITED"], there["WS-NEW"])


def numbered(calls: list[Call], method: str, name: str) -> list[Call]:
    return [call for call in calls if call[:2] == (BC, method) and call[2].endswith(name)]


@pytest.mark.parametrize("kind", LOOK_UP_KINDS)
def test_a_look_up_that_is_not_answered_is_not_taken_for_nothing_found(
    calls: list[Call], order_flow: OrderFlow, kind: str
) -> None:
    """Catalogue rows 13 and 14."""
    order_flow.types("W1")
    place_two(order_flow)
    run_with(order_flow, kind, numbered(calls, "GET", "/salesOrders")[0])
    assert_both_are_there(order_flow)


@pytest.mark.parametrize(("kind", "turn"), in_turns(KINDS, [kind for kind in KINDS if kind not in ALIKE], TURNS))
def test_every_fault_of_every_call_leaves_each_order_once(
    calls: list[Call], kind: str, turn: int, tmp_path: Path
) -> None:
    on_each_call(of_turn(calls, turn, TURNS), place_two, kind, assert_both_are_there, tmp_path)


@pytest.mark.parametrize(("kind", "turn"), in_turns([*OFTEN, UNREADABLE], OFTEN, TURNS))
def test_a_fault_of_any_call_leaves_each_change_made_once(
    later_calls: list[Call], kind: str, turn: int, tmp_path: Path
) -> None:
    on_each_call(of_turn(later_calls, turn, TURNS), change_all, kind, assert_all_is_done_once, tmp_path)


@pytest.mark.parametrize(("kind", "turn"), in_turns(OFTEN, OFTEN, TURNS))
def test_a_fault_of_a_call_to_the_app_leaves_each_order_once(
    calls_by_key: list[Call], kind: str, turn: int, tmp_path: Path
) -> None:
    """The calls that a run without the app does not make."""
    own = [call for call in calls_by_key if "/connector/" in call[2]]
    on_each_call(of_turn(own, turn, TURNS), place_two, kind, assert_both_are_there, tmp_path, with_app=True)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_every_call_leaves_each_order_once_by_its_key(
    calls_by_key: list[Call], kind: str, tmp_path: Path
) -> None:
    on_each_call([*enumerate(calls_by_key)], place_two, kind, assert_both_are_there, tmp_path, with_app=True)


def on_each_call(
    calls: list[tuple[int, Call]], story: Story, kind: str, done: Story, folder: Path, with_app: bool = False
) -> None:
    for number, call in calls:
        with open_order_flow(folder / str(number), with_app=with_app) as order_flow:
            story(order_flow)
            try:
                run_with(order_flow, kind, call)
                done(order_flow)
            except AssertionError as error:
                raise AssertionError(f"{kind} on {call}: {error}") from error
