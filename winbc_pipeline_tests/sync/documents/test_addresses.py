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
