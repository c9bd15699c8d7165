"""An order is CONFIRMED only when both systems agree in money and in whom it is for; else a person is told why."""

from typing import Any

import pytest

from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work

from ...support.order_flow import IN_BOTH_MODES, OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST

pytestmark = [pytest.mark.proof, IN_BOTH_MODES]

CARD = {
    "number": "WS605254",
    "displayName": "Anna Groen",
    "type": "Person",
    "email": "anna@mail.example",
    "addressLine1": "Prinsengracht 1",
    "addressLine2": "c/o Jansen, 4th floor",
    "city": "Amsterdam",
    "postalCode": "1011 AA",
    "state": "Noord-Holland",
    "country": "NL",
}
OTHER: dict[str, Any] = {"customerid": "700001", "email": "otto@mail.example", "orderdate": "2026-03-09 08:00:00"}


def failed(order_flow: OrderFlow, number: str = "W1") -> tuple[str, str]:
    """Reason and message of an order that is open; nothing was sent for it."""
    row = order_flow.ledger()[number]
    assert row["state"] in ("FAILED", "CONFLICT"), row
    return row["reason"], row["message"]


# An address is one value.


def test_an_address_of_the_order_is_not_filled_up_from_the_customers_card(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[CARD])
    dubai = {"name": "Anna Groen", "street": "Sheikh Road", "streetnr": "12", "city": "Dubai", "countryISO": "AE"}
    order_flow.send(delivery_add=dubai)
    names = ("AddressLine1", "AddressLine2", "PostCode", "City", "State", "Country")
    document = order_flow.document()
    assert [document[f"shipTo{name}"] for name in names] == ["Sheikh Road 12", "", "", "Dubai", "", "AE"]
    assert document["sellToAddressLine2"] == "c/o Jansen, 4th floor", "the order has no billing address of its own"


def test_a_field_that_the_table_leaves_empty_on_purpose_is_sent_empty(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[CARD])
    order_flow.edit_table("order", "sellToAddressLine2", source="''")
    order_flow.edit_table("order_line", "description", source="''")
    order_flow.send()
    document = order_flow.document()
    assert (document["sellToAddressLine2"], document["lines"][0]["description"]) == ("", "")
    assert order_flow.document()["sellToAddressLine1"] == "Prinsengracht 1"


# Two orders with one number.


def both(order_flow: OrderFlow, apart: bool) -> None:
    order_flow.order("W1")
    if apart:
        order_flow.sync()
        order_flow.pass_time(60)
    second = order_flow.order("W1", **OTHER)
    first = second | {"customerid": "605254", "email": "anna@mail.example", "orderdate": "2026-03-10 09:30:00"}
    records = [("1", first | {"id": "1"}), ("2", second | {"id": "2"})]
    order_flow.winstore_app.state.records.insert_many("orders", records if not apart else records[1:])
    order_flow.winstore_app.state.records.delete("orders", "W1")


@pytest.mark.parametrize("on_change", ["hold", "apply"])
@pytest.mark.parametrize("apart", [False, True])
def test_two_orders_with_one_number_are_held_and_the_first_document_stays(
    order_flow: OrderFlow, apart: bool, on_change: str
) -> None:
    order_flow.choose(on_change=on_change)
    order_flow.without = ("I7", "I9")  # which take a number for one order
    both(order_flow, apart)
    order_flow.sync()
    reason, message = failed(order_flow)
    assert (reason, message) == ("NUMBER_TWICE", "two orders of Winstore have the number W1")
    assert [each["email"] for each in order_flow.records("salesOrders")] == ["anna@mail.example"] * apart
    before = order_flow.writes()
    order_flow.sync()
    assert failed(order_flow)[0] == "NUMBER_TWICE"
    assert order_flow.writes() == before


def test_an_edit_of_an_order_is_no_second_order(order_flow: OrderFlow) -> None:
    order_flow.send()
    order_flow.edit("W1", status="completed")
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"


@pytest.mark.parametrize("second", ["1", ""])
def test_lines_without_a_number_of_their_own_are_told(order_flow: OrderFlow, second: str) -> None:
    order_flow.send(lines=[{"linenr": "1"}, {"linenr": second, "amount": "3"}])
    assert failed(order_flow)[0] == "LINE_NUMBER"
    assert order_flow.records("salesOrders") == []


# Money.


def test_an_order_that_gives_back_more_than_it_sells_is_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.send(lines=[{"amount": "-1"}], shippingcost="0")
    reason, message = failed(order_flow)
    assert (reason, message) == (
        "NEGATIVE_TOTAL",
        "the order comes to -12.10: Business Central posts no invoice below 0",
    )
    assert order_flow.records("salesOrders") == []


def test_a_shipping_cost_that_is_no_number_is_told_with_its_field(order_flow: OrderFlow) -> None:
    order_flow.without = ("I7",)
    record = order_flow.order("W1", shippingcost="0")
    changed = record | {"shippingcost": "4,95", "total": ""}
    order_flow.winstore_app.state.records.replace("orders", "W1", changed)
    order_flow.sync()
    reason, message = failed(order_flow)
    assert reason == "BAD_VALUE"
    assert "shippingcost: not a number in the source" in message


def test_a_currency_in_small_letters_is_that_currency(order_flow: OrderFlow) -> None:
    order_flow.send(currency="usd")
    assert order_flow.document()["currencyCode"] == "USD"


def test_an_invoice_of_which_the_shop_keeps_a_part_is_not_credited_whole(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice", credit_memo=True)
    order_flow.send(lines=[{"amount": "5"}], shippingcost="0")
    order_flow.act("post", "salesInvoices")
    order_flow.edit("W1", amount="2", status="refunded")
    order_flow.sync()
    reason, message = failed(order_flow)
    assert (reason, order_flow.records("salesCreditMemos")) == ("CANCELLED", [])
    assert message == "refunded in part: total with VAT: 60.50 in Business Central, 24.20 in Winstore"


# Whom it is for.


@pytest.mark.parametrize("how", ["before", "one run", "by the flow of customers"])
def test_a_customer_with_the_email_of_another_one_is_refused(order_flow: OrderFlow, how: str) -> None:
    if how == "by the flow of customers":
        known = {"customerid": "605254", "fname": "Anna", "lname": "Groen", "email": "anna@mail.example"}
        whole = known | {"countryISO": "NL", "modified": timestamp(order_flow.now)}
        order_flow.winstore_app.state.records.insert_many("customers", [("605254", whole)])
        sync(Work(ConnectedFlow(CUSTOMERS, order_flow.settings), FIRST, LAST, "customers"))
    else:
        order_flow.order("W0")
    if how == "before":
        order_flow.sync()
    order_flow.send("W1", customerid="700001")
    reason, message = failed(order_flow)
    assert reason == "TARGET_TAKEN"
    assert "customer 700001 of Winstore has the e-mail of customer 605254, who is WS605254 there" in message
    assert len(order_flow.records("customers")) == 1


def test_a_guest_whose_email_is_written_in_two_ways_is_made_once(order_flow: OrderFlow) -> None:
    order_flow.without = {"I7"}  # which takes the e-mail as it stands in the order
    lost = {"kind": "drop_before", "path": "$batch", "method": "POST", "times": 99}
    order_flow.fault(BC, lost)
    order_flow.send("W1", customerid="999999")
    order_flow.edit("W1", email="mailto:anna@mail.example")
    order_flow.sync()
    order_flow.fault(BC)
    order_flow.send("W2", customerid="999999")
    made = [(row["action"], row["reason"]) for row in order_flow.planned() if row["part"] == "customer"]
    assert sorted(made, key=str) == [("create", None), ("skip", "SHARED")]
    assert len(order_flow.records("customers")) == 1


def test_a_guest_with_the_email_of_a_customer_is_that_customer(order_flow: OrderFlow) -> None:
    order_flow.send("W0")
    order_flow.send("W1", customerid="999999")
    assert {each["customerNumber"] for each in order_flow.records("salesOrders")} == {"WS605254"}


@pytest.mark.parametrize(
    ("document", "blocked", "number"),
    [
        ("order", "All", "SHOP"),
        ("order", "Invoice", "SHOP"),
        ("order", "Ship", "SHOP"),
        ("invoice", "Invoice", "SHOP"),
        ("invoice", "Ship", "WS605254"),
    ],
)
def test_the_default_debtor_stands_in_for_a_blocked_customer(
    order_flow: OrderFlow, document: str, blocked: str, number: str
) -> None:
    order_flow.choose(default_customer="SHOP", document=document)
    shop = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}
    order_flow.seed(customers=[CARD | {"blocked": blocked}, shop])
    order_flow.send()
    assert order_flow.document(f"sales{document.capitalize()}s")["customerNumber"] == number


def test_the_default_debtor_stands_in_for_a_customer_whom_business_central_refuses(order_flow: OrderFlow) -> None:
    order_flow.choose(default_customer="SHOP")
    order_flow.edit_table("customer", "phoneNumber", source="'after six'", when="always")
    order_flow.seed(customers=[{"number": "SHOP", "displayName": "Counter sales", "type": "Company"}])
    row = order_flow.send()
    assert row["state"] == "CONFIRMED"
    assert order_flow.document()["customerNumber"] == "SHOP"
    assert row["message"].startswith("for the default customer SHOP: its customer is FAILED")
    assert [
        each["state"]
        for each in ledger.read(ConnectedFlow(ORDERS_TO_BC, order_flow.settings).store, "part = 'customer'")
    ] == ["FAILED"]
