"""A document that is found for an order is compared with it, and is the order's only when it is whole."""

import pytest

from winbc_pipeline.flows.order_status import STATUS_TO_BC
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.orchestration.duplicates import duplicate_search
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.run import search_duplicates, sync
from winbc_pipeline.sync.stage import flow_store

from .shop import SEND, Shop
from .world import BC, FIRST, LAST, START, Record

MINUTE = 60
LINE = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 2, "unitPrice": 10, "taxCode": "VAT21"}
SHIPPING = {"lineType": "Account", "lineObjectNumber": "8100", "quantity": 1, "unitPrice": 4.95, "taxCode": "VAT21"}


def typed(shop: Shop, *lines: Record, place: str = "salesOrders") -> Record:
    """A person types the document of W1, for a customer who is there already."""
    shop.seed(customers=[{"number": "C1", "displayName": "By hand", "email": "anna@mail.example"}])
    body = {"customerNumber": "C1", "externalDocumentNumber": "WS-W1", f"{place[:-1]}Lines": list(lines)}
    answer = shop.by_person("POST", place, body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def statuses(shop: Shop) -> tuple[str, str | None]:
    """Runs the status flow beside the orders' database, which here is in memory; state and reason of W1."""
    shop.settings.flow_database(ORDERS_TO_BC.id).parent.mkdir(parents=True, exist_ok=True)
    shop.settings.flow_database(ORDERS_TO_BC.id).touch()
    sync(STATUS_TO_BC, shop.settings, FIRST, LAST, "statuses")
    (row,) = ledger.read(flow_store(STATUS_TO_BC, shop.settings))
    return row["state"], row["reason"]


def test_a_typed_document_with_the_same_lines_is_taken_without_a_word(shop: Shop) -> None:
    shop.order("W2")
    shop.sync()
    typed(shop, LINE)
    shop.send(shippingcost="0")
    assert shop.outcome() == ("CONFIRMED", "ADOPTED")


def test_a_typed_document_with_another_item_is_taken_and_said_to_differ_even_when_the_totals_are_equal(
    shop: Shop,
) -> None:
    shop.add_item("SKU-2")
    typed(shop, LINE | {"lineObjectNumber": "SKU-2"})
    row = shop.send(shippingcost="0")
    assert shop.outcome() == ("CONFIRMED", "ADOPTED_DIFFERS")
    assert row["message"] == "not in the document: SKU-1 x 2 for 20.00; only in the document: SKU-2 x 2 for 20.00"


def test_an_open_document_without_lines_is_not_the_order(shop: Shop) -> None:
    shop.without = {"I7"}
    typed(shop)
    shop.send()
    assert shop.outcome() == ("CONFLICT", "INCOMPLETE")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "INCOMPLETE")


def lost_with_one_line_left(shop: Shop) -> Record:
    """The answer is lost, and what is found has one line less than was sent."""
    shop.without = {"I7"}
    shop.order("W1")
    shop.fault(BC, {"kind": "drop_after", **SEND})
    shop.sync()
    document = shop.document()
    shop.by_person("DELETE", f"salesOrderLines({document['lines'][1]['id']})")
    shop.pass_time(21 * MINUTE)
    shop.sync()
    return document


def test_what_is_found_after_a_lost_answer_with_fewer_lines_than_were_sent_is_for_a_person(shop: Shop) -> None:
    lost_with_one_line_left(shop)
    assert shop.outcome() == ("CONFLICT", "INCOMPLETE")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "INCOMPLETE")


def test_a_document_that_a_person_completed_is_the_orders(shop: Shop) -> None:
    document = lost_with_one_line_left(shop)
    gone = document["lines"][1]
    line = {name: gone[name] for name in ("lineType", "lineObjectNumber")}
    line |= {name: float(gone[name]) for name in ("quantity", "unitPrice")}
    answer = shop.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", line)
    assert answer.status_code == 201, answer.text
    shop.sync()
    assert shop.outcome()[0] == "CONFIRMED"
    assert len(shop.records("salesOrders")) == 1


def test_what_is_found_after_a_lost_answer_with_another_total_is_said_to_differ(shop: Shop) -> None:
    shop.without = {"I7"}
    shop.order("W1")
    shop.fault(BC, {"kind": "drop_after", **SEND})
    shop.sync()
    line = shop.document()["lines"][0]
    shop.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 9})
    shop.pass_time(21 * MINUTE)
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", "ADOPTED_DIFFERS")


@pytest.mark.parametrize("rate", ["", "21"])
def test_a_total_that_could_not_be_computed_is_for_a_person_once_it_turns_out_wrong(shop: Shop, rate: str) -> None:
    """With a VAT rate it is known beforehand, and nothing is sent."""
    shop.without = {"I7"}
    shop.send(lines=[{"vatrate": rate}], total="99.00")
    expected = ("FAILED", "TOTAL") if rate else ("CONFLICT", "TOTAL_DIFFERS")
    assert shop.outcome() == expected
    shop.sync()
    assert shop.outcome() == expected
    assert len(shop.records("salesOrders")) == (0 if rate else 1)


def test_a_person_who_corrects_the_total_settles_it(shop: Shop) -> None:
    shop.without = {"I7"}
    shop.send(lines=[{"vatrate": ""}], total="99.00", shippingcost="0")
    line = shop.document()["lines"][0]
    patched = shop.by_person("PATCH", f"salesOrderLines({line['id']})", {"unitPrice": 49.50, "taxCode": "VAT0"})
    assert patched.status_code == 200, patched.text
    shop.sync()
    assert shop.outcome()[0] == "CONFIRMED"


def test_an_order_that_is_wanted_again_after_its_invoice_was_cancelled_is_told(shop: Shop) -> None:
    shop.choose(credit_memo=True)
    shop.send()
    shop.act("shipAndInvoice")
    shop.edit("W1", status="refunded")
    shop.sync()
    assert shop.document("salesInvoices")["status"] == "Canceled"
    shop.edit("W1", status="paid")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "DELETED")


def test_a_change_is_not_applied_to_a_document_that_lacks_lines(shop: Shop) -> None:
    shop.without = {"I7"}
    shop.choose(on_change="apply")
    shop.send()
    shop.by_person("DELETE", f"salesOrderLines({shop.document()['lines'][0]['id']})")
    shop.edit("W1", amount="5")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "CHANGED")


def test_a_blocked_customer_is_replaced_by_the_default_debtor(shop: Shop) -> None:
    shop.seed(customers=[{"number": "D1", "displayName": "Shops"}])
    blocked = {"number": "C1", "displayName": "Anna", "email": "anna@mail.example", "blocked": "All"}
    shop.seed(customers=[blocked])
    shop.choose(default_customer="D1")
    shop.send()
    assert shop.document()["customerNumber"] == "D1"


def test_a_blocked_customer_without_a_default_debtor_is_named(shop: Shop) -> None:
    blocked = {"number": "C1", "displayName": "Anna", "email": "anna@mail.example", "blocked": "All"}
    shop.seed(customers=[blocked])
    row = shop.send()
    assert shop.outcome() == ("FAILED", "NO_CUSTOMER")
    assert "C1 is blocked (All)" in row["message"]


# Orders and their statuses together.


def test_a_status_deletes_no_document_where_cancelled_orders_are_held(shop: Shop) -> None:
    shop.send()
    shop.edit("W1", status="cancelled")
    assert statuses(shop) == ("SKIPPED", "HELD")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "CANCELLED")
    assert statuses(shop) == ("SKIPPED", "HELD")
    assert len(shop.records("salesOrders")) == 1


def edited_then_completed(shop: Shop) -> None:
    """An edit of the order waits for a person, and meanwhile its goods have left."""
    shop.send()
    shop.edit("W1", amount="5")
    shop.sync()
    shop.edit("W1", status="completed")
    shop.sync()


def test_a_status_ships_nothing_while_an_edit_waits_for_a_person(shop: Shop) -> None:
    edited_then_completed(shop)
    assert statuses(shop) == ("SKIPPED", "HELD")
    assert len(shop.records("salesOrders")) == 1


def test_a_status_ships_once_the_person_has_decided(shop: Shop) -> None:
    edited_then_completed(shop)
    statuses(shop)
    line = shop.document()["lines"][0]
    shop.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5})
    shop.sync()
    assert statuses(shop) == ("CONFIRMED", None)
    assert shop.records("salesOrders") == []


# At night.


def test_a_second_document_that_somebody_typed_later_is_found_at_night(shop: Shop) -> None:
    shop.without = {"I1", "I3"}
    shop.send()
    typed(shop, LINE)
    assert search_duplicates(ORDERS_TO_BC, shop.settings, START, "night") == ["W1"]
    assert shop.outcome() == ("DUPLICATE", "DUPLICATE")
    assert len(shop.records("salesOrders")) == 2


def test_the_nightly_job_fails_and_names_the_orders(shop: Shop) -> None:
    shop.without = {"I1", "I3"}
    shop.send()
    job, _ = duplicate_search(ORDERS_TO_BC, shop.settings)
    assert job.execute_in_process().success
    typed(shop, LINE)
    failed = job.execute_in_process(raise_on_error=False)
    (event,) = [each for each in failed.all_events if each.is_step_failure]
    assert (
        "1 orders have two documents in Business Central: W1." in event.step_failure_data.user_failure_data.description
    )


def test_a_status_waits_for_an_edit_that_was_not_taken(shop: Shop) -> None:
    shop.choose(on_change="apply")
    shop.send()
    shop.edit("W1", amount="5", status="completed")
    shop.fault(BC, {"kind": "storm", "path": "$batch", "nth": 1, "times": 5})
    shop.sync()
    assert shop.outcome() == ("PLANNED", "NOT_TAKEN")
    shop.fault(BC)
    shop.pass_time(MINUTE)

    assert statuses(shop) == ("SKIPPED", "HELD")
    assert not shop.records("salesInvoices")


@pytest.mark.parametrize("on_existing", ["error", "skip"])
def test_a_status_does_nothing_to_a_document_that_is_not_the_orders(shop: Shop, on_existing: str) -> None:
    shop.choose(on_existing=on_existing)
    typed(shop, LINE)
    shop.send(shippingcost="0", status="completed")
    assert shop.outcome()[1] == "EXISTS"

    assert statuses(shop) == ("SKIPPED", "HELD")
    assert shop.records("salesOrders")
