"""The headers of every answer: what a page may run, who may frame it, what a browser may keep."""

from collections.abc import Collection
from pathlib import PurePosixPath

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Message, Scope, Send

from .session import over_tls

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


def with_headers(send: Send, scope: Scope, guarded: Collection[str]) -> Send:
    """Answers with our headers.

    Args:
        guarded: the paths of applications behind that have headers of their own.
    """
    own = HEADERS | (OVER_TLS if over_tls(HTTPConnection(scope)) else {}) | _kept(scope["path"], guarded)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in own.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CSP)
        await send(message)

    return sending


def _kept(path: str, guarded: Collection[str]) -> dict[str, str]:
    """What a browser may keep: files of the program. Of those of Dagster's UI, Dagster says how long."""
    if path.startswith("/static/"):
        return {"Cache-Control": "no-cache"}
    is_file = path.startswith(tuple(f"{each}/" for each in guarded)) and PurePosixPath(path).suffix in FILES
    return {} if is_file else {"Cache-Control": "no-store"}
