"""Calls to API v2.0 of one company: pages, look-ups, `$batch`.

Here belongs: how BC is spoken to. What is sent and why belongs to sync/. Source of the rules: behaviour.md.
"""

import json
import math
import re
import uuid
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import orjson

from ...errors import ConfigurationError, UnreadableAnswer, WinbcError
from ...settings import BusinessCentralSettings, Settings
from ..transport import Answer, Limits, Lost, Transport
from .auth import authoriser
from .facts import entity_fields

KEYS_PER_LOOKUP = 40
UNSAFE = re.compile(r"^@|[*?|&<>=()\"\\]|\.\.")
TOO_LARGE = 413
NEXT_LINK = b'"@odata.nextLink":"'


@dataclass(frozen=True)
class Operation:
    """One operation of a batch; `path` is relative to the company, `body` fields or JSON text, `etag` the version that
    it was planned from, `request_id` what Business Central's telemetry will know it by."""

    id: str
    method: str
    path: str
    body: dict[str, Any] | str | None = None
    etag: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of an operation. Status 0: not known, it may have been carried out; -1: certainly not run."""

    id: str
    status: int
    body: dict[str, Any]

    @property
    def error_code(self) -> str:
        return str(self.error.get("code", ""))

    @property
    def error(self) -> dict[str, Any]:
        """`code` and `message` of a refusal; empty when it is none, or not in OData's form."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else {}


class BusinessCentral:
    """One company of one environment."""

    def __init__(self, settings: Settings) -> None:
        bc: BusinessCentralSettings = settings.bc
        if not bc.base_url:
            raise ConfigurationError("bc.base_url is not set.", "Set it in winbc.toml or as WINBC_BC__BASE_URL.")
        limits = Limits(
            deadline_s=settings.timeout_s,
            answer_bytes=settings.answer_limit_mb * 2**20,
            in_flight=bc.in_flight,
            requests_per_window=bc.requests_per_window,
        )
        self.settings = bc
        self.transport = Transport("Business Central", bc.base_url, authoriser(bc), limits)
        self._root = ""

    def close(self) -> None:
        self.transport.close()

    @property
    def server_now(self) -> datetime | None:
        """The moment by Business Central's clock, when it last answered."""
        return self.transport.server_now

    @property
    def root(self) -> str:
        """`companies({id})` of the company in the settings, asked for once."""
        if not self._root:
            companies = _value(self.transport.call("GET", "companies"))
            found = [c for c in companies if self.settings.company in (c["name"], c["id"], c.get("displayName"))]
            if len(found) != 1:
                names = ", ".join(sorted(c["name"] for c in companies))
                raise ConfigurationError(f"bc.company is not one of the companies: {names}.")
            self._root = f"companies({found[0]['id']})"
        return self._root

    def pages(self, path: str, page_size: int | None = None) -> Iterator[bytes]:
        """Raw pages of a collection: each the JSON array inside `value`, as sent."""
        headers = {"Prefer": f"odata.maxpagesize={page_size or self.settings.page_size}"}
        url: str | None = f"{self.root}/{path}"
        seen: set[str] = set()
        while url:
            answer = self.transport.call("GET", url, headers=headers)
            array, url = _sliced(answer)
            if url in seen:
                raise UnreadableAnswer("Business Central sends the same page link again and again.")
            seen.add(url or "")
            yield array

    def get(self, path: str) -> list[dict[str, Any]]:
        """All records of a collection, from the primary database, decimals exact."""
        return self.get_from(f"{self.root}/{path}")

    def get_from(self, url: str | None) -> list[dict[str, Any]]:
        """The same, from a page's address on."""
        records: list[dict[str, Any]] = []
        while url:
            answer = self.transport.call("GET", url, headers={"Data-Access-Intent": "ReadWrite"})
            array, url = _sliced(answer)
            records += json.loads(array, parse_float=Decimal)
        return records

    def find(
        self, entity_set: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str] = ()
    ) -> dict[str, list[dict[str, Any]]]:
        """Records by key, each key compared exactly with what came back. The search may find more: wildcards in a
        value act as filters (behaviour.md section 5), so unsafe values are searched by their safe beginning.

        Args:
            keys: the wanted values, case folded already when `ignore_case`.
            select: the only fields that are wanted, `field` among them; all of them when empty.
        Returns: for each key that was found, all records that have it.
        """
        longest = entity_fields(entity_set)[field].max_length or math.inf
        wanted = sorted({key for key in keys if _length(key) <= longest})  # a longer one is refused, with all others
        operand = f"tolower({field})" if ignore_case else field
        filters = [_filter(operand, wanted[i : i + KEYS_PER_LOOKUP]) for i in range(0, len(wanted), KEYS_PER_LOOKUP)]
        only = f"&$select={','.join(select)}" if select else ""
        found: dict[str, list[dict[str, Any]]] = {}
        for record in self.get_all([f"{entity_set}?{_query(text)}{only}" for text in filters]):
            value = str(record.get(field, ""))
            found.setdefault(value.lower() if ignore_case else value, []).append(record)
        return {key: found[key] for key in wanted if key in found}

    def get_all(self, paths: list[str]) -> Iterator[dict[str, Any]]:
        """The records of many collections: a call each while that fills the calls in flight, else a hundred a call.

        Raises UnreadableAnswer when one of them is not answered: what was not seen is not taken for absent.
        """
        few = len(paths) <= self.settings.in_flight
        size = min(self.settings.batch_size, -(-len(paths) // self.settings.in_flight))
        chunks = [paths[start : start + size] for start in range(0, len(paths), size)] if paths else []
        with ThreadPoolExecutor(self.settings.in_flight) as pool:
            for records in pool.map(self.get if few else self._get_together, paths if few else chunks):
                yield from records

    def _get_together(self, paths: list[str]) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for result in self.batch([Operation(str(number), "GET", path) for number, path in enumerate(paths)]):
            if result.status != 200 or not isinstance(result.body.get("value"), list):
                raise UnreadableAnswer(f"A look-up inside a batch was answered {result.status} without records.")
            records += result.body["value"]
            if link := result.body.get("@odata.nextLink"):
                records += self.get_from(link)
        return records

    def batch(self, operations: list[Operation], isolated: bool = False) -> list[Result]:
        """Runs up to 100 operations in one call; one Result per operation, in order. Each runs on its own, or all of
        them in one transaction when `isolated`: the first failure undoes them all. A call that is refused unread
        because it is too large (413, behaviour.md section 10) goes again as two halves, unless `isolated`.

        Raises WinbcError only when nothing of it was run.
        """
        requests = [self._request(operation) for operation in operations]
        weight = 1 if self.settings.batch_counts_as == "one" else len(operations)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        headers |= {"Isolation": "snapshot"} if isolated else {"Prefer": "odata.continue-on-error"}
        reads = all(operation.method == "GET" for operation in operations)
        headers |= {"Data-Access-Intent": "ReadWrite"} if reads else {}
        content = dumps({"requests": requests})
        try:
            answer = self.transport.call(
                "POST", "$batch", headers=headers, content=content, idempotent=reads, weight=weight
            )
        except (Lost, UnreadableAnswer):
            if reads:
                raise
            return [Result(operation.id, 0, {}) for operation in operations]
        if answer.status != TOO_LARGE:
            return _matched(operations, answer, isolated)
        if isolated or len(operations) == 1:
            return [Result(operation.id, TOO_LARGE, _too_large(content)) for operation in operations]
        half = len(operations) // 2
        return self.batch(operations[:half]) + self._rest(operations[half:])

    def _rest(self, operations: list[Operation]) -> list[Result]:
        """The second half of a batch: its first half may have been run, so that an error must not hide its results."""
        try:
            return self.batch(operations)
        except WinbcError:
            return [Result(operation.id, -1, {}) for operation in operations]

    def _request(self, operation: Operation) -> dict[str, Any]:
        request: dict[str, Any] = {"id": operation.id, "method": operation.method}
        request["url"] = f"{self.root}/{operation.path}"
        request["headers"] = {"Content-Type": "application/json"}
        if operation.method == "GET":
            request["headers"]["Data-Access-Intent"] = "ReadWrite"
        if operation.request_id:
            request["headers"]["client-request-id"] = operation.request_id
        if operation.etag:
            request["headers"]["If-Match"] = operation.etag
        if operation.body is not None:
            body = operation.body
            request["body"] = orjson.Fragment(body) if isinstance(body, str) else body
        return request


def dumps(value: object) -> bytes:
    """JSON with decimals written exactly as they are."""
    return orjson.dumps(value, default=_decimal)


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(type(value).__name__)


def _query(text: str) -> str:
    """A function inside another one needs schema version 2.1 (behaviour.md section 5)."""
    newer = "$schemaversion=2.1&" if "(tolower(" in text else ""
    return f"{newer}$filter={quote(text)}"


def _length(text: str) -> int:
    """In UTF-16 units, as Business Central counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _filter(operand: str, keys: list[str]) -> str:
    return " or ".join(_condition(operand, key) for key in keys)


def _condition(operand: str, key: str) -> str:
    unsafe = UNSAFE.search(key)
    text = key[: unsafe.start()] if unsafe else key
    if operand == "id":
        return f"id eq {uuid.UUID(key)}"  # GUIDs stand bare
    quoted = "'" + text.replace("'", "''") + "'"
    return f"startswith({operand},{quoted})" if unsafe else f"{operand} eq {quoted}"


def _sliced(answer: Answer) -> tuple[bytes, str | None]:
    """The array of `{"value":[…]}` without parsing it, and the next link."""
    content = answer.content
    start, end = content.find(b'"value":['), content.rfind(b"]")
    if answer.status != 200 or start < 0 or end < start or not content.rstrip().endswith(b"}"):
        if answer.status == 200:
            answer.json()
        raise UnreadableAnswer(f"A page from Business Central (status {answer.status}) has no `value`.")
    tail = content[end + 1 :]
    head = content[:start]
    link = next((part for part in (tail, head) if NEXT_LINK in part), b"")
    url = link.split(NEXT_LINK)[1].split(b'"')[0].decode() if link else None
    return content[start + len(b'"value":') : end + 1], url


def _value(answer: Answer) -> list[dict[str, Any]]:
    content = answer.json()
    if answer.status != 200 or not isinstance(content, dict) or not isinstance(content.get("value"), list):
        raise UnreadableAnswer(f"Business Central answers {answer.status} without a list of records.")
    value: list[dict[str, Any]] = content["value"]
    return value


def _refusal(answer: Answer) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body
    return {"error": {"code": "BadRequest", "message": "The call was refused."}}


def _too_large(content: bytes) -> dict[str, Any]:
    return {"error": {"code": "RequestTooLarge", "message": f"It takes no call of {len(content):,} bytes."}}


def _matched(operations: list[Operation], answer: Answer, isolated: bool) -> list[Result]:
    """Results by id. What becomes of an operation without an answer nobody knows, unless the whole batch was refused,
    or undone by a failure. A batch of one that is refused whole is a refusal of its operation."""
    if answer.status == 400 and len(operations) == 1:
        return [Result(operations[0].id, 400, _refusal(answer))]
    responses = _responses(answer)
    undone = isolated and any(response["status"] >= 400 for response in responses.values())
    missing = -1 if answer.status in (400, 429) or undone else 0
    results = []
    for operation in operations:
        response = responses.get(operation.id, {})
        body = response.get("body")
        results.append(Result(operation.id, response.get("status", missing), body if isinstance(body, dict) else {}))
    return results


def _responses(answer: Answer) -> dict[str, dict[str, Any]]:
    """The answers inside a batch's answer, by the ids of their operations; none when it did not come whole."""
    try:
        content = json.loads(answer.content, parse_float=Decimal)
        return {str(each["id"]): each for each in content["responses"] if isinstance(each["status"], int)}
    except (ValueError, KeyError, TypeError):
        return {}
