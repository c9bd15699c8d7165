"""Rows of the reliability catalogue that no other test covers; each test names its row.

More of them: test_catalogue_runs.py and test_catalogue_records.py.
"""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from winbc_pipeline.errors import AuthenticationFailed, StoreBusy, WinbcError
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.bc.app import Options
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.session import lease
from winbc_pipeline.sync.work import Work

from ....support.order_flow import SEND, OrderFlow
from ....support.order_invariants import assert_nothing_written
from ....support.order_sandboxes import BC, FIRST, LAST, order_sandboxes
from ....support.sandboxes import Sandboxes
from .test_crashes import ITEM

pytestmark = pytest.mark.proof

MINUTE = 60


def place(order_flow: OrderFlow, count: int) -> list[str]:
    numbers = [f"W{number}" for number in range(count)]
    for number in numbers:
        order_flow.order(number)
    return numbers


def states(order_flow: OrderFlow) -> set[str]:
    return {row["state"] for row in order_flow.ledger().values()}


def forget(order_flow: OrderFlow) -> None:
    """The ledger is lost with everything else in the flow's database."""
    for table in ("ledger", "ledger_event", "watermark", "sent_payload"):
        order_flow.execute(f"DELETE FROM {table}")


# What people do between a lost answer and the next run.


def lose(order_flow: OrderFlow) -> None:
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "drop_after"} | SEND)
    order_flow.sync()
    assert order_flow.outcome() == ("UNKNOWN", "NO_ANSWER")


def test_a_lost_order_that_was_posted_meanwhile_is_found_among_the_invoices(order_flow: OrderFlow) -> None:
    """Row 5."""
    lose(order_flow)
    order_flow.posts("W1")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", "RECONCILED")
    assert order_flow.ledger()["W1"]["target_set"] == "salesInvoices"
    assert order_flow.records("salesOrders") == []


def test_a_lost_order_that_was_deleted_meanwhile_is_sent_again_after_the_quarantine(order_flow: OrderFlow) -> None:
    """Row 6."""
    lose(order_flow)
    order_flow.deletes("W1")
    order_flow.sync()
    assert order_flow.outcome() == ("UNKNOWN", "QUARANTINE")
    order_flow.until_settled()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert len(order_flow.records("salesOrders")) == 1


def test_two_documents_with_the_reference_are_named_and_left_alone(order_flow: OrderFlow) -> None:
    """Row 8."""
    order_flow.types("W1")
    order_flow.types("W1")
    row = order_flow.send()
    assert row["state"] == "DUPLICATE"
    numbers = [each["number"] for each in order_flow.records("salesOrders")]
    assert len(numbers) == 2
    assert all(number in row["message"] for number in numbers)


def test_a_duplicate_of_which_a_person_deleted_both_is_for_a_person(order_flow: OrderFlow) -> None:
    """Row 8. Nobody knows whether the order is still wanted: nothing is sent, and the order stays as it is told."""
    order_flow.types("W1")
    order_flow.types("W1")
    order_flow.send()
    for each in order_flow.records("salesOrders"):
        order_flow.by_person("DELETE", f"salesOrders({each['id']})")
    order_flow.sync()
    assert [(row["action"], row["reason"]) for row in order_flow.planned()] == [("hold", "NOT_FOUND")]
    assert order_flow.records("salesOrders") == []


def test_a_duplicate_is_over_once_a_person_deleted_one(order_flow: OrderFlow) -> None:
    """Row 8."""
    order_flow.types("W1")
    order_flow.types("W1")
    order_flow.send()
    order_flow.by_person("DELETE", f"salesOrders({order_flow.records('salesOrders')[0]['id']})")
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert len(order_flow.records("salesOrders")) == 1


# Answers.


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_status_that_says_nothing_certain_is_looked_up_and_never_sent_again_at_once(
    order_flow: OrderFlow, status: int
) -> None:
    """Row 9."""
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "status_after", "status": status} | SEND)
    order_flow.sync()
    assert order_flow.outcome()[0] == "UNKNOWN"
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", "RECONCILED")
    assert len(order_flow.records("salesOrders")) == 1


def test_an_answer_about_another_order_stores_no_number(order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 11."""
    from winbc_pipeline.systems.business_central import BusinessCentral, Result

    answered = BusinessCentral.batch

    def mixed_up(self: BusinessCentral, operations: list, isolated: bool = False) -> list[Result]:  # type: ignore[type-arg]
        results = answered(self, operations, isolated)
        changed = {"id": "another", "number": "S-OTHER", "externalDocumentNumber": "WS-OTHER"}
        made = [each.path == "salesOrders" and each.method == "POST" for each in operations]
        return [Result(r.id, r.status, changed) if m else r for r, m in zip(results, made, strict=True)]

    monkeypatch.setattr(BusinessCentral, "batch", mixed_up)
    row = order_flow.send()
    assert (row["state"], row["reason"], row["target_id"], row["target_no"]) == ("UNKNOWN", "ECHO", None, None)
    monkeypatch.undo()


def test_a_look_up_that_comes_in_pages_is_read_to_its_end(tmp_path: Path, tables: Path) -> None:
    """Row 15: Business Central sends one record a page, so that two of three orders are on later ones."""
    with order_sandboxes(tmp_path, tables, Options(page_size=1)) as orders:
        for number in range(3):
            orders.types(f"W{number}")
            orders.order(f"W{number}")
        orders.sync(settled=True)
        pages = [call["path"] for call in orders.calls(BC) if "/salesOrders?" in call["path"]]
        assert len([path for path in pages if "skiptoken" in path]) >= 2
        assert {row["state"] for row in orders.ledger().values()} == {"CONFIRMED"}
        assert len(orders.state(BC)["records"]["salesOrders"]) == 3


Answer = dict[str, Any]


def _nothing(_: Answer) -> bytes:
    return b""


def _a_page(_: Answer) -> bytes:
    return b"<html><body>Please sign in</body></html>"


def _without_bodies(answer: Answer) -> bytes:
    return json.dumps({"responses": [{"id": r["id"], "status": r["status"]} for r in answer["responses"]]}).encode()


def _with_a_page_inside(answer: Answer) -> bytes:
    return json.dumps({"responses": [r | {"body": "<html></html>"} for r in answer["responses"]]}).encode()


def _without_ids(answer: Answer) -> bytes:
    return json.dumps({"responses": [r | {"id": None} for r in answer["responses"]]}).encode()


def _ids_left_out(answer: Answer) -> bytes:
    responses = [{name: value for name, value in r.items() if name != "id"} for r in answer["responses"]]
    return json.dumps({"responses": responses}).encode()


@pytest.mark.parametrize(
    "spoil", [_nothing, _a_page, _without_bodies, _with_a_page_inside, _without_ids, _ids_left_out]
)
def test_orders_that_were_made_and_answered_by_nothing_certain_are_looked_up(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Answer], bytes]
) -> None:
    """Rows 10 and 49: the orders are there, and the answer is empty, a page, or not to be told apart."""
    numbers, answer = place(order_flow, 2), order_flow.wire.handle_request

    def spoilt(request: httpx.Request) -> httpx.Response:
        given = answer(request)
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            return httpx.Response(200, content=spoil(json.loads(given.read())))
        return given

    monkeypatch.setattr(order_flow.wire, "handle_request", spoilt)
    order_flow.sync()
    assert [order_flow.outcome(number)[0] for number in numbers] == ["UNKNOWN"] * 2
    assert {order_flow.ledger()[number]["target_no"] for number in numbers} == {None}
    monkeypatch.setattr(order_flow.wire, "handle_request", answer)
    order_flow.until_settled()
    assert {order_flow.outcome(number) for number in numbers} == {("CONFIRMED", "RECONCILED")}
    assert len(order_flow.records("salesOrders")) == 2


def test_a_connection_that_is_refused_leaves_the_order_planned(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 12."""
    order_flow.order("W1")
    answer = order_flow.wire.handle_request

    def refused(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            raise httpx.ConnectError("refused")
        return answer(request)

    monkeypatch.setattr(order_flow.wire, "handle_request", refused)
    order_flow.sync()
    assert order_flow.outcome() == ("PLANNED", "NOT_TAKEN")
    monkeypatch.setattr(order_flow.wire, "handle_request", answer)
    order_flow.pass_time(MINUTE)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)


# References.


@pytest.mark.parametrize(("number", "state"), [("1" * 32, "CONFIRMED"), ("1" * 33, "FAILED"), ("   ", "FAILED")])
def test_a_reference_has_one_to_35_characters(order_flow: OrderFlow, number: str, state: str) -> None:
    """Row 17."""
    order_flow.order(number)
    order_flow.sync()
    assert [row["state"] for row in order_flow.ledger().values()] == [state]


def test_an_order_without_a_number_does_not_hold_the_cursor_back(order_flow: OrderFlow) -> None:
    """Row 17, I8."""
    order_flow.order("   ")
    order_flow.pass_time(MINUTE)
    order_flow.order("W1")
    order_flow.pass_time(MINUTE)
    order_flow.sync()
    assert ledger.watermark(
        ConnectedFlow(ORDERS_TO_BC, order_flow.settings).store, ORDERS_TO_BC.id
    ) == order_flow.now - timedelta(minutes=1)


def test_leading_zeros_make_another_order(order_flow: OrderFlow) -> None:
    """Row 16."""
    order_flow.order("007")
    order_flow.order("7")
    order_flow.sync()
    assert sorted(each["externalDocumentNumber"] for each in order_flow.records("salesOrders")) == ["WS-007", "WS-7"]


# The ledger.


def test_one_writer_at_a_time(order_flow: OrderFlow) -> None:
    """Row 20."""
    with (
        lease(ConnectedFlow(ORDERS_TO_BC, order_flow.settings)),
        pytest.raises(StoreBusy, match="Another run"),
        lease(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), wait_s=0),
    ):
        pass


def test_a_second_program_with_a_ledger_of_its_own_takes_what_is_there_for_done(sandboxes: Sandboxes) -> None:
    """Row 20, where the two do not run at the same moment."""
    sandboxes.seed_bc(items=[ITEM])
    sandboxes.fill(orders=[{}])
    sandboxes.sync(ORDERS_TO_BC.id)
    before = sandboxes.bc()
    sandboxes.settings = sandboxes.settings.model_copy(update={"data_folder": sandboxes.folder / "another machine"})
    sandboxes.without = {"I4"}  # the intents are in the other ledger
    sandboxes.sync(ORDERS_TO_BC.id)
    assert sandboxes.ledger(ORDERS_TO_BC.id)["W1"]["reason"] == "LEDGER_EMPTY"
    assert_nothing_written(before, sandboxes.bc())


def test_a_lost_ledger_is_built_again_by_looking(order_flow: OrderFlow) -> None:
    """Row 21."""
    place(order_flow, 50)
    order_flow.sync()
    forget(order_flow)
    order_flow.without = {"I3", "I4", "I10"}
    before = order_flow.state(BC)
    order_flow.sync()
    assert {row["reason"] for row in order_flow.ledger().values()} == {"LEDGER_EMPTY"}
    assert_nothing_written(before, order_flow.state(BC))


def test_yesterdays_ledger_adopts_what_was_sent_since(order_flow: OrderFlow) -> None:
    """Rows 22 and 90."""
    place(order_flow, 2)
    order_flow.sync()
    order_flow.execute("CREATE TABLE backup AS FROM ledger; CREATE TABLE backup_event AS FROM ledger_event")
    order_flow.pass_time(MINUTE)
    place(order_flow, 4)
    order_flow.sync()
    order_flow.execute("DELETE FROM ledger; INSERT INTO ledger FROM backup; DELETE FROM ledger_event")
    order_flow.execute("INSERT INTO ledger_event FROM backup_event; DELETE FROM watermark")
    order_flow.without = {"I4", "I10"}
    before = order_flow.state(BC)
    order_flow.sync()
    assert states(order_flow) == {"CONFIRMED"}
    assert_nothing_written(before, order_flow.state(BC))


# Runs.


def test_a_run_that_is_repeated_sends_only_what_is_not_done(order_flow: OrderFlow) -> None:
    """Row 25."""
    for number in range(5):
        order_flow.order(f"W{number}", lines=[{"product_id": "SKU-1" if number < 2 else "SKU-LATER"}])
    order_flow.sync()
    assert len(order_flow.records("salesOrders")) == 2
    order_flow.add_item("SKU-LATER")
    done = order_flow.sync()
    assert (done.created, len(order_flow.records("salesOrders"))) == (3, 5)


def test_an_old_window_is_run_again_without_a_write(order_flow: OrderFlow) -> None:
    """Row 28."""
    place(order_flow, 3)
    order_flow.sync()
    before = order_flow.state(BC)
    day = order_flow.now.date()
    for first, last in ((day, day), (FIRST, day - timedelta(days=1)), (date(2026, 3, 1), LAST)):
        sync(Work(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), first, last, "again"))
    assert_nothing_written(before, order_flow.state(BC))


# Batches.


def test_one_refused_order_of_a_batch_says_why_and_the_others_are_made(order_flow: OrderFlow) -> None:
    """Rows 48 and 54."""
    order_flow.seed(customers=[{"number": "WS40", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    for number in range(50):
        order_flow.order(f"W{number}", customerid="40" if number == 40 else "1", email=f"{number == 40}@mail.example")
    order_flow.sync()
    failed = {key: row for key, row in order_flow.ledger().items() if row["state"] != "CONFIRMED"}
    assert list(failed) == ["W40"]
    assert "locked" in failed["W40"]["message"]
    assert len(order_flow.records("salesOrders")) == 49


def test_what_was_refused_goes_once_its_cause_is_mended(order_flow: OrderFlow) -> None:
    """Row 54."""
    order_flow.seed(customers=[{"number": "WS605254", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    order_flow.send()
    assert order_flow.outcome()[0] == "FAILED"
    (customer,) = order_flow.records("customers")
    assert order_flow.by_person("PATCH", f"customers({customer['id']})", {"blocked": "_x0020_"}).status_code == 200
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)


def test_answers_in_another_order_are_told_apart(order_flow: OrderFlow) -> None:
    """Row 49."""
    numbers = place(order_flow, 4)
    order_flow.fault(BC, {"kind": "shuffled_batch"} | SEND)
    order_flow.sync()
    made = {each["externalDocumentNumber"]: each["number"] for each in order_flow.records("salesOrders")}
    assert {order_flow.ledger()[number]["target_no"] == made[f"WS-{number}"] for number in numbers} == {True}


def test_more_than_a_hundred_orders_go_in_several_batches(order_flow: OrderFlow) -> None:
    """Row 50."""
    place(order_flow, 101)
    order_flow.sync()
    assert states(order_flow) == {"CONFIRMED"}
    assert len(order_flow.records("salesOrders")) == 101


# Credentials.


def test_an_expired_token_is_renewed_once_and_the_order_goes(order_flow: OrderFlow) -> None:
    """Row 52."""
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "expired_token"} | SEND)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_stop_the_flow_and_leave_orders_planned(
    order_flow: OrderFlow, status: int
) -> None:
    """Rows 52 and 53."""
    place(order_flow, 3)
    order_flow.call(batch_size=1)
    order_flow.fault(BC, {"kind": "status", "status": status, "times": 9} | SEND)
    with pytest.raises(AuthenticationFailed):
        order_flow.sync()
    assert states(order_flow) == {"PLANNED"}
    order_flow.fault(BC)
    order_flow.sync()
    assert states(order_flow) == {"CONFIRMED"}


# Customers and dependencies.


def test_two_orders_of_one_new_customer_make_one_customer(order_flow: OrderFlow) -> None:
    """Row 57."""
    order_flow.order("W1")
    order_flow.order("W2")
    order_flow.sync()
    assert len(order_flow.records("customers")) == 1
    assert {each["customerNumber"] for each in order_flow.records("salesOrders")} == {"WS605254"}


@pytest.mark.parametrize("email", ["o'neil@mail.example", "anna+shop@mail.example", "ANNA@MAIL.EXAMPLE"])
def test_an_email_finds_its_customer_however_it_is_written(order_flow: OrderFlow, email: str) -> None:
    """Row 58."""
    order_flow.seed(customers=[{"number": "C1", "displayName": "x", "type": "Person", "email": email.lower()}])
    order_flow.send(email=email)
    assert order_flow.document()["customerNumber"] == "C1"


@pytest.mark.parametrize("email", ["", "  "])
@pytest.mark.parametrize("count", [1, 2])
def test_an_empty_email_is_nobodys(order_flow: OrderFlow, email: str, count: int) -> None:
    """Row 58: customers without one are not taken for this one, nor for several."""
    nobody = {"displayName": "x", "type": "Person", "email": ""}
    order_flow.seed(customers=[nobody | {"number": f"C{number}"} for number in range(count)])
    order_flow.send(email=email)
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.document()["customerNumber"] == "WS605254"


def test_an_email_with_a_tag_is_another_one(order_flow: OrderFlow) -> None:
    """Row 58."""
    order_flow.seed(customers=[{"number": "C1", "displayName": "x", "type": "Person", "email": "anna@mail.example"}])
    order_flow.send(email="anna+shop@mail.example")
    assert order_flow.document()["customerNumber"] == "WS605254"


def test_a_line_that_business_central_refuses_leaves_no_document_behind(order_flow: OrderFlow) -> None:
    """Row 56."""
    order_flow.edit_table("order_line", "taxCode", source="if(linenr = '2', 'NONE', 'VAT21')")
    order_flow.send(lines=[{}, {}])
    assert order_flow.outcome()[0] == "FAILED"
    assert order_flow.records("salesOrders") == order_flow.records("salesOrderLines") == []


def test_a_thousand_orders_that_fail_alike_end_the_run_and_say_so(order_flow: OrderFlow) -> None:
    """Row 61."""
    for number in range(1000):
        order_flow.order(f"W{number}", lines=[{"product_id": "NOWHERE"}])
    assert order_flow.sync().failed == 1000
    outcomes = [(row["state"], row["reason"]) for row in order_flow.ledger().values()]
    assert outcomes == [("FAILED", "DEPENDENCY")] * 1000


def test_a_server_that_answers_nothing_is_not_asked_for_ever(order_flow: OrderFlow) -> None:
    """Rows 52 and 61."""
    place(order_flow, 30)
    order_flow.call(batch_size=1)
    order_flow.fault(BC, {"kind": "storm", "times": 10_000} | SEND)
    try:
        order_flow.sync()
    except WinbcError:
        order_flow.check(run_ended=False)
    assert states(order_flow) == {"PLANNED"}
    assert len(order_flow.log(BC)) < 100
