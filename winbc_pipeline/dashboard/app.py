"""The dashboard as an ASGI application: its pages behind the door."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .guard.door import Door
from .page import Page
from .pages import PAGES
from .render import render, words_for
from .site import Site

STATIC = Path(str(resources.files("winbc_pipeline.dashboard").joinpath("static")))


def create_app(site: Site, pages: Sequence[Page] = PAGES) -> Door:
    """The dashboard of a connection, behind its door."""
    routes = [route for page in pages for route in page.routes(site)]
    app = Starlette(
        routes=[Route("/", _start), Mount("/static", StaticFiles(directory=STATIC)), *routes],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    door = Door(app, site.access, site.settings.dashboard.hosts, site.now)
    app.state.site, app.state.pages, app.state.door = site, pages, door
    return door


def _start(request: Request) -> Response:
    pages: Sequence[Page] = request.app.state.pages
    return RedirectResponse(pages[0].path, 303)


async def _refused(request: Request, error: Exception) -> Response:
    """What a page refused, in words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _error_page(request, status)


async def _failed(request: Request, _: Exception) -> Response:
    return _error_page(request, 500)


def _error_page(request: Request, status: int) -> Response:
    words = words_for(request)
    name = f"shell.error_{status}"
    return render(request, "error.html", status=status, text=words(name if words.has(name) else "shell.error_400"))
