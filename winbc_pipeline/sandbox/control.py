"""What both sandboxes share: the clock, the limits, the log of calls, and the `/__…` calls that control a sandbox.

Here belongs: what tests and people control. What the systems themselves answer belongs to bc/ and winstore.py.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .faults import Faults
from .records import Records, dumps, loads

LONGEST_S = 10**11  # some 3000 years, which a timedelta can still hold
ControlCall = Callable[[dict[str, Any]], object]


class Clock:
    """The sandbox's clock, in UTC. It shows the machine's time until `POST /__clock` moves or stops it."""

    def __init__(self) -> None:
        self.fixed: datetime | None = None
        self.offset = timedelta()

    def now(self) -> datetime:
        """The time that the clock shows."""
        return self.fixed or datetime.now(UTC) + self.offset

    def set(self, request: dict[str, Any]) -> None:
        """Sets the clock as a JSON object says. Raises ValueError for anything else.

        `{"now": "2026-…Z"}` stops the clock at a time, `{"advance_s": 60}` moves it forward, and `{}` brings the
        machine's time back.
        """
        if len(request) > 1 or not set(request) <= {"now", "advance_s"}:
            raise ValueError("The clock takes now or advance_s.")
        if "now" in request:
            self.fixed = moment(request["now"])
        elif "advance_s" in request and self.fixed:
            self.fixed = _checked_year(self.fixed + _duration(request["advance_s"]))
        elif "advance_s" in request:
            offset = self.offset + _duration(request["advance_s"])
            _checked_year(datetime.now(UTC) + offset)
            self.offset = offset
        else:
            self.fixed, self.offset = None, timedelta()


def moment(text: object) -> datetime:
    """The time that a text means. Without a time zone it is UTC. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("A time is a text like 2026-03-01T10:00:00Z.")
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return _checked_year(found)


def _duration(seconds: Any) -> timedelta:
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal) or not -LONGEST_S < seconds < LONGEST_S:
        raise ValueError("advance_s is a number of seconds.")
    return timedelta(seconds=float(seconds))


def _checked_year(found: datetime) -> datetime:
    if not 1900 < found.year < 9000:
        raise ValueError("The clock goes from 1901 to 8999.")
    return found


def timestamp(moment: datetime) -> str:
    """A time in ISO 8601: UTC, with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(moment: datetime) -> str:
    """A time in the form of a `Date` header."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


class CallLog:
    """The calls and the status of their answers, the newest last. When the log is full, the oldest are dropped."""

    def __init__(self, clock: Clock, most: int = 100_000) -> None:
        self.clock, self.calls = clock, deque[dict[str, Any]](maxlen=most)

    def note(self, request: Request, status: int, fault: str = "", request_id: str = "") -> None:
        """Adds a call to the log."""
        query = f"?{request.url.query}" if request.url.query else ""
        call: dict[str, Any] = {
            "at": timestamp(self.clock.now()),
            "method": request.method,
            "path": request.url.path + query,
            "status": status,
            "request_id": request_id,
        }
        if fault:
            call["fault"] = fault
        self.calls.append(call)


class Limits:
    """The limits on calls in flight, in the queue and per window of time.

    BC's figures are in facts.json: conc.user, queue.user, rate.user.*, queue.*.
    """

    def __init__(
        self,
        in_flight: int = 5,
        queued: int = 95,
        requests: int = 6000,
        window_s: float = 300,
        queue_s: float = 480,
        operation_s: float = 480,
    ) -> None:
        self.slots, self.queued, self.queue_s = asyncio.Semaphore(in_flight), queued, queue_s
        self.requests, self.window_s = requests, window_s
        self.operation_s = operation_s
        self.waiting = 0
        self.recent: deque[float] = deque()

    def refused(self, now: float) -> bool:
        """Whether one more call must be answered with 429. If not, the call is counted."""
        while self.recent and self.recent[0] <= now - self.window_s:
            self.recent.popleft()
        if len(self.recent) >= self.requests or self.waiting >= self.queued:
            return True
        self.recent.append(now)
        return False

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds one place among the calls in flight. Raises TimeoutError if the wait in the queue is too long."""
        self.waiting += 1
        try:
            await asyncio.wait_for(self.slots.acquire(), self.queue_s)
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.slots.release()


def control_endpoint(work: ControlCall) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that passes a JSON object to `work` and answers with its result.

    A ValueError is answered with 400, a LookupError with 404.
    """

    async def endpoint(request: Request) -> Response:
        try:
            asked = loads(await request.body() or b"{}")
            if not isinstance(asked, dict):
                raise ValueError("The body is no JSON object.")
            return Response(dumps(work(asked)), media_type="application/json")
        except (ValueError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, 400)
        except LookupError as error:
            return JSONResponse({"error": str(error.args[0])}, 404)

    return endpoint


def control_routes(records: Records, clock: Clock, faults: Faults, log: CallLog, seed: ControlCall) -> list[Route]:
    """The control calls: `/__state` and `/__log` show a sandbox, `/__seed`, `/__clock` and `/__faults` change it."""

    async def state(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            # An asynchronous generator runs in the event loop's own thread. A plain one would run in another thread,
            # and two threads that use one SQLite connection can block each other.
            for chunk in records.state():
                yield chunk

        return StreamingResponse(chunks(), media_type="application/json")

    async def calls(_: Request) -> Response:
        return Response(dumps({"calls": list(log.calls)}), media_type="application/json")

    async def planned(_: Request) -> Response:
        return Response(dumps({"faults": faults.shown()}), media_type="application/json")

    def set_clock(asked: dict[str, Any]) -> object:
        clock.set(asked)
        return {"now": timestamp(clock.now())}

    def plan(asked: dict[str, Any]) -> object:
        faults.plan(asked.get("faults"))
        return {"faults": faults.shown()}

    return [
        Route("/__state", state),
        Route("/__log", calls),
        Route("/__seed", control_endpoint(seed), methods=["POST"]),
        Route("/__clock", control_endpoint(set_clock), methods=["POST"]),
        Route("/__faults", planned),
        Route("/__faults", control_endpoint(plan), methods=["POST"]),
    ]
