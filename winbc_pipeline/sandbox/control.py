"""What both sandboxes share: clock, limits, log, and the `/__…` calls that tests and people steer them with.

Here belongs: the control surface. What the systems themselves answer belongs to bc/ and winstore.py.
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

LONGEST_S = 10**11
Work = Callable[[dict[str, Any]], object]


class Clock:
    """The sandbox's time, UTC: the machine's, moved or set by `POST /__clock`."""

    def __init__(self) -> None:
        self.fixed: datetime | None = None
        self.offset = timedelta()

    def now(self) -> datetime:
        return self.fixed or datetime.now(UTC) + self.offset

    def set(self, request: dict[str, Any]) -> None:
        """`{"now": "2026-…Z"}` stops the clock there, `{"advance_s": 60}` moves it, `{}` gives the machine's back.

        Raises ValueError for anything else.
        """
        if len(request) > 1 or not set(request) <= {"now", "advance_s"}:
            raise ValueError("The clock takes now or advance_s.")
        if "now" in request:
            self.fixed = moment(request["now"])
        elif "advance_s" in request and self.fixed:
            self.fixed = _sensible(self.fixed + _span(request["advance_s"]))
        elif "advance_s" in request:
            offset = self.offset + _span(request["advance_s"])
            _sensible(datetime.now(UTC) + offset)
            self.offset = offset
        else:
            self.fixed, self.offset = None, timedelta()


def moment(text: object) -> datetime:
    """A time as people write it; without a zone it is UTC. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("A time is a text like 2026-03-01T10:00:00Z.")
    found = datetime.fromisoformat(text)
    return _sensible(found if found.tzinfo else found.replace(tzinfo=UTC))


def _span(seconds: Any) -> timedelta:
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal) or not -LONGEST_S < seconds < LONGEST_S:
        raise ValueError("advance_s is a number of seconds.")
    return timedelta(seconds=float(seconds))


def _sensible(found: datetime) -> datetime:
    if not 1900 < found.year < 9000:
        raise ValueError("The clock goes from 1901 to 8999.")
    return found


def timestamp(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(moment: datetime) -> str:
    """As a `Date` header says it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


class CallLog:
    """Every call with its answer's status, the newest last; the oldest go first."""

    def __init__(self, clock: Clock, most: int = 100_000) -> None:
        self.clock, self.calls = clock, deque[dict[str, Any]](maxlen=most)

    def note(self, request: Request, status: int, fault: str = "", request_id: str = "") -> None:
        query = f"?{request.url.query}" if request.url.query else ""
        call: dict[str, Any] = {
            "at": timestamp(self.clock.now()),
            "method": request.method,
            "path": request.url.path + query,
        }
        call |= {"status": status, "request_id": request_id}
        self.calls.append(call | ({"fault": fault} if fault else {}))


class Limits:
    """Calls in flight, in the queue and per window (facts.json: conc.user, queue.user, rate.user.*, queue.*)."""

    def __init__(
        self,
        in_flight: int = 5,
        queued: int = 95,
        requests: int = 6000,
        window_s: float = 300,
        queue_s: float = 480,
        operation_s: float = 480,
    ) -> None:
        self.slots, self.queued, self.requests, self.window_s = asyncio.Semaphore(in_flight), queued, requests, window_s
        self.queue_s, self.operation_s = queue_s, operation_s
        self.waiting = 0
        self.recent: deque[float] = deque()

    def refused(self, now: float) -> bool:
        """Whether one more call must be answered 429; counts it otherwise."""
        while self.recent and self.recent[0] <= now - self.window_s:
            self.recent.popleft()
        if len(self.recent) >= self.requests or self.waiting >= self.queued:
            return True
        self.recent.append(now)
        return False

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A place among the calls in flight; raises TimeoutError after too long a wait in the queue."""
        self.waiting += 1
        try:
            await asyncio.wait_for(self.slots.acquire(), self.queue_s)
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.slots.release()


def steered(work: Work) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes a JSON object and says what came of it; ValueError is 400, LookupError 404."""

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


def control_routes(records: Records, clock: Clock, faults: Faults, log: CallLog, seed: Work) -> list[Route]:
    """`/__state` and `/__log` to read, `/__seed`, `/__clock` and `/__faults` to steer."""

    async def state(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            # In the event loop's own thread: SQLite and Python lock each other out when two threads use one connection.
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
        Route("/__seed", steered(seed), methods=["POST"]),
        Route("/__clock", steered(set_clock), methods=["POST"]),
        Route("/__faults", planned),
        Route("/__faults", steered(plan), methods=["POST"]),
    ]
