"""The values of fields: read from payloads, compared with live ones, and as hashes of what was sent."""

import hashlib
import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..systems.business_central.client import dumps


def equal(old: Any, new: Any) -> bool:
    """Whether a live value and a mapped one are the same: numbers by value, texts to the letter."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, int | Decimal) and isinstance(new, int | Decimal):
        return Decimal(old) == Decimal(new)
    return bool(old == new)


def empty(value: Any) -> bool:
    """Empty as BC writes it: text without characters, zero, the zero date."""
    return value in (None, "", 0, "0001-01-01", "_x0020_")


def is_blank(value: Any) -> bool:
    """Nothing, or a text without characters; zero and false are values."""
    return not value and (value is None or isinstance(value, str))


def filled(fields: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """The fields that hold something, without those of the flow's own."""
    return {name: value for name, value in fields.items() if name not in own and (value or not is_blank(value))}


def field_hashes(fields: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A short hash per field: what was last sent, without keeping the values themselves."""
    return {prefix + name: _short_hash(value) for name, value in fields.items()}


@lru_cache(maxsize=100_000, typed=True)  # most values of documents come again and again
def _short_hash(value: str | Decimal | int | bool | None) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()[:12]


def _canonical(value: Any) -> bytes:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(Decimal(value).normalize(), "f").encode()
    return dumps(value)


def fields_of(text: str) -> dict[str, Any]:
    """A payload's fields, numbers exact."""
    fields: dict[str, Any] = _read_exactly(text) if text != "{}" else {}
    return fields


def records_of(text: str) -> list[dict[str, Any]]:
    """The same of many payloads."""
    records: list[dict[str, Any]] = _read_exactly(text)
    return records


@lru_cache(maxsize=10_000)
def _exact(text: str) -> Decimal:
    value = Decimal(text)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


_read_exactly = json.JSONDecoder(parse_float=_exact).decode
