"""`$batch`: up to 100 operations in one JSON request (behaviour.md section 8)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote

from ...records import dumps, loads
from ..data.company import Company
from ..data.refusal import Refused, bad_request
from .call import Call, Reply

MAX_OPERATIONS = 100
Run = Callable[[Call], Reply]
Answers = list[dict[str, Any]]
INHERITED = ("client-request-id", "company")  # headers of the batch that hold for its operations
# AL's posting routines commit by themselves, so what they wrote cannot be rolled back.
COMMITTING_ACTIONS = (
    "shipAndInvoice",
    "post",
    "postAndSend",
    "cancel",
    "cancelAndSend",
)  # AL commits once it has posted


class _RollBack(Exception):
    """Rolls back the transaction of a batch in which an operation failed."""


def run_batch(company: Company, call: Call, run: Run) -> Reply:
    """Runs the operations of a batch and returns their answers in one reply.

    The batch stops at the first failure. With `Prefer: odata.continue-on-error` it runs all operations.
    With `Isolation: snapshot`, a failure rolls back what is not committed yet. The answers to the operations before
    it still say that they succeeded.
    """
    requests = _in_dependency_order(_requests(call.json()))
    batch = _Batch(call, run, requests)
    if call.headers.get("isolation", "").lower() != "snapshot":
        batch.run_until_stop()
    while batch.waiting:
        with suppress(_RollBack), company.transaction():
            if not batch.run_until_stop(until_commit=True):
                raise _RollBack
    return _reply(call, batch.answers)


def _requests(content: Any) -> list[dict[str, Any]]:
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise bad_request("The batch has no list of requests.")
    if len(requests) > MAX_OPERATIONS:
        raise bad_request(f"The batch has {len(requests)} operations; the most are {MAX_OPERATIONS}.")
    return requests


def _in_dependency_order(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The operations in the order of the request, but each one after those that it depends on."""
    done, left = set[str](), list(requests)
    ordered: list[dict[str, Any]] = []
    while left:
        ready = (one for one in left if _dependencies(one) <= done)
        one = next(ready, None)
        if one is None:
            raise bad_request(
                "The dependsOn of the batch names an operation that is not there, or goes round in circles."
            )
        left.remove(one)
        ordered.append(one)
        done.add(str(one.get("id")))
    return ordered


def _dependencies(one: Mapping[str, Any]) -> set[str]:
    named = one.get("dependsOn") or []
    names = named if isinstance(named, list) else [named]
    return {str(name) for name in names}


class _Batch:
    """The operations of a batch that still wait, and the answers so far."""

    def __init__(self, call: Call, run: Run, requests: list[dict[str, Any]]) -> None:
        self.call, self.run, self.waiting = call, run, requests
        self.continue_on_error = "odata.continue-on-error" in call.headers.get("prefer", "")
        self.answers: Answers = []
        self.failed: set[str] = set()

    def run_until_stop(self, until_commit: bool = False) -> bool:
        """Runs the waiting operations, or only those up to the next commit. Returns whether all of them succeeded."""
        succeeded = True
        while self.waiting:
            one = self.waiting.pop(0)
            reply = self._reply(one)
            if reply.status >= 400:
                succeeded = False
                self.failed.add(str(one.get("id")))
                if not self.continue_on_error:
                    self.waiting = []
            elif until_commit and succeeded and _commits(one):
                return True
        return succeeded

    def _reply(self, one: dict[str, Any]) -> Reply:
        if _dependencies(one) & self.failed:
            reply = Reply.refused(Refused(424, "BadRequest", "An operation that this one depends on has failed."))
        else:
            reply = self.run(_operation(one, self.call))
        body = loads(reply.content) if reply.content and "json" in reply.media_type else None
        headers = {"content-type": reply.media_type} if reply.content else {}
        self.answers.append({"id": one.get("id"), "status": reply.status, "headers": headers, "body": body})
        return reply


def _commits(one: Mapping[str, Any]) -> bool:
    action = str(one.get("url")).rpartition(".")[2]
    return action in COMMITTING_ACTIONS


def _operation(one: Mapping[str, Any], call: Call) -> Call:
    """An operation of a batch as a call of its own."""
    url, _, query = str(one.get("url", "")).removeprefix(call.base).lstrip("/").partition("?")
    sent = one.get("headers") or {}
    pairs = sent.items() if isinstance(sent, dict) else ()
    headers = {str(name).lower(): str(value) for name, value in pairs}
    for name in INHERITED:
        headers.setdefault(name, call.headers.get(name, ""))
    body = one.get("body")
    content = b"" if body is None else dumps(body)
    method = str(one.get("method", "GET")).upper()
    tenant = [part for part in call.raw_query.split("&") if part.startswith("tenant=")]
    raw_query = "&".join([*tenant, query])
    options = dict(parse_qsl(query, keep_blank_values=True))
    return Call(method, unquote(url), options, headers, content, call.base, url, raw_query)


def _reply(call: Call, answers: Answers) -> Reply:
    """All answers in one reply. BC answers in multipart/mixed unless the client accepts JSON."""
    if "application/json" in call.headers.get("accept", ""):
        return Reply.json(200, {"responses": answers})
    parts = "".join(
        f"--batch\r\nContent-Type: application/http\r\nContent-ID: {answer['id']}\r\n\r\n"
        f"HTTP/1.1 {answer['status']} -\r\nContent-Type: application/json\r\n\r\n{dumps(answer['body']).decode()}\r\n"
        for answer in answers
    )
    return Reply(200, f"{parts}--batch--\r\n".encode(), "multipart/mixed; boundary=batch")
