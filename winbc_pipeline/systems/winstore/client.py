"""Calls to Winstore as its profile says: reads in JSON or XML, one flat record per row.

Source of the quirks: winstore.md section 2 (HTTP Basic; `?` between parameters; words for booleans; text ids).
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...errors import ConfigurationError, UnreadableAnswer
from ...settings import Settings
from ..transport import Answer, Limits, Lost, Transport
from .profile import EntityProfile, load_profile
from .writing import Fields, Receipt, document, receipt

Row = dict[str, Any]


class Winstore:
    """One Winstore."""

    def __init__(self, settings: Settings) -> None:
        if not settings.winstore.base_url:
            hint = "Set it in winbc.toml or as WINBC_WINSTORE__BASE_URL."
            raise ConfigurationError("winstore.base_url is not set.", hint)
        pair = f"{settings.winstore.user}:{settings.winstore.password.get_secret_value()}".encode()
        header = "Basic " + base64.b64encode(pair).decode()
        limits = Limits(deadline_s=settings.timeout_s, answer_bytes=settings.answer_limit_mb * 2**20)
        self.profile = load_profile(settings.winstore.profile)
        self.transport = Transport("Winstore", settings.winstore.base_url, lambda _: header, limits)

    def close(self) -> None:
        self.transport.close()

    def changed_since(self, entity: str, since: datetime) -> Iterator[list[Row]]:
        """Pages of records changed at or after a moment: flat rows of texts, empty = None."""
        profile = self.profile.entity(entity)
        for rows in self._pages(profile, since):
            yield [flat for row in rows for flat in exploded(row, profile)]

    def counted(self, entity: str, since: datetime) -> Counter[str]:
        """How many records of each number there are among those changed at or after a moment."""
        profile = self.profile.entity(entity)
        return Counter(str(row.get(profile.key[0])) for rows in self._pages(profile, since) for row in rows)

    def _pages(self, profile: EntityProfile, since: datetime) -> Iterator[list[Row]]:
        page = 1
        while True:
            rows = self._page(profile, since, page)
            yield rows
            if not profile.page or len(rows) < profile.records_per_page:
                return
            page += 1

    def _page(self, profile: EntityProfile, since: datetime, page: int) -> list[Row]:
        asked = {profile.since: since.astimezone(UTC).isoformat(timespec="seconds"), **profile.always}
        if profile.page and profile.page_size:
            asked |= {profile.page: str(page), profile.page_size: str(profile.records_per_page)}
        return records_in(self.ask(profile.call, asked, profile.accept), profile.call, profile.records)

    def ask(self, call: str, asked: dict[str, str], accept: str) -> Answer:
        """A reading call, its parameters joined as Winstore wants them."""
        query = "?".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        return self.transport.call("GET", f"{call}?{query}" if query else call, headers={"Accept": accept})

    def post(self, name: str, fields: Fields, lines: Iterable[Fields], repeatable: bool) -> Receipt:
        """Hands one record to Winstore; `name` is a write of the profile.

        Raises Lost (it may have been taken), SystemUnavailable (it was not, or it is repeatable),
        AuthenticationFailed, ValueError for a character that XML cannot carry.
        """
        profile = self.profile.write(name)
        content = document(profile, fields, lines)
        headers = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml"}
        try:
            answer = self.transport.call("POST", profile.call, headers=headers, content=content, idempotent=repeatable)
        except UnreadableAnswer:
            raise Lost("Winstore's answer is no answer") from None
        return receipt(profile, answer)


def records_in(answer: Answer, call: str, path: str) -> list[Row]:
    """The records of an answer in either format; raises UnreadableAnswer when the promised path is not there."""
    if answer.status != 200:
        raise UnreadableAnswer(f"Winstore answers {answer.status} to {call}.", "Check the call in the profile.")
    content: Any = answer.json() if "json" in answer.headers.get("content-type", "") else _from_xml(answer.content)
    for name in path.split("."):
        if content in (None, "", []):
            return []
        if not isinstance(content, dict) or name not in content:
            raise UnreadableAnswer(f"Winstore's answer to {call} has no `{path}`.")
        content = content[name]
    return content if isinstance(content, list) else [content]


def exploded(row: Row, profile: EntityProfile) -> Iterator[Row]:
    """One row per inner record with the fields of its parent, or the row itself; groups of fields become fields."""
    row = {name: value for field, inner in row.items() for name, value in _flat(field, inner, profile)}
    if not profile.explode:
        yield row
        return
    inner = row.get(profile.explode) or []
    if isinstance(inner, dict):
        inner = next(iter(inner.values()))
    inner = inner if isinstance(inner, list) else [inner]
    outer = {name: value for name, value in row.items() if name != profile.explode}
    if not inner and profile.count and profile.parent_key:  # nothing to sell: told by a row of its own, never dropped
        yield outer | {profile.key[0]: outer.get(profile.parent_key), profile.count: "0"}
    for item in inner:
        yield outer | item | ({profile.count: str(len(inner))} if profile.count else {})


def _flat(field: str, value: Any, profile: EntityProfile) -> Iterator[tuple[str, Any]]:
    """A field, or the fields inside it by both names: `delivery_add_city`."""
    if isinstance(value, dict) and field != profile.explode:
        yield from ((f"{field}_{name}", inner) for name, inner in value.items())
    else:
        yield field, value


def _from_xml(content: bytes) -> Any:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableAnswer(f"Winstore's answer is not whole, safe XML ({type(error).__name__}).") from None
    return {root.tag: _value(root)}


def _value(element: Element) -> Any:
    """Texts stay texts (leading zeros are identifiers); repeated elements become a list; empty is None."""
    if not len(element):
        return (element.text or "").strip() or None
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(child.tag, []).append(_value(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in groups.items()}


def as_lines(rows: list[Row]) -> bytes:
    """Newline-delimited JSON, the form that staging takes in."""
    return b"\n".join(orjson.dumps(row) for row in rows)
