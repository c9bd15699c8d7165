"""`winbc init`: sets a connection up in five steps. Exit codes: 0 all works, 1 something is still to be mended."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...setup.sitting import Sitting
from ...setup.steps import STEPS, set_up
from ..output import say, warn
from .desks import AnswersFile, Terminal

console = Console()
TITLES = ", ".join(f"{number} {step.title.lower()}" for number, step in enumerate(STEPS, 1))


def init(
    answers: Annotated[Path | None, typer.Option(help="A TOML file that answers, instead of a person")] = None,
    step: Annotated[int | None, typer.Option(min=1, max=len(STEPS), help=f"Begin with this step: {TITLES}")] = None,
) -> None:
    """Sets a connection up: asks, tries each answer in both systems, writes winbc.toml, .env and the mapping tables.
    Again, it shows what is there. Nothing is written to either system before you approve it."""
    desk = AnswersFile(console, answers) if answers else Terminal(console)
    sitting = Sitting(desk)
    set_up(sitting, step or (1 if answers else None))
    if isinstance(desk, AnswersFile) and desk.unused:
        warn(console, [f"{answers} answers what nobody asked: {', '.join(sorted(desk.unused))}"])
    say(console, (f"{len(sitting.problems)} things to mend." if sitting.problems else "Everything works.", "bold"))
    raise typer.Exit(1 if sitting.problems else 0)
