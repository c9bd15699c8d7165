"""`winbc ui`: the dashboard, Dagster and its daemon, for as long as the terminal stays open."""

from typing import Annotated

import typer
from rich.console import Console

from ...build import build_defs
from ...dashboard.guard.access import Role
from ...settings import load_settings
from ..dagster_home import address, check_port, claimed, port_of, prepare, serve_ui
from ..failures import interruptible, wait_for_interrupt
from ..output import say
from . import served

console = Console()


def ui(
    port: Annotated[int, typer.Option(help="Port of the dashboard on 127.0.0.1")] = 3000,
    role: Annotated[Role, typer.Option(help="Whose address is shown: view, operate or admin")] = "admin",
) -> None:
    """Serves the dashboard, Dagster and its daemon on 127.0.0.1. Shows the address, also of what is served already."""
    settings = load_settings()
    home = served.home_of(settings)
    if served.is_served(home) and (known := port_of(home)):
        say(console, f"It is served already: {address(home.parent, known, role)}")
        return
    build_defs(settings=settings)  # a wrong setting is told here, and not only in the UI
    check_port(port)
    words = "Ending the dashboard, Dagster and its daemon. The next run completes what a run had not done."
    with claimed(settings.state_folder) as home, interruptible(console, words):
        prepare(home, settings)
        with serve_ui(console, home, port):
            say(console, f"Dashboard: {address(home.parent, port, role)} (Ctrl-C ends it)")
            wait_for_interrupt()
