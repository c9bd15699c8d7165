"""Asks for a token where a browser has no session."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..guard.door import Door
from ..guard.forms import form_of
from ..page import Page
from ..render import render
from ..site import Site


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page, and what its form is sent to."""
    return [Route("/login", show), Route("/login", log_in, methods=["POST"])]


def show(request: Request) -> Response:
    """Shows the field for the token."""
    return render(request, "login.html", wrong="wrong" in request.query_params)


def log_in(request: Request) -> Response:
    """Lets in who has a role's token."""
    door: Door = request.app.state.door
    return door.log_in(request, str(form_of(request).get("token", "")).strip())


PAGE = Page("login", "/login", routes, listed=False)
