"""The only way to make an HTTP call: deadlines, size caps, safe retries, limits and redaction around httpx.

Here belongs: what holds for every call. What a path or a body means belongs to the systems' clients.
A call that may have arrived is retried only when the caller says that it is idempotent (exactly_once.md section 3).
"""

import logging
import random
import ssl
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from .. import clock as utc
from ..calling import calling
from ..errors import AuthenticationFailed, CallsSpent, ConfigurationError, SystemUnavailable, UnreadableAnswer
from .timed import TimedTransport

RETRIABLE = {408, 429, 500, 502, 503, 504}
# Their lines hold whole addresses, with the e-mail addresses that are looked up, and at debug level headers.
for _library in ("httpx", "httpcore", "msal"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)
TOO_MANY = 429  # the call was counted and refused, not carried out
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # there was no connection
NOT_ANSWERED = (httpx.TransportError, httpx.DecodingError, TimeoutError)  # NOT_SENT is a part of these
# Until when the certificates of the hosts hold that this process has called, by origin.
certificates: dict[str, datetime] = {}
# Answers that this process has got, by name of the system and status; 0 stands for a call without an answer.
calls: Counter[tuple[str, int]] = Counter()
COUNTING = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. Its body has been read to its end, unless it is `cut` (see `Transport.call`)."""

    status: int
    headers: httpx.Headers
    content: bytes
    request_id: str
    cut: bool = False

    def json(self) -> Any:
        """The body as JSON; raises UnreadableAnswer for a body that is HTML, empty or cut off."""
        try:
            return orjson.loads(self.content.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            kind = self.headers.get("content-type", "no content type")
            seen = f"status {self.status}, {kind}, {len(self.content)} bytes"
            hint = "A proxy or a sign-in page may have answered, or the connection was cut. Nothing was taken from it."
            raise UnreadableAnswer(f"The answer ({seen}) is not whole JSON.", hint) from None


@dataclass(frozen=True)
class Limits:
    """The limits of all calls to one system. Names that end in `_s` are seconds.

    Attributes:
        ca_bundle: a PEM file with further certificate authorities that are trusted.
        deadline_s: the longest time from the beginning of a call to the end of its answer.
        answer_bytes: the largest body of an answer, unpacked. The largest ones hold all articles of a Winstore without
            chunks: 25 MB for 150,000 SKUs (measured on made-up ones), some four times that with long texts. A page of
            20,000 records of 2 KB from Business Central has 40 MB. Records take up to 16 times their bytes in memory
            (measured), so a higher cap would not protect a computer.
        in_flight: calls at the same time.
        requests_per_window: calls within `window_s`.
        tries: how often one call is made before it is given up.
        longest_wait_s: the longest pause between two tries, whatever Retry-After says.
        breaker_s: the circuit breaker: after a call was given up, all calls fail at once for this time, so that those
            who wait in line do not ask a dead host again and again.
    """

    deadline_s: float = 60
    answer_bytes: int = 100 * 2**20
    # Business Central online: five calls of a user at a time, 6,000 in five minutes (behaviour.md section 10).
    in_flight: int = 5
    requests_per_window: int = 6000
    window_s: float = 300
    tries: int = 5
    longest_wait_s: float = 60
    breaker_s: float = 30
    ca_bundle: Path | None = None


@dataclass
class Budget:
    """How many calls a task may make, to whatever system, and how many it has made. Several threads may use it."""

    most: int
    made: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def spend(self) -> None:
        """Counts a call; raises CallsSpent when none is left."""
        with self.lock:
            if self.made >= self.most:
                raise CallsSpent(f"{self.made} calls were made, and no more are allowed.", "Run it again: it goes on.")
            self.made += 1


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def at_most(calls: int) -> Iterator[Budget]:
    """Every transport that is made inside the block counts its calls against one budget."""
    budget = Budget(calls)
    token = _budget.set(budget)
    try:
        yield budget
    finally:
        _budget.reset(token)


class Lost(Exception):
    """The call got no usable answer, and it may have been carried out."""


class Transport:
    """Makes calls to one host. It may be used by several threads.

    Args:
        name: the name of the system, for errors.
        authorise: gives the Authorization header. Its argument is the header that was refused with 401, or None.
        sleep, clock: seconds; tests give their own.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        authorise: Callable[[str | None], str],
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_address(f"{name}'s base_url", base_url)
        parts = urlsplit(base_url)
        self.name, self.authorise = name, authorise
        self.base_url, self.origin = base_url.rstrip("/"), f"{parts.scheme}://{parts.netloc}"
        self.limits = limits or Limits()
        # Gives a call of a weight its place among those of other processes, until its block ends.
        self.shared: Callable[[int], AbstractContextManager[None]] = lambda _weight: nullcontext()
        self.sleep, self.clock = sleep, clock
        self.budget = _budget.get()
        self.closed_until = 0.0  # the circuit breaker is open until this moment of `clock`
        self.slots = threading.Semaphore(self.limits.in_flight)
        self.recent: deque[float] = deque()
        self.lock = threading.Lock()
        self.call_of_thread = threading.local()  # `ends`: when its call does, by `clock`
        line = TimedTransport(authorities(self.limits.ca_bundle), self._left)
        self.client = httpx.Client(timeout=self.limits.deadline_s, trust_env=False, transport=line)
        self.server_now: datetime | None = None  # the clock of the host, as its last answer told it
        self.server_ahead = timedelta()  # at least so far is the clock of the host ahead of ours; below 0: behind

    @property
    def pausing(self) -> bool:
        """Whether calls fail at once, because the host did not answer a moment ago (see `Limits.breaker_s`)."""
        return self.clock() < self.closed_until

    def close(self) -> None:
        self.client.close()

    @calling()
    def call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        idempotent: bool = True,
        weight: int = 1,
        enough: int | None = None,
    ) -> Answer:
        """Makes one call, and makes it again where that is safe.

        `path` is relative to the base address, or a whole address on the same host. An `idempotent` call may be carried
        out twice. `weight` is what the call counts against `Limits.requests_per_window`. Reading stops at `enough`
        bytes; an answer that is longer is `cut`.
        Raises: SystemUnavailable when nothing arrived, or no try was answered; AuthenticationFailed; UnreadableAnswer
            for another host or too large an answer; Lost when a call may have been carried out and is not idempotent.
        """
        url = self._url(path)
        refused: str | None = None
        for attempt in range(1, self.limits.tries + 1):
            self._check_breaker()
            if self.budget:
                self.budget.spend()
            try:
                self._spend(weight)
                authorization = self.authorise(refused)
                sent = (headers or {}) | {"Authorization": authorization}
                answer = self._once(method, url, sent, content, weight, enough)
            except NOT_ANSWERED as error:
                self._count(0)
                self._wait_after(error, attempt, idempotent)
                continue
            except SystemUnavailable:  # the authority that gives the credentials: it is left alone for a while too
                self.closed_until = self.clock() + self.limits.breaker_s
                raise
            if answer.status == 401 and not refused and attempt < self.limits.tries:
                refused = authorization  # the token may have expired: a fresh one is tried once
                continue
            self._check_credentials(method, url, answer.status)
            if answer.status not in RETRIABLE or (not idempotent and answer.status != TOO_MANY):
                return answer
            self._wait_or_give_up(attempt, answer.headers.get("retry-after"), f"answers {answer.status}")
        raise SystemUnavailable(f"{self.name} did not take the call.", system=self.name)

    def _check_breaker(self) -> None:
        if self.pausing:
            words = f"{self.name} did not answer a moment ago."
            raise SystemUnavailable(words, "The next run tries again.", self.name)

    def _wait_after(self, error: Exception, attempt: int, idempotent: bool) -> None:
        """Waits before the next try, where the error allows one."""
        kind = type(error).__name__
        if isinstance(error, NOT_SENT):
            self._wait_or_give_up(attempt, None, f"cannot be reached ({kind})")
        elif idempotent:
            self._wait_or_give_up(attempt, None, f"cut the call off ({kind})")
        else:
            raise Lost(f"{self.name}: {kind}") from None

    def _check_credentials(self, method: str, url: str, status: int) -> None:
        if status in (401, 403):
            call = f"{method} {urlsplit(url).path.rpartition('/')[2]}"
            hint = "Check user and secret, and whether their permission sets allow this call."
            words = f"{self.name} refuses the credentials for {call} (status {status})."
            raise AuthenticationFailed(words, hint, self.name)

    def _url(self, path: str) -> str:
        """The address of a call. Another host is refused, because the credentials would go there."""
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}/{path}"
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            words = f"{self.name} points to another host ({parts.netloc}). The credentials are not sent there."
            raise UnreadableAnswer(words, system=self.name)
        return url

    def _once(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, weight: int, enough: int | None
    ) -> Answer:
        request_id = str(uuid.uuid4())
        sent = {"client-request-id": request_id, **headers}
        with self.slots, self.shared(weight):
            self.call_of_thread.ends = self.clock() + self.limits.deadline_s
            with self.client.stream(method, url, headers=sent, content=content) as response:
                self._note_clock(response.headers.get("date"))
                if self.origin not in certificates:
                    self._note_certificate(response)
                read, cut = self._read(response, enough)
                self._count(response.status_code)
                return Answer(response.status_code, response.headers, read, request_id, cut)

    def _count(self, status: int) -> None:
        with COUNTING:
            calls[self.name, status] += 1

    def _left(self) -> float:
        """The seconds that are left of the call that this thread makes."""
        ends: float = self.call_of_thread.ends
        return ends - self.clock()

    def _note_clock(self, date: str | None) -> None:
        """Notes the clock of the host. It is read before the body, which may take long."""
        if moment := _moment(date):
            self.server_now, self.server_ahead = moment, moment - utc.now()

    def _note_certificate(self, response: httpx.Response) -> None:
        """Notes until when the certificate of the host holds; nothing without encryption."""
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("ssl_object") if stream else None
        ends = (connection.getpeercert() or {}).get("notAfter") if connection else None
        if ends:
            certificates[self.origin] = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    def _read(self, response: httpx.Response, enough: int | None) -> tuple[bytes, bool]:
        """The body, and whether it was cut; raises UnreadableAnswer when it is too large, TimeoutError when it takes
        too long."""
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if enough is not None and size > enough:
                return b"".join(chunks)[:enough], True
            if size > self.limits.answer_bytes:
                words = f"{self.name}: an answer is larger than {self.limits.answer_bytes} bytes."
                hint = "If it should be that large, raise `answer_limit_mb`."
                raise UnreadableAnswer(words, hint, self.name)
            if self._left() < 0:
                raise TimeoutError
        return b"".join(chunks), False

    def _spend(self, weight: int) -> None:
        """Waits until the last `window_s` seconds have room for a call of this weight."""
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
            hint = "Check address and network. The next run continues where this one stopped."
            raise SystemUnavailable(f"{self.name} at {self.origin} {what}, {attempt} times.", hint, self.name)
        asked, longest = _seconds(retry_after), self.limits.longest_wait_s
        # Full jitter: callers that failed together do not come back together.
        jitter = random.uniform(0, min(0.25 * 2**attempt, longest))  # noqa: S311 - not a secret
        self.sleep(min(max(asked, jitter), longest))


def check_address(setting: str, address: str) -> None:
    """Raises ConfigurationError for an address to which credentials would go without encryption.

    Args:
        setting: what people call the address.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        hint = "Plain http is allowed for this computer only (127.0.0.1)."
        raise ConfigurationError(f"{setting} must begin with https.", hint)


@cache
def authorities(ca_bundle: Path | None = None) -> ssl.SSLContext:
    """The certificate authorities that httpx comes with, and further ones of a PEM file.

    They are read once, because that takes longer than a call.
    Raises: ConfigurationError for a file that has none.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if ca_bundle:
        try:
            context.load_verify_locations(ca_bundle)
        except (OSError, ssl.SSLError) as error:
            why = f"{ca_bundle} cannot be used ({type(error).__name__})."
            raise ConfigurationError(f"ca_bundle: {why}", "Name a PEM file with certificates.") from None
    return context


def _moment(text: str | None) -> datetime | None:
    """The moment of a Date header; None when it is absent or unreadable."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    # `-0000` in the place of a zone gives a moment without one (RFC 5322 section 3.3): it is UTC all the same.
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _seconds(retry_after: str | None) -> float:
    """The seconds of a Retry-After header, which is a number or an HTTP date; 0 when it is absent or unreadable."""
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
