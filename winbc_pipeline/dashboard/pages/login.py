"""Asks for a token, and where the settings say so for a code, where a browser has no session."""

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
    """Shows the field for the token, or after it that for the code."""
    wants_code = request.scope["winbc.waits"] is not None
    return render(request, "login.html", wrong="wrong" in request.query_params, wants_code=wants_code)


def log_in(request: Request) -> Response:
    """Lets in who has a role's token, and where it is asked for, a code of its authenticator."""
    door: Door = request.app.state.door
    if "code" in form_of(request):
        return door.log_ins.take_code(request, "".join(str(form_of(request)["code"]).split()))
    return door.log_ins.log_in(request, str(form_of(request).get("token", "")).strip())


PAGE = Page("login", "/login", routes, listed=False)
