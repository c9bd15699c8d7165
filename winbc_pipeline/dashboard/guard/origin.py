"""From where a request may come: hosts that this dashboard has, and its own pages.

A browser says with each request which host it believes to talk to (Host), which page sends it (Origin), and how far
that page is from here (Sec-Fetch-Site, W3C Fetch Metadata). A page on another port of the same host is `same-site`
there: cookies reach it, so it counts as foreign here.
"""

from collections.abc import Collection
from enum import Enum
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from .session import LOCAL

READING = {"GET", "HEAD"}


class Answer(Enum):
    """What is done with a request."""

    PASS = "pass"  # noqa: S105 - no password
    ASK_AGAIN = "ask again"  # somebody followed a link from elsewhere: our own page must send the request
    WRONG_HOST = "wrong host"
    FOREIGN = "foreign"


def judge(headers: Headers, method: str, hosts: Collection[str]) -> Answer:
    """What is done with a request, by its headers alone.

    Args:
        method: of HTTP; a websocket that is opened counts as POST, because it can carry anything later.
        hosts: names that this dashboard has beside those of this machine, without ports.
    """
    host = headers.get("host", "")
    if name_of(host) not in LOCAL | {name.lower() for name in hosts}:
        return Answer.WRONG_HOST
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None and not _is_of(origin, host):
        return Answer.FOREIGN
    if method not in READING:
        return Answer.PASS if origin is not None and site in ("same-origin", "none") else Answer.FOREIGN
    if site in ("same-origin", "none"):
        return Answer.PASS
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return Answer.ASK_AGAIN if navigates and method == "GET" else Answer.FOREIGN


def name_of(host: str) -> str:
    """The name in a Host header, without its port; empty where it cannot be understood."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_of(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    schemes = ("http", "https") if name_of(host) in LOCAL else ("https",)
    return parts.scheme in schemes and parts.netloc.lower() == host.lower()
