"""What both sandboxes share: clock, planned faults, and the `/__…` calls that tests and people steer them with.

Here belongs: the control surface. What the systems themselves answer belongs to business_central.py and winstore.py.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .records import Records, dumps, loads

Handler = Callable[[Request], Awaitable[Response]]


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


class Faults:
    """Faults to inject: each `{kind, path?, method?, status?, times?}`; a fault is used up after `times` calls.

    Kinds: `status` (answer without running the call), `status_after` (run it, then answer the status), `drop_after`
    (run it, then cut the connection), `html` (an HTML page with status 200), `truncate` (half of the true answer),
    `slow` (run it, then wait `seconds`).
    """

    def __init__(self) -> None:
        self.planned: list[dict[str, Any]] = []

    def take(self, method: str, path: str) -> dict[str, Any] | None:
        for fault in self.planned:
            if fault.get("path", "") in path and fault.get("method", method) == method:
                fault["times"] = fault.get("times", 1) - 1
                if fault["times"] <= 0:
                    self.planned.remove(fault)
                return fault
        return None


async def with_fault(fault: dict[str, Any] | None, request: Request, handler: Handler) -> Response:
    """Runs a call with one planned fault, or as it is."""
    if fault is None:
        return await handler(request)
    if fault["kind"] == "status":
        return Response("fault", status_code=fault["status"], headers=fault.get("headers"))
    if fault["kind"] == "html":
        return Response("<html><body>Please sign in</body></html>", media_type="text/html")
    answer = await handler(request)
    if fault["kind"] == "slow":
        await asyncio.sleep(fault.get("seconds", 0.2))
        return answer
    if fault["kind"] == "status_after":
        return Response("fault", status_code=fault["status"])
    if fault["kind"] == "truncate":
        return Response(bytes(answer.body)[: len(answer.body) // 2], media_type=answer.media_type)
    return Response(
        b"", headers={"content-length": "1"}
    )  # the server cuts the connection: the promised body never comes


class Limits:
    """Calls in flight, in the queue and per window (facts.json: conc.user, queue.user, rate.user.*)."""

    def __init__(self, in_flight: int = 5, queued: int = 95, requests: int = 6000, window_s: float = 300) -> None:
        self.slots, self.queued, self.requests, self.window_s = asyncio.Semaphore(in_flight), queued, requests, window_s
        self.waiting = 0
        self.recent: list[float] = []

    def refused(self, now: float) -> bool:
        """Whether one more call must be answered 429; counts it otherwise."""
        if self.recent and self.recent[0] <= now - self.window_s:
            self.recent = [moment for moment in self.recent if moment > now - self.window_s]
        if len(self.recent) >= self.requests or self.waiting >= self.queued:
            return True
        self.recent.append(now)
        return False

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        self.waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.slots.release()


def control_routes(
    records: Records, clock: Clock, faults: Faults, seed: Callable[[dict[str, Any]], object]
) -> list[Route]:
    """`GET /__state`, `POST /__seed`, `POST /__clock`, `POST /__faults`."""

    async def state(_: Request) -> Response:
        return StreamingResponse(records.state(), media_type="application/json")

    async def load(request: Request) -> Response:
        return JSONResponse(seed(loads(await request.body())))

    async def set_clock(request: Request) -> Response:
        clock.set(loads(await request.body()))
        return JSONResponse({"now": timestamp(clock.now())})

    async def set_faults(request: Request) -> Response:
        faults.planned = loads(await request.body())["faults"]
        return Response(dumps({"faults": faults.planned}), media_type="application/json")

    return [
        Route("/__state", state),
        Route("/__seed", load, methods=["POST"]),
        Route("/__clock", set_clock, methods=["POST"]),
        Route("/__faults", set_faults, methods=["POST"]),
    ]
