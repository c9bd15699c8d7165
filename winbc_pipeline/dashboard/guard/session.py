"""The session of a browser: a role and a name in a signed cookie. The server keeps nothing, so a restart ends none.

The signature is made with the token of the session's role: another token ends the sessions of that role.
"""

import base64
import functools
import hmac
import inspect
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from .access import ROLES, Access, Role

LASTS = timedelta(days=7)
CODE_WITHIN = timedelta(minutes=5)  # so long a log-in waits for the code of the second factor
MOST_NAME = 60  # characters
LOCAL = {"127.0.0.1", "localhost", "::1"}
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Session:
    """Who looks.

    Attributes:
        role: what they may do.
        name: who they say they are; the role where they have said nothing. For logs, and no proof of anything.
        ends: when the session is over, in seconds since 1970 (UTC).
        number: what tells this session from others.
        waits: whether the code of the second factor is still missing: it is no session until then.
    """

    role: Role
    name: str
    ends: int
    number: str
    waits: bool = False

    def may(self, role: Role) -> bool:
        """Whether this session may do what a role may do."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def until(self) -> datetime:
        """When the session is over, in UTC."""
        return datetime.fromtimestamp(self.ends, UTC)


def begin(role: Role, now: datetime, waits: bool = False) -> Session:
    """A new session of a role, or with `waits` what stands for it until the code is given."""
    ends = now + (CODE_WITHIN if waits else LASTS)
    return Session(role, role, int(ends.timestamp()), secrets.token_urlsafe(16), waits)


def renamed(session: Session, name: str) -> Session:
    """The session under another name, without what cannot be printed."""
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    return replace(session, name=printable[:MOST_NAME] or session.role)


def session_of(connection: HTTPConnection) -> Session:
    """The session of a request. Raises HTTPException (401) where there is none."""
    session = connection.scope.get("winbc.session")
    if not isinstance(session, Session):
        raise HTTPException(401)
    return session


def require(role: Role) -> Callable[[Endpoint], Endpoint]:
    """Refuses (403) a page's function to who may less than a role may. The function takes the request first."""

    def guarded(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        def plain(request: Request, *given: Any, **named: Any) -> Any:
            _check(request, role)
            return endpoint(request, *given, **named)

        @functools.wraps(endpoint)
        async def waiting(request: Request, *given: Any, **named: Any) -> Any:
            _check(request, role)
            return await endpoint(request, *given, **named)

        return waiting if inspect.iscoroutinefunction(endpoint) else plain  # type: ignore[return-value]

    return guarded


def _check(request: Request, role: Role) -> None:
    if not session_of(request).may(role):
        raise HTTPException(403)


def written(session: Session, access: "Access") -> str:
    """The session as a cookie's value."""
    content = base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode().rstrip("=")
    return f"{content}.{access.sign(session.role, content)}"


def read(value: str, access: "Access", now: datetime) -> Session | None:
    """The session that a cookie's value is; None when nobody signed it, or when it is over."""
    content, _, signature = value.partition(".")
    try:
        session = Session(**json.loads(base64.urlsafe_b64decode(content.encode() + b"==")))
        signed = access.sign(session.role, content)
    except (ValueError, TypeError, KeyError):
        return None
    if not hmac.compare_digest(signature.encode(), signed.encode()) or session.ends <= now.timestamp():
        return None
    return session


def over_tls(connection: HTTPConnection) -> bool:
    """Whether the browser came by TLS: under a name that is not this machine's own it must have."""
    return connection.url.scheme in ("https", "wss") or (connection.url.hostname or "") not in LOCAL


def cookie_of(access: "Access", connection: HTTPConnection) -> str:
    """The name of the session's cookie. By TLS it has the prefix that keeps it to this host (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{access.cookie}" if over_tls(connection) else access.cookie


def remember(answer: Response, session: Session, access: "Access", request: HTTPConnection) -> None:
    """Gives the browser the session. Under a name that is not this machine's own, only over TLS."""
    answer.set_cookie(
        cookie_of(access, request),
        written(session, access),
        expires=session.until,
        secure=over_tls(request),
        httponly=True,
        samesite="strict",
    )


def forget(answer: Response, access: "Access", request: HTTPConnection) -> None:
    """Takes the session from the browser, and what it keeps of the pages (Clear-Site-Data)."""
    answer.delete_cookie(cookie_of(access, request), secure=over_tls(request), httponly=True, samesite="strict")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
