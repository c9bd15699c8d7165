"""One call and its answer, apart from HTTP: what the API and the operations of a batch have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import dumps, loads
from .refusal import Refused, bad_request

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """`path` is relative to the API's base; `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    base: str

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
