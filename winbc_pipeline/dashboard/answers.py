"""What the pages of a person's desk share: the flow that a request names, how long a page waits, who asks."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .. import audit
from ..flows import FLOWS
from ..health.publishing.progress import check_free
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from .guard.noted import name_of
from .guard.origin import READING
from .guard.session import session_of
from .site import site_of

WAIT_S = 0.8  # that an act of a person waits for a run that has a flow's database or lease
LOOK_S = 0.2  # the same for a page that only shows something


def flows_of(request: Request) -> list[Flow]:
    """The flows that the settings let run."""
    settings = site_of(request).settings
    return [flow for flow in FLOWS if flow.is_on(settings)]


def connected(request: Request, name: str, wait_s: float | None = None) -> ConnectedFlow:
    """The flow with an id, for a page; raises HTTPException (404) where there is none.

    Args:
        wait_s: seconds to wait for its database; None: as long as a page, or an act, may.
    """
    if wait_s is None:
        wait_s = LOOK_S if request.method in READING else WAIT_S
    flow = next((flow for flow in FLOWS if flow.id == name), None)
    if flow is None:
        raise HTTPException(404)
    return ConnectedFlow(flow, site_of(request).settings, wait_s=wait_s)


def looked_into(request: Request, name: str, wait_s: float | None = None) -> ConnectedFlow:
    """The same for a page that looks into the flow's database.

    Raises: AtWork while a run of the flow may want it.
    """
    site = site_of(request)
    check_free(site.settings, name, site.now())
    return connected(request, name, wait_s)


def in_background(request: Request, name: str) -> ConnectedFlow:
    """The same for what goes on behind a page, which waits as long as a run does."""
    return replace(connected(request, name), wait_s=None)


def number_in(text: str, most: int) -> int:
    """The number that an address gives, `most` at most; 0 for a text that is none."""
    return min(int(text[:9]), most) if text.isascii() and text.isdigit() else 0


def note(request: Request, act: audit.Act, subject: str, records: Iterable[str] = ()) -> None:
    """Notes in the audit log what the person of a request is about to do, or to see."""
    audit.record(site_of(request).settings, act, subject, records, who(request))


def who(request: Request) -> str:
    """The person of a request, as logs and histories name them."""
    return name_of(session_of(request))


def run_id(request: Request) -> str:
    """What the ledger names as the run of what a person does on a page."""
    return f"dashboard {site_of(request).now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def asks_for_people(request: Request, subject: str, records: Iterable[str] = ()) -> bool:
    """Whether a person asks for people's values, and may; it is noted. Who may only look, may not."""
    wants = "open" in request.query_params and session_of(request).may("operate")
    if wants:
        note(request, "show", subject, records)
    return wants
