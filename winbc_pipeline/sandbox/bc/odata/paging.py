"""Pages: their size, their order, and the token that leads on from the key of the last row (behaviour.md section 6)."""

import base64
import binascii
import json
from typing import Any

from ...records import Records
from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet, Where
from .query import Options

MAX_PAGE = 20_000
LARGEST = 2**63
KEYS = ("documentId", "sequence"), ("itemNumber", "code"), ("dimensionId", "code"), ("journalId", "lineNumber")
ALONE = "entryNumber", "number", "code"


def page_size(prefer: str, most: int = MAX_PAGE) -> int:
    """Records per page by `Prefer: odata.maxpagesize`; more than the server's limit is not allowed."""
    wanted = [part for part in prefer.split(",") if "odata.maxpagesize" in part]
    if not wanted:
        return most
    value = wanted[0].partition("=")[2].strip()
    if not value.isdigit() or not 0 < int(value) <= MAX_PAGE:
        raise Refused(413, "BadRequest", f"The page size {value} is not between 1 and {MAX_PAGE}.")
    return min(int(value), most)


def page(records: Records, entity: EntitySet, options: Options, where: Where, limit: int) -> tuple[list[str], str]:
    """Up to `limit` JSON texts, and the token of the next page (empty: that was all)."""
    terms = _terms(entity, options)
    columns = [_column(name) for name, _ in terms]
    condition, values = where
    if options.after:
        more = _after(terms, _key(options.after, len(terms) + 1))
        condition, values = f"({condition}) AND ({more[0]})", [*values, *more[1]]
    elif columns and not options.orderby:
        condition = f"({condition}) AND {columns[0]} IS NOT NULL"  # a key is never null: lets SQLite use its index
    skip = 0 if options.after else options.skip
    rows = records.keyed(entity.name, columns, condition, values, order(entity, options), limit + 1, skip)
    return [row[0] for row in rows[:limit]], _token(rows[limit - 1][1:]) if len(rows) > limit else ""


def order(entity: EntitySet, options: Options) -> str:
    """The SQL of `$orderby`, else of the record's key; what is equal comes as it was made."""
    ways = [f"{_column(name)} {'DESC' if down else 'ASC'}" for name, down in _terms(entity, options)]
    return ", ".join([*ways, "seq"])


def _terms(entity: EntitySet, options: Options) -> tuple[tuple[str, bool], ...]:
    if options.orderby:
        return options.orderby
    if entity.name == "dimensionSetLines":
        return (("code", False),)
    for names in (*KEYS, *((name,) for name in ALONE)):
        if set(names) <= set(entity.fields):
            return tuple((name, False) for name in names)
    return ()


def _column(name: str) -> str:
    return f"json_extract(body, '$.{name}')"


def _after(terms: tuple[tuple[str, bool], ...], key: list[Any]) -> Where:
    """SQL of what comes after a key: greater in its first part, or equal there and greater in the next, and so on."""
    columns = [(_column(name), "<" if down else ">") for name, down in terms] + [("seq", ">")]
    ways, values = [], []
    for place, (column, sign) in enumerate(columns):
        ways.append(" AND ".join([*(f"{name} = ?" for name, _ in columns[:place]), f"{column} {sign} ?"]))
        values += key[: place + 1]
    bound = f"{columns[0][0]} {columns[0][1]}= ?"  # follows from the rest, and lets SQLite use an index
    return f"{bound} AND ({' OR '.join(ways)})", [key[0], *values]


def _token(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _key(token: str, length: int) -> list[Any]:
    """The key inside a token; raises Refused for a token that was not made for this query."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != length or not all(_is_plain(part) for part in key):
        raise bad_request("The value of the query option '$skiptoken' is not valid.")
    return key


def _is_plain(part: object) -> bool:
    return isinstance(part, str | float) or (isinstance(part, int) and -LARGEST <= part < LARGEST)
