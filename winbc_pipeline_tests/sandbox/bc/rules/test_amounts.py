"""Amounts of documents: discounts, tax, rounding."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winbc_pipeline.sandbox.bc.rules.totals import calculate, five_places, set_discount

from ...conftest import Bc, line_of, order


@pytest.mark.parametrize(
    ("header", "line", "totals"),
    [
        ({}, {"discountPercent": 10}, ("27", "5.67", "32.67")),
        ({}, {"discountAmount": 3.33}, ("26.67", "5.60", "32.27")),
        ({"discountAmount": 5}, {}, ("25", "5.25", "30.25")),
        ({"pricesIncludeTax": True}, {"unitPrice": 12.1}, ("30", "6.30", "36.30")),
        ({"pricesIncludeTax": True}, {}, ("30", "6.30", "36.30")),
        ({}, {"quantity": -1}, ("-10", "-2.10", "-12.10")),
        ({}, {"quantity": 1, "unitPrice": 0.05}, ("0.05", "0.01", "0.06")),
    ],
)
def test_amounts(
    bc: Bc,
    customer: dict[str, Any],
    item: dict[str, Any],
    header: dict[str, Any],
    line: dict[str, Any],
    totals: tuple[str, str, str],
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3} | line, **header)
    shown = (made["totalAmountExcludingTax"], made["totalTaxAmount"], made["totalAmountIncludingTax"])
    assert tuple(Decimal(str(value)) for value in shown) == tuple(map(Decimal, totals))


def test_a_changed_line_changes_the_totals(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    line = line_of(bc, made)
    bc.patch(f"salesOrderLines({line['id']})", {"quantity": 5})
    assert bc.get(f"salesOrders({made['id']})")["totalAmountExcludingTax"] == 50
    assert bc.call("DELETE", f"salesOrderLines({line['id']})", If_Match="*").status_code == 204
    assert bc.get(f"salesOrders({made['id']})")["totalAmountExcludingTax"] == 0


LINE = st.fixed_dictionaries(
    {
        "lineType": st.sampled_from(["Item", "Account"]),
        "quantity": st.decimals(-5, 50, places=2),
        "unitPrice": st.decimals(0, 500, places=3),
        "discountPercent": st.decimals(0, 100, places=1),
        "taxPercent": st.sampled_from([Decimal(0), Decimal(9), Decimal(21)]),
    }
)
COMMENT = st.just(
    {"lineType": "Comment"} | dict.fromkeys(["quantity", "unitPrice", "discountPercent", "taxPercent"], 0)
)
CENT = Fraction(1, 100)


def rounded(value: Fraction) -> Fraction:
    """To cents, half away from zero, in exact fractions."""
    cents = floor(abs(value) * 100 + Fraction(1, 2))
    return Fraction(cents if value >= 0 else -cents, 100)


def exact_amount(line: dict[str, Any]) -> Fraction:
    gross = rounded(Fraction(line["quantity"]) * Fraction(line["unitPrice"]))
    return gross - rounded(gross * Fraction(line["discountPercent"]) / 100)


@settings(max_examples=300)
@given(st.lists(LINE | COMMENT, max_size=8), st.integers(0, 100), st.booleans())
def test_discount_and_tax_are_spread_to_the_cent(lines: list[dict[str, Any]], percent: int, includes_tax: bool) -> None:
    lines = [dict(line) for line in lines]
    amounts = [exact_amount(line) for line in lines]
    base = sum(amounts, Fraction(0))
    discount = rounded(max(base, Fraction(0)) * percent / 100)
    header: dict[str, Any] = {"discountAmount": Decimal(floor(discount * 100)) / 100, "pricesIncludeTax": includes_tax}
    for line in lines:
        set_discount(line, {"discountPercent": line["discountPercent"]})
    calculate(header, lines)

    assert sum(Fraction(line["invoiceDiscountAllocation"]) for line in lines) == (discount if base > 0 else 0)
    net, tax = Fraction(0), Fraction(0)
    for rate in {line["taxPercent"] for line in lines}:
        for positive in (True, False):
            group = [n for n, line in enumerate(lines) if line["taxPercent"] == rate and (amounts[n] >= 0) == positive]
            value = sum((amounts[n] - Fraction(lines[n]["invoiceDiscountAllocation"]) for n in group), Fraction(0))
            without = rounded(value * 100 / (100 + Fraction(rate)))
            group_tax = value - without if includes_tax else rounded(value * Fraction(rate) / 100)
            net, tax = net + value - (group_tax if includes_tax else 0), tax + group_tax
            assert sum(Fraction(lines[n]["netTaxAmount"]) for n in group) == group_tax
    totals = (net, tax, net + tax)
    shown = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax")
    assert tuple(Fraction(header[name]) for name in shown) == totals
    for line, exact in zip(lines, amounts, strict=True):
        share = discount * exact / base if base > 0 else Fraction(0)
        assert abs(Fraction(line["invoiceDiscountAllocation"]) - share) <= 2 * CENT
        if line["lineType"] == "Comment":
            assert not any(line[name] for name in ("netAmount", "netTaxAmount", "invoiceDiscountAllocation"))


@given(LINE, st.integers(0, 100))
def test_a_discount_amount_stays_until_quantity_price_or_discount_change(line: dict[str, Any], percent: int) -> None:
    line = dict(line)
    given_amount = rounded(Fraction(line["quantity"]) * Fraction(line["unitPrice"])) * percent / 100
    set_discount(line, {"discountAmount": Decimal(floor(given_amount * 100)) / 100})
    same = dict(line)
    set_discount(same, {"description": "x"}, line)
    assert same == line


def test_another_field_leaves_the_line_discount_as_it_is(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    line = line_of(
        bc,
        order(bc, customer, {"itemId": item["id"], "quantity": 1, "unitPrice": 1000000, "discountAmount": 123456.78}),
    )
    assert bc.patch(f"salesOrderLines({line['id']})", {"description": "x"})["discountAmount"] == 123456.78
    assert bc.patch(f"salesOrderLines({line['id']})", {"quantity": 2})["discountAmount"] == 246913.6


def test_the_rest_of_a_discount_goes_on_to_the_next_line(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    lines = [{"itemId": item["id"], "quantity": 1, "unitPrice": 33}] * 3
    made = order(bc, customer, *lines, {"description": "A comment"}, discountAmount=10)
    rows = bc.values(f"salesOrders({made['id']})/salesOrderLines")
    assert [row["invoiceDiscountAllocation"] for row in rows] == [3.33, 3.34, 3.33, 0]
    assert rows[3]["netAmount"] == 0


def test_an_invoice_discount_is_rounded_to_cents(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, discountAmount=0.005)
    assert (made["discountAmount"], made["totalAmountExcludingTax"]) == (0.01, 9.99)


def test_a_line_that_carries_the_invoice_discount_is_not_deleted(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    made = order(bc, customer, *[{"itemId": item["id"], "quantity": 1}] * 2, discountAmount=15)
    refusal = bc.refusal("DELETE", f"salesOrderLines({line_of(bc, made)['id']})", If_Match="*")
    assert refusal[2] == "The maximum Invoice Discount Amount that you can apply is 10.00."
    assert len(bc.values(f"salesOrders({made['id']})/salesOrderLines")) == 2


def test_a_unit_price_is_rounded_half_away_from_zero() -> None:
    assert five_places(Decimal("0.000605")) == Decimal("0.00061")


def test_no_amount_is_minus_nothing(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": -1, "unitPrice": 0.001})
    lines = bc.call("GET", f"salesOrders({made['id']})/salesOrderLines").text
    assert ":-0" not in lines


CHANGE = st.one_of(
    st.fixed_dictionaries({"quantity": st.integers(0, 20)}),
    st.fixed_dictionaries({"unitPrice": st.integers(0, 5000).map(lambda cents: cents / 100)}),
    st.fixed_dictionaries({"discountPercent": st.integers(0, 100)}),
    st.fixed_dictionaries({"taxCode": st.sampled_from(["VAT0", "VAT9", "VAT21"])}),
    st.just({"description": "x"}),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), CHANGE), max_size=6))
def test_changed_lines_come_to_what_their_values_say(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], changes: list[tuple[int, dict[str, Any]]]
) -> None:
    values = [{"quantity": 3, "unitPrice": 9.99, "discountPercent": 0, "taxCode": "VAT21"} for _ in range(3)]
    made = order(bc, customer, *[{"itemId": item["id"]} | line for line in values], {"description": "A comment"})
    rows = bc.values(f"salesOrders({made['id']})/salesOrderLines")
    for number, change in changes:
        bc.patch(f"salesOrderLines({rows[number]['id']})", change)
        values[number] |= change
    shown = bc.get(f"salesOrders({made['id']})")
    net, tax = Fraction(0), Fraction(0)
    for code, rate in (("VAT0", 0), ("VAT9", 9), ("VAT21", 21)):
        exact = [{name: str(value) for name, value in line.items()} for line in values if line["taxCode"] == code]
        group = sum((exact_amount(line) for line in exact), Fraction(0))
        net, tax = net + group, tax + rounded(group * rate / 100)
    assert Fraction(str(shown["totalAmountExcludingTax"])) == net
    assert Fraction(str(shown["totalTaxAmount"])) == tax


@pytest.mark.parametrize(("quantity", "discount"), [(4, 0), (5, 2.5), (20, 20)])
def test_the_invoice_discount_of_a_customer_follows_the_lines(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], quantity: int, discount: float
) -> None:
    """AL: Sales-Calc. Discount, CalculateInvoiceDiscount: the percentage for the highest minimum that is reached."""
    scheme = [{"minimumAmount": 50, "discountPercent": 5}, {"minimumAmount": 100, "discountPercent": 10}]
    bc.control("__seed", {"settings": {"customers": {customer["number"]: {"invoiceDiscounts": scheme}}}})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    bc.patch(f"salesOrderLines({line_of(bc, made)['id']})", {"quantity": quantity})
    assert bc.get(f"salesOrders({made['id']})")["discountAmount"] == discount


def test_an_invoice_discount_that_was_sent_stays(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    """AL: Sales - Calc Discount By Type, ApplyDefaultInvoiceDiscount: an amount is kept."""
    scheme = [{"minimumAmount": 0, "discountPercent": 50}]
    bc.control("__seed", {"settings": {"customers": {customer["number"]: {"invoiceDiscounts": scheme}}}})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, discountAmount=3)
    bc.patch(f"salesOrderLines({line_of(bc, made)['id']})", {"quantity": 2})
    assert bc.get(f"salesOrders({made['id']})")["discountAmount"] == 3
