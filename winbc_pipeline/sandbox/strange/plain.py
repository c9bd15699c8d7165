"""The plain records of an odd shop: what they are like as long as nothing is odd about them.

Here belongs: a shop's traits, and rows made by chance. What may be odd about a row: oddities.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from ..control import timestamp
from ..retail_tables import BILL, Row
from .records import Odd, Records
from .words import LANGUAGES, Language

UNTIL = datetime(2026, 3, 9, 20, tzinfo=UTC)  # fixed, so that a seed gives the same shop on every day
DAYS = 3
SHOP_RATES = (*(("21", "9", "0"),) * 16, ("21",), ("0",), ("19", "7"), ("20", "5.5"), ("6",))
SHOP_ROUNDINGS = ("per unit", *("per line", "per rate", "once") * 3)
SHOP_CURRENCIES = (("EUR",), ("EUR",), ("EUR", "USD"), ("GBP",), ("EUR", "EUR", "EUR", "SEK"))
SKUS = ("SKU-{:05d}", "{:07d}", "mug-{}", "A/{}.5", "Größe {}", "{}")
OF_VARIANTS, BY_GTIN = 0.6, 0.3  # shares of the lines of orders, where there are variants
# The further addresses of a customer, in their order. A star marks the default one of its type.
ADDRESSES = (
    *("",) * 5,
    "invoice",
    "delivery",
    "delivery invoice",
    "invoice* delivery*",
    "invoice invoice* delivery",
    "delivery delivery* invoice invoice",
)
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


WAREHOUSES = ("045", "1", "10", "7")


def traits_of(chance: Random) -> Traits:
    """The traits of a shop."""
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


def _moment(traits: Traits, chance: Random) -> datetime:
    return UNTIL - timedelta(seconds=3600 if traits.imported else chance.randrange(60, DAYS * 86400))


def customer(number: int, traits: Traits, chance: Random) -> Odd:
    """A person or a company."""
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


def addresses(customer: Row, traits: Traits, chance: Random) -> list[Row]:
    """The further addresses of a customer: none, one, or several with or without a default one."""
    rows = []
    for number, named in enumerate(chance.choice(ADDRESSES).split(), 1):
        language = chance.choice(traits.languages)
        rows.append(
            {
                "customer_id": customer["customer_id"],
                "type": named.removesuffix("*"),
                "name": chance.choice(("", customer["last_name"][:50])),
                "street": chance.choice(language.streets.split("/")),
                "house_number": str(number),
                "zip": chance.choice(("1012 JS", "80331", "")),
                "city": chance.choice(language.cities.split("/")),
                "country_iso": language.country,
                "default": "true" if named.endswith("*") else chance.choice(("", "false")),
            }
        )
    return rows


def article(number: int, traits: Traits, chance: Random) -> Odd:
    """An article without variants."""
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
            "article_type": "",
            "picture": "",
            "modified_at": timestamp(_moment(traits, chance)),
        }
    )


def order(number: int, traits: Traits, shop: Records, chance: Random, buyer: Row | None = None) -> Odd:
    """An order of a customer, or of a guest where the shop has none. `buyer`: a customer as of a week later."""
    moment = _moment(traits, chance) + timedelta(days=7 if buyer else 0)
    buyer = buyer or (chance.choice(shop.customers).row if shop.customers else {})
    name = f"{buyer.get('first_name', 'Guest')} {buyer.get('last_name', number)}".strip()
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
    return [
        {
            "order_number": order["order_number"],
            "line_number": str(number),
            "sku": _sold_as(article, chance),
            "description": article["name"],
            "quantity": _quantity(traits, chance),
            "unit_price": article["price"] or "1",
            "discount_percent": chance.choice(("", "0", "0", "10", "33.33")),
            "vat_rate": article["vat_rate"],
        }
        for number, article in enumerate(_chosen(shop, chance), 1)
    ]


def _chosen(shop: Records, chance: Random) -> list[Row]:
    """The articles of an order; where there are variants, most of its lines name one of these."""
    sold = [article.row for article in shop.articles if article.row["sku"]]
    variants = [row for row in sold if _is_variant(row)]
    if not variants:
        return chance.sample(sold, min(len(sold), chance.randrange(1, 5)))
    lines = range(chance.randrange(1, 5))
    return [chance.choice(variants if chance.random() < OF_VARIANTS else sold) for _ in lines]


def _is_variant(row: Row) -> bool:
    """Whether an article has several SKUs, or options."""
    return bool(row["model_name"] or row["color"] or row["size"])


def _sold_as(article: Row, chance: Random) -> str:
    """What a line names: the SKU, or, of a variant, sometimes the GTIN."""
    by_gtin = _is_variant(article) and article["gtin"] and chance.random() < BY_GTIN
    return article["gtin"] if by_gtin else article["sku"]


def _quantity(traits: Traits, chance: Random) -> str:
    return str(chance.randrange(1, traits.most + 1) if traits.most else Decimal(chance.randrange(1, 4000)) / 1000)


def stocks(article: Row, chance: Random) -> list[Row]:
    """The stock of an article in one or several warehouses, which may be less than nothing."""
    places = chance.sample(WAREHOUSES, chance.randrange(1, len(WAREHOUSES) + 1))
    own = {"sku": article["sku"], "modified_at": article["modified_at"]}
    return [own | {"warehouse": place} | _in_place(chance) for place in sorted(places)]


def _in_place(chance: Random) -> Row:
    return {"quantity": chance.choice(("0", "12", "-3", "0.5", "7.125")), "reserved": chance.choice(("0", "0", "2"))}
