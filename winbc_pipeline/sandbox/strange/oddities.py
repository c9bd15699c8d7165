"""What may be odd about a customer or an order: one entry each. Articles: articles.py.

Here belongs: the entry and what it does to the rows. A new one is a line in CUSTOMERS or ORDERS. What is odd because
the books lack a code (country, currency, VAT rate) shows by the value: shop.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from ..retail_tables import Row
from .records import Odd, Records, another
from .words import EMOJI, MARKUP, RIGHT_TO_LEFT

LONG = "Kunst- und Handelshaus " * 13  # 299 characters
RARE_COUNTRIES = ("XK", "IL", "AQ", "FO", "TV")
LONG_CITY = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"


Spoil = Callable[[Odd, Records, Random], bool | None]


@dataclass(frozen=True)
class Oddity:
    """One way to be odd.

    Attributes:
        spoil: makes a record odd; returns False where that cannot be.
        holds: whether the record may be held for it. If not, it must arrive.
        holds_orders: of a customer or an article: whether its orders may be held, too.
    """

    name: str
    spoil: Spoil
    holds: bool = True
    holds_orders: bool = False


def cells(**values: str) -> Spoil:
    """Sets cells of the row."""
    return lambda record, *_: record.row.update(values)


def first_line(**values: str) -> Spoil:
    """Sets cells of the first line."""

    def spoil(record: Odd, *_: object) -> bool:
        for line in record.lines[:1]:
            line.update(values)
        return bool(record.lines)

    return spoil


# Customers.


def _same_email(record: Odd, shop: Records, chance: Random) -> bool:
    if (other := another(shop.customers, record, chance)) is None:
        return False
    record.row["email"] = other.row["email"]
    other.defects.append("same e-mail as another")
    return True


def _becomes_person(record: Odd, shop: Records, chance: Random) -> None:
    record.row["company_name"] = record.row["company_name"] or f"{record.row['last_name']} & Co"
    shop.changes.append((record, {"company_name": ""}))


def _changes_email(record: Odd, shop: Records, chance: Random) -> None:
    shop.changes.append((record, {"email": f"new.{record.row['email'].strip()}"}))


def _email_in_capitals(record: Odd, *_: object) -> None:
    record.row["email"] = f" {record.row['email'].upper()} "


def _country_in_small_letters(record: Odd, *_: object) -> None:
    record.row["country_iso"] = f" {record.row['country_iso'].lower()} "


def _no_country(record: Odd, *_: object) -> bool:
    """Without a country, nobody can read a telephone number that has no international prefix."""
    if record.row["phone"].strip("+0123456789 "):
        return False
    record.row["country_iso"] = ""
    return True


def _signs_in_email(record: Odd, *_: object) -> None:
    """Legal in an e-mail; a star and a question mark stand for other signs in filters of Business Central."""
    record.row["email"] = f"o'neil*?{record.row['customer_id']}@mail.example"


def _leading_zeros(record: Odd, *_: object) -> None:
    record.row["customer_id"] = f"00{record.row['customer_id']}"


CUSTOMERS = (
    Oddity("same e-mail as another", _same_email, holds_orders=True),
    Oddity("no e-mail", cells(email="")),
    Oddity("e-mail without @", cells(email="no at sign"), holds_orders=True),
    Oddity("no name", cells(first_name="", last_name="", company_name=""), holds_orders=True),
    Oddity("name of 300 characters", cells(last_name=LONG), holds_orders=True),
    Oddity("words in the telephone number", cells(phone="after six: 030-1")),
    Oddity("telephone number of 40 digits", cells(phone="030" * 13 + "1")),
    Oddity("two e-mails in one", cells(email="one@mail.example; two@mail.example"), holds_orders=True),
    Oddity("e-mail of 100 characters", cells(email="x" * 87 + "@mail.example"), holds_orders=True),
    Oddity("city of 58 characters", cells(city=LONG_CITY), holds_orders=True),
    Oddity("country that the books lack", lambda record, _, chance: _set_country(record, chance, "country_iso")),
    Oddity("VAT number with words", cells(vat_number="NL 8034.12.345 B01 (KvK 12345678)"), holds=False),
    Oddity("words before the telephone number", cells(phone="tel. 030-1234567", country_iso="NL"), holds=False),
    Oddity("company that becomes a person", _becomes_person, holds=False),
    Oddity("e-mail that changes", _changes_email, holds=False),
    Oddity("e-mail in capitals", _email_in_capitals, holds=False),
    Oddity("emoji", cells(first_name=EMOJI), holds=False),
    Oddity("markup", cells(last_name=MARKUP), holds=False),
    Oddity("street of two lines", cells(street="Kerkweg 7\nachter"), holds=False),
    Oddity("no country", _no_country, holds=False),
    Oddity("country in small letters", _country_in_small_letters, holds=False),
    Oddity("first name of blanks", cells(first_name="  "), holds=False),
    Oddity("signs of a filter in the e-mail", _signs_in_email, holds=False),
    Oddity("number with leading zeros", _leading_zeros, holds=False),
)


def _set_country(record: Odd, chance: Random, column: str) -> None:
    record.row[column] = chance.choice(RARE_COUNTRIES)


# Orders.


def _many_lines(record: Odd, shop: Records, chance: Random) -> bool:
    if not record.lines:
        return False
    wanted = chance.randrange(50, shop.longest + 1)
    lines = [chance.choice(record.lines) for _ in range(wanted)]
    record.lines = [line | {"line_number": str(number)} for number, line in enumerate(lines, 1)]
    return True


def _all_returned(record: Odd, *_: object) -> bool:
    record.row["shipping_cost"] = "0"
    for line in record.lines:
        line["quantity"] = str(-Decimal(line["quantity"] or 0))
    return bool(record.lines)


def _voucher(record: Odd, *_: object) -> bool:
    """A voucher of a tenth of the first line, as an article with a negative quantity."""
    if not record.lines or Decimal(record.lines[0]["unit_price"]) <= 1:
        return False
    price = Decimal(record.lines[0]["unit_price"]) / 10
    number = str(len(record.lines) + 1)
    changes = {"line_number": number, "quantity": "-1", "unit_price": f"{price:.2f}", "description": "Voucher"}
    record.lines.append(record.lines[0] | changes)
    return True


def _unknown_article(record: Odd, *_: object) -> bool:
    for line in record.lines[:1]:
        line.update(sku="NO-LONGER-SOLD", description="No longer sold")
    return bool(record.lines)


def _by_gtin(record: Odd, shop: Records, chance: Random) -> bool:
    gtins = {each.row["sku"]: each.row["gtin"] for each in shop.articles}
    for line in record.lines:
        line["sku"] = gtins.get(line["sku"]) or line["sku"]
    return bool(record.lines)


def _guest(record: Odd, shop: Records, chance: Random) -> None:
    record.row.update(customer_id="999999", email=f"guest.{record.row['order_number']}@mail.example".lower())
    record.row.update(ship_name=f"Guest {chance.randrange(99)}")


def _bad_and_good_order_of_one(record: Odd, shop: Records, chance: Random) -> bool:
    """Two orders of a customer whom the books do not have yet; the country of one of them is unknown."""
    if (other := another(shop.orders, record, chance)) is None:
        return False
    for each in (record, other):
        each.row.update(customer_id="66666", email="stranger@mail.example", ship_name="A. Stranger")
    other.oddities.append("its customer has a bad order too")
    _set_country(record, chance, "ship_country_iso")
    return True


def _number_twin(record: Odd, shop: Records, chance: Random) -> bool:
    other = another(shop.orders, record, chance)
    if other is None or other.row["order_number"].swapcase() == other.row["order_number"]:
        return False
    record.row["order_number"] = other.row["order_number"].swapcase()
    other.defects.append("number that differs in case")
    return True


def with_decimals(row: Row) -> str:
    """The VAT rate of a row, written with two decimals."""
    return f"{Decimal(row['vat_rate'] or 0):.2f}"


def _rates_with_decimals(record: Odd, *_: object) -> None:
    for line in record.lines:
        line["vat_rate"] = with_decimals(line)


def _lines_by_letters(record: Odd, *_: object) -> None:
    for line in record.lines:
        line["line_number"] = f"L{line['line_number']}"


def _paid_in_another_name(record: Odd, *_: object) -> None:
    record.row.update(bill_company="Müller & Söhne", bill_first_name="Eva", bill_last_name="Groß", bill_city="Köln")
    record.row.update(bill_street="Domplatz", bill_house_number="1", bill_zip="50667", bill_country_iso="DE")


NOWHERE = dict.fromkeys(("ship_street", "ship_house_number", "ship_zip", "ship_city", "ship_country_iso"), "")
NOBODY = {"customer_id": "", "email": "", "ship_name": ""}


def _pad_number(record: Odd, fill: str) -> None:
    record.row["order_number"] = (record.row["order_number"] + fill * 60)[: 60 if len(fill) == 1 else 20]


ORDERS = (
    Oddity("no lines", lambda record, *_: record.lines.clear()),
    Oddity("no customer", cells(**NOBODY)),
    Oddity("quantity 0", first_line(quantity="0")),
    Oddity("no quantity", first_line(quantity="")),
    Oddity("no price", first_line(unit_price="")),
    Oddity("discount greater than the line", first_line(discount_percent="130")),
    Oddity("surcharge as a negative discount", first_line(discount_percent="-10")),
    Oddity("quantity of 7 decimals", first_line(quantity="0.3333333")),
    Oddity("no shipping method", cells(shipping_method="", shipping_cost="4.95")),
    Oddity("negative shipping cost", cells(shipping_cost="-4.95")),
    Oddity("all returned", _all_returned),
    Oddity("article that is no longer sold", _unknown_article),
    Oddity("in the year 2099", cells(order_date="2099-12-31 23:59:59")),
    Oddity("in the year 1753", cells(order_date="1753-01-01 00:00:00")),
    Oddity("no date", cells(order_date="")),
    Oddity("country that the books lack", lambda record, _, chance: _set_country(record, chance, "ship_country_iso")),
    Oddity("unknown country, and a good order of the same customer", _bad_and_good_order_of_one),
    Oddity("currency that the books lack", cells(currency="CHF")),
    Oddity("VAT rate that the books lack", first_line(vat_rate="13.5")),
    Oddity("number that differs in case", _number_twin),
    Oddity("number of 60 characters", lambda record, *_: _pad_number(record, "0")),
    Oddity("number with a space", lambda record, *_: _pad_number(record, " é")),
    Oddity("cancelled", cells(status="cancelled")),
    Oddity("many lines", _many_lines, holds=False),
    Oddity("voucher", _voucher, holds=False),
    Oddity("no delivery name", cells(ship_name=""), holds=False),
    Oddity("no address", cells(**NOWHERE), holds=False),
    Oddity("delivery name of 300 characters", cells(ship_name=LONG), holds=False),
    Oddity("delivered to a city of 58 characters", cells(ship_city=LONG_CITY), holds=False),
    Oddity("emoji", cells(ship_name=EMOJI), holds=False),
    Oddity("right to left", cells(ship_name=RIGHT_TO_LEFT), holds=False),
    Oddity("guest", _guest, holds=False),
    Oddity("customer whom Winstore no longer has", cells(customer_id="55555")),
    Oddity("articles by GTIN", _by_gtin, holds=False),
    Oddity("no currency", cells(currency=""), holds=False),
    Oddity("paid in another name", _paid_in_another_name, holds=False),
    Oddity("first line for nothing", first_line(discount_percent="100"), holds=False),
    Oddity("gift without a price", first_line(unit_price="0"), holds=False),
    Oddity("description of 300 characters", first_line(description=LONG), holds=False),
    Oddity("no description", first_line(description=""), holds=False),
    Oddity("lines numbered by letters", _lines_by_letters, holds=False),
    Oddity("VAT rates with decimals", _rates_with_decimals, holds=False),
    Oddity("at a time that clocks skipped", cells(order_date="2026-03-29 02:30:00"), holds=False),
    Oddity("at a time that clocks had twice", cells(order_date="2025-10-26 02:30:00"), holds=False),
    Oddity("country in small letters", cells(ship_country_iso=" be "), holds=False),
    Oddity("status in capitals", cells(status="COMPLETED"), holds=False),
    Oddity("guest by number 0", cells(customer_id="0"), holds=False),
    Oddity("sold without VAT", first_line(vat_rate="0"), holds=False),
    Oddity("unknown words", cells(status="on its way", payment_method="barter", channel="fax"), holds=False),
    Oddity("no words", cells(status="", payment_method="", channel=""), holds=False),
)
