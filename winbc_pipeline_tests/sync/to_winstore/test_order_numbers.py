"""The number of the document that was made of an order, told to Winstore."""

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import BC, WINSTORE, Record

TELL = {"path": "PostOrderNumber"}


def told(order_flow: OrderFlow) -> list[str | None]:
    return [order.get("externalnr") for order in order_flow.state(WINSTORE)["records"]["orders"]]


def outcome(order_flow: OrderFlow) -> Record:
    (row,) = ledger.read(ConnectedFlow(ORDERS_TO_BC, order_flow.settings).store, "part = 'number'")
    return row


def test_winstore_knows_the_number_of_the_document(order_flow: OrderFlow) -> None:
    order_flow.choose(write_back=True)
    assert told_after(order_flow) == [order_flow.document()["number"]]


def told_after(order_flow: OrderFlow) -> list[str | None]:
    order_flow.send()
    return told(order_flow)


def test_no_number_is_told_unless_the_settings_say_so(order_flow: OrderFlow) -> None:
    assert told_after(order_flow) == [None]


def test_what_is_told_does_not_come_back_as_a_change(order_flow: OrderFlow) -> None:
    order_flow.choose(write_back=True)
    order_flow.send()
    writes = [len(order_flow.state(port)["writes"]) for port in (BC, WINSTORE)]
    for _ in range(3):
        order_flow.pass_time(60)
        order_flow.sync()
    assert [len(order_flow.state(port)["writes"]) for port in (BC, WINSTORE)] == writes


def test_a_number_whose_answer_was_lost_is_told_again_and_the_order_stays_as_it_is(order_flow: OrderFlow) -> None:
    order_flow.choose(write_back=True)
    order_flow.fault(WINSTORE, TELL | {"kind": "garbage"})
    order_flow.send()
    assert (order_flow.outcome()[0], outcome(order_flow)["state"]) == ("CONFIRMED", "PLANNED")

    order_flow.sync()

    assert (told(order_flow), outcome(order_flow)["state"]) == ([order_flow.document()["number"]], "CONFIRMED")
    assert len(order_flow.records("salesOrders")) == 1


def test_a_run_that_dies_before_it_told_the_number_is_made_up_for(order_flow: OrderFlow) -> None:
    order_flow.choose(write_back=True)
    order_flow.order("W1")
    assert order_flow.dies_at("after confirm")
    order_flow.until_settled()
    assert told(order_flow) == [order_flow.document()["number"]]
