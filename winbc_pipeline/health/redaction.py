"""Messages about records as Dagster may keep them: without personal data.

The program's own messages hold keys, codes, SKUs and amounts, and no value of a person. A system's own words may quote
one, so the values that were sent are taken out of them. `winbc records` and `winbc trace` show the whole message.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ..staging.people.fields import is_personal
from ..staging.store import Row
from ..sync.outcomes import IGNORED

# Reasons whose message may be a system's own words.
SYSTEM_WORDS = (
    *("BC_REFUSED", "CUSTOMER_GROUP", "ITEM_GROUP", "TOO_LONG", "TOO_LARGE", "RELATION_MISSING", "WINSTORE_REFUSED"),
)
E_MAIL = re.compile(r"\S+@\S+")
WORD = re.compile(r"\w{3,}")
CUT = "…"


def without_personal_data(row: Row) -> str:
    """The message of a record, as far as it may be kept.

    Args:
        row: `reason` and `message` of a planned or ledger row, and of its plan `planned_action` and `body`.
    """
    message = row["message"] or ""
    if row["reason"] == IGNORED:  # in the words of whoever typed it
        return ""
    if row["reason"] not in SYSTEM_WORDS:
        return message
    if row["planned_action"] != "create" or not row["body"]:
        # The system may quote what it has: only of a new record is it known what that can be.
        return f"{message.partition(':')[0]} (`winbc trace` shows the rest)" if message else ""
    for word in sorted(_personal_words(json.loads(row["body"])), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", CUT, message, flags=re.IGNORECASE)
    return E_MAIL.sub(CUT, message)


def _personal_words(body: Any) -> set[str]:
    """The values of a person's fields, whole and word by word."""
    words = set()
    for value in _personal_values(body):
        words |= {value, *WORD.findall(value)}
    return words


def _personal_values(body: Any, personal: bool = False) -> Iterator[str]:
    if isinstance(body, dict):
        for name, value in body.items():
            yield from _personal_values(value, personal or is_personal(name))
    elif isinstance(body, list):
        for value in body:
            yield from _personal_values(value, personal)
    elif personal and isinstance(body, str) and body.strip():
        yield body.strip()
