"""What both sandboxes share: clock, limits, log, and the `/__…` calls that tests and people steer them with.

Here belongs: the control surface. What the systems themselves answer belongs to bc/ and winstore.py.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .faults import Faults
from .records import Records, dumps, loads


class Clock:
    """The sandbox's time, UTC: the machine's, moved or set by `POST /__clock`."""

    def __init__(self) -> None:
        self.fixed: datetime | None = None
        self.offset = timedelta()

    def now(self) -> datetime:
        return self.fixed or datetime.now(UTC) + self.offset

    def set(self, request: dict[str, Any]) -> None:
        """`{"now": "2026-…Z"}` stops the clock there, `{"advance_s": 60}` moves it, `{}` gives the machine's back."""
        if "now" in request:
            self.fixed = datetime.fromisoformat(request["now"])
        elif "advance_s" in request and self.fixed:
            self.fixed += timedelta(seconds=float(request["advance_s"]))
        elif "advance_s" in request:
            self.offset += timedelta(seconds=float(request["advance_s"]))
        else:
            self.fixed, self.offset = None, timedelta()


def timestamp(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def control_routes(
    records: Records, clock: Clock, faults: Faults, log: CallLog, seed: Callable[[dict[str, Any]], object]
) -> list[Route]:
    """`GET /__state`, `GET /__log`, `POST /__seed`, `POST /__clock`, `POST /__faults`."""

    async def state(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            # In the event loop's own thread: SQLite and Python lock each other out when two threads use one connection.
            for chunk in records.state():
                yield chunk

        return StreamingResponse(chunks(), media_type="application/json")

    async def calls(_: Request) -> Response:
        return Response(dumps({"calls": list(log.calls)}), media_type="application/json")

    async def load(request: Request) -> Response:
        return JSONResponse(seed(loads(await request.body())))

    async def set_clock(request: Request) -> Response:
        clock.set(loads(await request.body()))
        return JSONResponse({"now": timestamp(clock.now())})

    async def set_faults(request: Request) -> Response:
        try:
            faults.plan(loads(await request.body())["faults"])
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response(dumps({"faults": faults.shown()}), media_type="application/json")

    return [
        Route("/__state", state),
        Route("/__log", calls),
        Route("/__seed", load, methods=["POST"]),
        Route("/__clock", set_clock, methods=["POST"]),
        Route("/__faults", set_faults, methods=["POST"]),
    ]
