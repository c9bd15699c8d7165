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
from winbc_pipeline.sync.push import lease
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.stage import flow_store

from ..conftest import World
from .invariants import assert_nothing_written
from .shop import SEND, Shop
from .test_crashes import ITEM
from .world import BC, FIRST, LAST, order_world

pytestmark = pytest.mark.proof

MINUTE = 60


def place(shop: Shop, count: int) -> list[str]:
    numbers = [f"W{number}" for number in range(count)]
    for number in numbers:
        shop.order(number)
    return numbers


def states(shop: Shop) -> set[str]:
    return {row["state"] for row in shop.ledger().values()}


def forget(shop: Shop) -> None:
    """The ledger is lost with everything else in the flow's database."""
    for table in ("ledger", "ledger_event", "watermark", "sent_payload"):
        shop.execute(f"DELETE FROM {table}")


# What people do between a lost answer and the next run.


def lose(shop: Shop) -> None:
    shop.order("W1")
    shop.fault(BC, {"kind": "drop_after"} | SEND)
    shop.sync()
    assert shop.outcome() == ("UNKNOWN", "NO_ANSWER")


def test_a_lost_order_that_was_posted_meanwhile_is_found_among_the_invoices(shop: Shop) -> None:
    """Row 5."""
    lose(shop)
    shop.posts("W1")
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", "RECONCILED")
    assert shop.ledger()["W1"]["target_set"] == "salesInvoices"
    assert shop.records("salesOrders") == []


def test_a_lost_order_that_was_deleted_meanwhile_is_sent_again_after_the_quarantine(shop: Shop) -> None:
    """Row 6."""
    lose(shop)
    shop.deletes("W1")
    shop.sync()
    assert shop.outcome() == ("UNKNOWN", "QUARANTINE")
    shop.until_settled()
    assert shop.outcome()[0] == "CONFIRMED"
    assert len(shop.records("salesOrders")) == 1


def test_two_documents_with_the_reference_are_named_and_left_alone(shop: Shop) -> None:
    """Row 8."""
    shop.types("W1")
    shop.types("W1")
    row = shop.send()
    assert row["state"] == "DUPLICATE"
    numbers = [each["number"] for each in shop.records("salesOrders")]
    assert len(numbers) == 2
    assert all(number in row["message"] for number in numbers)


def test_a_duplicate_is_over_once_a_person_deleted_one(shop: Shop) -> None:
    """Row 8."""
    shop.types("W1")
    shop.types("W1")
    shop.send()
    shop.by_person("DELETE", f"salesOrders({shop.records('salesOrders')[0]['id']})")
    shop.sync()
    assert shop.outcome()[0] == "CONFIRMED"
    assert len(shop.records("salesOrders")) == 1


# Answers.


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_status_that_says_nothing_certain_is_looked_up_and_never_sent_again_at_once(shop: Shop, status: int) -> None:
    """Row 9."""
    shop.order("W1")
    shop.fault(BC, {"kind": "status_after", "status": status} | SEND)
    shop.sync()
    assert shop.outcome()[0] == "UNKNOWN"
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", "RECONCILED")
    assert len(shop.records("salesOrders")) == 1


def test_an_answer_about_another_order_stores_no_number(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 11."""
    from winbc_pipeline.systems.business_central import BusinessCentral, Result

    answered = BusinessCentral.batch

    def mixed_up(self: BusinessCentral, operations: list, isolated: bool = False) -> list[Result]:  # type: ignore[type-arg]
        results = answered(self, operations, isolated)
        changed = {"id": "another", "number": "S-OTHER", "externalDocumentNumber": "WS-OTHER"}
        made = [each.path == "salesOrders" and each.method == "POST" for each in operations]
        return [Result(r.id, r.status, changed) if m else r for r, m in zip(results, made, strict=True)]

    monkeypatch.setattr(BusinessCentral, "batch", mixed_up)
    row = shop.send()
    assert (row["state"], row["reason"], row["target_id"], row["target_no"]) == ("UNKNOWN", "ECHO", None, None)
    monkeypatch.undo()


def test_a_look_up_that_comes_in_pages_is_read_to_its_end(tmp_path: Path, tables: Path) -> None:
    """Row 15: Business Central sends one record a page, so that two of three orders are on later ones."""
    with order_world(tmp_path, tables, Options(page_size=1)) as orders:
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
    shop: Shop, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Answer], bytes]
) -> None:
    """Rows 10 and 49: the orders are there, and the answer is empty, a page, or not to be told apart."""
    numbers, answer = place(shop, 2), shop.wire.handle_request

    def spoilt(request: httpx.Request) -> httpx.Response:
        given = answer(request)
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            return httpx.Response(200, content=spoil(json.loads(given.read())))
        return given

    monkeypatch.setattr(shop.wire, "handle_request", spoilt)
    shop.sync()
    assert [shop.outcome(number)[0] for number in numbers] == ["UNKNOWN"] * 2
    assert {shop.ledger()[number]["target_no"] for number in numbers} == {None}
    monkeypatch.setattr(shop.wire, "handle_request", answer)
    shop.until_settled()
    assert {shop.outcome(number) for number in numbers} == {("CONFIRMED", "RECONCILED")}
    assert len(shop.records("salesOrders")) == 2


def test_a_connection_that_is_refused_leaves_the_order_planned(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 12."""
    shop.order("W1")
    answer = shop.wire.handle_request

    def refused(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch") and b"salesOrderLines" in request.read():
            raise httpx.ConnectError("refused")
        return answer(request)

    monkeypatch.setattr(shop.wire, "handle_request", refused)
    shop.sync()
    assert shop.outcome() == ("PLANNED", "NOT_TAKEN")
    monkeypatch.setattr(shop.wire, "handle_request", answer)
    shop.pass_time(MINUTE)
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", None)


# References.


@pytest.mark.parametrize(("number", "state"), [("1" * 32, "CONFIRMED"), ("1" * 33, "FAILED"), ("   ", "FAILED")])
def test_a_reference_has_one_to_35_characters(shop: Shop, number: str, state: str) -> None:
    """Row 17."""
    shop.order(number)
    shop.sync()
    assert [row["state"] for row in shop.ledger().values()] == [state]


def test_an_order_without_a_number_does_not_hold_the_cursor_back(shop: Shop) -> None:
    """Row 17, I8."""
    shop.order("   ")
    shop.pass_time(MINUTE)
    shop.order("W1")
    shop.pass_time(MINUTE)
    shop.sync()
    assert ledger.watermark(flow_store(ORDERS_TO_BC, shop.settings), ORDERS_TO_BC.id) == shop.now - timedelta(minutes=1)


def test_leading_zeros_make_another_order(shop: Shop) -> None:
    """Row 16."""
    shop.order("007")
    shop.order("7")
    shop.sync()
    assert sorted(each["externalDocumentNumber"] for each in shop.records("salesOrders")) == ["WS-007", "WS-7"]


# The ledger.


def test_one_writer_at_a_time(shop: Shop) -> None:
    """Row 20."""
    with (
        lease(ORDERS_TO_BC, shop.settings),
        pytest.raises(StoreBusy, match="Another run"),
        lease(ORDERS_TO_BC, shop.settings, wait_s=0),
    ):
        pass


def test_a_second_program_with_a_ledger_of_its_own_takes_what_is_there_for_done(world: World) -> None:
    """Row 20, where the two do not run at the same moment."""
    world.seed_bc(items=[ITEM])
    world.fill(orders=[{}])
    world.sync(ORDERS_TO_BC.id)
    before = world.bc()
    world.settings = world.settings.model_copy(update={"data_folder": world.folder / "another machine"})
    world.without = {"I4"}  # the intents are in the other ledger
    world.sync(ORDERS_TO_BC.id)
    assert world.ledger(ORDERS_TO_BC.id)["W1"]["reason"] == "LEDGER_EMPTY"
    assert_nothing_written(before, world.bc())


def test_a_lost_ledger_is_built_again_by_looking(shop: Shop) -> None:
    """Row 21."""
    place(shop, 50)
    shop.sync()
    forget(shop)
    shop.without = {"I3", "I4", "I10"}
    before = shop.state(BC)
    shop.sync()
    assert {row["reason"] for row in shop.ledger().values()} == {"LEDGER_EMPTY"}
    assert_nothing_written(before, shop.state(BC))


def test_yesterdays_ledger_adopts_what_was_sent_since(shop: Shop) -> None:
    """Rows 22 and 90."""
    place(shop, 2)
    shop.sync()
    shop.execute("CREATE TABLE backup AS FROM ledger; CREATE TABLE backup_event AS FROM ledger_event")
    shop.pass_time(MINUTE)
    place(shop, 4)
    shop.sync()
    shop.execute("DELETE FROM ledger; INSERT INTO ledger FROM backup; DELETE FROM ledger_event")
    shop.execute("INSERT INTO ledger_event FROM backup_event; DELETE FROM watermark")
    shop.without = {"I4", "I10"}
    before = shop.state(BC)
    shop.sync()
    assert states(shop) == {"CONFIRMED"}
    assert_nothing_written(before, shop.state(BC))


# Runs.


def test_a_run_that_is_repeated_sends_only_what_is_not_done(shop: Shop) -> None:
    """Row 25."""
    for number in range(5):
        shop.order(f"W{number}", lines=[{"product_id": "SKU-1" if number < 2 else "SKU-LATER"}])
    shop.sync()
    assert len(shop.records("salesOrders")) == 2
    shop.add_item("SKU-LATER")
    done = shop.sync()
    assert (done.created, len(shop.records("salesOrders"))) == (3, 5)


def test_an_old_window_is_run_again_without_a_write(shop: Shop) -> None:
    """Row 28."""
    place(shop, 3)
    shop.sync()
    before = shop.state(BC)
    day = shop.now.date()
    for first, last in ((day, day), (FIRST, day - timedelta(days=1)), (date(2026, 3, 1), LAST)):
        sync(ORDERS_TO_BC, shop.settings, first, last, "again")
    assert_nothing_written(before, shop.state(BC))


# Batches.


def test_one_refused_order_of_a_batch_says_why_and_the_others_are_made(shop: Shop) -> None:
    """Rows 48 and 54."""
    shop.seed(customers=[{"number": "WS40", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    for number in range(50):
        shop.order(f"W{number}", customerid="40" if number == 40 else "1", email=f"{number == 40}@mail.example")
    shop.sync()
    failed = {key: row for key, row in shop.ledger().items() if row["state"] != "CONFIRMED"}
    assert list(failed) == ["W40"]
    assert "locked" in failed["W40"]["message"]
    assert len(shop.records("salesOrders")) == 49


def test_what_was_refused_goes_once_its_cause_is_mended(shop: Shop) -> None:
    """Row 54."""
    shop.seed(customers=[{"number": "WS605254", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    shop.send()
    assert shop.outcome()[0] == "FAILED"
    (customer,) = shop.records("customers")
    assert shop.by_person("PATCH", f"customers({customer['id']})", {"blocked": "_x0020_"}).status_code == 200
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", None)


def test_answers_in_another_order_are_told_apart(shop: Shop) -> None:
    """Row 49."""
    numbers = place(shop, 4)
    shop.fault(BC, {"kind": "shuffled_batch"} | SEND)
    shop.sync()
    made = {each["externalDocumentNumber"]: each["number"] for each in shop.records("salesOrders")}
    assert {shop.ledger()[number]["target_no"] == made[f"WS-{number}"] for number in numbers} == {True}


def test_more_than_a_hundred_orders_go_in_several_batches(shop: Shop) -> None:
    """Row 50."""
    place(shop, 101)
    shop.sync()
    assert states(shop) == {"CONFIRMED"}
    assert len(shop.records("salesOrders")) == 101


# Credentials.


def test_an_expired_token_is_renewed_once_and_the_order_goes(shop: Shop) -> None:
    """Row 52."""
    shop.order("W1")
    shop.fault(BC, {"kind": "expired_token"} | SEND)
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", None)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_stop_the_flow_and_leave_orders_planned(shop: Shop, status: int) -> None:
    """Rows 52 and 53."""
    place(shop, 3)
    shop.call(batch_size=1)
    shop.fault(BC, {"kind": "status", "status": status, "times": 9} | SEND)
    with pytest.raises(AuthenticationFailed):
        shop.sync()
    assert states(shop) == {"PLANNED"}
    shop.fault(BC)
    shop.sync()
    assert states(shop) == {"CONFIRMED"}


# Customers and dependencies.


def test_two_orders_of_one_new_customer_make_one_customer(shop: Shop) -> None:
    """Row 57."""
    shop.order("W1")
    shop.order("W2")
    shop.sync()
    assert len(shop.records("customers")) == 1
    assert {each["customerNumber"] for each in shop.records("salesOrders")} == {"WS605254"}


@pytest.mark.parametrize("email", ["o'neil@mail.example", "anna+shop@mail.example", "ANNA@MAIL.EXAMPLE"])
def test_an_email_finds_its_customer_however_it_is_written(shop: Shop, email: str) -> None:
    """Row 58."""
    shop.seed(customers=[{"number": "C1", "displayName": "x", "type": "Person", "email": email.lower()}])
    shop.send(email=email)
    assert shop.document()["customerNumber"] == "C1"


@pytest.mark.parametrize("email", ["", "  "])
@pytest.mark.parametrize("count", [1, 2])
def test_an_empty_email_is_nobodys(shop: Shop, email: str, count: int) -> None:
    """Row 58: customers without one are not taken for this one, nor for several."""
    nobody = {"displayName": "x", "type": "Person", "email": ""}
    shop.seed(customers=[nobody | {"number": f"C{number}"} for number in range(count)])
    shop.send(email=email)
    assert shop.outcome() == ("CONFIRMED", None)
    assert shop.document()["customerNumber"] == "WS605254"


def test_an_email_with_a_tag_is_another_one(shop: Shop) -> None:
    """Row 58."""
    shop.seed(customers=[{"number": "C1", "displayName": "x", "type": "Person", "email": "anna@mail.example"}])
    shop.send(email="anna+shop@mail.example")
    assert shop.document()["customerNumber"] == "WS605254"


def test_a_line_that_business_central_refuses_leaves_no_document_behind(shop: Shop) -> None:
    """Row 56."""
    shop.edit_table("order_line", "taxCode", source="if(linenr = '2', 'NONE', 'VAT21')")
    shop.send(lines=[{}, {}])
    assert shop.outcome()[0] == "FAILED"
    assert shop.records("salesOrders") == shop.records("salesOrderLines") == []


def test_a_thousand_orders_that_fail_alike_end_the_run_and_say_so(shop: Shop) -> None:
    """Row 61."""
    for number in range(1000):
        shop.order(f"W{number}", lines=[{"product_id": "NOWHERE"}])
    assert shop.sync().failed == 1000
    outcomes = [(row["state"], row["reason"]) for row in shop.ledger().values()]
    assert outcomes == [("FAILED", "DEPENDENCY")] * 1000


def test_a_server_that_answers_nothing_is_not_asked_for_ever(shop: Shop) -> None:
    """Rows 52 and 61."""
    place(shop, 30)
    shop.call(batch_size=1)
    shop.fault(BC, {"kind": "storm", "times": 10_000} | SEND)
    try:
        shop.sync()
    except WinbcError:
        shop.check(run_ended=False)
    assert states(shop) == {"PLANNED"}
    assert len(shop.log(BC)) < 100
