"""What the Winstore sandbox refuses, and the checks of what a call has sent.

Here belongs: what several calls check alike. What a call does: shop.py (reads) and posts.py (writes).
"""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .control import timestamp
from .records import Record


class Refused(Exception):
    """A call that Winstore answers with a status code other than 200. The codes are assumed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def required_text(sent: Record, name: str) -> str:
    """The text of a field or parameter. Raises Refused without one."""
    value = sent.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{name} is missing")
    return value


def required_number(sent: Record, name: str) -> Decimal:
    """The number of a field. Raises Refused without one."""
    try:
        return Decimal(required_text(sent, name))
    except InvalidOperation:
        raise Refused(400, f"{name} is not a number with a dot") from None


def optional_count(asked: Record, name: str) -> int | None:
    """The count of a parameter, None without one. Raises Refused for what is no count."""
    if name not in asked:
        return None
    if not re.fullmatch("[1-9][0-9]{0,8}", asked[name]):
        raise Refused(400, f"{name} is not a count")
    return int(asked[name])


def optional_position(asked: Record, name: str) -> tuple[str, str]:
    """The moment and the key of the record that a parameter names, with a comma between; empty without the parameter.

    Raises Refused for a text without a comma.
    """
    moment, comma, key = asked.get(name, ",").partition(",")
    if not comma:
        raise Refused(400, f"{name} is not a moment and a key with a comma between")
    return moment, key


def required_digits(sent: Record, name: str) -> str:
    """The text of a field that holds an integer. Raises Refused without one."""
    value = sent.get(name)
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise Refused(400, f"{name} is not an integer")
    return value


def required_moment(asked: Record, name: str) -> str:
    """The moment of a parameter, as the records keep moments. Raises Refused without one."""
    try:
        moment = datetime.fromisoformat(required_text(asked, name).replace(" ", "+"))
    except ValueError:
        raise Refused(400, f"{name} is not ISO 8601") from None
    if moment.tzinfo is None:
        raise Refused(400, f"{name} has no offset")
    return timestamp(moment)


def records_of(group: object, name: str) -> list[Record]:
    """The records inside an element, such as the `position` in `positions`: none, one, or a list of them.

    Raises Refused for a text where a record should be.
    """
    inner: Any = group.get(name, []) if isinstance(group, dict) else []
    rows = inner if isinstance(inner, list) else [inner]
    if not all(isinstance(row, dict) for row in rows):
        raise Refused(400, f"an empty {name}")
    return rows
