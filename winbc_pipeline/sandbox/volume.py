"""A shop of many articles with many SKUs each, for loads that take long.

Here belongs: articles by the thousand, made by a seed. Practice data that people look at: retail.py.
"""

import random
from datetime import datetime, timedelta
from itertools import product

from .control import timestamp
from .retail import CATEGORIES, NOUNS
from .retail_tables import Row

COLOURS = ("black", "white", "red", "blue", "green", "grey", "yellow", "brown", "pink", "orange")
SIZES = ("XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "5XL", "6XL")
MOST_SKUS = len(COLOURS) * len(SIZES)
HISTORY = timedelta(days=365)


def articles(count: int, skus: int, until: datetime, seed: int = 7) -> list[Row]:
    """The rows of `articles.csv`: articles of so many SKUs each, of several colours and sizes.

    They were modified one after the other, evenly within a year. The same arguments give the same rows.

    Args:
        skus: SKUs of each article, from 1 to MOST_SKUS.
        until: the modification moment of the last article.
    """
    chance = random.Random(seed)
    options = list(product(COLOURS, SIZES))[:skus]
    step = HISTORY / max(count, 1)
    return [
        row for number in range(count) for row in _article(number, options, until - step * (count - 1 - number), chance)
    ]


def _article(number: int, options: list[tuple[str, str]], moment: datetime, chance: random.Random) -> list[Row]:
    noun, price = chance.choice(NOUNS), chance.randrange(1000, 9000)
    article = {
        "article_key": f"{200000 + number}",
        "model_name": f"{noun} {number}",
        "supplier_id": str(number % 5 + 1),
        "category": chance.choice(CATEGORIES),
        "subcategory": "",
        "description": f"{noun} of good quality",
        "description_long": f"A {noun.lower()} that lasts. " * 4,
        "cost_price": f"{price / 250:.2f}",
        "price": f"{price / 100:.2f}",
        "vat_rate": "21",
        "active": "true",
        "modified_at": timestamp(moment),
    }
    return [
        article
        | {"sku": f"SKU-{number:05d}-{option:02d}", "gtin": f"0{8700000000000 + (number * MOST_SKUS + option) * 10}"}
        | {"name": f"{noun} {number} {colour} {size}", "color": colour, "size": size}
        for option, (colour, size) in enumerate(options)
    ]
