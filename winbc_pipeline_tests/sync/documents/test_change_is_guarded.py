"""A change of a document is made whole or not at all, and never over what a person did since it was planned."""

from typing import Any

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import dry_run, push_windows
from winbc_pipeline.sync.work import Work

from ...support.order_flow import IN_BOTH_MODES, OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST, WINSTORE
from .test_compared import LINE, typed

pytestmark = [pytest.mark.proof, IN_BOTH_MODES]

GENT = {"name": "Anna Groen", "street": "Kerkweg", "streetnr": "7", "city": "Gent", "countryISO": "NL"}


def planned(order_flow: OrderFlow, **edits: Any) -> None:
    """An order that is there, edited or cancelled in Winstore; the change is planned and not sent yet."""
    order_flow.choose(on_change="apply", on_cancel="apply")
    order_flow.send()
    order_flow.edit("W1", **edits)
    dry_run(Work(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), FIRST, LAST, "plan"))


def push(order_flow: OrderFlow) -> None:
    push_windows(Work(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), FIRST, LAST, "push"))
    order_flow.check()


@pytest.mark.parametrize("edits", [{"amount": "5"}, {"delivery_add": GENT}, {"status": "cancelled"}])
def test_a_document_that_a_person_edited_since_the_plan_is_left_as_it_is(
    order_flow: OrderFlow, edits: dict[str, Any]
) -> None:
    planned(order_flow, **edits)
    path = f"salesOrders({order_flow.document()['id']})"
    assert order_flow.by_person("PATCH", path, {"phoneNumber": "030-12345"}).status_code == 200
    theirs = order_flow.document()

    push(order_flow)

    assert order_flow.outcome() == ("CONFLICT", "STALE")
    assert order_flow.document() == theirs


def test_a_line_that_a_person_edited_since_the_plan_is_left_as_it_is(order_flow: OrderFlow) -> None:
    planned(order_flow, amount="5")
    line = order_flow.document()["lines"][0]
    assert order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 7}).status_code == 200
    theirs = order_flow.document()

    push(order_flow)

    assert order_flow.outcome() == ("CONFLICT", "STALE")
    assert order_flow.document() == theirs


def test_a_change_that_was_stale_is_made_by_the_next_run_and_keeps_what_the_person_did(order_flow: OrderFlow) -> None:
    planned(order_flow, amount="5")
    order_flow.by_person("PATCH", f"salesOrders({order_flow.document()['id']})", {"phoneNumber": "030-12345"})
    push(order_flow)

    order_flow.sync()

    document = order_flow.document()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert (document["lines"][0]["quantity"], document["phoneNumber"]) == (5, "030-12345")


def test_a_change_of_which_one_operation_is_refused_is_undone_whole(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order_line", "taxCode", source="if(amount = 9, 'NONE', 'VAT21')")
    planned(order_flow, amount="9", delivery_add=GENT)
    before = order_flow.document()

    push(order_flow)

    assert order_flow.outcome() == ("CONFLICT", "RELATION_MISSING")
    after = order_flow.document()
    assert (after["shipToCity"], after["lines"]) == (before["shipToCity"], before["lines"])


def test_a_line_that_is_refused_takes_the_line_before_it_back(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order_line", "taxCode", source="if(linenr = '2' and amount = 9, 'NONE', 'VAT21')")
    order_flow.choose(on_change="apply")
    order_flow.send(lines=[{}, {}])
    before = order_flow.document()
    positions = order_flow.state(WINSTORE)["records"]["orders"][0]["positions"]
    order_flow.edit(
        "W1", positions=[each | {"amount": amount} for each, amount in zip(positions, ("3", "9"), strict=True)]
    )

    order_flow.sync()

    assert order_flow.outcome() == ("CONFLICT", "RELATION_MISSING")
    assert order_flow.document()["lines"] == before["lines"]


@pytest.mark.parametrize("what", ["added", "removed"])
def test_a_change_of_lines_whose_answer_was_lost_is_found_to_be_made(order_flow: OrderFlow, what: str) -> None:
    before, after = ([{}], [{}, {"amount": "3"}])[:: 1 if what == "added" else -1]
    order_flow.choose(on_change="apply")
    order_flow.send(lines=before)
    order_flow.pass_time(1)
    order_flow.order("W1", lines=after)
    order_flow.fault(BC, {"kind": "drop_after", "path": "$batch"})
    order_flow.sync()
    assert order_flow.outcome() == ("UNKNOWN", "NO_ANSWER")

    order_flow.until_settled()

    assert order_flow.outcome()[0] == "CONFIRMED"
    assert len(order_flow.document()["lines"]) == len(after) + 1  # and the shipping cost


@pytest.mark.parametrize("what", ["added", "removed"])
def test_a_held_change_of_lines_that_a_person_made_is_done(order_flow: OrderFlow, what: str) -> None:
    before, after = ([{}], [{}, {"amount": "3"}])[:: 1 if what == "added" else -1]
    order_flow.send(lines=before, shippingcost="0")
    order_flow.pass_time(1)
    order_flow.order("W1", lines=after, shippingcost="0")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "CHANGED")

    document = order_flow.document()
    if what == "added":
        order_flow.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", LINE | {"quantity": 3})
    else:
        order_flow.by_person("DELETE", f"salesOrderLines({document['lines'][1]['id']})")
    order_flow.sync()

    assert order_flow.outcome()[0] == "CONFIRMED"


SKU_2, SKU_3 = ({"lineObjectNumber": number, "quantity": 1} for number in ("SKU-2", "SKU-3"))


@pytest.mark.parametrize(
    ("there", "before", "after"),
    [
        (
            [LINE | SKU_2, LINE],
            [{}, {"product_id": "SKU-2", "amount": "1"}],
            [{"amount": "5"}, {"product_id": "SKU-2"}],
        ),
        ([LINE | {"quantity": 3}, LINE], [{}, {"amount": "3"}], [{"amount": "5"}, {"amount": "3"}]),
        ([LINE, LINE | SKU_3, LINE | SKU_2], [{}, {"product_id": "SKU-2", "amount": "1"}], [{}]),
    ],
    ids=["the other way round", "one article twice", "a line more"],
)
def test_a_change_never_goes_to_another_line_than_it_is_of(
    order_flow: OrderFlow, there: list[Any], before: list[Any], after: list[Any]
) -> None:
    """What was typed is taken for the order, though its lines stand in other places."""
    order_flow.without = {"I7"}
    order_flow.choose(on_change="apply")
    for number in ("SKU-2", "SKU-3"):
        order_flow.add_item(number)
    typed(order_flow, *there)
    order_flow.send(shippingcost="0", lines=before)
    assert order_flow.outcome()[0] == "CONFIRMED"
    typed_lines = order_flow.document()["lines"]

    order_flow.pass_time(1)
    order_flow.order("W1", shippingcost="0", lines=after)
    order_flow.sync()

    assert order_flow.outcome() == ("CONFLICT", "CHANGED")
    assert order_flow.document()["lines"] == typed_lines


@pytest.mark.parametrize("theirs", ["quantity", "a line more"])
def test_an_edit_of_an_order_whose_lines_a_person_changed_is_for_a_person(order_flow: OrderFlow, theirs: str) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send()
    document = order_flow.document()
    if theirs == "quantity":
        order_flow.by_person("PATCH", f"salesOrderLines({document['lines'][0]['id']})", {"quantity": 7})
    else:
        order_flow.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", LINE | {"quantity": 9})
    order_flow.pass_time(1)
    theirs_now = order_flow.document()

    order_flow.edit("W1", amount="5")
    order_flow.sync()

    assert order_flow.outcome() == ("CONFLICT", "CHANGED")
    assert order_flow.document() == theirs_now


def test_an_edit_of_a_line_whose_discount_in_money_a_person_changed_is_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.without = {"I7"}
    order_flow.edit_table("order_line", "discountPercent", when="never")
    order_flow.edit_table("order_line", "discountAmount", source="reduction")
    order_flow.choose(on_change="apply")
    order_flow.send(lines=[{"reduction": "1.50"}], total="27.34")
    line = order_flow.document()["lines"][0]
    assert order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"discountAmount": 4}).status_code == 200
    order_flow.pass_time(1)

    order_flow.order("W1", lines=[{"reduction": "1.50", "amount": "5"}], total="63.64")
    order_flow.sync()

    assert order_flow.outcome() == ("CONFLICT", "CHANGED")


def test_an_edit_whose_lines_do_not_come_to_its_total_is_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send()
    order_flow.pass_time(1)
    before = order_flow.document()

    order_flow.order("W1", lines=[{"amount": "5"}], total="999.00")
    order_flow.sync()

    assert order_flow.outcome() == ("CONFLICT", "TOTAL")
    assert order_flow.document() == before
