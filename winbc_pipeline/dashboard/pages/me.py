"""Who is logged in: role, name and until when, and the role's other sessions; gives another name, or logs out."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..guard.door import Door
from ..guard.forms import form_of
from ..guard.log_ins import LogIns
from ..guard.session import forget, remember, renamed, session_of
from ..page import Page
from ..render import render
from ..site import Site, site_of


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page, and what its forms are sent to."""
    return [
        Route("/me", show),
        Route("/me/name", rename, methods=["POST"]),
        Route("/me/leave", leave, methods=["POST"]),
        Route("/me/others", end_others, methods=["POST"]),
    ]


def show(request: Request) -> Response:
    """Shows role, name and until when the session lasts, and who else is logged in with the same role."""
    log_ins, session = _log_ins(request), session_of(request)
    others = [
        each for each in log_ins.sessions.of(session.role, log_ins.now()) if each.session.number != session.number
    ]
    return render(request, "me.html", page="me", others=others, wrong="wrong" in request.query_params)


def rename(request: Request) -> Response:
    """Notes the name of the person: what they do is noted under it."""
    answer = RedirectResponse("/me", 303)
    session = renamed(session_of(request), str(form_of(request).get("name", "")))
    remember(answer, session, site_of(request).access, request)
    return answer


def leave(request: Request) -> Response:
    """Logs this browser out, and closes what it follows."""
    _log_ins(request).log_out(session_of(request))
    answer = RedirectResponse("/login", 303)
    forget(answer, site_of(request).access, request)
    return answer


def end_others(request: Request) -> Response:
    """Ends all other sessions of the role, for who gives the role's token once more (ASVS 5.0, 7.5.2)."""
    given = str(form_of(request).get("token", "")).strip()
    ended = _log_ins(request).log_out_others(session_of(request), given)
    return RedirectResponse("/me" if ended else "/me?wrong", 303)


def _log_ins(request: Request) -> LogIns:
    door: Door = request.app.state.door
    return door.log_ins


PAGE = Page("me", "/me", routes, listed=False)
