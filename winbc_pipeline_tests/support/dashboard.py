"""A browser of the dashboard, in this process: logged in as a role, on a connection's folder."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from starlette.testclient import TestClient
from starlette.types import ASGIApp

from winbc_pipeline import clock
from winbc_pipeline.dashboard.app import create_app
from winbc_pipeline.dashboard.guard.access import Role, access_of
from winbc_pipeline.dashboard.guard.door import Door
from winbc_pipeline.dashboard.guard.forms import HEADER, csrf_of
from winbc_pipeline.dashboard.guard.session import read
from winbc_pipeline.dashboard.page import Page
from winbc_pipeline.dashboard.pages import PAGES
from winbc_pipeline.dashboard.site import Site
from winbc_pipeline.settings import DashboardSettings, Settings
from winbc_pipeline.workbench.desk.work import Jobs

ADDRESS = "http://127.0.0.1:3000"


def door_of(
    folder: Path,
    pages: Sequence[Page] = PAGES,
    now: Callable[[], datetime] = clock.now,
    settings: Settings | None = None,
    dagster: ASGIApp | None = None,
    jobs: Jobs | None = None,
    **dashboard: object,
) -> Door:
    """The dashboard of a folder, behind its door; `dashboard` are settings of that section."""
    section = DashboardSettings.model_validate(dashboard)
    settings = settings or Settings(data_folder=folder)
    settings = settings.model_copy(update={"dashboard": section})
    return create_app(Site(settings, access_of(folder), now, jobs or Jobs(now)), pages, dagster)


def stranger(door: ASGIApp) -> TestClient:
    """A browser without a session."""
    return TestClient(
        door, ADDRESS, headers={"origin": ADDRESS, "sec-fetch-site": "same-origin"}, follow_redirects=False
    )


def browser(door: Door, role: Role = "view", language: str = "en") -> TestClient:
    """A browser that opened the start address of a role. It sends the token of its forms with each request."""
    client = stranger(door)
    client.headers["accept-language"] = language
    client.get("/", params={"token": door.access.tokens[role]})
    session = read(client.cookies[door.access.cookie], door.access, door.now())
    assert session is not None
    client.headers[HEADER] = csrf_of(session, door.access)
    client.follow_redirects = True
    return client
