"""A change of a document is made whole or not at all, and never over what a person did since it was planned."""

from typing import Any

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.run import dry_run, push_windows

from .shop import Shop
from .test_compared import LINE, typed
from .world import BC, FIRST, LAST, WINSTORE

GENT = {"name": "Anna Groen", "street": "Kerkweg", "streetnr": "7", "city": "Gent", "countryISO": "NL"}


def planned(shop: Shop, **edits: Any) -> None:
    """An order that is there, edited or cancelled in Winstore; the change is planned and not sent yet."""
    shop.choose(on_change="apply", on_cancel="apply")
    shop.send()
    shop.edit("W1", **edits)
    dry_run(ORDERS_TO_BC, shop.settings, FIRST, LAST, "plan")


def push(shop: Shop) -> None:
    push_windows(ORDERS_TO_BC, shop.settings, FIRST, LAST, "push")
    shop.check()


@pytest.mark.parametrize("edits", [{"amount": "5"}, {"delivery_add": GENT}, {"status": "cancelled"}])
def test_a_document_that_a_person_edited_since_the_plan_is_left_as_it_is(shop: Shop, edits: dict[str, Any]) -> None:
    planned(shop, **edits)
    path = f"salesOrders({shop.document()['id']})"
    assert shop.by_person("PATCH", path, {"phoneNumber": "030-12345"}).status_code == 200
    theirs = shop.document()

    push(shop)

    assert shop.outcome() == ("CONFLICT", "STALE")
    assert shop.document() == theirs


def test_a_line_that_a_person_edited_since_the_plan_is_left_as_it_is(shop: Shop) -> None:
    planned(shop, amount="5")
    line = shop.document()["lines"][0]
    assert shop.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 7}).status_code == 200
    theirs = shop.document()

    push(shop)

    assert shop.outcome() == ("CONFLICT", "STALE")
    assert shop.document() == theirs


def test_a_change_that_was_stale_is_made_by_the_next_run_and_keeps_what_the_person_did(shop: Shop) -> None:
    planned(shop, amount="5")
    shop.by_person("PATCH", f"salesOrders({shop.document()['id']})", {"phoneNumber": "030-12345"})
    push(shop)

    shop.sync()

    document = shop.document()
    assert shop.outcome()[0] == "CONFIRMED"
    assert (document["lines"][0]["quantity"], document["phoneNumber"]) == (5, "030-12345")


def test_a_change_of_which_one_operation_is_refused_is_undone_whole(shop: Shop) -> None:
    shop.edit_table("order_line", "taxCode", source="if(amount = 9, 'NONE', 'VAT21')")
    planned(shop, amount="9", delivery_add=GENT)
    before = shop.document()

    push(shop)

    assert shop.outcome() == ("CONFLICT", "RELATION_MISSING")
    after = shop.document()
    assert (after["shipToCity"], after["lines"]) == (before["shipToCity"], before["lines"])


def test_a_line_that_is_refused_takes_the_line_before_it_back(shop: Shop) -> None:
    shop.edit_table("order_line", "taxCode", source="if(linenr = '2' and amount = 9, 'NONE', 'VAT21')")
    shop.choose(on_change="apply")
    shop.send(lines=[{}, {}])
    before = shop.document()
    positions = shop.state(WINSTORE)["records"]["orders"][0]["positions"]
    shop.edit("W1", positions=[each | {"amount": amount} for each, amount in zip(positions, ("3", "9"), strict=True)])

    shop.sync()

    assert shop.outcome() == ("CONFLICT", "RELATION_MISSING")
    assert shop.document()["lines"] == before["lines"]


@pytest.mark.parametrize("what", ["added", "removed"])
def test_a_change_of_lines_whose_answer_was_lost_is_found_to_be_made(shop: Shop, what: str) -> None:
    before, after = ([{}], [{}, {"amount": "3"}])[:: 1 if what == "added" else -1]
    shop.choose(on_change="apply")
    shop.send(lines=before)
    shop.pass_time(1)
    shop.order("W1", lines=after)
    shop.fault(BC, {"kind": "drop_after", "path": "$batch"})
    shop.sync()
    assert shop.outcome() == ("UNKNOWN", "NO_ANSWER")

    shop.until_settled()

    assert shop.outcome()[0] == "CONFIRMED"
    assert len(shop.document()["lines"]) == len(after) + 1  # and the shipping cost


@pytest.mark.parametrize("what", ["added", "removed"])
def test_a_held_change_of_lines_that_a_person_made_is_done(shop: Shop, what: str) -> None:
    before, after = ([{}], [{}, {"amount": "3"}])[:: 1 if what == "added" else -1]
    shop.send(lines=before, shippingcost="0")
    shop.pass_time(1)
    shop.order("W1", lines=after, shippingcost="0")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "CHANGED")

    document = shop.document()
    if what == "added":
        shop.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", LINE | {"quantity": 3})
    else:
        shop.by_person("DELETE", f"salesOrderLines({document['lines'][1]['id']})")
    shop.sync()

    assert shop.outcome()[0] == "CONFIRMED"


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
    shop: Shop, there: list[Any], before: list[Any], after: list[Any]
) -> None:
    """What was typed is taken for the order, though its lines stand in other places."""
    shop.without = {"I7"}
    shop.choose(on_change="apply")
    for number in ("SKU-2", "SKU-3"):
        shop.add_item(number)
    typed(shop, *there)
    shop.send(shippingcost="0", lines=before)
    assert shop.outcome()[0] == "CONFIRMED"
    typed_lines = shop.document()["lines"]

    shop.pass_time(1)
    shop.order("W1", shippingcost="0", lines=after)
    shop.sync()

    assert shop.outcome() == ("CONFLICT", "CHANGED")
    assert shop.document()["lines"] == typed_lines


@pytest.mark.parametrize("theirs", ["quantity", "a line more"])
def test_an_edit_of_an_order_whose_lines_a_person_changed_is_for_a_person(shop: Shop, theirs: str) -> None:
    shop.choose(on_change="apply")
    shop.send()
    document = shop.document()
    if theirs == "quantity":
        shop.by_person("PATCH", f"salesOrderLines({document['lines'][0]['id']})", {"quantity": 7})
    else:
        shop.by_person("POST", f"salesOrders({document['id']})/salesOrderLines", LINE | {"quantity": 9})
    shop.pass_time(1)
    theirs_now = shop.document()

    shop.edit("W1", amount="5")
    shop.sync()

    assert shop.outcome() == ("CONFLICT", "CHANGED")
    assert shop.document() == theirs_now


def test_an_edit_of_a_line_whose_discount_in_money_a_person_changed_is_for_a_person(shop: Shop) -> None:
    shop.without = {"I7"}
    shop.edit_table("order_line", "discountPercent", when="never")
    shop.edit_table("order_line", "discountAmount", source="reduction")
    shop.choose(on_change="apply")
    shop.send(lines=[{"reduction": "1.50"}], total="27.34")
    line = shop.document()["lines"][0]
    assert shop.by_person("PATCH", f"salesOrderLines({line['id']})", {"discountAmount": 4}).status_code == 200
    shop.pass_time(1)

    shop.order("W1", lines=[{"reduction": "1.50", "amount": "5"}], total="63.64")
    shop.sync()

    assert shop.outcome() == ("CONFLICT", "CHANGED")


def test_an_edit_whose_lines_do_not_come_to_its_total_is_for_a_person(shop: Shop) -> None:
    shop.choose(on_change="apply")
    shop.send()
    shop.pass_time(1)
    before = shop.document()

    shop.order("W1", lines=[{"amount": "5"}], total="999.00")
    shop.sync()

    assert shop.outcome() == ("CONFLICT", "TOTAL")
    assert shop.document() == before
