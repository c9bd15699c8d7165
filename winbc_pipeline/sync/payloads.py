"""The values of fields: how payloads are read, how values are compared, and the hashes of what was sent."""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..systems.business_central.client import dumps


def equal(old: Any, new: Any) -> bool:
    """Whether a live value and a mapped value are the same. Numbers count by value, texts to the letter."""
    if type(old) is type(new):
        return bool(old == new)
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, int | Decimal) and isinstance(new, int | Decimal):
        return Decimal(old) == Decimal(new)
    return bool(old == new)


def empty(value: Any) -> bool:
    """Whether BC takes a value for empty: no text, zero, the zero date, the blank option."""
    return value in (None, "", 0, "0001-01-01", "_x0020_")  # `_x0020_` is an option whose caption is a blank


def is_blank(value: Any) -> bool:
    """Whether a value is None or a text without characters. Zero and false are not blank."""
    return not value and (value is None or isinstance(value, str))


def filled(fields: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """The fields whose values are not blank, without the flow's own fields.

    Args:
        own: names of the flow's own fields, which are no fields of the target.
    """
    return {name: value for name, value in fields.items() if name not in own and (value or not is_blank(value))}


def field_hashes(key: str, fields: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A short keyed hash of each field. The ledger keeps it of what was sent, and not the values themselves.

    Args:
        key: the key of the installation: without it nobody finds a value by trying out all that there are.
        prefix: of the names of the hashes.
    """
    return {
        prefix + name: _hash_of_text(key, value) if type(value) is str else _short_hash(key, value)
        for name, value in fields.items()
    }


def hashes_as_text(key: str, fields: Mapping[str, Any]) -> str:
    """The same as JSON, as the ledger keeps it. Of equal fields in the same order it is equal."""
    return dumps(field_hashes(key, fields)).decode()


@lru_cache(maxsize=20_000)  # the same values occur in many records
def _hash_of_text(key: str, value: str) -> str:
    return _keyed_hash(key, dumps(value))


@lru_cache(maxsize=20_000, typed=True)  # so that 1 and true, which are equal, have a hash each
def _short_hash(key: str, value: Decimal | int | bool | None) -> str:
    return _keyed_hash(key, _canonical(value))


def _keyed_hash(key: str, content: bytes) -> str:
    """The HMAC of the plain hash, and not of the value: so those of earlier versions became keyed (pseudonyms.py)."""
    plain = hashlib.sha256(content).hexdigest()[:12]
    return hmac.digest(key.encode(), plain.encode(), "sha256").hex()[:12]


def _canonical(value: Any) -> bytes:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(Decimal(value).normalize(), "f").encode()  # 5 and 5.00 are one number, so they have one hash
    return dumps(value)


def fields_of(text: str) -> dict[str, Any]:
    """The fields of a payload (JSON). Its numbers are exact decimals."""
    fields: dict[str, Any] = _read_exactly(text) if text != "{}" else {}
    return fields


def records_of(text: str) -> list[dict[str, Any]]:
    """The fields of each payload in a JSON array. Their numbers are exact decimals."""
    records: list[dict[str, Any]] = _read_exactly(text)
    return records


@lru_cache(maxsize=10_000)
def _exact(text: str) -> Decimal:
    value = Decimal(text)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


_DECODER = json.JSONDecoder(parse_float=_exact)


def _read_exactly(text: str) -> Any:
    return _DECODER.raw_decode(text)[0]  # without a search for blanks around what a database wrote
