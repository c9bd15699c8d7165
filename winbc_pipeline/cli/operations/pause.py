"""`winbc pause` and `winbc resume`: a flow rests until a moment. Exit codes: 0 done, 1 nothing to resume."""

from typing import Annotated

import typer
from rich.console import Console

from ... import audit, clock
from ...flows import FLOWS
from ...settings import Settings, load_settings
from ...staging.notes.pause import pause as pause_flow
from ...staging.notes.pause import paused_until
from ...staging.notes.pause import resume as resume_flow
from ...sync.flow import Flow
from ..arguments import flows_of
from ..output import say
from .moments import EXAMPLES, in_words, moment_of

console = Console()
Named = Annotated[
    str, typer.Argument(help=f"`all`, the name of both directions, or one of: {', '.join(flow.id for flow in FLOWS)}")
]
EvenPaused = Annotated[bool, typer.Option("--even-paused", help="Also while the flow is paused")]


def resting(settings: Settings, flow: str) -> str | None:
    """Why a command writes nothing of a flow, by its id, while a person lets it rest; None when it may run.

    Raises: ConfigurationError for a pause that nobody can read.
    """
    until = paused_until(settings, flow, clock.now())
    if not until:
        return None
    words = f"{flow} is paused until {in_words(until, settings)}: nothing was done."
    return f"{words} `--even-paused` runs it all the same, `winbc resume` ends the pause."


def pause(flow: Named, until: Annotated[str, typer.Option(help=f"When the pause ends: {EXAMPLES}")]) -> None:
    """Lets a flow rest: no sensor, sweep or `winbc sync` starts it. The pause ends by itself."""
    settings, now = load_settings(), clock.now()
    moment = moment_of(until, settings, now)
    if moment <= now:
        raise typer.BadParameter(f"{in_words(moment, settings)} is over")
    for each in _meant(flow, settings):
        audit.record(settings, "pause", each.id)
        pause_flow(settings, each.id, moment)
        say(console, f"{each.id} rests until {in_words(moment, settings)}. A run that is at work goes on to its end.")


def resume(flow: Named) -> None:
    """Ends the pause of a flow now."""
    settings = load_settings()
    meant = _meant(flow, settings)
    audit.record(settings, "resume", ", ".join(each.id for each in meant))
    found = [each.id for each in meant if resume_flow(settings, each.id)]
    say(console, f"{', '.join(found) or 'Nothing'} was paused{' and goes on' if found else ''}.")
    raise typer.Exit(0 if found else 1)


def _meant(name: str, settings: Settings) -> list[Flow]:
    """All flows, the one with an id, or the directions of a name that are on."""
    if name == "all":
        return list(FLOWS)
    return [each for each in flows_of(name) if each.id == name or each.is_on(settings)]
