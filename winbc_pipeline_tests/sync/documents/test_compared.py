"""A document that is found for an order is compared with it, and is the order's only when it is whole."""

import pytest

from winbc_pipeline.flows.order_status import STATUS_TO_BC
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.orchestration.duplicates import duplicate_search
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import search_duplicates, sync
from winbc_pipeline.sync.work import Work

from ...support.order_flow import IN_BOTH_MODES, SEND, OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST, START, Record

pytestmark = [pytest.mark.proof, IN_BOTH_MODES]

MINUTE = 60
LINE = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 2, "unitPrice": 10, "taxCode": "VAT21"}
SHIPPING = {"lineType": "Account", "lineObjectNumber": "8100", "quantity": 1, "unitPrice": 4.95, "taxCode": "VAT21"}


def typed(order_flow: OrderFlow, *lines: Record, place: str = "salesOrders") -> Record:
    """A person types the document of W1, for a customer who is there already."""
    order_flow.seed(customers=[{"number": "C1", "displayName": "By hand", "email": "anna@mail.example"}])
    body = {"customerNumber": "C1", "externalDocumentNumber": "WS-W1", f"{place[:-1]}Lines": list(lines)}
    answer = order_flow.by_person("POST", place, body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def statuses(order_flow: OrderFlow) -> tuple[str, str | None]:
    """Runs the status flow beside the orders' database, which here is in memory; state and reason of W1."""
    order_flow.settings.flow_database(ORDERS_TO_BC.id).parent.mkdir(parents=True, exist_ok=True)
    order_flow.settings.flow_database(ORDERS_TO_BC.id).touch()
    sync(Work(ConnectedFlow(STATUS_TO_BC, order_flow.settings), FIRST, LAST, "statuses"))
    (row,) = ledger.read(ConnectedFlow(STATUS_TO_BC, order_flow.settings).store)
    return row["state"], row["reason"]


def test_a_typed_document_with_the_same_lines_is_taken_without_a_word(order_flow: OrderFlow) -> None:
    order_flow.order("W2")
    order_flow.sync()
    typed(order_flow, LINE)
    order_flow.send(shippingcost="0")
    assert order_flow.outcome() == ("CONFIRMED", "ADOPTED")


def test_a_typed_document_with_another_item_is_taken_and_said_to_differ_even_when_the_totals_are_equal(
    order_flow: OrderFlow,
) -> None:
    order_flow.add_item("SKU-2")
    typed(order_flow, LINE | {"lineObjectNumber": "SKU-2"})
    row = order_flow.send(shippingcost="0")
    assert order_flow.outcome() == ("CONFIRMED", "ADOPTED_DIFFERS")
    assert row["message"] == "not in the document: SKU-1 x 2 for 20.00; only in the document: SKU-2 x 2 for 20.00"


def test_an_open_document_without_lines_is_not_the_order(order_flow: OrderFlow) -> None:
    order_flow.without = {"I7"}
    typed(order_flow)
    order_flow.send()
    assert order_flow.outcome() == ("CONFLICT", "INCOMPLETE")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "INCOMPLETE")


def without_a_key(order_flow: OrderFlow) -> None:
    """With the companion app the same run settles a lost answer, before a person can come between (test_by_key.py)."""
    if order_flow.with_app:
        pytest.skip("a lost answer is settled in the same run")


def lost_with_one_line_left(order_flow: OrderFlow) -> Record:
    """The answer is lost, and what is found has one line less than was sent."""
    order_flow.without = {"I7"}
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "drop_after", **SEND})
    order_flow.sync()
    document = order_flow.document()
    order_flow.by_person("DELETE", f"salesOrderLines({document['lines'][1]['id']})")
    order_flow.pass_time(21 * MINUTE)
    order_flow.sync()
    return document


def test_what_is_found_after_a_lost_answer_with_fewer_lines_than_were_sent_is_for_a_person(
    order_flow: OrderFlow,
) -> None:
    without_a_key(order_flow)
    lost_with_one_line_left(order_flow)
    assert order_flow.outcome() == ("CONFLICT", "INCOMPLETE")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "INCOMPLETE")


def test_a_document_that_a_person_completed_is_the_orders(order_flow: OrderFlow) -> None:
    document = lost_with_one_line_left(order_flow)
    gone = document["lines"][1]
    line = {name: gone[name] for name in ("lineType", "lineObjectNumber")}
    line |= {name: float(gone[name]) for name in ("quantity", "unitPrice")}
    answer = order_flow.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", line)
    assert answer.status_code == 201, answer.text
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert len(order_flow.records("salesOrders")) == 1


def test_what_is_found_after_a_lost_answer_with_another_total_is_said_to_differ(order_flow: OrderFlow) -> None:
    without_a_key(order_flow)
    order_flow.without = {"I7"}
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "drop_after", **SEND})
    order_flow.sync()
    line = order_flow.document()["lines"][0]
    order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 9})
    order_flow.pass_time(21 * MINUTE)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", "ADOPTED_DIFFERS")


@pytest.mark.parametrize("rate", ["", "21"])
def test_a_total_that_could_not_be_computed_is_for_a_person_once_it_turns_out_wrong(
    order_flow: OrderFlow, rate: str
) -> None:
    """With a VAT rate it is known beforehand, and nothing is sent."""
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"vatrate": rate}], total="99.00")
    expected = ("FAILED", "TOTAL") if rate else ("CONFLICT", "TOTAL_DIFFERS")
    assert order_flow.outcome() == expected
    order_flow.sync()
    assert order_flow.outcome() == expected
    assert len(order_flow.records("salesOrders")) == (0 if rate else 1)


def test_a_person_who_corrects_the_total_settles_it(order_flow: OrderFlow) -> None:
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"vatrate": ""}], total="99.00", shippingcost="0")
    line = order_flow.document()["lines"][0]
    patched = order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"unitPrice": 49.50, "taxCode": "VAT0"})
    assert patched.status_code == 200, patched.text
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"


def test_an_order_that_is_wanted_again_after_its_invoice_was_cancelled_is_told(order_flow: OrderFlow) -> None:
    order_flow.choose(credit_memo=True)
    order_flow.send()
    order_flow.act("shipAndInvoice")
    order_flow.edit("W1", status="refunded")
    order_flow.sync()
    assert order_flow.document("salesInvoices")["status"] == "Canceled"
    order_flow.edit("W1", status="paid")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "DELETED")


def test_a_change_is_not_applied_to_a_document_that_lacks_lines(order_flow: OrderFlow) -> None:
    order_flow.without = {"I7"}
    order_flow.choose(on_change="apply")
    order_flow.send()
    order_flow.by_person("DELETE", f"salesOrderLines({order_flow.document()['lines'][0]['id']})")
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "CHANGED")


def test_a_blocked_customer_is_replaced_by_the_default_debtor(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[{"number": "D1", "displayName": "Shops"}])
    blocked = {"number": "C1", "displayName": "Anna", "email": "anna@mail.example", "blocked": "All"}
    order_flow.seed(customers=[blocked])
    order_flow.choose(default_customer="D1")
    order_flow.send()
    assert order_flow.document()["customerNumber"] == "D1"


def test_a_blocked_customer_without_a_default_debtor_is_named(order_flow: OrderFlow) -> None:
    blocked = {"number": "C1", "displayName": "Anna", "email": "anna@mail.example", "blocked": "All"}
    order_flow.seed(customers=[blocked])
    row = order_flow.send()
    assert order_flow.outcome() == ("FAILED", "NO_CUSTOMER")
    assert "C1 is blocked (All)" in row["message"]


# Orders and their statuses together.


def test_a_status_deletes_no_document_where_cancelled_orders_are_held(order_flow: OrderFlow) -> None:
    order_flow.send()
    order_flow.edit("W1", status="cancelled")
    assert statuses(order_flow) == ("SKIPPED", "HELD")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "CANCELLED")
    assert statuses(order_flow) == ("SKIPPED", "HELD")
    assert len(order_flow.records("salesOrders")) == 1


def edited_then_completed(order_flow: OrderFlow) -> None:
    """An edit of the order waits for a person, and meanwhile its goods have left."""
    order_flow.send()
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    order_flow.edit("W1", status="completed")
    order_flow.sync()


def test_a_status_ships_nothing_while_an_edit_waits_for_a_person(order_flow: OrderFlow) -> None:
    edited_then_completed(order_flow)
    assert statuses(order_flow) == ("SKIPPED", "HELD")
    assert len(order_flow.records("salesOrders")) == 1


def test_a_status_ships_once_the_person_has_decided(order_flow: OrderFlow) -> None:
    edited_then_completed(order_flow)
    statuses(order_flow)
    line = order_flow.document()["lines"][0]
    order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5})
    order_flow.sync()
    assert statuses(order_flow) == ("CONFIRMED", None)
    assert order_flow.records("salesOrders") == []


# At night.


def test_a_second_document_that_somebody_typed_later_is_found_at_night(order_flow: OrderFlow) -> None:
    order_flow.without = {"I1", "I3"}
    order_flow.send()
    typed(order_flow, LINE)
    assert search_duplicates(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), START, "night") == ["W1"]
    assert order_flow.outcome() == ("DUPLICATE", "DUPLICATE")
    assert len(order_flow.records("salesOrders")) == 2


def test_the_nightly_job_fails_and_names_the_orders(order_flow: OrderFlow) -> None:
    order_flow.without = {"I1", "I3"}
    order_flow.send()
    job, _ = duplicate_search(ConnectedFlow(ORDERS_TO_BC, order_flow.settings))
    assert job.execute_in_process().success
    typed(order_flow, LINE)
    failed = job.execute_in_process(raise_on_error=False)
    (event,) = [each for each in failed.all_events if each.is_step_failure]
    assert (
        "1 orders have two documents in Business Central: W1." in event.step_failure_data.user_failure_data.description
    )


def test_a_status_waits_for_an_edit_that_was_not_taken(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send()
    order_flow.edit("W1", amount="5", status="completed")
    order_flow.fault(BC, {"kind": "storm", "path": "$batch", "nth": 1, "times": 5})
    order_flow.sync()
    assert order_flow.outcome() == ("PLANNED", "NOT_TAKEN")
    order_flow.fault(BC)
    order_flow.pass_time(MINUTE)

    assert statuses(order_flow) == ("SKIPPED", "HELD")
    assert not order_flow.records("salesInvoices")


@pytest.mark.parametrize("on_existing", ["error", "skip"])
def test_a_status_does_nothing_to_a_document_that_is_not_the_orders(order_flow: OrderFlow, on_existing: str) -> None:
    order_flow.choose(on_existing=on_existing)
    typed(order_flow, LINE)
    order_flow.send(shippingcost="0", status="completed")
    assert order_flow.outcome()[1] == "EXISTS"

    assert statuses(order_flow) == ("SKIPPED", "HELD")
    assert order_flow.records("salesOrders")
