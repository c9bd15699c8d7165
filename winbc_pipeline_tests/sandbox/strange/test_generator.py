"""Odd shops: the same for the same seed, legal, odd in every way there is, and right about their own money."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from winbc_pipeline.sandbox.retail import read_folder
from winbc_pipeline.sandbox.strange.articles import ARTICLES
from winbc_pipeline.sandbox.strange.money import is_far_off, total
from winbc_pipeline.sandbox.strange.oddities import CUSTOMERS, ORDERS
from winbc_pipeline.sandbox.strange.plain import ADDRESSES
from winbc_pipeline.sandbox.strange.shop import StrangeShop, make

MANY = range(90)


@pytest.fixture(scope="module")
def shops() -> list[StrangeShop]:
    return [make(seed) for seed in MANY]


def test_a_seed_gives_the_same_files_every_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        make(5).write(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*"))
    assert len(files) == 16
    assert [(tmp_path / "first" / file).read_bytes() for file in files] == [
        (tmp_path / "second" / file).read_bytes() for file in files
    ]


def test_every_shop_can_be_loaded_and_what_it_is_a_week_later(tmp_path: Path, shops: list[StrangeShop]) -> None:
    for seed, shop in enumerate(shops):
        shop.write(tmp_path / str(seed))
        loaded = read_folder(tmp_path / str(seed))
        assert [each["total"] for each in loaded["orders"]] == [each["total"] for each in shop.tables["orders"]]
        read_folder(tmp_path / str(seed) / "later")


def test_every_oddity_comes_about(shops: list[StrangeShop]) -> None:
    for entity, oddities in (("customers", CUSTOMERS), ("articles", ARTICLES), ("orders", ORDERS)):
        found = {name for shop in shops for known in shop.expected[entity].values() for name in known["defects"]} | {
            name for shop in shops for known in shop.expected[entity].values() for name in known["oddities"]
        }
        assert {oddity.name for oddity in oddities} <= found


def test_some_shops_are_empty_some_are_not_and_many_orders_have_no_defect(shops: list[StrangeShop]) -> None:
    for name in ("customers", "articles", "orders"):
        assert {bool(shop.tables[name]) for shop in shops} == {True, False}
    counts = Counter(not known["defects"] for shop in shops for known in shop.expected["orders"].values())
    assert counts[True] > counts.total() / 4


def test_where_there_are_variants_most_lines_of_orders_name_one_by_sku_or_gtin(shops: list[StrangeShop]) -> None:
    named = Counter[str]()
    for shop in shops:
        rows = [row for row in shop.tables["articles"] if row["model_name"] or row["color"] or row["size"]]
        known = {row["sku"]: "SKU" for row in rows} | {row["gtin"]: "GTIN" for row in rows if row["gtin"]}
        if any(row["model_name"] for row in rows):
            named.update(known.get(line["sku"], "") for line in shop.tables["order_lines"])
    assert 0.6 < 1 - named[""] / named.total() < 0.8, "60 %, and those that are chosen among all articles"
    assert 0.2 < named["GTIN"] / (named["GTIN"] + named["SKU"]) < 0.4


def test_an_article_that_lost_its_skus_is_there_without_them_a_week_later(tmp_path: Path) -> None:
    renumbered = [
        (seed, sku)
        for seed in MANY
        for sku, known in make(seed).expected["articles"].items()
        if known["oddities"] == ["article that is renumbered"]
    ]
    for seed, sku in renumbered:
        make(seed).write(tmp_path / str(seed))
        before, later = (read_folder(tmp_path / str(seed) / name)["articles"] for name in ("", "later"))
        old = next(article for article in before if any(each["sku"] == sku for each in article["variants"]))
        by_key = {article["artkey"]: [each["sku"] for each in article["variants"]] for article in later}
        assert by_key[old["artkey"]] == []
        assert by_key[f"{old['artkey']}7"] == [each["sku"] for each in old["variants"]]
    assert renumbered


def test_customers_have_any_number_of_addresses_and_keep_them_for_a_week(shops: list[StrangeShop]) -> None:
    kinds = set()
    for shop in shops:
        for customer in shop.tables["customers"]:
            own = [row for row in shop.tables["addresses"] if row["customer_id"] == customer["customer_id"]]
            kinds.add(" ".join(row["type"] + "*" * (row["default"] == "true") for row in own))
        later = {row["customer_id"] for row in shop.later["customers"]}
        kept = [row for row in shop.tables["addresses"] if row["customer_id"] in later]
        assert shop.later["addresses"] == kept
    assert kinds == set(ADDRESSES)


def test_an_order_can_be_as_long_as_one_likes() -> None:
    longest = max(len(make(seed, 60, 10_000).tables["order_lines"]) for seed in range(5))
    assert longest > 3_000


LINE = {"quantity": "1920", "unit_price": "3.09", "discount_percent": "", "vat_rate": "21"}
SHIPPING = {"shipping_cost": "4.95"}


@pytest.mark.parametrize(
    ("rounding", "paid"),
    [("per unit", "7185.75"), ("per line", "7183.64"), ("per rate", "7183.64"), ("once", "7183.64")],
)
def test_a_shop_that_rounds_each_piece_takes_more_for_1920_pieces(rounding: str, paid: str) -> None:
    assert total(SHIPPING, [LINE], rounding) == Decimal(paid)
    assert is_far_off(SHIPPING, [LINE], rounding) == (rounding == "per unit")


def test_an_order_that_sells_an_odd_article_says_so(shops: list[StrangeShop]) -> None:
    for shop in shops:
        held = {sku for sku, known in shop.expected["articles"].items() if "variants" in known["defects"]}
        for line in shop.tables["order_lines"]:
            if line["sku"] in held:
                defects = shop.expected["orders"][line["order_number"]]["defects"]
                assert f"article {line['sku']}: variants" in defects
