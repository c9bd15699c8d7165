"""The retail folder: CSV files that fill the Winstore sandbox, and a generator of small practice data.

Here belongs: reading and making retail folders. A folder has one CSV per table, in UTF-8 and with a header row. An
empty cell means that the value is not known. Columns, and what is wrong with a file: retail_tables.py.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from .control import timestamp
from .records import Record
from .retail_tables import Row, read_tables
from .retail_tables import write_folder as write_folder

Retail = dict[str, list[Record]]

FIRST = [
    "Anna",
    "Bram",
    "Carla",
    "Daan",
    "Eva",
    "Finn",
    "Greta",
    "Hugo",
    "Iris",
    "Jonas",
    "Kim",
    "Lars",
    "Mila",
    "Noah",
    "Olga",
    "Pim",
]
LAST = [
    "Bakker",
    "Claes",
    "Dekker",
    "Evers",
    "Fischer",
    "Groen",
    "Hansen",
    "Jansen",
    "Klein",
    "Lambert",
    "Mulder",
    "Nowak",
    "Peters",
    "Smit",
]
STREETS = ["Dorpsstraat", "Kerkweg", "Hauptstr.", "Rue du Port", "Stationsplein", "Lange Laan"]
CITIES = (("Utrecht", "3511 AB", "NL"), ("Gent", "9000", "BE"), ("Münster", "48143", "DE"), ("Lille", "59000", "FR"))
CATEGORIES = ("Beverages", "Kitchen", "Garden", "Toys", "Stationery")
NOUNS = [
    "Mug",
    "Kettle",
    "Lamp",
    "Basket",
    "Notebook",
    "Puzzle",
    "Blanket",
    "Teapot",
    "Tray",
    "Candle",
    "Vase",
    "Clock",
]


def read_folder(folder: Path) -> Retail:
    """The articles, customers, stock and orders of a retail folder, as Winstore keeps them.

    The files of addresses, stock, orders and order lines may be missing. Raises BadFolder.
    """
    tables = read_tables(folder)
    articles = list(whole_articles(tables["articles"]))
    variants = {
        row["sku"]: {"artkey": article["artkey"], "gtin": row["gtin"]}
        for article in articles
        for row in article["variants"]
    }
    lines = _grouped(tables["order_lines"], "order_number")
    addresses = _grouped(tables["addresses"], "customer_id")
    return {
        "articles": articles,
        "customers": [customer(row, addresses.get(row["customer_id"], [])) for row in tables["customers"]],
        "stock": [stock(row, variants.get(row["sku"], {})) for row in tables["stock"]],
        "orders": [order(row, lines.get(row["order_number"], [])) for row in tables["orders"]],
    }


def whole_articles(rows: list[Row]) -> Iterator[Record]:
    """One record per article key, with all its variants, as Winstore returns articles (winstore.md section 3)."""
    for key, variants in _grouped(rows, "article_key").items():
        first = variants[0]
        yield {
            "artkey": key,
            "name": first["model_name"] or first["name"],
            "supplierid": first["supplier_id"],
            "category": first["category"],
            "subcategory": first["subcategory"],
            "type": first.get("article_type", ""),
            "active": first["active"],
            "picture": first.get("picture", ""),
            "modified": max(row["modified_at"] for row in variants),
            "variants": [variant(row) for row in variants if row["sku"]],
        }


def _grouped(rows: list[Row], column: str) -> dict[str, list[Row]]:
    """The rows by their value in a column."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def variant(row: Row) -> Record:
    """One colour and size of an article."""
    return {
        "sku": row["sku"],
        "gtin": row["gtin"],
        "title": row["name"],
        "color": row["color"],
        "size": row["size"],
        "description": row["description"],
        "descriptionlong": row["description_long"],
        "costprice": row["cost_price"],
        "price": row["price"],
        "vatrate": row["vat_rate"],
    }


def customer(row: Row, addresses: list[Row]) -> Record:
    """One loyalty customer, with any number of addresses for invoices and deliveries beside his own."""
    return {
        "customerid": row["customer_id"],
        "company": row["company_name"],
        "fname": row["first_name"],
        "lname": row["last_name"],
        "email": row["email"],
        "phone": row["phone"],
        "street": row["street"],
        "streetnr": row["house_number"],
        "zip": row["zip"],
        "city": row["city"],
        "countryISO": row["country_iso"],
        "vatnumber": row["vat_number"],
        "addresses": [address(each) for each in addresses],
        "created": row["created_at"],
        "modified": row["modified_at"],
    }


def address(row: Row) -> Record:
    """One further address of a customer. Its type is `invoice` or `delivery`."""
    return {
        "type": row["type"],
        "name": row["name"],
        "street": row["street"],
        "streetnr": row["house_number"],
        "zip": row["zip"],
        "city": row["city"],
        "countryISO": row["country_iso"],
        "default": row["default"],
    }


def stock(row: Row, article: Row) -> Record:
    """The stock of one article in one warehouse."""
    return {
        "id": f"{row['sku']}/{row['warehouse']}",
        "artkey": article.get("artkey", ""),
        "sku": row["sku"],
        "gtin": article.get("gtin", ""),
        "warehouse": row["warehouse"],
        "quantity": row["quantity"],
        "reserved": row["reserved"],
        "managestock": row.get("manage_stock", ""),
        "modified": row["modified_at"],
    }


def order(row: Row, lines: list[Row]) -> Record:
    """An order with its positions.

    The names are those of Winstore's order call, where the public client shows them. The other names are assumed.
    """
    record = {
        "id": row["order_number"],
        "ordernr": row["order_number"],
        "orderdate": row["order_date"],
        "customerid": row["customer_id"],
        "email": row["email"],
        "status": row["status"],
        "branch": row["branch"],
        "channel": row["channel"],
        "currency": row["currency"],
        "paymentmethod": row["payment_method"],
        "shippingmethod": row["shipping_method"],
        "shippingcost": row["shipping_cost"],
        "delivery_add": {
            "name": row["ship_name"],
            "street": row["ship_street"],
            "streetnr": row["ship_house_number"],
            "zip": row["ship_zip"],
            "city": row["ship_city"],
            "countryISO": row["ship_country_iso"],
        },
        "positions": [position(line, row["branch"]) for line in lines],
        "modified": row["modified_at"],
    }
    if "bill_company" in row:
        record["invoice_add"] = invoice_address(row)
    return record | {"total": row.get("total") or order_total(record)}


def invoice_address(row: Row) -> Record:
    """To whom an order is invoiced."""
    return {
        "company": row["bill_company"],
        "fname": row["bill_first_name"],
        "lname": row["bill_last_name"],
        "street": row["bill_street"],
        "streetnr": row["bill_house_number"],
        "zip": row["bill_zip"],
        "city": row["bill_city"],
        "countryISO": row["bill_country_iso"],
    }


def position(line: Row, branch: str) -> Record:
    """An order line. Its `reduction` is a percentage, and its price is without VAT."""
    return {
        "linenr": line["line_number"],
        "product_id": line["sku"],
        "description": line["description"],
        "amount": line["quantity"],
        "single_price": line["unit_price"],
        "reduction": line["discount_percent"],
        "vatrate": line["vat_rate"],
        "type": "S",
        "branch": branch,
    }


def order_total(record: Record) -> str:
    """What the customer pays: the shipping cost and the lines, each less its reduction, with VAT, rounded to cents."""
    total = Decimal(record.get("shippingcost") or 0)
    for line in record["positions"]:
        net = Decimal(line["amount"] or 0) * Decimal(line["single_price"] or 0)
        reduction, vat_rate = Decimal(line.get("reduction") or 0), Decimal(line.get("vatrate") or 0)
        factor = (100 - reduction) * (100 + vat_rate) / 10_000
        total += (net * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{total:.2f}"


def _stock_row(article: Row, warehouse: str, chance: random.Random) -> Row:
    quantity = str(chance.randrange(5, 60))
    row = {"sku": article["sku"], "warehouse": warehouse, "quantity": quantity, "reserved": str(chance.randrange(0, 3))}
    return row | {"modified_at": article["modified_at"]}


def generate(customers: int, articles: int, until: datetime, seed: int = 7, orders: int = 0) -> dict[str, list[Row]]:
    """Practice data. The same arguments give the same rows.

    All times lie in the three weeks before `until`. Orders have only articles without variants.
    """
    chance = random.Random(seed)
    tables = {
        "customers": [_customer_row(number, chance, until) for number in range(1, customers + 1)],
        "articles": [_article_row(number, chance, until) for number in range(1, articles + 1)],
    }
    pieces = random.Random(seed)  # its own, so that all other rows stay as they are
    tables["stock"] = [_stock_row(row, place, pieces) for row in tables["articles"] for place in ("1", "7")]
    whole = [row for row in tables["articles"] if not row["size"]]
    if orders and customers and whole:
        tables["orders"] = [_order_row(n, chance, until, tables["customers"]) for n in range(1, orders + 1)]
        tables["order_lines"] = [line for row in tables["orders"] for line in _line_rows(row, chance, whole)]
    return tables


def _moment(chance: random.Random, until: datetime) -> str:
    return timestamp(until - timedelta(seconds=chance.randrange(60, 21 * 86400)))


def _customer_row(number: int, chance: random.Random, until: datetime) -> Row:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    city, zip_code, country = chance.choice(CITIES)
    return {
        "customer_id": f"{100000 + number}",
        "company_name": f"{last} & Co {number}" if number % 3 == 0 else "",
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}.{number}@mail.example".lower(),
        "phone": f"030-{chance.randrange(1000000, 9999999)}",
        "street": chance.choice(STREETS),
        "house_number": str(chance.randrange(1, 200)),
        "zip": zip_code,
        "city": city,
        "country_iso": country,
        "vat_number": "",
        "created_at": timestamp(until - timedelta(days=400)),
        "modified_at": _moment(chance, until),
    }


def _article_row(number: int, chance: random.Random, until: datetime) -> Row:
    # Three of ten articles have a size, and belong to a model that others may share.
    has_size = number % 10 < 3
    model, size = (number // 3, "SML"[number % 3]) if has_size else (number + 100000, "")
    noun = chance.choice(NOUNS)
    return {
        "article_key": f"{200000 + model}",
        "sku": f"SKU-{number:05d}",
        "gtin": f"0{8700000000000 + number * 10}",
        "name": f"{noun} {number}{' ' + size if size else ''}",
        "model_name": f"{noun} {number}",
        "color": "",
        "size": size,
        "supplier_id": str(number % 5 + 1),
        "category": chance.choice(CATEGORIES),
        "subcategory": "",
        "description": f"{noun} of good quality",
        "description_long": f"A {noun.lower()} that lasts",
        "cost_price": f"{chance.randrange(100, 4000) / 100:.2f}",
        "price": f"{chance.randrange(4000, 9000) / 100:.2f}",
        "vat_rate": chance.choice(("9", "21")),
        "active": "true",
        "modified_at": _moment(chance, until),
    }


def _order_row(number: int, chance: random.Random, until: datetime, customers: list[Row]) -> Row:
    buyer, moment = chance.choice(customers), _moment(chance, until)
    return {
        "order_number": f"W{300000 + number}",
        "order_date": moment[:19].replace("T", " "),
        "customer_id": buyer["customer_id"],
        "email": buyer["email"],
        "status": chance.choice(("paid", "processing", "shipped")),
        "branch": str(number % 3 + 1),
        "channel": "webshop",
        "currency": "EUR",
        "payment_method": chance.choice(("ideal", "paypal", "creditcard")),
        "shipping_method": "Speedy Express",
        "shipping_cost": chance.choice(("0", "4.95", "6.95")),
        "ship_name": buyer["company_name"] or f"{buyer['first_name']} {buyer['last_name']}",
        "ship_street": buyer["street"],
        "ship_house_number": buyer["house_number"],
        "ship_zip": buyer["zip"],
        "ship_city": buyer["city"],
        "ship_country_iso": buyer["country_iso"],
        "modified_at": moment,
    }


def _line_rows(order: Row, chance: random.Random, articles: list[Row]) -> list[Row]:
    chosen = chance.sample(articles, min(len(articles), chance.randrange(1, 5)))
    return [
        {
            "order_number": order["order_number"],
            "line_number": str(number),
            "sku": article["sku"],
            "description": article["name"],
            "quantity": str(chance.randrange(1, 6)),
            "unit_price": article["price"],
            "discount_percent": chance.choice(("0", "0", "10")),
            "vat_rate": article["vat_rate"],
        }
        for number, article in enumerate(chosen, 1)
    ]
