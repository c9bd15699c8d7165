"""Calls to API v2.0 of one company: pages, lookups, `$batch`.

Here belongs: the calls. The form of a batch: batch.py; filters of look-ups: filters.py. What is sent, and why, belongs
to sync/. Source of the rules: behaviour.md.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from ...errors import ConfigurationError, SystemUnavailable, UnreadableAnswer, WinbcError
from ...settings import BusinessCentralSettings, Settings, check_set
from ..exact_json import exact
from ..in_turn import InTurn
from ..pictures import LARGEST_BYTES
from ..transport import Answer, Limits, Lost, Transport
from .auth import authorization_source
from .batch import (
    NOT_KNOWN,
    NOT_RUN,
    TOO_LARGE,
    Operation,
    Result,
    headers_of,
    matched,
    refusal_of,
    request_of,
    too_large,
)
from .filters import by_key, lookups
from .shared_budget import shared_budget

FOR_A_WHILE = (SystemUnavailable, ConfigurationError, UnreadableAnswer)  # errors of one call: the next may be answered
NEXT_LINK = b'"@odata.nextLink":"'


class BusinessCentral:
    """One company of one environment. It may be used by several threads.

    Args:
        tries: how often one call is made before it is given up.
        root: `companies({id})`, when it is known already.
    """

    def __init__(self, settings: Settings, tries: int = Limits.tries, root: str = "") -> None:
        bc: BusinessCentralSettings = settings.bc
        check_set({"bc.base_url": bc.base_url})
        limits = Limits(
            deadline_s=settings.timeout_s,
            answer_bytes=settings.answer_limit_mb * 2**20,
            in_flight=bc.in_flight,
            requests_per_window=bc.requests_per_window,
            tries=tries,
            ca_bundle=settings.ca_bundle,
        )
        self.settings = bc
        self.transport = InTurn([_of_user(settings, user, section, limits) for section, user in bc.users.items()])
        self._root = root
        self.closing = ExitStack()  # what is closed with it

    def close(self) -> None:
        self.closing.close()
        self.transport.close()

    @property
    def batch_size(self) -> int:
        """The most operations of one call."""
        return self.settings.batch_size

    @property
    def in_flight(self) -> int:
        """Calls at once, of all users."""
        return self.settings.in_flight * len(self.settings.users)

    @property
    def server_now(self) -> datetime | None:
        """The clock of Business Central, as its last answer told it."""
        return self.transport.server_now

    @property
    def ahead(self) -> timedelta:
        """How far Business Central's clock is ahead of ours, at least; below 0: it is behind."""
        return self.transport.server_ahead

    @property
    def root(self) -> str:
        """`companies({id})` of the company in the settings. Business Central is asked for it once.

        Raises: ConfigurationError when there is not exactly one company of that name or id.
        """
        if not self._root:
            companies = self.companies()
            found = [c for c in companies if self.settings.company in (c["name"], c["id"], c.get("displayName"))]
            if len(found) != 1:
                names = ", ".join(sorted(c["name"] for c in companies))
                raise ConfigurationError(f"bc.company is not one of the companies: {names}.")
            self._root = f"companies({found[0]['id']})"
        return self._root

    def companies(self) -> list[dict[str, Any]]:
        """The companies of the environment. Raises ConfigurationError when there is no API at the address."""
        answer = self.transport.call("GET", "companies")
        if answer.status == 404:
            hint = "Correct `bc.base_url`. It ends with `/api/v2.0`."
            raise ConfigurationError("Business Central has no API at this address (status 404).", hint)
        return _value(answer)

    def pages(self, path: str, page_size: int | None = None, newest: bool = False) -> Iterator[bytes]:
        """The pages of a collection, each as raw bytes: the JSON array inside `value`.

        Args:
            newest: whether they are read from the primary database, as in `get`.
        """
        headers = {"Prefer": f"odata.maxpagesize={page_size or self.settings.page_size}"}
        headers |= {"Data-Access-Intent": "ReadWrite"} if newest else {}
        return self._pages_from(f"{self.root}/{path}", headers)

    def linked_pages(self, path: str, link: str = "") -> Iterator[tuple[bytes, str]]:
        """The pages of a collection as `pages` gives them, each with the link to the next one; empty for the last.

        Args:
            link: where to go on. It holds the key of the last record that came (behaviour.md section 6).
        """
        headers = {"Prefer": f"odata.maxpagesize={self.settings.page_size}"}
        return self._linked_from(link or f"{self.root}/{path}", headers)

    def _pages_from(self, url: str | None, headers: dict[str, str]) -> Iterator[bytes]:
        """The pages from the address of one on."""
        for array, _ in self._linked_from(url, headers):
            yield array

    def _linked_from(self, url: str | None, headers: dict[str, str]) -> Iterator[tuple[bytes, str]]:
        """The pages with the links that follow. Raises UnreadableAnswer for links that would never end."""
        seen = {url}
        while url:
            array, url = _sliced(self.transport.call("GET", url, headers=headers))
            if url and url in seen:
                raise UnreadableAnswer("Business Central sends the same page link again and again.")
            seen.add(url)
            yield array, url or ""

    def get(self, path: str) -> list[dict[str, Any]]:
        """All records of a collection, with exact decimals.

        They are read from the primary database, because a replica may not have the newest writes yet.
        """
        return self.get_from(f"{self.root}/{path}")

    def get_from(self, url: str | None) -> list[dict[str, Any]]:
        """The records of a collection as `get` gives them, from the address of a page on; none for None."""
        pages = self._pages_from(url, {"Data-Access-Intent": "ReadWrite"})
        return [record for page in pages for record in exact(page)]

    def find(
        self,
        entity_set: str,
        field: str,
        keys: Iterable[str],
        ignore_case: bool,
        select: Collection[str] = (),
        expand: str = "",
    ) -> dict[str, list[dict[str, Any]]]:
        """Looks records up by the values of a field.

        A wildcard in a value acts as a filter (behaviour.md section 5). So an unsafe value is searched by its safe
        beginning, and every record that comes back is compared with the wanted values exactly.

        Args:
            keys: the wanted values, in small letters when `ignore_case`.
            select: the only fields that are wanted, `field` among them; all fields when empty.
            expand: a navigation property whose records are wanted inside each record.
        Returns: for each key that was found, all records that have it.
        """
        wanted, paths = lookups(entity_set, field, keys, ignore_case, select, expand)
        return by_key(self.get_all(paths), field, wanted, ignore_case)

    def paths_by_id(self, entity_set: str, ids: Iterable[str], select: Collection[str]) -> list[str]:
        """The paths of the look-ups of records by their ids, as `get_together` or operations of a batch take them."""
        return lookups(entity_set, "id", ids, False, select)[1]

    def get_all(self, paths: list[str]) -> Iterator[dict[str, Any]]:
        """The records of many collections: with a call for each while these are few, else in batches.

        Raises: UnreadableAnswer when one collection is not answered, so that its records are not taken for absent.
        """
        in_flight = self.in_flight
        with ThreadPoolExecutor(in_flight) as pool:
            if len(paths) <= in_flight:
                answers = pool.map(self.get, paths)
            else:
                # Batches of equal size that keep all calls in flight at work.
                size = min(self.settings.batch_size, math.ceil(len(paths) / in_flight))
                chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
                answers = pool.map(self.get_together, chunks)
            for records in answers:
                yield from records

    def get_together(self, paths: list[str]) -> list[dict[str, Any]]:
        """The records of up to 100 collections, by one call. They are read from the primary database, as in `get`.

        Raises: UnreadableAnswer when one collection is not answered.
        """
        records: list[dict[str, Any]] = []
        for result in self.batch([Operation(str(number), "GET", path) for number, path in enumerate(paths)]):
            records += result.records
            # Only the first page of a collection fits into the batch; calls of their own bring the others.
            if link := result.body.get("@odata.nextLink"):
                records += self.get_from(link)
        return records

    def batch(self, operations: list[Operation], isolated: bool = False) -> list[Result]:
        """Runs up to 100 operations in one call.

        Each operation runs on its own, or all of them in one transaction when `isolated`: then the first failure undoes
        them all. A call that is refused unread because it is too large (413, behaviour.md section 10) is made again in
        two halves, unless `isolated`.

        Returns: one Result per operation, in their order.
        Raises: WinbcError only when no operation was run.
        """
        reads = all(operation.method == "GET" for operation in operations)
        headers = headers_of(reads, isolated)
        content = dumps({"requests": [request_of(operation, self.root) for operation in operations]})
        weight = 1 if self.settings.batch_counts_as == "one" else len(operations)
        try:
            answer = self.transport.call(
                "POST", "$batch", headers=headers, content=content, idempotent=reads, weight=weight
            )
        except (Lost, UnreadableAnswer):
            if reads:
                raise
            return [Result(operation.id, NOT_KNOWN, {}) for operation in operations]
        if answer.status != TOO_LARGE:
            return matched(operations, answer, isolated)
        if isolated or len(operations) == 1:
            return [Result(operation.id, TOO_LARGE, too_large(content)) for operation in operations]
        half = len(operations) // 2
        return self.batch(operations[:half]) + self._rest(operations[half:])

    def run(self, operations: Sequence[Operation], passes: tuple[type[WinbcError], ...] = FOR_A_WHILE) -> list[Result]:
        """Runs operations, as many in one call as it takes: one Result per operation, in their order.

        The operations of a call that was not made are NOT_RUN, those of one whose answer cannot be read are NOT_KNOWN:
        calls before it may have been carried out.

        Args:
            operations: each has an id of its own.
            passes: the errors that become results. Others, such as refused credentials, are raised.
        """
        results: list[Result] = []
        for start in range(0, len(operations), self.batch_size):
            some = list(operations[start : start + self.batch_size])
            try:
                results += self.batch(some)
            except passes as error:
                status = NOT_KNOWN if isinstance(error, UnreadableAnswer) else NOT_RUN
                results += [Result(each.id, status, {}) for each in some]
        return results

    def picture(self, entity_set: str, record: str) -> bytes | None:
        """The picture of a record, by its id; None without one. What is larger than ours may be is cut off.

        Raises: LookupError when there is no such record; WinbcError.
        """
        headers = {"Data-Access-Intent": "ReadWrite"}
        answer = self.transport.call(
            "GET", self._picture(entity_set, record), headers=headers, enough=LARGEST_BYTES + 1
        )
        if answer.status == 404:
            raise LookupError(record)
        if answer.status not in (200, 204):
            raise UnreadableAnswer(f"Business Central answers {answer.status} to the question for a picture.")
        return answer.content or None

    def put_picture(self, entity_set: str, record: str, content: bytes) -> Result:
        """Gives a record a picture, in the place of the one that it has. The call may be carried out twice.

        The picture's own ETag is not asked for (behaviour.md section 12), so the caller looks at the picture before.
        """
        headers = {"Content-Type": "application/octet-stream", "If-Match": "*"}
        if self.transport.pausing:
            return Result(record, NOT_RUN, {})
        try:
            answer = self.transport.call("PATCH", self._picture(entity_set, record), headers=headers, content=content)
        except (SystemUnavailable, UnreadableAnswer):
            return Result(record, NOT_KNOWN, {})
        taken = answer.status in (200, 204)
        return Result(record, answer.status, {"id": record} if taken else refusal_of(answer))

    def _picture(self, entity_set: str, record: str) -> str:
        return f"{self.root}/{entity_set}({record})/picture/pictureContent"

    def _rest(self, operations: list[Operation]) -> list[Result]:
        """Runs the second half of a batch. An error must not hide the results of the first half, which may have run."""
        try:
            return self.batch(operations)
        except WinbcError:
            return [Result(operation.id, NOT_RUN, {}) for operation in operations]


def _of_user(settings: Settings, user: BusinessCentralSettings, section: str, limits: Limits) -> Transport:
    """The calls of one user, with limits of its own.

    Args:
        section: of the settings, that has the credentials.
    """
    authorise = authorization_source(user, settings.ca_bundle, section)
    transport = Transport("Business Central", user.base_url, authorise, limits)
    if budget := shared_budget(settings, user):
        transport.shared = budget.call
    return transport


def _sliced(answer: Answer) -> tuple[bytes, str | None]:
    """The array of `{"value":[…]}`, without parsing it, and the link to the next page."""
    content = answer.content
    start, end = content.find(b'"value":['), content.rfind(b"]")
    is_page = 0 <= start <= end and content.rstrip().endswith(b"}")
    if answer.status != 200 or not is_page:
        if answer.status == 200:
            answer.json()  # says more of a body that is not JSON
        raise UnreadableAnswer(f"A page from Business Central (status {answer.status}) has no `value`.")
    head, array, tail = content[:start], content[start + len(b'"value":') : end + 1], content[end + 1 :]
    link = next((part for part in (tail, head) if NEXT_LINK in part), b"")
    url = link.split(NEXT_LINK)[1].split(b'"')[0] if link else b""
    if not url.isascii():
        raise UnreadableAnswer("The link to the next page from Business Central is no address.")
    return array, url.decode() or None


def _value(answer: Answer) -> list[dict[str, Any]]:
    """The records of a small collection."""
    content = answer.json()
    has_records = isinstance(content, dict) and isinstance(content.get("value"), list)
    if answer.status != 200 or not has_records:
        raise UnreadableAnswer(f"Business Central answers {answer.status} without a list of records.")
    value: list[dict[str, Any]] = content["value"]
    return value


def dumps(value: object) -> bytes:
    """JSON, in which decimals are written exactly."""
    return orjson.dumps(value, default=_decimal)


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(type(value).__name__)
