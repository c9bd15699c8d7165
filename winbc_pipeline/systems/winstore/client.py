"""Calls to Winstore as its profile describes them: reads JSON or XML, and gives one flat row per record.

Source: winstore.md section 2 (HTTP Basic; `?` between parameters; words for booleans; ids are texts).
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...errors import UnreadableAnswer
from ...settings import Settings, check_set
from ..transport import Answer, Limits, Lost, Transport
from .profile import EntityProfile, load_profile
from .writing import Fields, Receipt, document, receipt

Row = dict[str, Any]
FEW_BYTES, FEW_RECORDS = 64 * 2**10, 20  # what is read of an answer, and asked for, where a few records say enough


class Winstore:
    """One Winstore. Raises ConfigurationError when it has no address or credentials, or its profile is wrong.

    Args:
        tries: how often one call is made before it is given up.
    """

    def __init__(self, settings: Settings, tries: int = Limits.tries) -> None:
        own, password = settings.winstore, settings.winstore.password.get_secret_value()
        check_set({"winstore.base_url": own.base_url, "winstore.user": own.user, "winstore.password": password})
        # winstore.md section 2: HTTP Basic on every call.
        pair = f"{own.user}:{password}".encode()
        header = "Basic " + base64.b64encode(pair).decode()
        limits = Limits(deadline_s=settings.timeout_s, answer_bytes=settings.answer_limit_mb * 2**20, tries=tries)
        self.profile = load_profile(settings.winstore.profile)
        self.transport = Transport("Winstore", settings.winstore.base_url, lambda _: header, limits)

    def close(self) -> None:
        self.transport.close()

    @property
    def ahead(self) -> timedelta:
        """How far Winstore's clock is ahead of ours, at least, as its last answer told it; below 0: it is behind."""
        return self.transport.server_ahead

    def gives_in_order(self, entity: str) -> bool:
        """Whether the records come in the order of their modification (assumed, docs/winstore-contract.md)."""
        return bool(self.profile.entity(entity).page)

    def changed_since(self, entity: str, since: datetime) -> Iterator[list[Row]]:
        """Pages of the records that changed at or after a moment. A row is flat; empty values are None."""
        profile = self.profile.entity(entity)
        for rows in self._pages(profile, since):
            yield [flat for row in rows for flat in exploded(row, profile)]

    def few_changes(self, entity: str, since: datetime) -> list[Row] | None:
        """The records that changed at or after a moment, by one call; None when there are more than a few.

        No more than FEW_BYTES of the answer are read.
        """
        profile = self.profile.entity(entity)
        few = profile.model_copy(update={"records_per_page": FEW_RECORDS})
        answer = self.ask(profile.call, self._asked(few, since, 1), profile.accept, FEW_BYTES)
        if answer.status == 200 and answer.cut:
            return None
        rows = records_in(answer, profile.call, profile.records)
        if profile.page and len(rows) >= FEW_RECORDS:
            return None
        return [flat for row in rows for flat in exploded(row, profile)]

    def counted(self, entity: str, since: datetime) -> Counter[str]:
        """How many records there are of each key (its first field) among those changed at or after a moment."""
        profile = self.profile.entity(entity)
        return Counter(str(row.get(profile.key[0])) for rows in self._pages(profile, since) for row in rows)

    def _pages(self, profile: EntityProfile, since: datetime) -> Iterator[list[Row]]:
        page = 1
        while True:
            rows = self._page(profile, since, page)
            yield rows
            # A page that is not full is the last one; there is no link to a next page.
            if not profile.page or len(rows) < profile.records_per_page:
                return
            page += 1

    def _page(self, profile: EntityProfile, since: datetime, page: int) -> list[Row]:
        answer = self.ask(profile.call, self._asked(profile, since, page), profile.accept)
        return records_in(answer, profile.call, profile.records)

    def _asked(self, profile: EntityProfile, since: datetime, page: int) -> dict[str, str]:
        """The parameters that ask for a page of the records that changed at or after a moment."""
        asked = {profile.since: since.astimezone(UTC).isoformat(timespec="seconds"), **profile.always}
        if profile.page and profile.page_size:
            asked |= {profile.page: str(page), profile.page_size: str(profile.records_per_page)}
        return asked

    def ask(self, call: str, asked: dict[str, str], accept: str, enough: int | None = None) -> Answer:
        """Makes a reading call. The parameters are joined with `?`, as Winstore wants it.

        Reading stops at `enough` bytes; an answer that is longer is `cut`.
        """
        query = "?".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        path = f"{call}?{query}" if query else call
        return self.transport.call("GET", path, headers={"Accept": accept}, enough=enough)

    def post(self, name: str, fields: Fields, lines: Iterable[Fields], repeatable: bool) -> Receipt:
        """Sends one record to Winstore.

        Args:
            name: a write of the profile.
            repeatable: whether the call may be carried out twice.
        Raises: Lost when the record may have been taken; SystemUnavailable when it was not taken, or the call is
            repeatable; AuthenticationFailed; ValueError for a character that XML cannot carry.
        """
        profile = self.profile.write(name)
        content = document(profile, fields, lines)
        headers = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml"}
        try:
            answer = self.transport.call("POST", profile.call, headers=headers, content=content, idempotent=repeatable)
        except UnreadableAnswer:
            raise Lost("Winstore's answer cannot be read") from None
        return receipt(profile, answer)


def records_in(answer: Answer, call: str, path: str) -> list[Row]:
    """The records of an answer, in JSON or XML.

    Args:
        path: where the records are, such as `articles.article`; an empty value on the way means that there are none.
    Raises: UnreadableAnswer when the path is not there.
    """
    if answer.status != 200:
        hint = "Check the call in the profile."
        if answer.status == 404:
            hint = "Check `winstore.base_url`, which ends before the name of the call, and the call in the profile."
        raise UnreadableAnswer(f"Winstore answers {answer.status} to {call}.", hint)
    is_json = "json" in answer.headers.get("content-type", "")
    content: Any = answer.json() if is_json else _from_xml(answer.content)
    for name in path.split("."):
        if content in (None, "", []):
            return []
        if not isinstance(content, dict) or name not in content:
            raise UnreadableAnswer(f"Winstore's answer to {call} has no `{path}`.")
        content = content[name]
    return content if isinstance(content, list) else [content]


def exploded(row: Row, profile: EntityProfile) -> Iterator[Row]:
    """The flat rows of one record: one per inner record (`profile.explode`) with the fields of its parent, or one.

    A group of fields becomes single fields (see `_flat`). A parent without inner records gets a row of its own where
    the profile counts them, so that it is not lost.
    """
    row = {name: value for field, inner in row.items() for name, value in _flat(field, inner, profile)}
    if not profile.explode:
        yield row
        return
    inner = row.get(profile.explode) or []
    if isinstance(inner, dict):  # XML has an element around the inner records: variants.variant
        inner = next(iter(inner.values()))
    inner = inner if isinstance(inner, list) else [inner]
    outer = {name: value for name, value in row.items() if name != profile.explode}
    if not inner and profile.count and profile.parent_key:
        yield outer | {profile.key[0]: outer.get(profile.parent_key), profile.count: "0"}
    count = {profile.count: str(len(inner))} if profile.count else {}
    for item in inner:
        yield outer | item | count


def _flat(field: str, value: Any, profile: EntityProfile) -> Iterator[tuple[str, Any]]:
    """A field, or the fields inside it, named by both: `delivery_add_city`."""
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
    """The value of an element. Texts stay texts (an id may begin with 0), repeated elements become a list, and an
    empty element becomes None."""
    if not len(element):
        return (element.text or "").strip() or None
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(child.tag, []).append(_value(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in groups.items()}


def as_lines(rows: list[Row]) -> bytes:
    """Rows as newline-delimited JSON, which staging loads."""
    return b"\n".join(orjson.dumps(row) for row in rows)
