"""`winbc ui`: the dashboard, Dagster and its daemon, for as long as the terminal stays open."""

from typing import Annotated

import typer
from rich.console import Console

from ... import audit
from ...build import build_defs
from ...dashboard.guard.access import Role
from ...dashboard.guard.codes import codes_of
from ...settings import Settings, load_settings
from ..dagster_home import address, check_port, claimed, port_of, prepare, serve_ui
from ..failures import interruptible, wait_for_interrupt
from ..output import say
from . import served

console = Console()


def ui(
    port: Annotated[int, typer.Option(help="Port of the dashboard")] = 3000,
    role: Annotated[Role, typer.Option(help="Whose address is shown: view, operate or admin")] = "admin",
    authenticator: Annotated[
        bool,
        typer.Option("--authenticator", help="Only show what an authenticator app needs for the role"),
    ] = False,
) -> None:
    """Serves the dashboard, Dagster and its daemon. Shows the address, also of what is served already."""
    settings = load_settings()
    if authenticator:
        _show_secret(settings, role)
        return
    served.check_alone(settings)
    home, options = served.home_of(settings), settings.dashboard
    if served.is_served(home) and (known := port_of(home)):
        say(console, f"It is served already: {address(home.parent, known, role, options)}")
        return
    build_defs(settings=settings)  # a wrong setting is told here, and not only in the UI
    check_port(port, str(options.listen))
    words = "Ending the dashboard, Dagster and its daemon. The next run completes what a run had not done."
    with claimed(settings.state_folder) as home, interruptible(console, words):
        prepare(home, settings)
        with serve_ui(console, home, port, options):
            say(console, f"Dashboard: {address(home.parent, port, role, options)} (Ctrl-C ends it)")
            say_second_factor(console, settings)
            wait_for_interrupt()


def say_second_factor(console: Console, settings: Settings) -> None:
    """Says where the codes come from, if a log-in takes one."""
    if settings.dashboard.wants_code:
        say(console, "A log-in also takes a code: `winbc ui --authenticator` shows what an authenticator app needs.")


def _show_secret(settings: Settings, role: Role) -> None:
    audit.record(settings, "show", f"authenticator of {role}")
    say(console, codes_of(settings.state_folder).address(role, settings.connection))
    say(console, "An app that takes no address takes the part after secret=. Whoever has it can make the codes.")
