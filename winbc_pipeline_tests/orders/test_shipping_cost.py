"""The shipping cost as an item, a G/L account or an item charge by shipment method, from look-up tables alone."""

from decimal import Decimal

import pytest

from .shop import Shop
from .world import REPOSITORY, Record

# As docs/orders.md shows it.
TABLES = {
    "shipping_types": ("courier,Item,", "letter,Charge,", "*,Account,"),
    "shipping_accounts": ("courier,FREIGHT,", "letter,POST,", "*,8300,"),
    "shipping_vat": ("courier,21,", "*,0,"),
}
KINDS = {"courier": ("Item", "FREIGHT", "21"), "letter": ("Charge", "POST", "0"), "pickup": ("Account", "8300", "0")}


@pytest.fixture
def by_method(shop: Shop) -> Shop:
    """A shop whose look-up tables give each method a kind of its own."""
    shop.edit_table("shipping", "description")  # the tables become the shop's own
    for name, rows in TABLES.items():
        path = shop.settings.mapping_folder / "lookups" / f"{name}.csv"
        path.write_text("\n".join(["source_value,target_value,note", *rows]), encoding="utf-8")
    shop.add_item("FREIGHT")
    shop.without = {"I7"}  # it knows of one kind
    return shop


def test_the_example_is_the_one_of_the_docs() -> None:
    page = (REPOSITORY / "docs" / "orders.md").read_text(encoding="utf-8")
    assert all(row in page for rows in TABLES.values() for row in rows)


def shipping_line(shop: Shop, method: str) -> Record:
    shop.send(shippingmethod=method)
    assert shop.outcome()[0] == "CONFIRMED"
    assert shop.outcome()[1] is None, "the document's total is the order's"
    return shop.document()["lines"][-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("method", KINDS)
def test_the_kind_of_the_line_goes_by_method(by_method: Shop, method: str) -> None:
    line = shipping_line(by_method, method)
    assert (line["lineType"], line["lineObjectNumber"]) == KINDS[method][:2]
    assert line["amountIncludingTax"] == Decimal("4.95")
    assert line["taxPercent"] == int(KINDS[method][2])


def test_two_methods_of_different_kinds_go_in_one_run(by_method: Shop) -> None:
    by_method.order("W1", shippingmethod="courier")
    by_method.order("W2", shippingmethod="pickup")
    by_method.sync()
    kinds = {number: by_method.lines(number)[-1]["lineType"] for number in ("W1", "W2")}
    assert kinds == {"W1": "Item", "W2": "Account"}


def test_a_freight_item_that_is_not_there_is_named(shop: Shop) -> None:
    shop.edit_table("shipping", "lineType", source="'Item'")
    shop.edit_table("shipping", "lineObjectNumber", source="'FREIGHT'")
    row = shop.send()
    assert (row["state"], row["reason"]) == ("FAILED", "DEPENDENCY")
    assert "FREIGHT" in row["message"]


def test_a_kind_that_business_central_does_not_have_fails_the_order_before_it_is_sent(by_method: Shop) -> None:
    path = by_method.settings.mapping_folder / "lookups" / "shipping_types.csv"
    path.write_text("source_value,target_value,note\n*,Freight,\n", encoding="utf-8")
    row = by_method.send()
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "lineType: not one of Comment, Account, Item" in row["message"]


def test_an_order_that_names_no_method_needs_a_row_for_that_in_the_accounts_only(shop: Shop) -> None:
    shop.edit_table("shipping", "description")
    with (shop.settings.mapping_folder / "lookups" / "shipping_accounts.csv").open("a", encoding="utf-8") as file:
        file.write(",8300,no method\n")
    line = shipping_line(shop, "")
    assert (line["lineType"], line["lineObjectNumber"], line["taxCode"]) == ("Account", "8300", "VAT0")
