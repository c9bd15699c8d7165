"""The door: every request and every websocket passes it, before any page or Dagster sees it."""

import html
import logging
import secrets
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import WinbcError
from .access import Access
from .codes import Codes
from .followers import Followers
from .forms import check_csrf, read_form
from .limiter import Limiter
from .noted import Noted
from .origin import READING, Answer, judge
from .session import Session, begin, cookie_of, over_tls, read, remember
from .sessions import Sessions

LOG = logging.getLogger(__name__)
MOST_FRAMES, MOST_CAUSES = 12, 4
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
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}  # RFC 6797; a year
FILES = {".js", ".css", ".woff2", ".svg", ".png", ".ico", ".map"}  # of Dagster's UI: the same for everybody
REFUSED = {403: "forbidden", 421: "wrong host", 429: "too many log-ins"}  # by status (RFC 9110)


@dataclass
class Door:
    """Lets in who has a session, from our own pages only, and says to the pages behind whose session it is.

    Attributes:
        pages: the application behind.
        access: the tokens.
        hosts: see `judge`.
        now: the present moment, in UTC.
        noted: the log of who came in and what was refused.
        sessions: which sessions are over before their time.
        codes: the second factor; None where the token is enough.
        proxy: the only computer that may ask beside this one; None where any may.
        guarded: where an application behind checks by itself what is sent to it; all else is sent by forms of ours.
    """

    pages: ASGIApp
    access: Access
    hosts: Collection[str]
    now: Callable[[], datetime]
    noted: Noted
    sessions: Sessions
    codes: Codes | None = None
    proxy: IPv4Address | IPv6Address | None = None
    guarded: tuple[str, ...] = ()
    limiter: Limiter = field(default_factory=Limiter)
    followers: Followers = field(default_factory=Followers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the life of the server."""
        if scope["type"] == "lifespan":
            await self.pages(scope, receive, send)
            await run_in_threadpool(self.noted.rest)
            return
        answers = _Answers(send)
        await self._answer(scope, receive, self._with_headers(answers, scope))
        if refused := answers.refused:
            await run_in_threadpool(self.noted.refused, refused, scope.get("winbc.session"))

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
        session = read(connection.cookies.get(cookie_of(self.access, connection), ""), self.access, self.now())
        if session and self.sessions.is_over(session, self.now()):
            session = None
        waits = session is not None and session.waits
        scope["winbc.session"], scope["winbc.waits"] = (None, session) if waits else (session, None)
        is_open = scope["path"].startswith(OPEN) or _token_in(scope)
        return _to_log_in(connection) if scope["winbc.session"] is None and not is_open else None

    async def _by_token(self, scope: Scope) -> Response | None:
        """The answer to a start address; None for any other."""
        token = _token_in(scope)
        return await run_in_threadpool(self.log_in, HTTPConnection(scope), token) if token else None

    def log_in(self, connection: HTTPConnection, token: str) -> Response:
        """The answer to a token: the session and the address without the token, or the page that asks for more."""
        if waits_s := self.limiter.waits_s(self.now()):
            return PlainTextResponse("Too many wrong tokens.", 429, {"Retry-After": str(waits_s)})
        role = self.access.role_of(token)
        if role is None:
            self.limiter.count(self.now())
            self.noted.refused("token", None)
            return RedirectResponse(f"{LOGIN}?wrong", 303)
        path: str = connection.scope["path"]
        session = begin(role, self.now(), waits=self.codes is not None)
        if self.codes is not None:
            return self._let_in(connection, session, LOGIN)
        return self._let_in(connection, session, "/" if path.startswith(LOGIN) else _own(path), "token")

    def take_code(self, connection: HTTPConnection, code: str) -> Response:
        """The answer to a code of the second factor, which follows a right token: the session, or the same page."""
        waiting = connection.scope.get("winbc.waits")
        if self.codes is None or not isinstance(waiting, Session):
            return RedirectResponse(LOGIN, 303)
        if waits_s := self.codes.limiters[waiting.role].waits_s(self.now()):
            return PlainTextResponse("Too many wrong codes.", 429, {"Retry-After": str(waits_s)})
        if not self.codes.take(waiting.role, code, self.now()):
            self.noted.refused("code", waiting)
            return RedirectResponse(f"{LOGIN}?wrong", 303)
        return self._let_in(connection, begin(waiting.role, self.now()), "/", "token and code")

    def _let_in(self, connection: HTTPConnection, session: Session, target: str, how: str = "") -> Response:
        """Gives the session; a whole one is noted first, and what cannot be noted is not done."""
        try:
            if how:
                self.noted.came_in(session, how)
        except WinbcError as error:
            return PlainTextResponse(str(error), 503)
        answer = RedirectResponse(target, 303)
        remember(answer, session, self.access, connection)
        return answer

    def log_out(self, session: Session) -> None:
        """Ends a session for good: also a copy of its cookie, and what it follows. Raises: NotWritable, StoreBusy."""
        self.noted.left(session)
        self.sessions.end(session, self.now())
        self.followers.log_out(session)

    def log_out_others(self, session: Session, token: str) -> bool:
        """Ends all other sessions of a session's role, if the token is that of the role; returns whether it is.

        Raises: NotWritable, StoreBusy; HTTPException (429) after too many wrong tokens.
        """
        if waits_s := self.limiter.waits_s(self.now()):
            raise HTTPException(429, headers={"Retry-After": str(waits_s)})
        if self.access.role_of(token) != session.role:
            self.limiter.count(self.now())
            self.noted.refused("token", session)
            return False
        self.noted.left(session, f"all others of {session.role}")
        for other in self.sessions.end_others(session, self.now()):
            self.followers.log_out(other)
        return True

    def _with_headers(self, send: Send, scope: Scope) -> Send:
        if scope["type"] != "http":
            return send
        own = HEADERS | (OVER_TLS if over_tls(HTTPConnection(scope)) else {}) | self._kept(scope["path"])

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in own.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", CSP)
            await send(message)

        return sending

    def _kept(self, path: str) -> dict[str, str]:
        """What a browser may keep: files of the program. Of those of Dagster's UI, Dagster says how long."""
        if path.startswith("/static/"):
            return {"Cache-Control": "no-cache"}
        is_file = path.startswith(tuple(f"{each}/" for each in self.guarded)) and PurePosixPath(path).suffix in FILES
        return {} if is_file else {"Cache-Control": "no-store"}

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


def _own(path: str) -> str:
    """A path that cannot lead to another host, as `//host` and `/\\host` would."""
    return f"/{quote(path.lstrip('/'))}"


def _ask_again(path: str, query: str) -> Response:
    """A page that asks the same from here: a browser gives no cookie to what a foreign page begins (SameSite)."""
    target = html.escape(_own(path) + (f"?{query}" if query else ""))
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
