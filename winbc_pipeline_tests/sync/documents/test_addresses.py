"""Texts of a document's addresses that are too long for Business Central are cut, and the record says so."""

import pytest

from winbc_pipeline.systems.business_central.addresses import cut

from ...support.order_flow import OrderFlow


def test_an_order_with_a_long_delivery_address_arrives_and_says_what_was_cut(order_flow: OrderFlow) -> None:
    order_flow.send("W0")  # his customer is there by now
    order_flow.without = ("I7",)
    row = order_flow.send("W1", delivery_add_name="N" * 300, delivery_add_city="C" * 40)
    document = next(each for each in order_flow.records("salesOrders") if each["externalDocumentNumber"] == "WS-W1")
    assert (document["shipToName"], document["shipToCity"]) == ("N" * 100, "C" * 30)
    assert (row["state"], row["message"]) == (
        "CONFIRMED",
        "cut: shipToName to 100 characters, shipToCity to 30 characters",
    )
    before = order_flow.writes()
    order_flow.sync()
    assert order_flow.writes() == before


BILLED = {"lname": "Groen", "street": "Dam", "streetnr": "1", "zip": "1012 JS", "city": "Amsterdam", "countryISO": "NL"}
HOME = {"street": "Kerkweg", "streetnr": "7", "zip": "3511 AB", "city": "Utrecht", "countryISO": "NL"}


def addresses(order_flow: OrderFlow) -> dict[str, str]:
    document = order_flow.document()
    return {side: document[f"{side}City"] for side in ("sellTo", "billTo", "shipTo")}


def test_the_invoice_goes_to_the_orders_billing_address_and_the_goods_to_its_delivery_address(
    order_flow: OrderFlow,
) -> None:
    """rules.md, addresses of documents [S]: bill-to is sell-to; API v2.0 takes no bill-to address on orders."""
    order_flow.seed(customers=[{"number": "WS605254", "displayName": "Anna Groen", "city": "Card"}])
    order_flow.send(invoice_add=BILLED)
    assert addresses(order_flow) == {"sellTo": "Amsterdam", "billTo": "Amsterdam", "shipTo": "Utrecht"}
    assert order_flow.document()["billToName"] == "Anna Groen"


def test_the_goods_go_to_the_billing_address_where_the_order_has_no_other(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[{"number": "WS605254", "displayName": "Anna Groen", "city": "Card"}])
    order_flow.send(invoice_add=BILLED, delivery_add={})
    assert addresses(order_flow) == {"sellTo": "Amsterdam", "billTo": "Amsterdam", "shipTo": "Amsterdam"}


def test_an_order_without_addresses_has_those_of_the_customers_card(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[{"number": "WS605254", "displayName": "Anna Groen", "city": "Card"}])
    order_flow.send(invoice_add={}, delivery_add={})
    assert addresses(order_flow) == {"sellTo": "Card", "billTo": "Card", "shipTo": "Card"}


def test_the_invoice_of_the_default_debtor_has_his_name_and_the_buyers_address(order_flow: OrderFlow) -> None:
    order_flow.choose(default_customer="SHOP", force_default_customer=True)
    order_flow.seed(customers=[{"number": "SHOP", "displayName": "Counter sales", "city": "Card"}])
    order_flow.send(invoice_add=BILLED)
    assert addresses(order_flow) == {"sellTo": "Amsterdam", "billTo": "Amsterdam", "shipTo": "Utrecht"}
    assert order_flow.document()["billToName"] == "Counter sales"


def test_an_edit_of_the_billing_address_moves_bill_to_and_leaves_an_equal_delivery_address(
    order_flow: OrderFlow,
) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send(invoice_add={"lname": "Groen"} | HOME, delivery_add={"name": "Anna Groen"} | HOME)
    assert addresses(order_flow) == {"sellTo": "Utrecht", "billTo": "Utrecht", "shipTo": "Utrecht"}
    order_flow.edit("W1", invoice_add=BILLED)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", "CHANGED")
    assert addresses(order_flow) == {"sellTo": "Amsterdam", "billTo": "Amsterdam", "shipTo": "Utrecht"}


@pytest.mark.parametrize(
    "field", ["externalDocumentNumber", "email", "shipToPostCode", "shipToCountry", "customerNumber"]
)
def test_keys_codes_and_e_mails_are_never_cut(field: str) -> None:
    header = {field: "x" * 300}
    assert cut(header, "salesOrders") == []
    assert header == {field: "x" * 300}


def test_a_character_is_never_cut_in_half() -> None:
    header = {"shipToCity": "c" * 29 + "\N{SLICE OF PIZZA}", "shipToName": None}
    assert cut(header, "salesOrders") == ["shipToCity to 30 characters"]
    assert header["shipToCity"] == "c" * 29
