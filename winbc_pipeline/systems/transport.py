"""The one HTTP door: deadlines, size caps, safe retries, limits and redaction around httpx.

Here belongs: what is true of every call. What a path or a body means belongs to the systems' clients.
A call that may have arrived is retried only when the caller says that it is idempotent (exactly_once.md section 3).
"""

import random
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from ..errors import AuthenticationFailed, SystemUnavailable, UnreadableAnswer

RETRIABLE = {408, 429, 500, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: httpx.Headers
    content: bytes
    request_id: str

    def json(self) -> Any:
        """The body as JSON; raises UnreadableAnswer for HTML, cut or empty bodies."""
        try:
            return orjson.loads(self.content.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            kind = self.headers.get("content-type", "no content type")
            raise UnreadableAnswer(
                f"The answer (status {self.status}, {kind}, {len(self.content)} bytes) is not whole JSON.",
                "A proxy, a sign-in page or a cut connection may stand between; nothing was taken from it.",
            ) from None


@dataclass(frozen=True)
class Limits:
    """Bounds of all calls to one system: seconds, bytes, calls in flight, calls per five minutes, tries.

    After a call that was given up, all calls fail at once for `breaker_s` seconds: a dead host is not asked again and
    again by everyone who waits in line.
    """

    deadline_s: float = 60
    answer_bytes: int = 256 * 2**20
    in_flight: int = 5
    requests_per_window: int = 6000
    window_s: float = 300
    tries: int = 5
    longest_wait_s: float = 60
    breaker_s: float = 30


class Lost(Exception):
    """No usable answer, and the call may have been carried out."""


class Transport:
    """Calls to one host. `authorise` gives the Authorization header; after a 401 it is called with the refused one."""

    def __init__(
        self,
        name: str,
        base_url: str,
        authorise: Callable[[str | None], str],
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise SystemUnavailable(f"{name}: the address must begin with https.", "Only loopback may go without.")
        self.name, self.origin, self.authorise = name, f"{parts.scheme}://{parts.netloc}", authorise
        self.base_url, self.limits = base_url.rstrip("/"), limits or Limits()
        self.sleep, self.clock, self.closed_until = sleep, clock, 0.0
        self.slots = threading.Semaphore(self.limits.in_flight)
        self.recent: deque[float] = deque()
        self.lock = threading.Lock()
        self.client = httpx.Client(timeout=self.limits.deadline_s, trust_env=False, verify=authorities())
        self.server_now: datetime | None = None  # the host's clock, by its last answer

    @property
    def pausing(self) -> bool:
        """Whether calls are refused unasked, because the host did not answer a moment ago."""
        return self.clock() < self.closed_until

    def close(self) -> None:
        self.client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        idempotent: bool = True,
        weight: int = 1,
    ) -> Answer:
        """One call, retried where that is safe; `weight` is what it counts against the request budget.

        Raises SystemUnavailable (nothing arrived, or no try was answered), AuthenticationFailed, and for a call that
        is not idempotent Lost: it may have been carried out.
        """
        url = self._url(path)
        refused: str | None = None
        for attempt in range(1, self.limits.tries + 1):
            if self.pausing:
                raise SystemUnavailable(f"{self.name} did not answer a moment ago.", "The next run tries again.")
            try:
                self._spend(weight)
                authorization = self.authorise(refused)
                answer = self._once(method, url, (headers or {}) | {"Authorization": authorization}, content)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                self._wait_or_give_up(attempt, None, f"cannot be reached ({type(error).__name__})")
                continue
            except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
                if not idempotent:
                    raise Lost(f"{self.name}: {type(error).__name__}") from None
                self._wait_or_give_up(attempt, None, f"cut the call off ({type(error).__name__})")
                continue
            if answer.status == 401 and not refused:
                refused = authorization
                continue
            if answer.status in (401, 403):
                what = f"{method} {urlsplit(url).path.rpartition('/')[2]} (status {answer.status})"
                hint = "Check user and secret, and whether their permission sets allow this call."
                raise AuthenticationFailed(f"{self.name} refuses the credentials for {what}.", hint)
            if answer.status not in RETRIABLE or (not idempotent and answer.status != 429):
                return answer
            self._wait_or_give_up(attempt, answer.headers.get("retry-after"), f"answers {answer.status}")
        raise SystemUnavailable(f"{self.name} did not take the call.")

    def _url(self, path: str) -> str:
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}/{path}"
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            raise UnreadableAnswer(f"{self.name} points to another host ({parts.netloc}); credentials stay here.")
        return url

    def _once(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Answer:
        request_id = str(uuid.uuid4())
        sent = {"client-request-id": request_id, **headers}
        with self.slots:
            ends = self.clock() + self.limits.deadline_s
            with self.client.stream(method, url, headers=sent, content=content) as response:
                read = self._read(response, ends)
                self.server_now = _moment(response.headers.get("date")) or self.server_now
                return Answer(response.status_code, response.headers, read, request_id)

    def _read(self, response: httpx.Response, ends: float) -> bytes:
        """The whole body; raises UnreadableAnswer when it is too large, TimeoutError when it takes too long."""
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self.limits.answer_bytes:
                raise UnreadableAnswer(f"{self.name}: an answer is larger than {self.limits.answer_bytes} bytes.")
            if self.clock() > ends:
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)

    def _spend(self, weight: int) -> None:
        """Waits until the request budget of the sliding window has room."""
        while True:
            with self.lock:
                now = self.clock()
                while self.recent and self.recent[0] <= now - self.limits.window_s:
                    self.recent.popleft()
                if len(self.recent) + weight <= self.limits.requests_per_window:
                    self.recent.extend([now] * weight)
                    return
                pause = self.recent[0] + self.limits.window_s - now
            self.sleep(max(pause, 0.01))

    def _wait_or_give_up(self, attempt: int, retry_after: str | None, what: str) -> None:
        if attempt >= self.limits.tries:
            self.closed_until = self.clock() + self.limits.breaker_s
            raise SystemUnavailable(
                f"{self.name} at {self.origin} {what}, {attempt} times.",
                "Check address and network; the next run picks up where this one stopped.",
            )
        asked = _seconds(retry_after)
        jitter = random.uniform(0, min(0.25 * 2**attempt, self.limits.longest_wait_s))  # noqa: S311 - not a secret
        self.sleep(min(max(asked, jitter), self.limits.longest_wait_s))


@cache
def authorities() -> ssl.SSLContext:
    """Certificate authorities as httpx has them; reading them takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds, given as a number or an HTTP date; 0 when absent or unreadable."""
    if not retry_after:
        return 0
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0)
    except ValueError:
        return 0
