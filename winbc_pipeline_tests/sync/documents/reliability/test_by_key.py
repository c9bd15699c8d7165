"""Orders as order requests of the companion app: a lost answer is settled at once, by the key.

Sources: exactly_once.md sections 1 and 3; docs/companion-app.md, "Orders that are made once".
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.intervention import Request, intervention

from ....support.order_invariants import BY_HAND, REQUESTS, assert_nothing_written
from ....support.order_sandboxes import BC, WITH_APP, OrderSandboxes, order_sandboxes

MINUTE = 60
APP = "connector/winstore/v1.0/$batch"
POST, PROCESS = {"path": APP, "nth": 1}, {"path": APP, "nth": 2}
LOST: dict[str, dict[str, Any]] = {
    "drop_after": {},
    "drop_before": {},
    "partial_batch": {},
    "truncate": {},
    "html": {},
    "status_after": {"status": 504},
    "status": {"status": 503},
}


@pytest.fixture
def by_key(tmp_path: Path, tables: Path) -> Iterator[OrderSandboxes]:
    with order_sandboxes(tmp_path, tables, WITH_APP) as sandboxes:
        yield sandboxes


def install(orders: OrderSandboxes) -> None:
    orders.seed_app(companion_app().source())


def uninstall(orders: OrderSandboxes) -> None:
    orders.seed_app({"id": companion_app().key, "installed": False})


def forget(orders: OrderSandboxes) -> None:
    """The ledger is lost."""
    for table in ("ledger", "ledger_event"):
        orders.execute(f"DELETE FROM {table} WHERE part = 'order'")
    orders.without = ("I4",)


def outcome(orders: OrderSandboxes, number: str = "W1") -> tuple[str, str | None]:
    row = orders.ledger()[number]
    return row["state"], row["reason"]


def requests(orders: OrderSandboxes) -> list[dict[str, Any]]:
    return orders.state(BC)["records"].get(REQUESTS, [])  # type: ignore[no-any-return]


def test_an_order_is_one_request_and_one_document(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    by_key.sync(settled=True)
    (request,), (document,) = requests(by_key), by_key.documents("W1")
    assert (request["documentNumber"], request["winstoreOrderNumber"]) == (document["number"], "W1")
    assert by_key.ledger()["W1"]["target_set"] == "salesOrders"
    before = by_key.state(BC)
    by_key.sync()
    assert_nothing_written(before, by_key.state(BC))


QUICK = (("drop_after", "post"), ("drop_before", "process"))
MARKS = dict.fromkeys(("drop_after", "drop_before", "status_after"), pytest.mark.proof)  # the others in the long loops
EACH = [
    pytest.param(
        kind, call, id=f"{kind} {name}", marks=() if (kind, name) in QUICK else MARKS.get(kind, pytest.mark.soak)
    )
    for name, call in (("post", POST), ("process", PROCESS))
    for kind in LOST
]


@pytest.mark.parametrize(("kind", "call"), EACH)
def test_a_lost_answer_is_settled_in_the_same_run(by_key: OrderSandboxes, kind: str, call: dict[str, Any]) -> None:
    for number in ("W1", "W2", "W3"):
        by_key.order(number)
    by_key.fault(BC, {"kind": kind, **call, **LOST[kind]})
    by_key.sync(settled=True)
    assert {row["state"] for row in by_key.ledger().values()} == {"CONFIRMED"}
    assert [len(by_key.documents(number)) for number in ("W1", "W2", "W3")] == [1, 1, 1]


@pytest.mark.proof
@pytest.mark.parametrize("call", [POST, PROCESS], ids=["post", "process"])
def test_a_call_that_comes_sixteen_minutes_late_makes_nothing_more(
    by_key: OrderSandboxes, call: dict[str, Any]
) -> None:
    """operational-limits: a call may run 16 minutes after it was given up."""
    by_key.order("W1")
    by_key.fault(BC, {"kind": "late", "seconds": 16 * MINUTE, **call})
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    by_key.pass_time(17 * MINUTE)
    by_key.sync(settled=True)
    assert len(by_key.documents("W1")) == len(requests(by_key)) == 1


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["drop_before", pytest.param("drop_after", marks=pytest.mark.soak)])
def test_after_a_whole_run_of_lost_answers_the_next_run_sends_without_a_wait(by_key: OrderSandboxes, kind: str) -> None:
    by_key.order("W1")
    by_key.fault(BC, {"kind": kind, "path": APP, "times": 9})
    by_key.sync()
    assert outcome(by_key) == ("UNKNOWN", "NO_ANSWER")
    by_key.fault(BC)
    by_key.pass_time(MINUTE)  # the circuit breaker's
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert len(by_key.documents("W1")) == 1


def test_older_content_that_comes_late_is_never_made(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    late = {"kind": "late", "seconds": 10 * MINUTE, "path": APP, "times": 9}
    by_key.fault(BC, late)
    by_key.sync()
    by_key.fault(BC)
    by_key.edit("W1", amount="3")
    by_key.pass_time(MINUTE)
    by_key.sync(settled=True)
    by_key.pass_time(17 * MINUTE)
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert by_key.lines("W1")[0]["quantity"] == 3
    assert len(by_key.documents("W1")) == 1


@pytest.mark.parametrize("on_existing", ["error", "warn"])
def test_an_edit_that_meets_the_first_request_processed_is_applied_to_its_document(
    by_key: OrderSandboxes, on_existing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app refuses other content under a key that was used. The document is ours, whatever `on_existing` says."""
    by_key.choose(on_existing=on_existing, on_change="apply")
    by_key.order("W1")
    assert by_key.dies_at("after request")
    by_key.edit("W1", amount="3")
    with monkeypatch.context() as patched:
        patched.setattr(crash_points, "point", lambda place: place == "after customers" and process_late(by_key))
        by_key.sync()
    assert outcome(by_key)[0] == "FAILED"
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert by_key.lines("W1")[0]["quantity"] == 3
    assert len(by_key.documents("W1")) == 1


def process_late(orders: OrderSandboxes) -> None:
    """Business Central carries out the action of the first request, whose call was lost."""
    (request,) = requests(orders)
    app = f"http://127.0.0.1:{BC}/BC/api/connector/winstore/v1.0/companies({COMPANY_ID})"
    path = f"{app}/orderRequests({request['id']})/Microsoft.NAV.process"
    headers = {"client-request-id": f"{BY_HAND}-late"}
    answer = orders.http.post(path, json={"contentHash": request["contentHash"]}, headers=headers)
    assert answer.status_code == 204, answer.text


@pytest.mark.proof
def test_a_request_that_is_always_lost_goes_at_once_three_times_then_waits_and_is_for_a_person(
    by_key: OrderSandboxes,
) -> None:
    """As other doubtful records (exactly_once.md section 3, step 6), with as many tries before it waits."""
    by_key.order("W1")
    by_key.fault(BC, {"kind": "drop_before", "path": APP, "times": 999})
    seen = []
    for minutes in (1, 1, 1, 1, 21, 2, 21, 2, 21, 2, 21, 2, 60):
        by_key.sync()
        seen.append((by_key.ledger()["W1"]["attempt_no"], *outcome(by_key)))
        by_key.pass_time(minutes * MINUTE)
    assert [tries for tries, *_ in seen[:4]] == [1, 2, 3, 3]
    assert seen[3][1:] == ("UNKNOWN", "QUARANTINE")
    assert seen[-1] == (6, "NEEDS_HUMAN", "TRIED_OUT")
    calls = len(by_key.calls(BC))
    by_key.sync()
    assert all("connector" not in call["path"] or "$batch" not in call["path"] for call in by_key.calls(BC)[calls:])


@pytest.mark.proof
def test_a_lost_order_that_is_cancelled_waits_for_what_may_still_come(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    by_key.fault(BC, {"kind": "drop_before", "path": APP, "times": 9})
    by_key.sync()
    by_key.fault(BC)
    by_key.edit("W1", status="cancelled")
    by_key.pass_time(MINUTE)
    by_key.sync()
    assert outcome(by_key) == ("UNKNOWN", "QUARANTINE")
    by_key.pass_time(21 * MINUTE)
    by_key.sync(settled=True)
    assert outcome(by_key) == ("SKIPPED", "CANCELLED")


def test_a_run_that_dies_between_the_request_and_its_document_is_completed_at_once(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    assert by_key.dies_at("after request")
    assert [request["state"] for request in requests(by_key)] == ["Received"]
    assert by_key.documents("W1") == []
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert len(by_key.documents("W1")) == len(requests(by_key)) == 1


@pytest.mark.proof
def test_an_order_that_was_refused_and_then_corrected_is_sent(by_key: OrderSandboxes) -> None:
    """A request that made nothing does not hold its key for ever."""
    by_key.add_item("SKU-2")
    by_key.order("W1", lines=[{"product_id": "SKU-2"}])
    by_key.wire.meanwhile["v2.0/$batch"] = lambda: by_key.removes_item("SKU-2")
    by_key.sync()
    assert by_key.ledger()["W1"]["state"] == "FAILED"
    assert [request["state"] for request in requests(by_key)] == ["Received"]
    by_key.order("W1", lines=[{"amount": "3"}], modified="2026-03-10T10:01:00.000Z")
    by_key.pass_time(MINUTE)
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert by_key.lines("W1")[0]["quantity"] == 3
    assert len(requests(by_key)) == 1


@pytest.mark.proof
@pytest.mark.parametrize("arrives", [True, False])
def test_an_order_that_was_lost_before_the_app_came_keeps_its_quarantine(orders: OrderSandboxes, arrives: bool) -> None:
    """Its call has no key: it may still make a document."""
    orders.order("W1")
    kind = {"kind": "late", "seconds": 16 * MINUTE} if arrives else {"kind": "drop_before"}
    orders.fault(BC, {"path": "v2.0/$batch", "nth": 2, **kind} if arrives else {"path": "$batch", "nth": 2, **kind})
    orders.sync()
    install(orders)
    orders.sync()
    assert orders.ledger()["W1"]["state"] == "UNKNOWN"
    for minutes in (17, 5, 2):
        orders.pass_time(minutes * MINUTE)
        orders.sync()
    orders.sync(settled=True)
    assert orders.ledger()["W1"]["state"] == "CONFIRMED"
    assert len(orders.documents("W1")) == 1
    assert len(requests(orders)) == (0 if arrives else 1)


@pytest.mark.proof
def test_orders_that_were_sent_before_the_app_came_are_found(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    install(orders)
    orders.edit("W1", channel="shop")
    orders.order("W2")
    forget(orders)
    orders.sync()
    assert outcome(orders)[0] == "CONFIRMED"
    assert [len(orders.documents(number)) for number in ("W1", "W2")] == [1, 1]
    assert [request["reference"] for request in requests(orders)] == ["WS-W2"]


@pytest.mark.proof
def test_an_order_that_was_lost_before_the_app_went_is_made_once_without_it(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    by_key.fault(BC, {"kind": "late", "seconds": 16 * MINUTE, "path": APP, "times": 9})
    by_key.sync()
    by_key.fault(BC)
    uninstall(by_key)
    for minutes in (1, 17, 5, 2):
        by_key.pass_time(minutes * MINUTE)
        by_key.sync()
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert len(by_key.documents("W1")) == 1


@pytest.mark.proof
def test_the_link_outlives_the_document_and_the_ledger(by_key: OrderSandboxes) -> None:
    by_key.order("W1")
    by_key.sync()
    by_key.deletes("W1")
    forget(by_key)
    by_key.sync()
    assert outcome(by_key) == ("CONFLICT", "DELETED")
    assert by_key.documents("W1") == []


@pytest.mark.proof
def test_a_document_that_a_person_types_meanwhile_is_linked_and_not_made_again(by_key: OrderSandboxes) -> None:
    """Without the app there would be two."""
    by_key.order("W0")
    by_key.sync()
    by_key.order("W1")
    by_key.wire.meanwhile["v1.0/$batch"] = lambda: by_key.types("W1")
    by_key.sync()
    assert len(by_key.documents("W1")) == 1
    assert outcome(by_key) == ("CONFLICT", "TOTAL_DIFFERS")


@pytest.mark.proof
def test_in_a_copied_environment_orders_go_without_the_app(by_key: OrderSandboxes) -> None:
    """The app is switched off there. That nothing is to be sent from a copy is another's decision."""
    by_key._in_client({"do": "copyEnvironment"})
    by_key.order("W1")
    by_key.sync(settled=True)
    assert by_key.ledger()["W1"]["state"] == "CONFIRMED"
    assert requests(by_key) == []


@pytest.mark.proof
@pytest.mark.parametrize("how", ["resend", "as_sent"])
def test_a_person_sends_an_order_anew_whose_key_was_used(
    by_key: OrderSandboxes, how: Literal["resend", "as_sent"]
) -> None:
    """It goes without its key, as before there was an app: else the answer would be the document that is gone."""
    by_key.order("W1")
    by_key.sync()
    first = by_key.documents("W1")[0]["number"]
    by_key.deletes("W1")
    asked = Request(how, ("W1",))
    with intervention(ConnectedFlow(ORDERS_TO_BC, by_key.settings), "by hand") as desk:
        desk.carry_out(asked, desk.proposed(asked))
    (document,) = by_key.documents("W1")
    assert document["number"] != first
    assert by_key.ledger()["W1"]["target_no"] == document["number"]
    by_key.sync(settled=True)
