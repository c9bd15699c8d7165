"""The forms of the dashboard: what was filled in, and the token that shows that one of our pages was filled in."""

import hmac
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope

from .access import Access
from .session import Session

FIELD, HEADER = "csrf", "x-csrf-token"
URLENCODED = "application/x-www-form-urlencoded"
MOST_BYTES, MOST_FIELDS = 4 * 2**20, 50_000  # a mapping table of some thousand rows


def csrf_of(session: Session, access: Access) -> str:
    """The token of a session's forms: templates have it as `csrf`."""
    return access.sign(session.role, f"csrf {session.number}")


def form_of(connection: HTTPConnection) -> FormData:
    """The fields of a POST, in their order, without the token; empty for other requests."""
    form: FormData = connection.scope.get("winbc.form", FormData())
    return form


async def read_form(scope: Scope, receive: Receive) -> Receive:
    """Reads the form of a POST into the scope, and gives what can be received instead, for who reads it again.

    Raises: HTTPException for another kind of body (415), one that is too large (413), or one of no text (400).
    """
    body = await read_body(receive, MOST_BYTES)
    kind = HTTPConnection(scope).headers.get("content-type", URLENCODED).partition(";")[0].strip().lower()
    if body and kind != URLENCODED:
        raise HTTPException(415)
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(400) from None
    scope["winbc.csrf"] = dict(fields).get(FIELD, "")
    scope["winbc.form"] = FormData([(name, value) for name, value in fields if name != FIELD])
    return again(body, receive)


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body of a request. Raises HTTPException (413) when it has more than `most` bytes."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise HTTPException(413)
        if not message.get("more_body", False):
            return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read already; what comes after it (the browser leaves) is received as before."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def check_csrf(scope: Scope, session: Session, access: Access) -> None:
    """Raises HTTPException (403) unless the form or the header has the session's token."""
    given = HTTPConnection(scope).headers.get(HEADER) or scope.get("winbc.csrf", "")
    if not hmac.compare_digest(given.encode(), csrf_of(session, access).encode()):
        raise HTTPException(403)
