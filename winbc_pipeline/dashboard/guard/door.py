"""The door: every request and every websocket passes it, before any page or Dagster sees it."""

import html
import logging
import secrets
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access
from .forms import check_csrf, read_form
from .headers import with_headers
from .log_ins import LOGIN, LogIns, own_path
from .origin import READING, Answer, judge
from .session import Session

LOG = logging.getLogger(__name__)
MOST_FRAMES, MOST_CAUSES = 12, 4
TOKEN = "token"  # noqa: S105 - name of the parameter in the start address
OPEN = (LOGIN, "/static/")  # what is answered before log-in
REFUSED = {403: "forbidden", 421: "wrong host", 429: "too many log-ins"}  # by status (RFC 9110)


@dataclass
class Door:
    """Lets in who has a session, from our own pages only, and says to the pages behind whose session it is.

    Attributes:
        pages: the application behind.
        log_ins: who has a session.
        hosts: see `judge`.
        proxy: the only computer that may ask beside this one; None where any may.
        guarded: where an application behind checks by itself what is sent to it; all else is sent by forms of ours.
    """

    pages: ASGIApp
    log_ins: LogIns
    hosts: Collection[str]
    proxy: IPv4Address | IPv6Address | None = None
    guarded: tuple[str, ...] = ()

    @property
    def access(self) -> Access:
        """The tokens."""
        return self.log_ins.access

    @property
    def now(self) -> Callable[[], datetime]:
        """The present moment, in UTC."""
        return self.log_ins.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the life of the server."""
        if scope["type"] == "lifespan":
            await self.pages(scope, receive, send)
            await run_in_threadpool(self.log_ins.noted.rest)
            return
        answers = _Answers(send)
        answering = with_headers(answers, scope, self.guarded) if scope["type"] == "http" else answers
        await self._answer(scope, receive, answering)
        if refused := answers.refused:
            await run_in_threadpool(self.log_ins.noted.refused, refused, scope.get("winbc.session"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            refused = self._refusal(scope)
            if refused is None and scope["type"] == "http":
                receive = await self._checked(scope, receive)
                refused = await self._by_token(scope)
        except HTTPException as error:
            refused = PlainTextResponse(error.detail, error.status_code)
        if refused is not None:
            return await _refuse(refused, scope, receive, send)
        return await _logged(self.pages, scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead of passing the request on; None when it may pass."""
        connection = HTTPConnection(scope)
        if self.proxy and not _is_from(connection, self.proxy):
            return PlainTextResponse("Only the proxy may ask this. See dashboard.proxy in docs/settings.md.", 403)
        match judge(connection.headers, scope.get("method", "POST"), self.hosts):
            case Answer.WRONG_HOST:
                return PlainTextResponse(
                    "This dashboard has no such name. See dashboard.hosts in docs/settings.md.", 421
                )
            case Answer.FOREIGN:
                return PlainTextResponse("Only the pages of this dashboard may ask this.", 403)
            case Answer.ASK_AGAIN:
                return _ask_again(scope["path"], connection.url.query)
        session = self.log_ins.session_of(connection)
        waits = session is not None and session.waits
        scope["winbc.session"], scope["winbc.waits"] = (None, session) if waits else (session, None)
        is_open = scope["path"].startswith(OPEN) or _token_in(scope)
        return _to_log_in(connection) if scope["winbc.session"] is None and not is_open else None

    async def _by_token(self, scope: Scope) -> Response | None:
        """The answer to a start address; None for any other."""
        token = _token_in(scope)
        return await run_in_threadpool(self.log_ins.log_in, HTTPConnection(scope), token) if token else None

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] in READING or scope["path"].startswith(tuple(f"{path}/" for path in self.guarded)):
            return receive
        receive = await read_form(scope, receive)
        session = scope["winbc.session"]
        if isinstance(session, Session) and not scope["path"].startswith(OPEN):
            check_csrf(scope, session, self.access)
        return receive


async def _logged(pages: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Passes a request on. An unexpected error is logged under the reference that its page shows."""
    scope["winbc.reference"] = secrets.token_hex(4)
    try:
        await pages(scope, receive, send)
    except Exception as error:  # noqa: BLE001
        log_failure(scope, error)


def log_failure(scope: Scope, error: BaseException) -> None:
    """Logs which page failed and where in the program; the texts of errors may hold a person's data or a secret."""
    page = "/" + scope["path"].lstrip("/").partition("/")[0]  # what follows may be the key of a record
    kinds, where = list[str](), ""
    cause: BaseException | None = error
    while cause is not None and len(kinds) < MOST_CAUSES:
        kinds.append(type(cause).__name__)
        where = "".join(traceback.format_tb(cause.__traceback__)[-MOST_FRAMES:])
        cause = cause.__cause__ or cause.__context__
    LOG.error("%s: page %s failed (%s):\n%s", scope["winbc.reference"], page, " after ".join(kinds), where)
    LOG.debug("It says:", exc_info=error)


def _to_log_in(connection: HTTPConnection) -> Response:
    if connection.scope.get("method") in READING and "hx-request" not in connection.headers:
        return RedirectResponse(LOGIN, 303)
    return PlainTextResponse("Log in.", 401, {"HX-Redirect": LOGIN})  # a part of a page cannot be the log-in


def _ask_again(path: str, query: str) -> Response:
    """A page that asks the same from here: a browser gives no cookie to what a foreign page begins (SameSite)."""
    target = html.escape(own_path(path) + (f"?{query}" if query else ""))
    return HTMLResponse(f'<!doctype html><title>winbc</title><meta http-equiv="refresh" content="0; url={target}">')


@dataclass
class _Answers:
    """Passes on what is answered, and tells whether it was a refusal."""

    send: Send
    refused: str = ""
    _accepted: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.refused = REFUSED.get(message["status"], "")
        elif message["type"] == "websocket.accept":
            self._accepted = True
        elif message["type"] == "websocket.close" and not self._accepted:
            self.refused = "websocket"
        await self.send(message)


def _token_in(scope: Scope) -> str:
    """The token of a start address; empty for any other."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return ""
    return HTTPConnection(scope).query_params.get(TOKEN, "")


def _is_from(connection: HTTPConnection, proxy: IPv4Address | IPv6Address) -> bool:
    """Whether the proxy sends a request, or this computer itself."""
    try:
        sender = ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return False
    mapped = sender.ipv4_mapped if isinstance(sender, IPv6Address) else None  # so a socket of both kinds tells IPv4
    return (mapped or sender) == proxy or (mapped or sender).is_loopback


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await answer(scope, receive, send)
