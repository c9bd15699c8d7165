"""Cuts the texts of a document's addresses that are longer than Business Central takes.

A parcel arrives although the end of a long name is missing; an order that is not sent arrives nowhere. Keys, codes,
e-mail addresses and numbers are never cut: they would be those of something else.
"""

import re
from functools import cache
from typing import Any

from .facts import entity_fields

ADDRESS = re.compile(r"(sellTo|shipTo|billTo)(Name|Contact|AddressLine[12]|City|State)")


@cache
def _limits(entity_set: str) -> dict[str, int]:
    """The longest text of each field of an address, by name."""
    facts = entity_fields(entity_set)
    return {name: each.max_length for name, each in facts.items() if ADDRESS.fullmatch(name) and each.max_length}


def cut(header: dict[str, Any], entity_set: str) -> list[str]:
    """Cuts the texts of a header's addresses that are too long.

    Args:
        header: the fields of the header. It is changed.

    Returns: what was cut, in words without the texts, such as `shipToName to 100 characters`.
    """
    words = []
    for name, longest in _limits(entity_set).items():
        text = str(header.get(name) or "")
        if 2 * len(text) <= longest:  # no character is more than two units
            continue
        units = text.encode("utf-16-le", "surrogatepass")  # as Business Central counts: two bytes each
        if len(units) > 2 * longest:
            header[name] = units[: 2 * longest].decode("utf-16-le", "ignore").rstrip()  # half a character is left out
            words.append(f"{name} to {longest} characters")
    return words
