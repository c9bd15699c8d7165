"""One odd shop, made from a seed: its records, and what is known to be wrong with each of them.

Each record and each entry of oddities.py has a chance of its own, so that a new entry changes a seed's shop only where
it strikes, and seeds that failed once stay worth trying.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from ..control import timestamp
from ..retail_tables import Row, write_folder
from ..setup_data import CODES, COUNTRIES, VAT_RATES
from . import plain
from .articles import ARTICLES
from .edits import WEEK, a_week_later
from .models import PICTURES, model
from .money import is_far_off, total
from .oddities import CUSTOMERS, ORDERS, Oddity
from .plain import UNTIL, Traits
from .records import Odd, Records

LONGEST = 600  # lines of an order, unless asked otherwise
MOST_CUSTOMERS, MOST_ARTICLES, MOST_ORDERS = 10, 18, 22
MOST_MODELS = 4  # articles with several SKUs
NONE_AT_ALL = 0.05  # the chance of a shop to have no customers, no articles, no orders
FASHION = 0.4  # the chance of a shop to have articles with several SKUs
# The chance of each entry to strike a record. An order is held for each odd article that it sells.
ODD_CUSTOMER, ODD_ARTICLE, ODD_ORDER = 0.015, 0.008, 0.012
KNOWN_CURRENCIES = {"", "EUR", *(code for code, _ in CODES["currencies"])}
KNOWN_RATES = set(VAT_RATES.values())
LONGEST_NAME, LONGEST_CITY = 100, 30  # that the books have room for


@dataclass(frozen=True)
class StrangeShop:
    """A shop as a retail folder has it.

    Attributes:
        tables: the rows of its files.
        later: customers and articles as they are a week later, and the customers' orders of that week.
        expected: what is known of each record, by entity and key: see docs/sandbox.md.
    """

    tables: dict[str, list[Row]]
    later: dict[str, list[Row]]
    expected: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Writes a retail folder, with another one in `later`, and `expected.json`, which no loader reads."""
        for place, tables in ((folder, self.tables), (folder / "later", self.later)):
            write_folder(place, tables)
            (place / "pictures").mkdir(exist_ok=True)
            for name, content in PICTURES.items():
                (place / "pictures" / name).write_bytes(content)
        text = json.dumps(self.expected, indent=1, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def make(seed: int, order_count: int | None = None, longest: int = LONGEST) -> StrangeShop:
    """The odd shop of a seed. The same arguments give the same shop, in every byte.

    Args:
        order_count: how many orders it has; by chance if None, and then sometimes none.
        longest: the most lines that one of its orders has.
    """
    chances = _Chances(seed)
    traits, shop = plain.traits_of(chances.of("shop")), Records(longest)
    for number in range(chances.count("customers", MOST_CUSTOMERS)):
        shop.customers.append(plain.customer(number, traits, chances.of("customer", number)))
    _make_odd(shop.customers, CUSTOMERS, ODD_CUSTOMER, shop, chances)
    for number in range(chances.count("articles", MOST_ARTICLES)):
        shop.articles.append(plain.article(number, traits, chances.of("article", number)))
    if chances.strikes(FASHION, "tailor"):
        for number in range(chances.count("models", MOST_MODELS)):
            shop.articles.extend(model(number, traits, chances.of("model", number)))
    _make_odd(shop.articles, ARTICLES, ODD_ARTICLE, shop, chances)
    count = chances.count("orders", MOST_ORDERS) if order_count is None else order_count
    for number in range(count):
        shop.orders.append(plain.order(number, traits, shop, chances.of("order", number)))
    _make_odd(shop.orders, ORDERS, ODD_ORDER, shop, chances)
    changed = _changed_customers(shop)
    later = [plain.order(count + n, traits, shop, chances.of("later", n), row) for n, row in enumerate(changed)]
    _settle(shop, later, traits)
    tables = _tables(shop, traits, chances)
    later_tables = _later_tables(changed, a_week_later(shop), later, tables)
    return StrangeShop(tables, later_tables, _expected(shop, later, traits))


@dataclass(frozen=True)
class _Chances:
    """Chance for each purpose, which no other purpose moves."""

    seed: int

    def of(self, *purpose: object) -> Random:
        return Random(" ".join(map(str, (self.seed, *purpose))))

    def strikes(self, likelihood: float, *purpose: object) -> bool:
        text = " ".join(map(str, (self.seed, *purpose)))
        return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) < likelihood * 2**32

    def count(self, what: str, most: int) -> int:
        return 0 if self.strikes(NONE_AT_ALL, "no", what) else self.of("count", what).randrange(1, most + 1)


def _make_odd(
    records: list[Odd], oddities: Sequence[Oddity], likelihood: float, shop: Records, chances: _Chances
) -> None:
    """Makes some of the records odd, a few of them in several ways; with a defect, a record is left alone."""
    for number, record in enumerate(list(records)):
        for oddity in oddities:
            if record.defects or not chances.strikes(likelihood, oddity.name, number):
                continue
            if oddity.spoil(record, shop, chances.of(oddity.name, number)) is not False:
                (record.defects if oddity.holds else record.oddities).append(oddity.name)


def _changed_customers(shop: Records) -> list[Row]:
    """The customers that change, as they are a week later."""
    rows: dict[str, Row] = {}
    for record, changes in shop.changes:
        key = record.row["customer_id"]
        rows[key] = rows.get(key, record.row) | changes | {"modified_at": timestamp(UNTIL + WEEK)}
    return list(rows.values())


def _settle(shop: Records, later: list[Odd], traits: Traits) -> None:
    """The totals of orders, and what is wrong with a record by its values or by another record."""
    for article in shop.articles:
        if not _rates_are_known([article.row]):
            article.defects.append("VAT rate that the books lack")
    for order in [*shop.orders, *later]:
        order.lines = [line | {"order_number": order.row["order_number"]} for line in order.lines]
        order.row["total"] = f"{total(order.row, order.lines, traits.rounding):.2f}"
        wrong = [*order.defects, *_wrong(order, shop, traits), *_passed_on(order, shop)]
        order.defects = list(dict.fromkeys(wrong))


def _wrong(order: Odd, shop: Records, traits: Traits) -> list[str]:
    """What is wrong with an order by its values: it lacks what books need, or the books lack what it has."""
    row, lines = order.row, order.lines
    countries = {row[name].strip().upper() for name in ("ship_country_iso", "bill_country_iso")} - {""}
    is_new = all(each.row["customer_id"] != row["customer_id"] or each.defects for each in shop.customers)
    name = row["bill_company"] or row["ship_name"]
    wrong = {
        "no lines": not lines,
        "country that the books lack": not countries <= set(COUNTRIES),
        "currency that the books lack": row["currency"] not in KNOWN_CURRENCIES,
        "VAT rate that the books lack": not _rates_are_known(lines),
        "negative total": row["total"].startswith("-"),
        f"total rounded {traits.rounding}": is_far_off(row, lines, traits.rounding),
        "new customer without a name": is_new and not name,
        "new customer with a name that is too long": is_new and len(name) > LONGEST_NAME,
        "new customer with a city that is too long": is_new and len(row["ship_city"]) > LONGEST_CITY,
    }
    return [what for what, is_so in wrong.items() if is_so]


def _rates_are_known(rows: list[Row]) -> bool:
    """Whether the books have the VAT rate of each row that has one."""
    return {Decimal(row["vat_rate"]) for row in rows if row["vat_rate"]} <= KNOWN_RATES


def _passed_on(order: Odd, shop: Records) -> list[str]:
    """The defects of an order's customer and articles for which the order may be held."""
    customers = [each for each in shop.customers if each.row["customer_id"] == order.row["customer_id"]]
    sold = {line["sku"] for line in order.lines}
    articles = [each for each in shop.articles if sold & ({each.row["sku"], each.row["gtin"]} - {""})]
    alone = {oddity.name for oddity in (*CUSTOMERS, *ARTICLES) if not oddity.holds_orders}
    named = [(f"customer {each.row['customer_id']}", each) for each in customers]
    named += [(f"article {each.row['sku']}", each) for each in articles]
    return [f"{name}: {defect}" for name, each in named for defect in each.defects if defect not in alone]


def _tables(shop: Records, traits: Traits, chances: _Chances) -> dict[str, list[Row]]:
    sold = [record.row for record in shop.articles if record.row["sku"]]
    customers = [record.row for record in shop.customers]
    further = [plain.addresses(row, traits, chances.of("addresses", row["customer_id"])) for row in customers]
    return {
        "customers": customers,
        "addresses": [row for rows in further for row in rows],
        "articles": [record.row for record in shop.articles],
        "stock": [stock for row in sold for stock in plain.stocks(row, chances.of("stock", row["sku"]))],
        **_order_tables(shop.orders),
    }


def _later_tables(
    customers: list[Row], articles: list[Row], later: list[Odd], before: dict[str, list[Row]]
) -> dict[str, list[Row]]:
    changed = {row["customer_id"] for row in customers}
    addresses = [row for row in before["addresses"] if row["customer_id"] in changed]
    return {"customers": customers, "addresses": addresses, "articles": articles, **_order_tables(later)}


def _order_tables(records: list[Odd]) -> dict[str, list[Row]]:
    return {"orders": [each.row for each in records], "order_lines": [line for each in records for line in each.lines]}


def _expected(shop: Records, later: list[Odd], traits: Traits) -> dict[str, Any]:
    return {
        "rounding": traits.rounding,
        "customers": {each.row["customer_id"]: _known(each) for each in shop.customers},
        "articles": {each.row["sku"] or each.row["article_key"]: _known(each) for each in shop.articles},
        "orders": {each.row["order_number"]: _known(each) | {"total": each.row["total"]} for each in shop.orders},
        "later": {each.row["order_number"]: _known(each) | {"total": each.row["total"]} for each in later},
    }


def _known(record: Odd) -> dict[str, Any]:
    return {"defects": record.defects, "oddities": record.oddities}
