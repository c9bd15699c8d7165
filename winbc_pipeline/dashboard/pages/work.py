"""How far the work is that a person has begun on a page, or a run; the browser asks for it again and again."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...health.publishing.progress import at_work
from ..guard.session import require
from ..page import Page
from ..render import render
from ..site import Site, site_of


def routes(_: Site) -> Sequence[BaseRoute]:
    """The parts of pages."""
    return [Route("/work", show), Route("/work/run", wait)]


@require("view")
def show(request: Request) -> Response:
    """Tells how far it is; when it has ended, the browser loads the page again, which has what it came to."""
    job = site_of(request).jobs.of(request.query_params.get("flow", ""))
    answer = render(request, "work.html", job=job)
    if job is None or job.ended:
        answer.headers["HX-Refresh"] = "true"
    return answer


@require("view")
def wait(request: Request) -> Response:
    """Says nothing while a run of a flow is at work; then the browser loads the page that waits for its end again."""
    site = site_of(request)
    is_at_work = at_work(site.settings, request.query_params.get("flow", ""), site.now())
    return Response(status_code=204, headers={} if is_at_work else {"HX-Refresh": "true"})


PAGE = Page("work", "/work", routes, listed=False)
