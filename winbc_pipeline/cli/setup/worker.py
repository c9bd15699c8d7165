"""`winbc worker`: executes runs of the connections of this folder, for the daemons that follow them elsewhere."""

import signal
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import ConfigurationError
from ...settings import Settings, load_settings, locations
from ...setup.connections import connections
from ..dagster_home import child
from ..failures import SIGNALS
from ..output import say

console = Console()
WORDS = "Ending, when the runs that are at work have ended. The same signal once more leaves them to other workers."
WORKER = "winbc_pipeline.orchestration.anywhere.worker"


def worker(
    slots: Annotated[int, typer.Option(min=1, max=64, help="How many runs at once")] = 2,
) -> None:
    """Executes runs in processes of this machine until Ctrl-C, for `winbc up` here or elsewhere (docs/scale.md).

    It serves the connection of this folder, and those below connections/.
    """
    settings = load_settings()
    if not settings.workers.broker:
        raise ConfigurationError("workers.broker is not set.", "See docs/scale.md.")
    folders = folders_of(settings)
    say(console, f"This worker executes {slots} runs at once of {', '.join(sorted(folders))} (Ctrl-C ends it).")
    arguments = [WORKER, str(slots), *(f"{name}={folder}" for name, folder in folders.items())]
    while not _served(arguments):
        say(console, "The program was replaced: the worker starts anew.")


def folders_of(settings: Settings) -> dict[str, Path]:
    """The folders whose daemons give runs to this worker, by the names of their connections.

    The daemon of connections that are served together is that of this folder, whether it is a connection, too, or not.
    """
    found = {each.name: each.folder.resolve() for each in connections()}
    return found | {settings.connection: Path.cwd()} if locations() or not found else found


def _served(arguments: list[str]) -> bool:
    """Serves until the worker ends; returns whether somebody has asked this process to end it.

    Raises: typer.Exit when it ended by itself, and not because it is to start anew.
    """
    asked: list[int] = []
    with child(arguments) as process:
        before = {number: signal.signal(number, lambda *_: _end(process, asked)) for number in SIGNALS}
        code = process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    if code and not asked:
        raise typer.Exit(code)
    return bool(asked)


def _end(process: subprocess.Popen[bytes], asked: list[int]) -> None:
    if asked:
        process.kill()  # what it has forked ends with the group of `child`
        return
    asked.append(1)
    say(console, WORDS)
    process.send_signal(signal.SIGTERM)
