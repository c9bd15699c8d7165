"""Planned faults: what goes wrong with which call. Both sandboxes take them by `POST /__faults`.

A fault is `{kind, path?, method?, nth?, times?, probability?, seed?, status?, seconds?, headers?}`: it befalls calls
whose path contains `path`, from the `nth` on (1 = the next), `times` times (1), each with a probability.
"""

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .records import dumps, loads

Handler = Callable[[Request], Awaitable[Response]]
KINDS = {
    "status": "answers `status` without running the call",
    "status_after": "runs the call, then answers `status`",
    "drop_before": "cuts the connection without running the call",
    "drop_after": "runs the call, then cuts the connection",
    "late": "answers `status` (504) at once and runs the call `seconds` later",
    "slow": "runs the call, then waits `seconds`",
    "truncate": "sends half of the true answer",
    "html": "an HTML page with status 200",
    "garbage": "bytes that are no JSON, with a JSON content type",
    "drip": "the true answer, a byte every `seconds`",
    "bomb": "an answer of `megabytes` (300) of blanks, compressed",
    "next_link": "the true page, with a next link to another host",
    "redirect": "a redirect to another host",
    "stale_etag": "409, as if somebody had changed the record",
    "expired_token": "401, as if the token had expired",
    "storm": "429, `times` times",
    "partial_batch": "runs the whole batch, leaves out the second half of the answers",
    "shuffled_batch": "runs the whole batch, answers in the opposite order",
}


class Faults:
    """The faults that still wait for their call."""

    def __init__(self) -> None:
        self.planned: list[dict[str, Any]] = []

    def plan(self, faults: list[dict[str, Any]]) -> None:
        """Replaces all planned faults; raises ValueError for an unknown kind."""
        for fault in faults:
            if fault.get("kind") not in KINDS:
                raise ValueError(f"{fault.get('kind')} is none of {', '.join(KINDS)}")
        self.planned = [fault | {"chance": random.Random(fault.get("seed", 0))} for fault in faults]

    def take(self, method: str, path: str) -> dict[str, Any] | None:
        for fault in self.planned:
            if fault.get("path", "") not in path or fault.get("method", method) != method:
                continue
            fault["nth"] = fault.get("nth", 1) - 1
            if fault["nth"] > 0 or fault["chance"].random() >= fault.get("probability", 1):
                continue
            fault["times"] = fault.get("times", 1) - 1
            if fault["times"] <= 0:
                self.planned.remove(fault)
            return fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in fault.items() if name != "chance"} for fault in self.planned]


async def with_fault(fault: dict[str, Any] | None, request: Request, handler: Handler) -> Response:
    """Runs a call with one planned fault, or as it is."""
    if fault is None:
        return await handler(request)
    kind = fault["kind"]
    if kind in INSTEAD:
        return INSTEAD[kind](fault)
    if kind == "late":
        await request.body()
        _run_later(handler(request), float(fault.get("seconds", 1)))
        return Response("fault", fault.get("status", 504))
    answer = await handler(request)
    if kind == "slow":
        await asyncio.sleep(fault.get("seconds", 0.2))
        return answer
    return AFTER[kind](fault, answer)


def _cut() -> Response:
    """The server cuts the connection: the promised body never comes."""
    return Response(b"", headers={"content-length": "1"})


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def _bomb(fault: dict[str, Any]) -> Response:
    squeezed = zlib.compressobj(wbits=31)
    blanks = b" " * 2**20
    body = b"".join(squeezed.compress(blanks) for _ in range(fault.get("megabytes", 300))) + squeezed.flush()
    return Response(body, headers={"content-encoding": "gzip"}, media_type="application/json")


def _drip(fault: dict[str, Any], answer: Response) -> Response:
    async def bytes_of() -> AsyncIterator[bytes]:
        for byte in bytes(answer.body):
            yield bytes([byte])
            await asyncio.sleep(fault.get("seconds", 0.05))

    return StreamingResponse(bytes_of(), answer.status_code, media_type=answer.media_type)


def _changed(answer: Response, change: Callable[[dict[str, Any]], None]) -> Response:
    content = loads(bytes(answer.body))
    change(content)
    return Response(dumps(content), answer.status_code, media_type=answer.media_type)


def _lead_away(content: dict[str, Any]) -> None:
    content["@odata.nextLink"] = "https://evil.example/v2.0/sandbox/api/v2.0/customers?$skiptoken=1"


def _leave_out(content: dict[str, Any]) -> None:
    content["responses"] = content["responses"][: len(content["responses"]) // 2]


def _turn_round(content: dict[str, Any]) -> None:
    content["responses"] = content["responses"][::-1]


def _run_later(work: Awaitable[Response], seconds: float) -> None:
    async def run() -> None:
        await asyncio.sleep(seconds)
        await work

    task = asyncio.get_running_loop().create_task(run())
    _LATE.add(task)
    task.add_done_callback(_LATE.discard)


_LATE: set[asyncio.Task[None]] = set()
PAGE = "<html><body>Please sign in</body></html>"
STALE = ("Request_EntityChanged", "Another user has already changed the record.")
EXPIRED = ("Authentication_InvalidCredentials", "The server has rejected the client credentials.")
INSTEAD: dict[str, Callable[[dict[str, Any]], Response]] = {
    "status": lambda fault: Response("fault", fault["status"], headers=fault.get("headers")),
    "drop_before": lambda _: _cut(),
    "html": lambda _: Response(PAGE, media_type="text/html"),
    "garbage": lambda _: Response(b"\x00\xff{]not json" * 20, media_type="application/json"),
    "bomb": _bomb,
    "redirect": lambda _: Response("", 302, {"Location": "https://evil.example/"}),
    "stale_etag": lambda _: _error(409, *STALE),
    "expired_token": lambda _: _error(401, *EXPIRED),
    "storm": lambda fault: Response("Too many requests", 429, fault.get("headers")),
}
AFTER: dict[str, Callable[[dict[str, Any], Response], Response]] = {
    "status_after": lambda fault, _: Response("fault", fault["status"]),
    "drop_after": lambda *_: _cut(),
    "truncate": lambda _, answer: Response(bytes(answer.body)[: len(answer.body) // 2], media_type=answer.media_type),
    "drip": _drip,
    "next_link": lambda _, answer: _changed(answer, _lead_away),
    "partial_batch": lambda _, answer: _changed(answer, _leave_out),
    "shuffled_batch": lambda _, answer: _changed(answer, _turn_round),
}
