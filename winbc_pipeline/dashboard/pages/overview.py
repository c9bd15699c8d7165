"""Where people arrive: how every flow is, what became of today's records, and what needs a person first."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..guard.session import require
from ..page import Page
from ..problems import told
from ..reading.overview import overview
from ..render import render, words_for
from ..site import Site, site_of

CENT = Decimal("0.01")
MOST_FIRST = 8  # problems that are not folded away
EVERY_S = 3  # between two looks of a page that is open
HEIGHT, WIDTH, GAP = 40, 10, 2  # of the bars


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page, and the part of it that a browser asks for again and again."""
    return [Route("/overview", show), Route("/overview/live", show_live)]


@require("view")
def show(request: Request) -> Response:
    """The whole page."""
    live = _live(request)
    return render(request, "overview.html", page="overview", live=live, sign=_sign(live), every=EVERY_S)


@require("view")
def show_live(request: Request) -> Response:
    """What changes; nothing (204) while it is as the browser has it already."""
    live = _live(request)
    if request.query_params.get("seen") == _sign(live):
        return Response(status_code=204)
    return render(request, "overview_swapped.html", live=live, sign=_sign(live), every=EVERY_S)


def _live(request: Request) -> Markup:
    """The part of the page that changes, as HTML that a template has made."""
    site = site_of(request)
    shown = overview(site.settings, site.now())
    answer = render(
        request,
        "overview_live.html",
        shown=shown,
        of_problem=lambda problem: told(problem, words_for(request)),
        first=MOST_FIRST,
        height=HEIGHT,
        width=WIDTH,
        gap=GAP,
        cent=CENT,
    )
    return Markup(bytes(answer.body).decode())  # noqa: S704 - the template has escaped it


def _sign(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


PAGE = Page("overview", "/overview", routes)
