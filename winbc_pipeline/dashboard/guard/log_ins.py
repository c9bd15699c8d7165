"""Logging in and out: by a token, where the settings say so with a code, and what ends a session before its time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ...errors import WinbcError
from .access import Access
from .codes import Codes
from .followers import Followers
from .limiter import Limiter
from .noted import Noted
from .session import Session, begin, cookie_of, read, remember
from .sessions import Sessions

LOGIN = "/login"


@dataclass
class LogIns:
    """Who comes in, and for how long.

    Attributes:
        access: the tokens.
        now: the present moment, in UTC.
        noted: the log of who came in and what was refused.
        sessions: which sessions are over before their time.
        codes: the second factor; None where the token is enough.
        followers: the websockets that are open; each ends with its session.
    """

    access: Access
    now: Callable[[], datetime]
    noted: Noted
    sessions: Sessions
    codes: Codes | None = None
    limiter: Limiter = field(default_factory=Limiter)
    followers: Followers = field(default_factory=Followers)

    def session_of(self, connection: HTTPConnection) -> Session | None:
        """The session of a request, also one that waits for its code; None for none, or one that is over."""
        session = read(connection.cookies.get(cookie_of(self.access, connection), ""), self.access, self.now())
        return None if session is None or self.sessions.is_over(session, self.now()) else session

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
        return self._let_in(connection, session, "/" if path.startswith(LOGIN) else own_path(path), "token")

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


def own_path(path: str) -> str:
    """A path that cannot lead to another host, as `//host` and `/\\host` would."""
    return f"/{quote(path.lstrip('/'))}"
