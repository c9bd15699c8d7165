"""The web process: Dagster's webserver with the dashboard and the door before it, on one port.

It takes the options of `dagster-webserver`, and starts that; only what `uvicorn.run` serves is another application.
So Dagster itself listens nowhere.
"""

import runpy
import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ..settings import load_settings
from .app import create_app
from .guard.access import access_of
from .reach import listening
from .site import DAGSTER, Site

serve = uvicorn.run


def guarded(dagster: ASGIApp, **options: Any) -> None:
    """Serves the dashboard with Dagster's application behind it, where the settings say.

    The addresses of requests, with tokens, go to no log.

    Args:
        options: of `uvicorn.run`.
    """
    settings = load_settings()
    door = create_app(Site(settings, access_of(settings.state_folder)), dagster=dagster)
    serve(door, **(options | listening(settings.dashboard)), access_log=False, server_header=False)


def main() -> None:
    """Serves until it is ended."""
    uvicorn.run = guarded  # type: ignore[assignment]
    sys.argv += ["--path-prefix", DAGSTER]
    runpy.run_module("dagster_webserver", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
