"""What changes of a shop's articles within a week: one entry each, and the articles as they are then.

Here belongs: edits of articles and of their SKUs. A new one is a line in EDITS. What is odd from the beginning:
articles.py.
"""

from datetime import timedelta
from random import Random

from ..control import timestamp
from ..retail_tables import Row
from .models import OTHER_PICTURE, PICTURE
from .oddities import Oddity
from .plain import UNTIL
from .records import Odd, Records

WEEK = timedelta(days=7)


def _of_another(shop: Records, record: Odd, chance: Random) -> Odd | None:
    """A SKU of another article, with nothing odd yet, that no edit moves."""
    moved = {id(each) for each, cells in shop.edits if "article_key" in cells}
    others = [
        each
        for each in shop.articles
        if each.row["sku"]
        and each.row["article_key"] != record.row["article_key"]
        and not each.defects + each.oddities
        and id(each) not in moved
    ]
    return chance.choice(others) if others and record.row["sku"] and id(record) not in moved else None


def _renames_colour(record: Odd, shop: Records, chance: Random) -> bool:
    record.row["color"] = record.row["color"] or "red"
    colour = f"light {record.row['color']}"
    shop.edits.append((record, {"color": colour, "name": f"{record.row['name']} {colour}"}))
    return True


def _changes_places(record: Odd, shop: Records, chance: Random) -> bool:
    """Two SKUs change places: each belongs to the other's article."""
    if (other := _of_another(shop, record, chance)) is None:
        return False
    other.oddities.append("SKU that changes places with another")
    for one, two in ((record, other), (other, record)):
        shop.edits.append((one, {"article_key": two.row["article_key"]}))
    return True


def _moves(record: Odd, shop: Records, chance: Random) -> bool:
    if (other := _of_another(shop, record, chance)) is None:
        return False
    shop.edits.append((record, {"article_key": other.row["article_key"]}))
    return True


def _renumbered(record: Odd, shop: Records, chance: Random) -> bool:
    """An article with a new key and the same SKUs; nothing is left of the old one."""
    key = record.row["article_key"]
    shop.edits.extend((each, {"article_key": f"{key}7"}) for each in shop.articles if each.row["article_key"] == key)
    return True


def _other_picture(record: Odd, shop: Records, chance: Random) -> None:
    record.row["picture"] = PICTURE
    shop.edits.append((record, {"picture": OTHER_PICTURE}))


def _loses_picture(record: Odd, shop: Records, chance: Random) -> None:
    record.row["picture"] = PICTURE
    shop.edits.append((record, {"picture": ""}))


def _gains(record: Odd, shop: Records, chance: Random) -> bool:
    if not record.row["sku"]:
        return False
    shop.gained.append(record.row | {"sku": f"{record.row['sku']}-NEW", "size": "XXL", "gtin": ""})
    return True


EDITS = (
    Oddity("colour that is renamed", _renames_colour, holds=False),
    Oddity("SKU that changes places with another", _changes_places, holds=False),
    Oddity("SKU that moves to another article", _moves, holds=False),
    Oddity("article that is renumbered", _renumbered, holds=False),
    Oddity("article that gains a SKU", _gains, holds=False),
    Oddity("picture that changes", _other_picture, holds=False),
    Oddity("picture that is taken away", _loses_picture, holds=False),
)


def a_week_later(shop: Records) -> list[Row]:
    """All rows of the articles that changed, as they are a week later. An article that lost its SKUs has none."""
    cells: dict[int, Row] = {}
    for record, changes in shop.edits:
        cells[id(record)] = cells.get(id(record), {}) | changes
    before = [record.row for record in shop.articles]
    after = [record.row | cells.get(id(record), {}) for record in shop.articles]
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    touched = {row["article_key"] for pair in pairs for row in pair} | {row["article_key"] for row in shop.gained}
    rows = [row for row in (*after, *shop.gained) if row["article_key"] in touched]
    left = {row["article_key"] for row in rows}
    rows += {row["article_key"]: row | {"sku": ""} for row in before if row["article_key"] in touched - left}.values()
    return [row | {"modified_at": timestamp(UNTIL + WEEK)} for row in rows]
