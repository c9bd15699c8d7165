"""Pages: their size, their order, and the `$skiptoken` that holds the key of the last row (behaviour.md section 6).

A page starts after a key (keyset paging), not at an offset. So no record is missed or repeated when others are added.
"""

import base64
import binascii
import json
from typing import Any

from ...records import Records
from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet, Where
from ..data.values import is_text
from .query import Options

MAX_PAGE = 20_000
INT64_LIMIT = 2**63
# A collection is sorted by the first of these keys of which the entity set has all fields.
COMPOSITE_KEYS = (
    ("documentId", "sequence"),
    ("itemNumber", "code"),
    ("dimensionId", "code"),
    ("journalId", "lineNumber"),
)
SINGLE_KEYS = "entryNumber", "number", "code"


def page_size(prefer: str, most: int = MAX_PAGE) -> int:
    """The records per page, from `Prefer: odata.maxpagesize`. Raises Refused for more than the server's limit."""
    wanted = [part for part in prefer.split(",") if "odata.maxpagesize" in part]
    if not wanted:
        return most
    value = wanted[0].partition("=")[2].strip()
    if not value.isdigit() or not 0 < int(value) <= MAX_PAGE:
        raise Refused(413, "BadRequest", f"The page size {value} is not between 1 and {MAX_PAGE}.")
    return min(int(value), most)


def page(records: Records, entity: EntitySet, options: Options, where: Where, limit: int) -> tuple[list[str], str]:
    """Up to `limit` records as JSON texts, and the token of the next page. The token is empty on the last page."""
    terms = _sort_terms(entity, options)
    columns = [_column(name) for name, _ in terms]
    condition, values = where
    if options.skip_token:
        key = _decoded_token(options.skip_token, len(terms) + 1)
        after_key, key_values = _after_key(terms, key)
        condition, values = f"({condition}) AND ({after_key})", [*values, *key_values]
    elif columns and not options.orderby:
        # A key is never null. Saying so lets SQLite use its partial index, which leaves out nulls.
        condition = f"({condition}) AND {columns[0]} IS NOT NULL"
    skip = 0 if options.skip_token else options.skip
    # One row more than the page holds tells whether another page follows.
    rows = records.select_page(entity.name, columns, condition, values, order(entity, options), limit + 1, skip)
    token = _encoded_token(rows[limit - 1][1:]) if len(rows) > limit else ""
    return [row[0] for row in rows[:limit]], token


def order(entity: EntitySet, options: Options) -> str:
    """The SQL order of `$orderby`, or else of the record's key. Equal records come in the order of their creation."""
    terms = [f"{_column(name)} {'DESC' if down else 'ASC'}" for name, down in _sort_terms(entity, options)]
    return ", ".join([*terms, "seq"])


def _sort_terms(entity: EntitySet, options: Options) -> tuple[tuple[str, bool], ...]:
    if options.orderby:
        return options.orderby
    for names in (entity.sorted_by, *COMPOSITE_KEYS, *((name,) for name in SINGLE_KEYS)):
        if names and set(names) <= set(entity.fields):
            return tuple((name, False) for name in names)
    return ()


def _column(name: str) -> str:
    return f"json_extract(body, '$.{name}')"


def _after_key(terms: tuple[tuple[str, bool], ...], key: list[Any]) -> Where:
    """The SQL condition for the rows that come after a key.

    For the key (a, b) it is: `a > ?`, or `a = ? AND b > ?`. A field that sorts downwards has `<` in place of `>`.
    """
    columns = [(_column(name), "<" if down else ">") for name, down in terms] + [("seq", ">")]
    alternatives, values = [], []
    for place, (column, sign) in enumerate(columns):
        equal = [f"{name} = ?" for name, _ in columns[:place]]
        alternatives.append(" AND ".join([*equal, f"{column} {sign} ?"]))
        values += key[: place + 1]
    first_column, first_sign = columns[0]
    bound = f"{first_column} {first_sign}= ?"  # says nothing new, but lets SQLite use an index
    return f"{bound} AND ({' OR '.join(alternatives)})", [key[0], *values]


def _encoded_token(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _decoded_token(token: str, length: int) -> list[Any]:
    """The key inside a token. Raises Refused for a token that was not made for this query."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != length or not all(_is_plain(part) for part in key):
        raise bad_request("The value of the query option '$skiptoken' is not valid.")
    return key


def _is_plain(part: object) -> bool:
    if isinstance(part, str):
        return is_text(part)
    return isinstance(part, float) or (isinstance(part, int) and -INT64_LIMIT <= part < INT64_LIMIT)
