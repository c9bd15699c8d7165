"""Odd texts, numbers and keys of products, customers and stock: they arrive as they are, or their record says why not.

Source: test catalogue, rows 69 (texts), 70 (money), 72 (keys that look like something else), 73 (quantities) and
75 (signs of a filter). For orders: documents/reliability/ and test_strange_shops.py.
"""

from decimal import Decimal

import pytest

from ..support.order_sandboxes import BC, WINSTORE
from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop
from ..support.shops.stock_world import StockWorld
from ..support.shops.two_ways import TO_BC, TwoWays

TEXTS = {
    "EMOJI": "\U0001f9e6 sock",
    "RTL": "\u05d2\u05e8\u05d1\u05d9\u05d9\u05dd",
    "COMBINED": "Cafe\u0301",
    "SHARP": "stra\u00dfe",
    "TURKISH": "\u0131\u0130iI",
    "LINES": "a\r\nb",
    "FULL": "x" * 98 + "\U0001f9e6",  # 100 UTF-16 units, the length of displayName
}
# Keys that a spreadsheet, a JSON reader or a filter takes for something else.
KEYS = ["00012", "1E5", "NAN", "TRUE", "NULL", "8712345678901", "0.10"]
SIGNS = ["A'B", "' OR 1 EQ 1", "A)?$TOP=1", "%27", "A&B", "A#B", "A+B", "A/B"]


@pytest.mark.proof
def test_names_of_any_script_arrive_whole_and_stay_as_they_are_on_both_sides(product_shop: ProductShop) -> None:
    """Row 69."""
    product_shop.both_ways("items")
    for key, name in TEXTS.items():
        product_shop.article(key, f"S-{key}", name=name)
    product_shop.passes()
    assert {key: product_shop.item(f"S-{key}")["displayName"] for key in TEXTS} == TEXTS
    before = product_shop.all_writes()
    product_shop.passes()
    assert product_shop.all_writes() == before


def test_a_name_of_one_unit_too_many_is_told_and_never_cut_within_a_character(product_shop: ProductShop) -> None:
    """Row 69: 99 letters and an emoji are 101 UTF-16 units, as Business Central counts."""
    product_shop.article("1", "S1", name="x" * 99 + "\U0001f9e6")
    product_shop.run()
    row = product_shop.row("S1")
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "displayName: longer than 100 characters, given a text of 101 characters" in row["message"]


def test_a_line_break_does_not_get_into_a_code(product_shop: ProductShop) -> None:
    """Row 69."""
    broken = ("S\n1", "S\r1")
    for n, sku in enumerate((*broken, "S2")):
        product_shop.article(str(n), sku)
    product_shop.run()
    for sku in broken:
        assert product_shop.states("item")[sku] == ("FAILED", "MAPPING")
        assert "number: has a line break" in product_shop.row(sku)["message"]
    assert product_shop.numbers() == ["S2"]


@pytest.mark.proof
def test_customers_of_any_script_arrive_whole_and_stay_as_they_are_on_both_sides(two_ways: TwoWays) -> None:
    """Row 69."""
    names = {f"00{n}": text for n, text in enumerate(TEXTS.values()) if len(text) < 50 and "\n" not in text}
    for key, name in names.items():
        two_ways.shop_has(key, lname=name, email=f"{key}@mail.example", phone="", street=name)
    two_ways.passes()
    assert {row["state"] for row in two_ways.rows(TO_BC).values()} == {"CONFIRMED"}
    found = {key: two_ways.of_bc(f"WS{key}") for key in names}
    assert {key: (each["displayName"], each["addressLine1"]) for key, each in found.items()} == {
        key: (f"Anna {name}", f"{name} 7") for key, name in names.items()
    }
    before = [two_ways.state(port)["writes"] for port in (BC, WINSTORE)]
    two_ways.passes()
    assert [two_ways.state(port)["writes"] for port in (BC, WINSTORE)] == before


def test_a_price_is_the_same_number_in_business_central(product_shop: ProductShop) -> None:
    """Row 70: decimals end to end; five of them are kept, half rounded away from zero, as Business Central does.

    Prices of less than half of the fifth decimal are no exception (docs/mapping.md): shops that compute in floats leave
    such remains where nothing is meant.
    """
    prices = ["0.1", "2.675", "33.333", "8.264463", "123456789.12345", "0.000005", "0.0000049", "0.0000001", "1e-7"]
    for n, price in enumerate(prices):
        product_shop.article(str(n), f"S{n}", price=price)
    product_shop.run()
    assert [product_shop.item(f"S{n}")["unitPrice"] for n in range(len(prices))] == [
        Decimal(price).quantize(Decimal("0.00001"), "ROUND_HALF_UP") for price in prices
    ]


def test_a_price_that_is_no_number_of_business_central_fails_its_article_alone(product_shop: ProductShop) -> None:
    """Row 70: nothing is guessed, and what is too large does not become another number."""
    wrong = ["1,50", "NaN", "Infinity", "1.2.3", "9" * 26, "12345678901234567.99"]
    for n, price in enumerate([*wrong, "-2.675", "1"]):
        product_shop.article(str(n), f"S{n}", price=price)
    product_shop.run()
    states = list(product_shop.states("item").values())
    assert states == [("FAILED", "MAPPING")] * len(wrong) + [("FAILED", "BC_REFUSED"), ("CONFIRMED", None)]
    assert product_shop.numbers() == ["S7"]


@pytest.mark.proof
def test_skus_stay_the_texts_that_they_are(product_shop: ProductShop) -> None:
    """Rows 72 and 75: one item each, found again by the next runs, in both directions."""
    product_shop.both_ways("items")
    for n, sku in enumerate([*KEYS, *SIGNS]):
        product_shop.article(str(n), sku, gtin="0100537900016" if not n else "")
    product_shop.passes()
    assert product_shop.numbers() == sorted([*KEYS, *SIGNS])
    assert product_shop.item("00012")["gtin"] == "0100537900016"
    before = product_shop.all_writes()
    product_shop.passes()
    assert product_shop.all_writes() == before


def test_an_item_is_found_by_a_number_with_signs_of_a_filter_and_no_other_one_is(product_shop: ProductShop) -> None:
    """Row 75: quoted and encoded, and only the very number counts."""
    for number in SIGNS:
        product_shop.in_bc_made("items", {"number": number, "displayName": "By hand"})
    for n, sku in enumerate(SIGNS):
        product_shop.article(str(n), sku, name=f"Name {n}")
    product_shop.run()
    assert product_shop.numbers() == sorted(SIGNS)
    assert [product_shop.item(sku)["displayName"] for sku in SIGNS] == [f"Name {n}" for n in range(len(SIGNS))]


def test_stock_finds_the_very_item(stock: StockWorld) -> None:
    """Rows 72 and 75."""
    skus = ["00012", "12", "1E5", "100000", "A'B", "' OR 1 EQ 1"]
    for n, sku in enumerate(skus):
        stock.item(sku)
        stock.shop_has(sku, quantity=str(n))
    stock.run()
    assert [stock.inventory(sku) for sku in skus] == [*range(len(skus))]


def test_a_quantity_is_the_same_number_in_business_central(stock: StockWorld) -> None:
    """Row 73. Less than nothing is a figure, too, unless a rule says otherwise (docs/stock.md)."""
    assert _second(stock, ["0", "-3", "1.5", "1000000000"]) == [
        ("CONFIRMED", Decimal(0)),
        ("CONFIRMED", Decimal(-3)),
        ("CONFIRMED", Decimal("1.5")),
        ("CONFIRMED", Decimal(1_000_000_000)),
    ]


def test_a_quantity_that_is_no_number_leaves_the_last_one(stock: StockWorld) -> None:
    """Row 73."""
    wrong = ["NaN", "0x10", "1,5", "9" * 20]
    assert _second(stock, wrong) == [("FAILED", Decimal(5))] * len(wrong)


def _second(stock: StockWorld, quantities: list[str]) -> list[tuple[str, Decimal]]:
    """State and inventory of as many SKUs, which had five pieces each, after a second run with other quantities."""
    for figures in (["5"] * len(quantities), quantities):
        for n, quantity in enumerate(figures):
            stock.item(f"Q{n}")
            stock.shop_has(f"Q{n}", quantity=quantity)
        stock.run()
    return [(stock.told(f"Q{n}")[0], stock.inventory(f"Q{n}")) for n in range(len(quantities))]
