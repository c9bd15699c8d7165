"""What every page is handed in: the settings of the connection, the clock, and who may come in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import HTTPConnection

from .. import clock
from ..settings import Settings
from ..workbench.desk.work import Jobs
from .guard.access import Access

DAGSTER = "/dagster"  # where Dagster's UI is, behind the door: a run's page is DAGSTER + "/runs/" + its id


@dataclass(frozen=True)
class Site:
    """One served dashboard.

    Attributes:
        settings: of the connection whose dashboard this is.
        access: the tokens of the roles.
        now: the present moment, in UTC.
        jobs: what people have begun on its pages.
    """

    settings: Settings
    access: Access
    now: Callable[[], datetime] = clock.now
    jobs: Jobs = field(default_factory=Jobs)


def site_of(connection: HTTPConnection) -> Site:
    """The site that a request reached."""
    site: Site = connection.app.state.site
    return site
