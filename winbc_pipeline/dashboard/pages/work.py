"""How far the work is that a person has begun on a page; the browser asks for it again and again."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site, site_of


def routes(_: Site) -> Sequence[BaseRoute]:
    """The part of a page."""
    return [Route("/work", show)]


@require("view")
def show(request: Request) -> Response:
    """Tells how far it is; when it has ended, the browser loads the page again, which has what it came to."""
    job = site_of(request).jobs.of(request.query_params.get("flow", ""))
    answer = render(request, "work.html", job=job)
    if job is None or job.ended:
        answer.headers["HX-Refresh"] = "true"
    return answer


PAGE = Page("work", "/work", routes, listed=False)
