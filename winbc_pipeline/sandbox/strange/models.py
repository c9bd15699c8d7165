"""Articles with several SKUs, as fashion has them: colours, sizes, both, or neither.

Here belongs: what such an article is like as long as nothing is odd about it. What may be odd: articles.py.
"""

import struct
import zlib
from random import Random

from . import plain
from .plain import Traits
from .records import Odd

FIRST_NUMBER = 500  # of the articles with several SKUs of a shop
COLOURS = ("red", "bleu", "grün", "żółty", "أحمر", "青")
SIZES = ("S", "M", "L", "38½", "one size")
GTIN = 8700000500000
PICTURE, OTHER_PICTURE = "model.png", "model 2.png"


def _png(grey: int) -> bytes:
    """A picture of one grey pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes((0, grey)))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


PICTURES = {PICTURE: _png(40), OTHER_PICTURE: _png(200)}


def model(number: int, traits: Traits, chance: Random) -> list[Odd]:
    """The SKUs of an article. Some have no title of their own."""
    article = plain.article(FIRST_NUMBER + number, traits, chance).row
    article |= {"model_name": article["name"], "picture": chance.choice(("", PICTURE))}
    titled = chance.random() < 0.7
    return [
        Odd(
            article
            | {"sku": f"{article['sku']}-{option}", "gtin": f"0{GTIN + (number * 100 + option) * 10}"}
            | {"color": colour, "size": size}
            | {"name": " ".join(filter(None, (article["name"], colour, size))) if titled else ""}
        )
        for option, (colour, size) in enumerate(_options(chance), 1)
    ]


def _options(chance: Random) -> list[tuple[str, str]]:
    """Colour and size of each SKU."""
    colours, sizes = chance.sample(COLOURS, 2), chance.sample(SIZES, chance.choice((2, 3)))
    return chance.choice(
        (
            [(colour, size) for colour in colours for size in sizes],
            [(colour, "") for colour in colours],
            [("", size) for size in sizes],
            [(colours[0], sizes[0])],
            [("", ""), ("", "")],
        )
    )
