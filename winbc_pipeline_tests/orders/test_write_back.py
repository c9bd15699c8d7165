"""The number of the document that was made of an order, told to Winstore."""

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.stage import flow_store

from .shop import Shop
from .world import BC, WINSTORE, Record

TELL = {"path": "PostOrderNumber"}


def told(shop: Shop) -> list[str | None]:
    return [order.get("externalnr") for order in shop.state(WINSTORE)["records"]["orders"]]


def outcome(shop: Shop) -> Record:
    (row,) = ledger.read(flow_store(ORDERS_TO_BC, shop.settings), "part = 'number'")
    return row


def test_winstore_knows_the_number_of_the_document(shop: Shop) -> None:
    shop.choose(write_back=True)
    assert told_after(shop) == [shop.document()["number"]]


def told_after(shop: Shop) -> list[str | None]:
    shop.send()
    return told(shop)


def test_no_number_is_told_unless_the_settings_say_so(shop: Shop) -> None:
    assert told_after(shop) == [None]


def test_what_is_told_does_not_come_back_as_a_change(shop: Shop) -> None:
    shop.choose(write_back=True)
    shop.send()
    writes = [len(shop.state(port)["writes"]) for port in (BC, WINSTORE)]
    for _ in range(3):
        shop.pass_time(60)
        shop.sync()
    assert [len(shop.state(port)["writes"]) for port in (BC, WINSTORE)] == writes


def test_a_number_whose_answer_was_lost_is_told_again_and_the_order_stays_as_it_is(shop: Shop) -> None:
    shop.choose(write_back=True)
    shop.fault(WINSTORE, TELL | {"kind": "garbage"})
    shop.send()
    assert (shop.outcome()[0], outcome(shop)["state"]) == ("CONFIRMED", "PLANNED")

    shop.sync()

    assert (told(shop), outcome(shop)["state"]) == ([shop.document()["number"]], "CONFIRMED")
    assert len(shop.records("salesOrders")) == 1


def test_a_run_that_dies_before_it_told_the_number_is_made_up_for(shop: Shop) -> None:
    shop.choose(write_back=True)
    shop.order("W1")
    assert shop.dies_at("after confirm")
    shop.until_settled()
    assert told(shop) == [shop.document()["number"]]
