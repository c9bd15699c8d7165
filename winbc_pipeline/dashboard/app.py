"""The dashboard as an ASGI application: its pages, and Dagster's UI, behind the door."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import audit
from ..errors import NotDone, StoreBusy, SystemUnavailable, UnknownRecord, WinbcError
from ..health.publishing.progress import AtWork
from ..staging.looking import looking
from .answers import LOOK_S
from .guard.codes import codes_of
from .guard.dagster import GuardedDagster
from .guard.door import Door, log_failure
from .guard.followers import Followers
from .guard.log_ins import LogIns
from .guard.noted import Noted, name_of
from .guard.origin import READING
from .guard.session import Session
from .guard.sessions import sessions_of
from .page import Page
from .pages import PAGES
from .render import language_of, render, words_for
from .site import DAGSTER, Site
from .words.said import Said

STATIC = Path(str(resources.files("winbc_pipeline.dashboard").joinpath("static")))


MOVED = ("assets", "runs")  # Dagster's own pages that older links name


def create_app(site: Site, pages: Sequence[Page] = PAGES, dagster: ASGIApp | None = None) -> Door:
    """The dashboard of a connection, behind its door.

    Args:
        dagster: Dagster's webserver, which serves below DAGSTER; None where there is none.
    """
    routes = [route for page in pages for route in page.routes(site)]
    moved = [Route(f"/{name}/{{rest:path}}", _moved) for name in MOVED]
    app = Starlette(
        routes=[Route("/", _start), Mount("/static", StaticFiles(directory=STATIC)), *routes, *moved],
        exception_handlers={HTTPException: _refused, WinbcError: _told, Exception: _failed},
    )

    def note(session: Session, acts: Collection[str]) -> None:
        audit.record(site.settings, "dagster", ", ".join(acts), who=name_of(session))

    followers, options = Followers(), site.settings.dashboard
    behind: ASGIApp = _Looking(app)
    if dagster:
        behind = _Both(behind, GuardedDagster(dagster, DAGSTER, note, followers, site.now))
    guarded = () if dagster is None else (DAGSTER,)
    log_ins = LogIns(
        site.access,
        site.now,
        Noted(site.settings, site.now),
        sessions_of(site.settings.state_folder, timedelta(hours=options.idle_hours)),
        codes_of(site.settings.state_folder) if options.wants_code else None,
        followers=followers,
    )
    door = Door(behind, log_ins, options.hosts, options.proxy, guarded)
    app.state.site, app.state.pages, app.state.door, app.state.dagster = site, pages, door, dagster
    return door


@dataclass(frozen=True)
class _Both:
    pages: ASGIApp
    dagster: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        app = self.dagster if path == DAGSTER or path.startswith(f"{DAGSTER}/") else self.pages
        await app(scope, receive, send)


@dataclass(frozen=True)
class _Looking:
    """Pages that only show something open databases to read only, and wait for no run."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with looking(LOOK_S) if scope.get("method") in READING else nullcontext():
            await self.app(scope, receive, send)


def _moved(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{DAGSTER}{request.url.path}{query}", 303)


def _start(request: Request) -> Response:
    pages: Sequence[Page] = request.app.state.pages
    return RedirectResponse(pages[0].path, 303)


async def _refused(request: Request, error: Exception) -> Response:
    """What a page refused, in words."""
    return _error_page(request, error.status_code if isinstance(error, HTTPException) else 500)


async def _failed(request: Request, _: Exception) -> Response:
    """A defect. The door logs where it is, under the same reference."""
    return _error_page(request, 500, words_for(request)("shell.error_500", reference=request.scope["winbc.reference"]))


BUSY = 503
STATUSES = ((UnknownRecord, 404), (NotDone, 409), (StoreBusy, BUSY), (SystemUnavailable, BUSY))


async def _told(request: Request, error: Exception) -> Response:
    """An error of the program says itself what happened and what to do."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    if status == 500:
        log_failure(request.scope, error)
    if isinstance(error, AtWork) and "hx-request" not in request.headers:
        return render(request, "at_work.html", status=status, progress=error.progress, again=_again(request))
    if isinstance(error, StoreBusy):  # whoever reads a page can end no process
        return _error_page(request, status, f"{error.code}: {words_for(request)('desk.busy')}")
    return _error_page(request, status, Said(language_of(request))(error))


def _error_page(request: Request, status: int, text: str = "") -> Response:
    """The page of an error; for a part of a page, a part that says it."""
    words = words_for(request)
    name = f"shell.error_{status}"
    told = text or words(name if words.has(name) else "shell.error_400")
    template = "error_part.html" if "hx-request" in request.headers else "error.html"
    return render(request, template, status=status, text=told, again=_again(request) if status == BUSY else "")


def _again(request: Request) -> str:
    """The address of a page that only shows something; empty for one that does something."""
    address = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return address if request.method in READING else ""
