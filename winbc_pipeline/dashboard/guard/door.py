"""The door: every request and every websocket passes it, before any page or Dagster sees it."""

import html
import logging
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access
from .followers import Followers
from .forms import check_csrf, read_form
from .limiter import Limiter
from .origin import READING, Answer, judge
from .session import Session, begin, read, remember

LOG = logging.getLogger(__name__)
MOST_FRAMES = 12
TOKEN = "token"  # noqa: S105 - name of the parameter in the start address
LOGIN = "/login"
OPEN = (LOGIN, "/static/")  # what is answered before log-in
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Referrer-Policy": "same-origin",  # with no-referrer, Chromium sends our own forms with `Origin: null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass
class Door:
    """Lets in who has a session, from our own pages only, and says to the pages behind whose session it is.

    Attributes:
        pages: the application behind.
        access: the tokens.
        hosts: see `judge`.
        now: the present moment, in UTC.
        guarded: where an application behind checks by itself what is sent to it; all else is sent by forms of ours.
    """

    pages: ASGIApp
    access: Access
    hosts: Collection[str]
    now: Callable[[], datetime]
    guarded: tuple[str, ...] = ()
    limiter: Limiter = field(default_factory=Limiter)
    followers: Followers = field(default_factory=Followers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the life of the server."""
        if scope["type"] == "lifespan":
            return await self.pages(scope, receive, send)
        answering = _with_headers(send, scope["path"]) if scope["type"] == "http" else send
        try:
            refused = self._refusal(scope)
            if refused is None and scope["type"] == "http":
                receive = await self._checked(scope, receive)
        except HTTPException as error:
            refused = PlainTextResponse(error.detail, error.status_code)
        if refused is not None:
            return await _refuse(refused, scope, receive, answering)
        return await _logged(self.pages, scope, receive, answering)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead of passing the request on; None when it may pass."""
        connection = HTTPConnection(scope)
        match judge(connection.headers, scope.get("method", "POST"), self.hosts):
            case Answer.WRONG_HOST:
                return PlainTextResponse(
                    "This dashboard has no such name. See dashboard.hosts in docs/settings.md.", 421
                )
            case Answer.FOREIGN:
                return PlainTextResponse("Only the pages of this dashboard may ask this.", 403)
            case Answer.ASK_AGAIN:
                return _ask_again(scope["path"], connection.url.query)
        session = read(connection.cookies.get(self.access.cookie, ""), self.access, self.now())
        scope["winbc.session"] = session
        if scope["type"] == "http" and scope["method"] == "GET" and TOKEN in connection.query_params:
            return self.log_in(connection, connection.query_params[TOKEN])
        return _to_log_in(connection) if session is None and not scope["path"].startswith(OPEN) else None

    def log_in(self, connection: HTTPConnection, token: str) -> Response:
        """The answer to a token: the session and the address without the token, or the page that asks for one."""
        if waits_s := self.limiter.waits_s(self.now()):
            return PlainTextResponse("Too many wrong tokens.", 429, {"Retry-After": str(waits_s)})
        role = self.access.role_of(token)
        if role is None:
            self.limiter.count(self.now())
            return RedirectResponse(f"{LOGIN}?wrong", 303)
        path: str = connection.scope["path"]
        answer = RedirectResponse("/" if path.startswith(LOGIN) else _own(path), 303)
        remember(answer, begin(role, self.now()), self.access, connection)
        return answer

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] in READING or scope["path"].startswith(tuple(f"{path}/" for path in self.guarded)):
            return receive
        receive = await read_form(scope, receive)
        session = scope["winbc.session"]
        if isinstance(session, Session) and not scope["path"].startswith(OPEN):
            check_csrf(scope, session, self.access)
        return receive


async def _logged(pages: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Passes a request on. Of an unexpected error the log tells where it was; its text may hold a person's data."""
    try:
        await pages(scope, receive, send)
    except Exception as error:  # noqa: BLE001
        where = "".join(traceback.format_tb(error.__traceback__)[-MOST_FRAMES:])
        LOG.error("A page failed (%s):\n%s", type(error).__name__, where)
        LOG.debug("It says:", exc_info=error)


def _to_log_in(connection: HTTPConnection) -> Response:
    if connection.scope.get("method") in READING and "hx-request" not in connection.headers:
        return RedirectResponse(LOGIN, 303)
    return PlainTextResponse("Log in.", 401, {"HX-Redirect": LOGIN})  # a part of a page cannot be the log-in


def _own(path: str) -> str:
    """A path that cannot lead to another host, as `//host` and `/\\host` would."""
    return f"/{quote(path.lstrip('/'))}"


def _ask_again(path: str, query: str) -> Response:
    """A page that asks the same from here: a browser gives no cookie to what a foreign page begins (SameSite)."""
    target = html.escape(_own(path) + (f"?{query}" if query else ""))
    return HTMLResponse(f'<!doctype html><title>winbc</title><meta http-equiv="refresh" content="0; url={target}">')


def _with_headers(send: Send, path: str) -> Send:
    kept = "no-cache" if path.startswith("/static/") else "no-store"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CSP)
            if headers["Content-Security-Policy"] == CSP:  # a page of ours; Dagster says itself what is kept
                headers["Cache-Control"] = kept
        await send(message)

    return sending


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await answer(scope, receive, send)
