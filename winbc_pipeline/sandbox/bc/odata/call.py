"""One call and its answer, apart from HTTP: what the API and the operations of a batch have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ...records import dumps, loads
from ..data.refusal import Refused, bad_request

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """`path` is relative to the API's base; `headers` have lower-case names. `raw_path` and `raw_query` are the
    address as it came, percent-encoded: what a next link goes on from."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    base: str
    raw_path: str = ""
    raw_query: str = ""

    def next_link(self, token: str) -> str:
        kept = [part for part in self.raw_query.split("&") if part and unquote(part.partition("=")[0]) != "$skiptoken"]
        return f"{self.base}/{self.raw_path}?{'&'.join([*kept, f'$skiptoken={token}'])}"

    def json(self) -> Any:
        try:
            return loads(self.content)
        except (ValueError, RecursionError):
            raise bad_request("The request body is not valid JSON.") from None


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes = b""
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def json(status: int, content: object, headers: dict[str, str] | None = None) -> "Reply":
        return Reply(status, content if isinstance(content, bytes) else dumps(content), headers=headers or {})

    @staticmethod
    def refused(refusal: Refused) -> "Reply":
        return Reply.json(refusal.status, refusal.body())
