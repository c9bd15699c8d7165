"""`$batch`: up to 100 operations in JSON (behaviour.md section 8)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote

from ...records import dumps, loads
from ..data.company import Company
from ..data.refusal import Refused, bad_request
from .call import Call, Reply

MOST = 100
Run = Callable[[Call], Reply]
Answers = list[dict[str, Any]]
INHERITED = ("client-request-id", "company")
COMMITTING = ("shipAndInvoice", "post", "postAndSend", "cancel", "cancelAndSend")  # AL commits once it has posted


class _Undone(Exception):
    """Ends the transaction of a batch in which an operation failed."""


def run_batch(company: Company, call: Call, run: Run) -> Reply:
    """Stops at the first failure, or runs all with `Prefer: odata.continue-on-error`; with `Isolation: snapshot` a
    failure takes everything back that was not committed, though the answers before it still look like success."""
    requests = _ordered(_requests(call.json()))
    batch = _Batch(call, run, requests)
    if call.headers.get("isolation", "").lower() != "snapshot":
        batch.run_on()
    while batch.waiting:
        with suppress(_Undone), company.transaction():
            if not batch.run_on(until_commit=True):
                raise _Undone
    return _reply(call, batch.answers)


def _requests(content: Any) -> list[dict[str, Any]]:
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise bad_request("The batch has no list of requests.")
    if len(requests) > MOST:
        raise bad_request(f"The batch has {len(requests)} operations; the most are {MOST}.")
    return requests


def _ordered(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every operation after those that it depends on, else as sent."""
    done, left = set[str](), list(requests)
    ordered: list[dict[str, Any]] = []
    while left:
        one = next((one for one in left if _needs(one) <= done), None)
        if one is None:
            raise bad_request(
                "The dependsOn of the batch names an operation that is not there, or goes round in circles."
            )
        left.remove(one)
        ordered.append(one)
        done.add(str(one.get("id")))
    return ordered


def _needs(one: Mapping[str, Any]) -> set[str]:
    named = one.get("dependsOn") or []
    return {str(name) for name in (named if isinstance(named, list) else [named])}


class _Batch:
    """The operations that still wait, and the answers so far."""

    def __init__(self, call: Call, run: Run, requests: list[dict[str, Any]]) -> None:
        self.call, self.run, self.waiting = call, run, requests
        self.go_on = "odata.continue-on-error" in call.headers.get("prefer", "")
        self.answers: Answers = []
        self.failed: set[str] = set()

    def run_on(self, until_commit: bool = False) -> bool:
        """Runs what waits, or up to the next commit; returns whether all of it succeeded."""
        good = True
        while self.waiting:
            one = self.waiting.pop(0)
            reply = self._reply(one)
            if reply.status >= 400:
                good = False
                self.failed.add(str(one.get("id")))
                if not self.go_on:
                    self.waiting = []
            elif until_commit and good and str(one.get("url")).rpartition(".")[2] in COMMITTING:
                return True
        return good

    def _reply(self, one: dict[str, Any]) -> Reply:
        if _needs(one) & self.failed:
            reply = Reply.refused(Refused(424, "BadRequest", "An operation that this one depends on has failed."))
        else:
            reply = self.run(_operation(one, self.call))
        body = loads(reply.content) if reply.content and "json" in reply.media_type else None
        headers = {"content-type": reply.media_type} if reply.content else {}
        self.answers.append({"id": one.get("id"), "status": reply.status, "headers": headers, "body": body})
        return reply


def _operation(one: Mapping[str, Any], call: Call) -> Call:
    url, _, query = str(one.get("url", "")).removeprefix(call.base).lstrip("/").partition("?")
    given = one.get("headers") or {}
    own = {str(name).lower(): str(value) for name, value in (given.items() if isinstance(given, dict) else ())}
    for name in INHERITED:
        own.setdefault(name, call.headers.get(name, ""))
    body = one.get("body")
    content = b"" if body is None else dumps(body)
    method = str(one.get("method", "GET")).upper()
    tenant = [part for part in call.raw_query.split("&") if part.startswith("tenant=")]
    raw_query = "&".join([*tenant, query])
    return Call(method, unquote(url), dict(parse_qsl(query, True)), own, content, call.base, url, raw_query)


def _reply(call: Call, answers: Answers) -> Reply:
    if "application/json" in call.headers.get("accept", ""):
        return Reply.json(200, {"responses": answers})
    parts = "".join(
        f"--batch\r\nContent-Type: application/http\r\nContent-ID: {answer['id']}\r\n\r\n"
        f"HTTP/1.1 {answer['status']} -\r\nContent-Type: application/json\r\n\r\n{dumps(answer['body']).decode()}\r\n"
        for answer in answers
    )
    return Reply(200, f"{parts}--batch--\r\n".encode(), "multipart/mixed; boundary=batch")
