"""Calls to Winstore as its profile describes them. What its answers hold: rows.py.

Source: winstore.md section 2 (HTTP Basic; `?` between parameters).
"""

import base64
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson

from ...errors import ConfigurationError, UnreadableAnswer
from ...secret_sources import current
from ...settings import Settings, check_set
from ..pictures import LARGEST_BYTES
from ..transport import Answer, Limits, Lost, Transport
from .chunks import chunks
from .profile import AnsweredProfile, EntityProfile, load_profile
from .rows import Picture, Row, exploded, picture_in, records_in
from .writing import Fields, Receipt, document, receipt

COPY_IT = "Copy it from the shipped profile, if your Winstore has such a call."
RECORDS_AT_ONCE = 1000  # of an answer that has all records
FEW_BYTES, FEW_RECORDS = 64 * 2**10, 20  # what is read of an answer, and asked for, where a few records say enough


class Winstore:
    """One Winstore. Raises ConfigurationError when it has no address or credentials, or its profile is wrong.

    Args:
        tries: how often one call is made before it is given up.
    """

    def __init__(self, settings: Settings, tries: int = Limits.tries) -> None:
        own, password = settings.winstore, settings.winstore.password.get_secret_value()
        check_set({"winstore.base_url": own.base_url, "winstore.user": own.user, "winstore.password": password})
        limits = Limits(
            deadline_s=settings.timeout_s,
            answer_bytes=settings.answer_limit_mb * 2**20,
            tries=tries,
            ca_bundle=settings.ca_bundle,
        )
        self.profile = load_profile(settings.winstore.profile)

        def header(_: str | None) -> str:
            """HTTP Basic on every call (winstore.md section 2), with the password as it is now."""
            pair = f"{own.user}:{current('winstore.password', password, own.folder)}".encode()
            return "Basic " + base64.b64encode(pair).decode()

        self.transport = Transport("Winstore", settings.winstore.base_url, header, limits)

    def close(self) -> None:
        self.transport.close()

    @property
    def ahead(self) -> timedelta:
        """How far Winstore's clock is ahead of ours, at least, as its last answer told it; below 0: it is behind."""
        return self.transport.server_ahead

    def gives_in_order(self, entity: str) -> bool:
        """Whether the records come in the order of their modification (assumed, docs/winstore-contract.md)."""
        profile = self.profile.entity(entity)
        return bool(profile.limit or profile.page)

    def changed_since(self, entity: str, since: datetime, after: str = "") -> Iterator[list[Row]]:
        """Pages of the records that changed at or after a moment, at least one. A row is flat; empty values are None.

        An answer with all records becomes several pages, because its flat rows take more memory than the answer.

        Args:
            after: the position of the record behind which the read begins (`EntityProfile.position`); empty for all.
                It counts only where the profile names a parameter for it.
        """
        profile = self.profile.entity(entity)
        for rows in self._pages(profile, since, after):
            yield from _parts(rows, profile)

    def few_changes(self, entity: str, since: datetime) -> list[Row] | None:
        """The records that changed at or after a moment, by one call; None when there are more than a few.

        No more than FEW_BYTES of the answer are read.
        """
        profile = self.profile.entity(entity)
        few = {profile.limit: str(FEW_RECORDS)} if profile.limit else _part(profile, 1, FEW_RECORDS)
        answer = self.ask(profile.call, _asked(profile, since, few), profile.accept, FEW_BYTES)
        if answer.status == 200 and answer.cut:
            return None
        rows = records_in(answer, profile.call, profile.records)
        if few and len(rows) >= FEW_RECORDS:
            return None
        return [flat for row in rows for flat in exploded(row, profile)]

    def counted(self, entity: str, since: datetime) -> Counter[str]:
        """How many records there are of each key (its first field) among those changed at or after a moment."""
        profile = self.profile.entity(entity)
        return Counter(str(row.get(profile.key[0])) for rows in self._pages(profile, since) for row in rows)

    def _pages(self, profile: EntityProfile, since: datetime, after: str = "") -> Iterator[list[Row]]:
        """The answers to the question what changed, at least one: chunks, pages, or all records at once."""
        if profile.limit:
            yield from chunks(profile, since, partial(self._chunk, profile, profile.limit), after)
            return
        page = 1
        while True:
            rows = self._page(profile, since, page)
            yield rows
            # A page that is not full is the last one; there is no link to a next page.
            if not profile.page or len(rows) < profile.records_per_page:
                return
            page += 1

    def _chunk(self, profile: EntityProfile, limit: str, since: datetime, most: int, after: str) -> list[Row]:
        behind = {profile.after: after} if profile.after and after else {}
        return self._read(profile, since, {limit: str(most)} | behind)

    def _page(self, profile: EntityProfile, since: datetime, page: int) -> list[Row]:
        return self._read(profile, since, _part(profile, page, profile.records_per_page))

    def _read(self, profile: EntityProfile, since: datetime, part: dict[str, str]) -> list[Row]:
        """The records of one answer.

        Args:
            part: the parameters that say which part of all records is wanted.
        """
        answer = self.ask(profile.call, _asked(profile, since, part), profile.accept)
        return records_in(answer, profile.call, profile.records)

    def can_find(self, entity: str, field: str) -> bool:
        """Whether the profile says how records are looked up by a field."""
        return self.profile.can_find(entity, field)

    def find(
        self, entity: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str] = ()
    ) -> dict[str, list[Row]]:
        """Looks records up by the values of a field, one call each.

        Every row that comes back is compared with the wanted value exactly. So of an article that is looked up by `sku`
        comes the row of that variant; its other variants come by `artkey`.

        Args:
            keys: the wanted values, in small letters when `ignore_case`.
            select: the only fields that are wanted; all fields when empty.
        Returns: for each key that was found, the flat rows that have it, as `changed_since` gives them.
        Raises: ConfigurationError when the profile does not say how.
        """
        profile, flat = self.profile.find(entity, field), self.profile.entity(entity)
        wanted = sorted(set(keys) - {""})

        def look_up(key: str) -> list[Row]:
            answer = self.ask(profile.call, {profile.by[field]: key}, profile.accept)
            found = [row for each in records_in(answer, profile.call, profile.records) for row in exploded(each, flat)]
            return [row for row in found if _same(row.get(field), key, ignore_case)]

        with ThreadPoolExecutor(self.transport.limits.in_flight) as pool:
            found = dict(zip(wanted, pool.map(look_up, wanted), strict=True))
        return {key: [_only(row, select) for row in rows] for key, rows in found.items() if rows}

    def ask(self, call: str, asked: dict[str, str], accept: str, enough: int | None = None) -> Answer:
        """Makes a reading call. The parameters are joined with `?`, as Winstore wants it.

        Reading stops at `enough` bytes; an answer that is longer is `cut`.
        """
        query = "?".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        path = f"{call}?{query}" if query else call
        return self.transport.call("GET", path, headers={"Accept": accept}, enough=enough)

    def picture(self, key: str) -> Picture | None:
        """The picture of an article; None when it has none, or Winstore does not know the article.

        What is larger than a picture may be is cut off.
        Raises: ConfigurationError when the profile does not say how pictures are read; UnreadableAnswer.
        """
        profile = self.profile.pictures.get("articles")
        if not profile:
            raise ConfigurationError("The Winstore profile has no pictures.articles.", COPY_IT)
        asked = {profile.by: key}
        return picture_in(self.ask(profile.call, asked, "image/*, application/xml", LARGEST_BYTES + 1), profile.call)

    def post_picture(self, key: str, content: bytes) -> Receipt:
        """Gives an article a picture, in the place of the one that it has. The call may be carried out twice.

        Raises: ConfigurationError when the profile does not say how; SystemUnavailable, and Lost for an answer that
            cannot be read: then Winstore may have taken it.
        """
        read = self.profile.pictures.get("articles")
        if not read or not read.write:
            raise ConfigurationError("The Winstore profile has no pictures.articles.write.", COPY_IT)
        path = f"{read.write.call}?{read.write.by}={quote(key, safe='')}"
        headers = {"Content-Type": "application/octet-stream", "Accept": "application/xml"}
        return self._receipt(read.write, path, headers, content, repeatable=True)

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
        return self._receipt(profile, profile.call, headers, content, repeatable)

    def _receipt(
        self, profile: AnsweredProfile, path: str, headers: dict[str, str], content: bytes, repeatable: bool
    ) -> Receipt:
        try:
            answer = self.transport.call("POST", path, headers=headers, content=content, idempotent=repeatable)
        except UnreadableAnswer:
            raise Lost("Winstore's answer cannot be read") from None
        return receipt(profile, answer)


def _parts(rows: list[Row], profile: EntityProfile) -> Iterator[list[Row]]:
    """The flat rows of an answer, at least one page; the rows of a record stay together.

    Chunks and pages stay whole: how far a load has come is noted by what Winstore gave at once.
    """
    at_once = len(rows) if profile.limit or profile.page else RECORDS_AT_ONCE
    for start in range(0, max(len(rows), 1), max(at_once, 1)):
        yield [flat for row in rows[start : start + at_once] for flat in exploded(row, profile)]


def _part(profile: EntityProfile, page: int, size: int) -> dict[str, str]:
    """The parameters that ask for a page of so many records; none where Winstore gives all records at once."""
    return {profile.page: str(page), profile.page_size: str(size)} if profile.page and profile.page_size else {}


def _asked(profile: EntityProfile, since: datetime, part: dict[str, str]) -> dict[str, str]:
    """The parameters of a question for what changed at or after a moment."""
    return {profile.since: since.astimezone(UTC).isoformat(timespec="seconds"), **profile.always, **part}


def _same(value: Any, key: str, ignore_case: bool) -> bool:
    text = "" if value is None else str(value)
    return key == (text.lower() if ignore_case else text)


def _only(row: Row, names: Collection[str]) -> Row:
    """Some fields of a row; all of them when no names are given."""
    return {name: row.get(name) for name in names} if names else row


def as_lines(rows: list[Row]) -> bytes:
    """Rows as newline-delimited JSON, which staging loads."""
    return b"\n".join(orjson.dumps(row) for row in rows)
