"""Dagster's UI behind the door: it is asked only what the role of the session allows.

Dagster's server knows no roles, runs mutations by GET, and takes what any page sends (dagster-webserver 1.13,
`graphql.py`, `external_assets.py`). Behind this guard it is read by GET, asked by POST of JSON to its GraphQL address,
and followed by websocket; everything else is refused.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ... import clock
from .followers import Followers, next_message
from .forms import again, read_body
from .operations import operations_of
from .origin import READING
from .rights import HARMLESS, refused
from .session import Session, session_of

MOST_BYTES = 8 * 2**20  # of one question; one that launches a backfill of many windows names them all
UNREAD = {
    "graphql",
    "notebook",
    "dagit",
}  # what is not read by GET: GraphQL, and files of the code server by their path
EMBEDDED = "frame-ancestors 'none'; form-action 'self'"  # added to the policy that Dagster's own pages have


@dataclass(frozen=True)
class GuardedDagster:
    """Dagster's webserver as an ASGI application, guarded.

    Attributes:
        app: Dagster's own, which serves below `prefix`.
        prefix: such as /dagster.
        note: notes what a session is about to do, by the names of Dagster's mutations.
        followers: the websockets that are open.
        now: the present moment, in UTC.
    """

    app: ASGIApp
    prefix: str
    note: Callable[[Session, Collection[str]], None]
    followers: Followers = field(default_factory=Followers)
    now: Callable[[], datetime] = clock.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or one websocket of a session."""
        if scope["type"] == "websocket":
            return await self._follow(scope, receive, send)
        try:
            if scope["method"] in READING:
                self._check_read(scope)
            else:
                receive = await self._checked(scope, receive)
        except HTTPException as error:
            answer = JSONResponse({"data": None, "errors": [{"message": error.detail}]}, error.status_code)
            return await answer(scope, receive, send)
        return await self.app(scope, receive, _embedded_nowhere(send))

    def _below(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path.removeprefix(self.prefix).strip("/")

    def _check_read(self, scope: Scope) -> None:
        if self._below(scope).partition("/")[0] in UNREAD:
            raise HTTPException(405, "This is not read here.")

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Raises HTTPException unless a session may ask what its request asks."""
        kind = HTTPConnection(scope).headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] != "POST" or self._below(scope) != "graphql":
            raise HTTPException(405, "Only GraphQL is taken here.")
        if kind != "application/json":
            raise HTTPException(415, "Only JSON is taken here.")
        try:
            asked = json.loads(await read_body(receive, MOST_BYTES))
        except ValueError:
            raise HTTPException(400, "This is no JSON.") from None
        session = session_of(HTTPConnection(scope))
        if acts := self._checked_acts(session, asked):
            await run_in_threadpool(self.note, session, acts)
        # What was checked is what Dagster reads: two readers may understand one text differently.
        body = json.dumps(asked).encode()
        MutableHeaders(scope=scope)["content-length"] = str(len(body))
        return again(body, receive)

    def _checked_acts(self, session: Session, asked: object) -> Collection[str]:
        """The mutations of a question that do something; raises HTTPException for what the session may not ask."""
        query = asked.get("query") if isinstance(asked, dict) else None
        operations = operations_of(query) if isinstance(query, str) else None
        if operations is None or "subscription" in operations.kinds:
            raise HTTPException(400, "This is no query or mutation.")
        if names := refused(session.role, operations.mutations):
            raise HTTPException(403, f"Your role ({session.role}) does not allow {', '.join(names)}.")
        return sorted({*operations.mutations} - HARMLESS)

    async def _follow(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket, over which Dagster tells what happens until the session is over; nothing is changed over it."""
        session = session_of(HTTPConnection(scope))

        async def received() -> Message:
            message = await next_message(receive, session, over, self.now())
            if message is None or (message["type"] == "websocket.receive" and not _only_follows(message.get("text"))):
                await send({"type": "websocket.close", "code": 1008})
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        with self.followers.follows(session) as over:
            await self.app(scope, received, send)


def _only_follows(text: str | None) -> bool:
    """Whether a message (protocol graphql-ws) begins subscriptions only, or none at all."""
    try:
        message = json.loads(text or "")
    except ValueError:
        return False
    if not isinstance(message, dict):
        return False
    if "payload" not in message or message.get("type") == "connection_init":
        return message.get("type") != "start"
    payload = message["payload"]
    query = payload.get("query") if isinstance(payload, dict) else None
    operations = operations_of(query) if isinstance(query, str) else None
    return operations is not None and operations.kinds == {"subscription"}


def _embedded_nowhere(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            policy = headers.get("content-security-policy", "").strip().rstrip(";")
            headers["Content-Security-Policy"] = f"{policy}; {EMBEDDED}" if policy else EMBEDDED
        await send(message)

    return sending
