"""The shipping cost as an item, a G/L account or an item charge by shipment method, from look-up tables alone."""

from decimal import Decimal

import pytest

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import REPOSITORY, Record

pytestmark = pytest.mark.proof

# As docs/orders.md shows it.
TABLES = {
    "shipping_types": ("courier,Item,", "letter,Charge,", "parcel,Account,"),
    "shipping_accounts": ("courier,FREIGHT,", "letter,POST,", "parcel,8300,"),
    "shipping_vat": ("courier,21,", "letter,0,", "parcel,0,"),
}
KINDS = {"courier": ("Item", "FREIGHT", "21"), "letter": ("Charge", "POST", "0"), "parcel": ("Account", "8300", "0")}


@pytest.fixture
def by_method(order_flow: OrderFlow) -> OrderFlow:
    """A shop whose look-up tables give each method a kind of its own."""
    order_flow.edit_table("shipping", "description")  # the tables become the shop's own
    for name, rows in TABLES.items():
        path = order_flow.settings.mapping_folder / "lookups" / f"{name}.csv"
        path.write_text("\n".join(["source_value,target_value,note", *rows]), encoding="utf-8")
    order_flow.add_item("FREIGHT")
    order_flow.without = {"I7"}  # it knows of one kind
    return order_flow


def test_the_example_is_the_one_of_the_docs() -> None:
    page = (REPOSITORY / "docs" / "orders.md").read_text(encoding="utf-8")
    assert all(row in page for rows in TABLES.values() for row in rows)


def shipping_line(order_flow: OrderFlow, method: str) -> Record:
    order_flow.send(shippingmethod=method)
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert order_flow.outcome()[1] is None, "the document's total is the order's"
    return order_flow.document()["lines"][-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("method", KINDS)
def test_the_kind_of_the_line_goes_by_method(by_method: OrderFlow, method: str) -> None:
    line = shipping_line(by_method, method)
    assert (line["lineType"], line["lineObjectNumber"]) == KINDS[method][:2]
    assert line["amountIncludingTax"] == Decimal("4.95")
    assert line["taxPercent"] == int(KINDS[method][2])


def test_two_methods_of_different_kinds_go_in_one_run(by_method: OrderFlow) -> None:
    by_method.order("W1", shippingmethod="courier")
    by_method.order("W2", shippingmethod="parcel")
    by_method.sync()
    kinds = {number: by_method.lines(number)[-1]["lineType"] for number in ("W1", "W2")}
    assert kinds == {"W1": "Item", "W2": "Account"}


def test_a_freight_item_that_is_not_there_is_named(order_flow: OrderFlow) -> None:
    order_flow.edit_table("shipping", "lineType", source="'Item'")
    order_flow.edit_table("shipping", "lineObjectNumber", source="'FREIGHT'")
    row = order_flow.send()
    assert (row["state"], row["reason"]) == ("FAILED", "DEPENDENCY")
    assert "FREIGHT" in row["message"]


def test_a_kind_that_business_central_does_not_have_fails_the_order_before_it_is_sent(by_method: OrderFlow) -> None:
    path = by_method.settings.mapping_folder / "lookups" / "shipping_types.csv"
    path.write_text("source_value,target_value,note\n*,Freight,\n", encoding="utf-8")
    row = by_method.send()
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "lineType: not one of Comment, Account, Item" in row["message"]


@pytest.mark.parametrize("method", ["", "drone"])
def test_a_method_without_a_row_waits_for_its_account_and_is_named(order_flow: OrderFlow, method: str) -> None:
    row = order_flow.send(shippingmethod=method)
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "lookups/shipping_accounts.csv" in row["message"]
    assert f"given `{method or 'no method'}`" in row["message"]


def test_orders_that_name_no_method_have_a_row_of_their_own(order_flow: OrderFlow) -> None:
    order_flow.edit_lookup("shipping_accounts", "no method,8300,")
    order_flow.edit_lookup("shipping_types", "no method,Account,")
    order_flow.edit_lookup("shipping_vat", "no method,0,")
    line = shipping_line(order_flow, "")
    assert (line["lineType"], line["lineObjectNumber"], line["taxCode"]) == ("Account", "8300", "VAT0")
