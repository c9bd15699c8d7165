"""Who is logged in: role, name and until when; gives another name, or logs out."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..guard.door import Door
from ..guard.forms import form_of
from ..guard.session import forget, remember, renamed, session_of
from ..page import Page
from ..render import render
from ..site import Site, site_of


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page, and what its two forms are sent to."""
    return [
        Route("/me", show),
        Route("/me/name", rename, methods=["POST"]),
        Route("/me/leave", leave, methods=["POST"]),
    ]


def show(request: Request) -> Response:
    """Shows role, name and until when the session lasts."""
    return render(request, "me.html", page="me")


def rename(request: Request) -> Response:
    """Notes the name of the person: what they do is noted under it."""
    answer = RedirectResponse("/me", 303)
    session = renamed(session_of(request), str(form_of(request).get("name", "")))
    remember(answer, session, site_of(request).access, request)
    return answer


def leave(request: Request) -> Response:
    """Logs this browser out, and closes what it follows."""
    door: Door = request.app.state.door
    door.followers.log_out(session_of(request))
    answer = RedirectResponse("/login", 303)
    forget(answer, site_of(request).access)
    return answer


PAGE = Page("me", "/me", routes, listed=False)
