"""Planned faults: what goes wrong with which call. Both sandboxes take them by `POST /__faults`.

A fault is a JSON object with a `kind` and other members (MEMBERS). It hits calls whose path contains `path`. It starts
with the `nth` such call (1 is the next one), and hits `times` calls (1), each with a probability.
"""

import asyncio
import random
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .records import dumps, loads

Check = Callable[[Any], bool]
Handler = Callable[[Request], Awaitable[Response]]
KINDS = {  # each kind of fault, and what the sandbox does
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


NO_ANSWER = 0  # the log shows this status for a call whose connection was cut
LARGEST_BOMB_MB, LONGEST_S = 4096, 86_400


def _between(least: float, most: float) -> Check:
    return lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool) and least <= value <= most


def _whole(least: int, most: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        re.fullmatch(r"[A-Za-z0-9-]+", name) and isinstance(text, str) and re.fullmatch(r"[ -~]*", text)
        for name, text in value.items()
    )


MEMBERS: dict[str, Check] = {
    "kind": lambda value: isinstance(value, str) and value in KINDS,
    "path": lambda value: isinstance(value, str),
    "method": lambda value: isinstance(value, str),
    "nth": _whole(1, 10**9),
    "times": _whole(1, 10**9),
    "probability": _between(0, 1),
    "seed": _whole(-(10**18), 10**18),
    "status": _whole(200, 599),
    "seconds": _between(0, LONGEST_S),
    "headers": _are_headers,
    "megabytes": _whole(0, LARGEST_BOMB_MB),
}


class Faults:
    """The planned faults that have not hit all their calls yet."""

    def __init__(self) -> None:
        self.planned: list[dict[str, Any]] = []

    def plan(self, faults: object) -> None:
        """Replaces all planned faults. Raises ValueError for anything that is not a list of faults."""
        if not isinstance(faults, list):
            raise ValueError("faults is a list of faults")
        for fault in faults:
            _check(fault)
        self.planned = [fault | {"chance": random.Random(fault.get("seed", 0))} for fault in faults]

    def take(self, method: str, path: str) -> dict[str, Any] | None:
        """The first planned fault that hits a call, if there is one.

        A fault whose `nth` call has not come yet counts the call. A fault that has hit all its calls is removed.
        """
        for fault in self.planned:
            if fault.get("path", "") not in path or fault.get("method", method).upper() != method:
                continue
            if fault.get("nth", 1) > 1:
                fault["nth"] -= 1
                continue
            if fault["chance"].random() >= fault.get("probability", 1):
                continue
            fault["times"] = fault.get("times", 1) - 1
            if fault["times"] <= 0:
                self.planned.remove(fault)
            return fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        """The planned faults as a client sent them, with what is left of `nth` and `times`."""
        return [{name: value for name, value in fault.items() if name != "chance"} for fault in self.planned]


def _check(fault: object) -> None:
    if not isinstance(fault, dict):
        raise ValueError("a fault is an object")
    if not MEMBERS["kind"](fault.get("kind")):
        raise ValueError(f"{fault.get('kind')} is none of {', '.join(KINDS)}")
    for name, value in fault.items():
        if name not in MEMBERS:
            raise ValueError(f"a fault has no {name}, but {', '.join(MEMBERS)}")
        if not MEMBERS[name](value):
            raise ValueError(f"{value} is no {name}")
    if fault["kind"] in ("status", "status_after") and "status" not in fault:
        raise ValueError(f"a {fault['kind']} needs a status")


async def with_fault(fault: dict[str, Any] | None, request: Request, handler: Handler) -> Response:
    """Answers a call with a planned fault, or runs it as it is if there is none."""
    if fault is None:
        return await handler(request)
    kind = fault["kind"]
    if kind == "drop_before":
        return await _cut(request)
    if kind in INSTEAD:
        return INSTEAD[kind](fault)
    if kind == "late":
        await request.body()
        _run_later(lambda: handler(request), float(fault.get("seconds", 1)))
        return _plain(fault.get("status", 504), None)
    answer = await handler(request)
    if kind == "slow":
        await asyncio.sleep(float(fault.get("seconds", 0.2)))
        return answer
    if kind == "drop_after":
        return await _cut(request)
    return AFTER[kind](fault, answer)


async def _cut(request: Request) -> Response:
    """Closes the connection without an answer. The response that is returned goes to the log only."""
    await request.body()
    request.state.cut()
    await request.receive()  # until the connection is gone
    return Response(status_code=NO_ANSWER)


def _plain(status: int, headers: dict[str, str] | None) -> Response:
    body = b"" if status in (204, 304) else b"fault"  # HTTP allows no body with these two
    return Response(body, status, headers)


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
            await asyncio.sleep(float(fault.get("seconds", 0.05)))

    return StreamingResponse(bytes_of(), answer.status_code, media_type=answer.media_type)


def _with_changed_list(answer: Response, name: str, change: Callable[[list[Any]], dict[str, Any]]) -> Response:
    """The answer with the list under `name` changed. An answer without such a list stays as it is."""
    try:
        content = loads(bytes(answer.body))
    except ValueError:
        return answer
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        return answer
    return Response(dumps(content | change(content[name])), answer.status_code, media_type=answer.media_type)


def _foreign_next_link(_: list[Any]) -> dict[str, Any]:
    return {"@odata.nextLink": "https://evil.example/v2.0/sandbox/api/v2.0/customers?$skiptoken=1"}


def _first_half(answers: list[Any]) -> dict[str, Any]:
    return {"responses": answers[: len(answers) // 2]}


def _reversed(answers: list[Any]) -> dict[str, Any]:
    return {"responses": answers[::-1]}


def _run_later(work: Callable[[], Awaitable[Response]], seconds: float) -> None:
    async def run() -> None:
        await asyncio.sleep(seconds)
        await work()

    task = asyncio.get_running_loop().create_task(run())
    _LATE.add(task)
    task.add_done_callback(_LATE.discard)


_LATE: set[asyncio.Task[None]] = set()  # asyncio keeps only weak references to tasks
PAGE = "<html><body>Please sign in</body></html>"
STALE = ("Request_EntityChanged", "Another user has already changed the record.")
EXPIRED = ("Authentication_InvalidCredentials", "The server has rejected the client credentials.")
INSTEAD: dict[str, Callable[[dict[str, Any]], Response]] = {
    "status": lambda fault: _plain(fault["status"], fault.get("headers")),
    "html": lambda _: Response(PAGE, media_type="text/html"),
    "garbage": lambda _: Response(b"\x00\xff{]not json" * 20, media_type="application/json"),
    "bomb": _bomb,
    "redirect": lambda _: Response("", 302, {"Location": "https://evil.example/"}),
    "stale_etag": lambda _: _error(409, *STALE),
    "expired_token": lambda _: _error(401, *EXPIRED),
    "storm": lambda fault: Response("Too many requests", 429, fault.get("headers")),
}
AFTER: dict[str, Callable[[dict[str, Any], Response], Response]] = {
    "status_after": lambda fault, _: _plain(fault["status"], fault.get("headers")),
    "truncate": lambda _, answer: Response(
        bytes(answer.body)[: len(answer.body) // 2], answer.status_code, media_type=answer.media_type
    ),
    "drip": _drip,
    "next_link": lambda _, answer: _with_changed_list(answer, "value", _foreign_next_link),
    "partial_batch": lambda _, answer: _with_changed_list(answer, "responses", _first_half),
    "shuffled_batch": lambda _, answer: _with_changed_list(answer, "responses", _reversed),
}
