"""What may be odd about an article: one entry each. What changes of it within a week: edits.py.

Here belongs: the entry and what it does to the rows. A new one is a line in ARTICLES.
"""

from collections.abc import Sequence
from random import Random

from ..retail_tables import Row
from .edits import EDITS
from .oddities import LONG, Oddity, cells, with_decimals
from .records import Odd, Records, another
from .words import EMOJI, MARKUP, RIGHT_TO_LEFT


def _several(name: str, first: Row, *others: Row) -> Oddity:
    """An article with more SKUs, all of which must arrive.

    Args:
        first: what changes of the SKU that is there.
        others: what is different of each further SKU; `sku` is the end of it.
    """

    def spoil(record: Odd, shop: Records, _: Random) -> bool:
        if not record.row["sku"]:
            return False
        rows = [record.row | {"gtin": ""} | cells | {"sku": record.row["sku"] + cells["sku"]} for cells in others]
        if {row["sku"] for row in rows} & {each.row["sku"] for each in shop.articles}:
            return False
        record.row.update(first)
        shop.articles.extend(Odd(row, oddities=[name]) for row in rows)
        return True

    return Oddity(name, spoil, holds=False)


def _capitals_twin(record: Odd, shop: Records, chance: Random) -> bool:
    """Two SKUs of one article that differ in capitals only."""
    return _twin(record, shop, {"size": "M"})


def _case_twin(record: Odd, shop: Records, chance: Random) -> bool:
    return _twin(record, shop, {"article_key": f"{record.row['article_key']}9"})


def _twin(record: Odd, shop: Records, different: Row) -> bool:
    twin = record.row["sku"].swapcase()
    if twin in {each.row["sku"] for each in shop.articles}:
        return False
    row = record.row | {"sku": twin, "price": "3.21", "gtin": ""} | different
    shop.articles.append(Odd(row, defects=["SKU that differs in case"]))
    return True


def _gtin_of_two(record: Odd, shop: Records, chance: Random) -> bool:
    """One GTIN on two SKUs of an article."""
    if not (record.row["sku"] and record.row["gtin"]):
        return False
    row = record.row | {"sku": f"{record.row['sku']}-2", "size": "L"}
    shop.articles.append(Odd(row, defects=["same GTIN as another"]))
    return True


def _gtin_as_sku(record: Odd, shop: Records, chance: Random) -> bool:
    if (other := another(shop.articles, record, chance)) is None or not other.row["gtin"]:
        return False
    record.row["sku"] = other.row["gtin"]
    other.defects.append("GTIN that is the SKU of another")
    return True


def _same_gtin(record: Odd, shop: Records, chance: Random) -> bool:
    if (other := another(shop.articles, record, chance)) is None:
        return False
    record.row["gtin"] = other.row["gtin"]
    other.defects.append("same GTIN as another")
    return True


def _signs_in_sku(record: Odd, *_: object) -> None:
    record.row["sku"] = f"{record.row['article_key']}*?'&|.."


def _category_as_written_elsewhere(record: Odd, *_: object) -> None:
    record.row["category"] = f" {record.row['category'].upper()} "


ARTICLES: Sequence[Oddity] = (
    _several("variants", {"size": "S"}, {"sku": "-M", "size": "M"}, {"sku": "-L", "size": "L"}),
    _several("colours", {"color": "red"}, {"sku": "-B", "color": "blue"}),
    _several("two SKUs with the same options", {"color": "red", "size": "M"}, {"sku": "-2", "color": "red"}),
    _several("SKU without options beside others", {"color": "", "size": ""}, {"sku": "-R", "color": "red"}),
    Oddity("options and a single SKU", cells(color="red", size="M"), holds=False),
    Oddity("options without a title", cells(color="red", size="M", name=""), holds=False),
    Oddity("SKU that differs in case", _case_twin, holds_orders=True),
    Oddity("SKUs of one article that differ in case", _capitals_twin, holds_orders=True),
    Oddity("SKU of 30 characters", lambda record, *_: record.row.update(sku=f"{record.row['sku']:X<30}"), True, True),
    Oddity("no SKU", cells(sku=""), holds_orders=True),
    Oddity("name of 300 characters", cells(name=LONG), holds_orders=True),
    Oddity("no price", cells(price=""), holds_orders=True),
    Oddity("gift card with a negative price", cells(name="Gift card", price="-25", vat_rate="0"), True, True),
    Oddity("GTIN of 20 digits", cells(gtin="08712345678901234567"), holds_orders=True),
    Oddity("no VAT rate", cells(vat_rate=""), holds_orders=True),
    Oddity("SKU that is the GTIN of another", _gtin_as_sku, holds_orders=True),
    Oddity("same GTIN as another", _same_gtin, holds_orders=True),
    Oddity("GTIN of two SKUs", _gtin_of_two, holds_orders=True),
    Oddity("picture that is missing", cells(picture="missing.png")),
    Oddity("service", cells(article_type="service"), holds=False),
    Oddity("word of its own as type", cells(article_type="Größe 2"), holds=False),
    Oddity("signs of a filter in the SKU", _signs_in_sku, holds=False),
    Oddity("category in capitals", _category_as_written_elsewhere, holds=False),
    Oddity("price of 6 decimals", cells(price="8.264463", cost_price="1.333333"), holds=False),
    Oddity("VAT rate with decimals", lambda odd, *_: odd.row.update(vat_rate=with_decimals(odd.row)), holds=False),
    Oddity("no category", cells(category=""), holds=False),
    Oddity("no GTIN", cells(gtin=""), holds=False),
    Oddity("free of charge", cells(price="0", cost_price="0"), holds=False),
    Oddity("emoji", lambda record, *_: record.row.update(name=f"{EMOJI} {record.row['name']}"), holds=False),
    Oddity("right to left", cells(name=RIGHT_TO_LEFT), holds=False),
    Oddity("markup", cells(name=MARKUP, description_long=f"<p>{MARKUP}</p>" * 40), holds=False),
    *EDITS,
)
