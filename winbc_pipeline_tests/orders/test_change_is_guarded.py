"""A change of a document is made whole or not at all, and never over what a person did since it was planned."""

from typing import Any

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.run import dry_run, push_windows

from .shop import Shop
from .world import FIRST, LAST, WINSTORE

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
