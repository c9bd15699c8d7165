"""One odd shop, made from a seed: its traits, its records, and what is known to be wrong with each of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from ..control import timestamp
from ..retail_tables import BILL, Row, write_folder
from ..setup_data import CODES, COUNTRIES, VAT_RATES
from .money import is_far_off, total
from .oddities import ARTICLES, CUSTOMERS, Odd, Oddity, Records, orders
from .words import LANGUAGES, Language

UNTIL = datetime(2026, 3, 9, 20, tzinfo=UTC)  # fixed, so that a seed gives the same shop on every day
DAYS = 6
LONGEST = 600  # lines of an order, unless asked otherwise
ODD_CUSTOMERS, ODD_ARTICLES, ODD_ORDERS = 0.3, 0.12, 0.45  # shares; an order is held for each article that it sells
KNOWN_CURRENCIES = {"", "EUR", *(code for code, _ in CODES["currencies"])}
KNOWN_RATES = set(VAT_RATES.values())
SHOP_RATES = (*(("21", "9", "0"),) * 16, ("21",), ("0",), ("19", "7"), ("20", "5.5"), ("6",))
SHOP_ROUNDINGS = ("per unit", *("per line", "per rate", "once") * 3)
SHOP_CURRENCIES = (("EUR",), ("EUR",), ("EUR", "USD"), ("GBP",), ("EUR", "EUR", "EUR", "SEK"))
SKUS = ("SKU-{:05d}", "{:07d}", "mug-{}", "A/{}.5", "Größe {}", "{}")
ORDER_NUMBERS = ("W{}", "2026/{:04d}", "web-{}", "{:08d}", "b{}_x.1")


@dataclass(frozen=True)
class Traits:
    """What is the same for all records of a shop."""

    languages: Sequence[Language]
    currencies: Sequence[str]
    rates: Sequence[str]
    rounding: str
    sku: str
    order_number: str
    decimals: int  # of prices
    most: int  # pieces in a line; 0 where goods are sold by weight
    imported: bool  # at one moment, all of it


@dataclass(frozen=True)
class StrangeShop:
    """A shop as a retail folder has it.

    Attributes:
        tables: the rows of its files.
        later: customers as they are a week later, and their orders of that week.
        expected: what is known of each record, by entity and key: see docs/sandbox.md.
    """

    tables: dict[str, list[Row]]
    later: dict[str, list[Row]]
    expected: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Writes a retail folder, with another one in `later`, and `expected.json`, which no loader reads."""
        write_folder(folder, self.tables)
        write_folder(folder / "later", self.later)
        text = json.dumps(self.expected, indent=1, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def make(seed: int, order_count: int | None = None, longest: int = LONGEST) -> StrangeShop:
    """The odd shop of a seed. The same arguments give the same shop, in every byte.

    Args:
        order_count: how many orders it has; by chance if None, and then sometimes none.
        longest: the most lines that one of its orders has.
    """
    chance = Random(seed)
    traits, shop = _traits(chance), Records(chance)
    shop.customers = [_customer(n, traits, chance) for n in range(_count(chance, 12))]
    _make_odd(shop.customers, CUSTOMERS, shop, ODD_CUSTOMERS)
    shop.articles = [_article(n, traits, chance) for n in range(_count(chance, 20))]
    _make_odd(shop.articles, ARTICLES, shop, ODD_ARTICLES)
    for article in shop.articles:
        if not _rates_are_known([article.row]):
            article.defects.append("VAT rate that the books lack")
    count = _count(chance, 25) if order_count is None else order_count
    shop.orders = [_order(n, traits, shop, chance) for n in range(count)]
    _make_odd(shop.orders, orders(longest), shop, ODD_ORDERS)
    changed = _changed_customers(shop)
    later = [_order(count + n, traits, shop, chance, row) for n, row in enumerate(changed)]
    for order in [*shop.orders, *later]:
        _settle(order, traits, shop)
    return StrangeShop(_tables(shop, chance), _later_tables(changed, later), _expected(shop, later, traits))


def _count(chance: Random, most: int) -> int:
    """By chance; one shop of twenty has none."""
    return chance.randrange(1, most + 1) if chance.random() < 0.95 else 0


def _traits(chance: Random) -> Traits:
    return Traits(
        languages=chance.sample(LANGUAGES, chance.choice((1, 1, 2, 4))),
        currencies=chance.choice(SHOP_CURRENCIES),
        rates=chance.choice(SHOP_RATES),
        rounding=chance.choice(SHOP_ROUNDINGS),
        sku=chance.choice(SKUS),
        order_number=chance.choice(ORDER_NUMBERS),
        decimals=chance.choice((2, 2, 4, 6)),
        most=chance.choice((5, 5, 5, 40, 1920, 0)),
        imported=chance.random() < 0.2,
    )


def _make_odd(records: list[Odd], oddities: Sequence[Oddity], shop: Records, share: float) -> None:
    """Makes some of the records odd, a few of them twice over."""
    for record in list(records):
        while shop.chance.random() < share:
            oddity = shop.chance.choice(oddities)
            if record.defects or oddity.name in record.oddities or oddity.spoil(record, shop) is False:
                break
            (record.defects if oddity.holds else record.oddities).append(oddity.name)


def _moment(traits: Traits, chance: Random) -> datetime:
    return UNTIL - timedelta(seconds=3600 if traits.imported else chance.randrange(60, DAYS * 86400))


def _customer(number: int, traits: Traits, chance: Random) -> Odd:
    language = chance.choice(traits.languages)
    last = chance.choice(language.last.split("/"))
    return Odd(
        {
            "customer_id": f"{100000 + number}",
            "company_name": f"{last} & Co" if chance.random() < 0.3 else "",
            "first_name": chance.choice(language.first.split("/")),
            "last_name": last,
            "email": f"customer.{number}@mail.example",
            "phone": chance.choice(("", f"+31 30 {chance.randrange(10**6, 10**7)}")),
            "street": chance.choice(language.streets.split("/")),
            "house_number": chance.choice(("7", "12 bis", "3-5", "")),
            "zip": chance.choice(("3511 AB", "48143", "00-950", "")),
            "city": chance.choice(language.cities.split("/")),
            "country_iso": language.country,
            "vat_number": "",
            "created_at": timestamp(UNTIL - timedelta(days=400)),
            "modified_at": timestamp(_moment(traits, chance)),
        }
    )


def _article(number: int, traits: Traits, chance: Random) -> Odd:
    language = chance.choice(traits.languages)
    price = Decimal(chance.randrange(50, 9000)) / 100
    if traits.decimals > 2:  # made of a price with VAT
        price = round(price / Decimal("1.21"), traits.decimals)
    return Odd(
        {
            "article_key": f"{200000 + number}",
            "sku": traits.sku.format(number),
            "gtin": f"0{8700000000000 + number * 10}",
            "name": f"{chance.choice(language.goods.split('/'))} {number}",
            "model_name": "",
            "color": "",
            "size": "",
            "supplier_id": "1",
            "category": chance.choice(language.categories.split("/")),
            "subcategory": "",
            "description": "",
            "description_long": "",
            "cost_price": f"{price / 2:.2f}",
            "price": str(price),
            "vat_rate": chance.choice(traits.rates),
            "active": chance.choice(("true", "true", "false")),
            "modified_at": timestamp(_moment(traits, chance)),
        }
    )


def _order(number: int, traits: Traits, shop: Records, chance: Random, buyer: Row | None = None) -> Odd:
    """An order of a customer, or of a guest where the shop has none. `buyer`: a customer as of a week later."""
    moment = _moment(traits, chance) + timedelta(days=7 if buyer else 0)
    buyer = buyer or (chance.choice(shop.customers).row if shop.customers else {})
    name = f"{buyer.get('first_name', 'A')} {buyer.get('last_name', 'Guest')}".strip()
    row = {
        "order_number": traits.order_number.format(1000 + number),
        "order_date": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "customer_id": buyer.get("customer_id", "999999"),
        "email": buyer.get("email", f"guest.{number}@mail.example"),
        "status": chance.choice(("new", "paid", "processing", "shipped", "completed")),
        "branch": chance.choice(("1", "2", "17")),
        "channel": "webshop",
        "currency": chance.choice(traits.currencies),
        "payment_method": chance.choice(("ideal", "paypal", "invoice", "cash")),
        "shipping_method": chance.choice(("courier", "pickup")),
        "shipping_cost": chance.choice(("0", "4.95", "")),
        "ship_name": buyer.get("company_name") or name,
        "ship_street": buyer.get("street", "Kerkweg"),
        "ship_house_number": buyer.get("house_number", "7"),
        "ship_zip": buyer.get("zip", "3511 AB"),
        "ship_city": buyer.get("city", "Utrecht"),
        "ship_country_iso": buyer.get("country_iso", "NL"),
        "modified_at": timestamp(moment),
        **dict.fromkeys(BILL.split(), ""),
    }
    return Odd(row, _lines(row, traits, shop, chance))


def _lines(order: Row, traits: Traits, shop: Records, chance: Random) -> list[Row]:
    sold = [article.row for article in shop.articles if article.row["sku"]]
    return [
        {
            "order_number": order["order_number"],
            "line_number": str(number),
            "sku": article["sku"],
            "description": article["name"],
            "quantity": _quantity(traits, chance),
            "unit_price": article["price"] or "1",
            "discount_percent": chance.choice(("", "0", "0", "10", "33.33")),
            "vat_rate": article["vat_rate"],
        }
        for number, article in enumerate(chance.sample(sold, min(len(sold), chance.randrange(1, 5))), 1)
    ]


def _quantity(traits: Traits, chance: Random) -> str:
    return str(chance.randrange(1, traits.most + 1) if traits.most else Decimal(chance.randrange(1, 4000)) / 1000)


def _settle(order: Odd, traits: Traits, shop: Records) -> None:
    """The total of an order, its number on its lines, and what is wrong with it by its values and by its records."""
    row, lines = order.row, order.lines
    order.lines = lines = [line | {"order_number": row["order_number"]} for line in lines]
    row["total"] = f"{total(row, lines, traits.rounding):.2f}"
    order.defects.extend(name for name, wrong in _wrong(order, traits).items() if wrong)
    for record in shop.customers:
        if record.row["customer_id"] == row["customer_id"]:
            order.defects.extend(_passed_on(record, CUSTOMERS, "its customer: "))
    sold = {line["sku"] for line in lines}
    for record in shop.articles:
        if sold & {record.row["sku"], record.row["gtin"] or record.row["sku"]}:
            order.defects.extend(_passed_on(record, ARTICLES, f"article {record.row['sku']}: "))
    order.defects = list(dict.fromkeys(order.defects))


def _wrong(order: Odd, traits: Traits) -> dict[str, bool]:
    row, lines = order.row, order.lines
    countries = {row[name].strip().upper() for name in ("ship_country_iso", "bill_country_iso")} - {""}
    return {
        "no lines": not lines,
        "country that the books lack": not countries <= set(COUNTRIES),
        "currency that the books lack": row["currency"] not in KNOWN_CURRENCIES,
        "VAT rate that the books lack": not _rates_are_known(lines),
        "negative total": row["total"].startswith("-"),
        f"total rounded {traits.rounding}": is_far_off(row, lines, traits.rounding),
    }


def _rates_are_known(rows: list[Row]) -> bool:
    """Whether the books have the VAT rate of each row that has one."""
    return {Decimal(row["vat_rate"]) for row in rows if row["vat_rate"]} <= KNOWN_RATES


def _passed_on(record: Odd, oddities: Sequence[Oddity], whose: str) -> list[str]:
    """The defects of a customer or an article for which its orders may be held."""
    alone = {oddity.name for oddity in oddities if not oddity.holds_orders}
    return [whose + name for name in record.defects if name not in alone]


def _tables(shop: Records, chance: Random) -> dict[str, list[Row]]:
    return {
        "customers": [record.row for record in shop.customers],
        "articles": [record.row for record in shop.articles],
        "stock": [_stock(record.row, chance) for record in shop.articles if record.row["sku"]],
        **_order_tables(shop.orders),
    }


def _changed_customers(shop: Records) -> list[Row]:
    """The customers that change, as they are a week later."""
    rows: dict[str, Row] = {}
    for record, changes in shop.changes:
        key = record.row["customer_id"]
        rows[key] = rows.get(key, record.row) | changes | {"modified_at": timestamp(UNTIL + timedelta(days=7))}
    return list(rows.values())


def _later_tables(customers: list[Row], later: list[Odd]) -> dict[str, list[Row]]:
    return {"customers": customers, "articles": [], **_order_tables(later)}


def _order_tables(records: list[Odd]) -> dict[str, list[Row]]:
    return {"orders": [each.row for each in records], "order_lines": [line for each in records for line in each.lines]}


def _stock(article: Row, chance: Random) -> Row:
    quantity = chance.choice(("0", "12", "-3", "0.5"))
    stock = {"sku": article["sku"], "warehouse": "1", "quantity": quantity, "reserved": "0"}
    return stock | {"modified_at": article["modified_at"]}


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
