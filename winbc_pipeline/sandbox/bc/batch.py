"""`$batch`: up to 100 operations in JSON (behaviour.md section 8)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..records import dumps, loads
from .call import Call, Reply
from .company import Company
from .refusal import bad_request

MOST = 100
Run = Callable[[Call], Reply]


class _Undone(Exception):
    """Ends the transaction of a batch in which an operation failed."""


def run_batch(company: Company, call: Call, run: Run) -> Reply:
    """Stops at the first failure, or runs all with `Prefer: odata.continue-on-error`; with `Isolation: snapshot` a
    failure takes everything back, though the answers before it still look like success."""
    content = call.json()
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise bad_request("The batch has no list of requests.")
    if len(requests) > MOST:
        raise bad_request(f"The batch has {len(requests)} operations; the most are {MOST}.")
    go_on = "odata.continue-on-error" in call.headers.get("prefer", "")
    answers: list[dict[str, Any]] = []
    if call.headers.get("isolation", "").lower() != "snapshot":
        _run_all(requests, call, run, go_on, answers)
        return _reply(call, answers)
    try:
        with company.transaction():
            _run_all(requests, call, run, go_on, answers)
            if any(answer["status"] >= 400 for answer in answers):
                raise _Undone
    except _Undone:
        pass
    return _reply(call, answers)


def _run_all(requests: list[Any], call: Call, run: Run, go_on: bool, answers: list[dict[str, Any]]) -> None:
    for one in requests:
        reply = run(_operation(one, call))
        body = loads(reply.content) if reply.content and "json" in reply.media_type else None
        headers = {"content-type": reply.media_type} if reply.content else {}
        answers.append({"id": one.get("id"), "status": reply.status, "headers": headers, "body": body})
        if reply.status >= 400 and not go_on:
            return


def _operation(one: Mapping[str, Any], call: Call) -> Call:
    url, _, query = str(one.get("url", "")).removeprefix(call.base).lstrip("/").partition("?")
    given = one.get("headers") or {}
    own = {str(name).lower(): str(value) for name, value in (given.items() if isinstance(given, dict) else ())}
    own.setdefault("client-request-id", call.headers.get("client-request-id", ""))
    body = one.get("body")
    content = b"" if body is None else dumps(body)
    return Call(
        str(one.get("method", "GET")).upper(), unquote(url), dict(parse_qsl(query, True)), own, content, call.base
    )


def _reply(call: Call, answers: list[dict[str, Any]]) -> Reply:
    if "application/json" in call.headers.get("accept", ""):
        return Reply.json(200, {"responses": answers})
    parts = "".join(
        f"--batch\r\nContent-Type: application/http\r\nContent-ID: {answer['id']}\r\n\r\n"
        f"HTTP/1.1 {answer['status']} -\r\nContent-Type: application/json\r\n\r\n{dumps(answer['body']).decode()}\r\n"
        for answer in answers
    )
    return Reply(200, f"{parts}--batch--\r\n".encode(), "multipart/mixed; boundary=batch")
