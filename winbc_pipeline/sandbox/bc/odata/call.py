"""One call and its reply, without the HTTP server. Single calls and the operations of a batch look the same here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ...records import dumps, loads
from ..data.refusal import Refused, bad_request

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """One request to the API. `path` is relative to `base`, the address of the API; header names are lower-case.

    `raw_path` and `raw_query` are the address as it came, percent-encoded. A next link repeats them.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    base: str
    raw_path: str = ""
    raw_query: str = ""

    def next_link(self, token: str) -> str:
        """The address of the next page: this address with another `$skiptoken`."""
        options = [option for option in self.raw_query.split("&") if option]
        kept = [option for option in options if unquote(option.partition("=")[0]) != "$skiptoken"]
        query = "&".join([*kept, f"$skiptoken={token}"])
        return f"{self.base}/{self.raw_path}?{query}"

    def json(self) -> Any:
        """The body as JSON. Raises Refused if it is not JSON."""
        try:
            return loads(self.content)
        except (ValueError, RecursionError):
            raise bad_request("The request body is not valid JSON.") from None


@dataclass(frozen=True)
class Reply:
    """The answer to one call."""

    status: int
    content: bytes = b""
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def json(status: int, content: object, headers: dict[str, str] | None = None) -> "Reply":
        """A JSON reply. Content that is bytes is JSON already."""
        body = content if isinstance(content, bytes) else dumps(content)
        return Reply(status, body, headers=headers or {})

    @staticmethod
    def refused(refusal: Refused) -> "Reply":
        """The reply that tells a client why its call was refused."""
        return Reply.json(refusal.status, refusal.body())
