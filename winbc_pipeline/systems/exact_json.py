"""JSON as it was sent: numbers to the last digit, and no field twice in one record.

Here belongs: what every reader of records shares. JSON leaves it open which value of a repeated name counts (RFC 8259,
section 4), and readers take the last one in silence: a price that nobody can be sure of.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from ..errors import UnreadableAnswer

NAME = re.compile(r"[\w.@-]{1,60}")  # of a field; anything else is not shown to people


def exact(content: bytes, number: Callable[[str], Any] = Decimal, whole: Callable[[str], Any] = int) -> Any:
    """The value of a JSON text.

    Args:
        number, whole: make a value of a number with and without decimals.
    Raises: UnreadableAnswer that names a field which a record has twice; ValueError and RecursionError for what is no
        JSON, or cannot be held.
    """
    return json.loads(content, parse_float=number, parse_int=whole, object_pairs_hook=_once_each)


def may_repeat(content: bytes, value: Any) -> bool:
    """Whether a JSON text may have a field twice in one record, by its value as a fast reader has read it.

    It costs less than reading, and sees each repeated field; other texts may look as if they had one.
    """
    return b"\\u0022:" in content or content.count(b'":') != orjson.dumps(value).count(b'":')


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = f"`{twice}`" if NAME.fullmatch(twice) else "a field"
        hint = "Nothing of the answer was taken, because it is not known which of the values counts."
        raise UnreadableAnswer(f"A record of the answer has {shown} twice.", hint)
    return record
