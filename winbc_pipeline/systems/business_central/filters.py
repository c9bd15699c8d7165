"""Look-ups of many records by the values of a field: their filters, and their answers by value.

Here belongs: which texts a filter takes as they are, and which would mean something else.
Source: behaviour.md section 5.
"""

import math
import re
import uuid
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote

from .facts import entity_fields

KEYS_PER_LOOKUP = 40
# Characters that a filter value takes for a wildcard or an operator (behaviour.md section 5).
UNSAFE = re.compile(r"^@|[*?|&<>=()\"\\]|\.\.")


def lookups(
    entity_set: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str], expand: str = ""
) -> tuple[list[str], list[str]]:
    """The values that a field can have, in their order, and the paths of the look-ups of all of them."""
    longest = entity_fields(entity_set)[field].max_length or math.inf
    # A value that is longer than the field would have the whole call refused.
    wanted = sorted({key for key in keys if _length(key) <= longest})
    operand = f"tolower({field})" if ignore_case else field
    chunks = [wanted[start : start + KEYS_PER_LOOKUP] for start in range(0, len(wanted), KEYS_PER_LOOKUP)]
    only = (f"&$select={','.join(select)}" if select else "") + (f"&$expand={expand}" if expand else "")
    return wanted, [f"{entity_set}?{_query(_filter(operand, chunk))}{only}" for chunk in chunks]


def by_key(
    records: Iterable[dict[str, Any]], field: str, wanted: list[str], ignore_case: bool
) -> dict[str, list[dict[str, Any]]]:
    """The records by the value of a field, for the wanted values that were found."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        value = str(record.get(field, ""))
        found.setdefault(value.lower() if ignore_case else value, []).append(record)
    return {key: found[key] for key in wanted if key in found}


def _query(text: str) -> str:
    """The query of a filter. A function inside another one needs schema version 2.1 (behaviour.md section 5)."""
    newer = "$schemaversion=2.1&" if "(tolower(" in text else ""
    return f"{newer}$filter={quote(text)}"


def _length(text: str) -> int:
    """The length of a text in UTF-16 units, as Business Central counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _filter(operand: str, keys: list[str]) -> str:
    return " or ".join(_condition(operand, key) for key in keys)


def _condition(operand: str, key: str) -> str:
    unsafe = UNSAFE.search(key)
    text = key[: unsafe.start()] if unsafe else key
    if operand == "id":
        return f"id eq {uuid.UUID(key)}"  # GUIDs stand bare
    quoted = "'" + text.replace("'", "''") + "'"
    return f"startswith({operand},{quoted})" if unsafe else f"{operand} eq {quoted}"
