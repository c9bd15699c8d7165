"""`winbc up`, `winbc down`, `winbc logs`: starts and stops what follows both systems, in the background."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import NotDone, SystemUnavailable
from ...settings import Settings, load_settings
from ..dagster_home import address, check_port, claimed, prepare, serve_ui
from ..failures import interruptible
from ..output import bar, say
from . import served
from .served import LEFT_S, LOG, UI_LOG, Up
from .ui import say_second_factor

console = Console()
START_S = 300
WORDS = "Ending the dashboard, Dagster and its daemon. The next run completes what a run had not done."
Port = Annotated[int, typer.Option(help="Port of the dashboard")]


def up(
    port: Port = 3000,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, for systemd, a container or a Windows service")
    ] = False,
) -> None:
    """Starts the daemon, which follows both systems, and the dashboard. `winbc down` ends them."""
    settings = load_settings()
    served.check_alone(settings)
    home = served.home_of(settings)
    _check_free(settings, home)
    check_port(port, str(settings.dashboard.listen))
    if foreground:
        _stay(settings, home, port)
    else:
        _start(settings, home, port)


def _check_free(settings: Settings, home: Path) -> None:
    """Raises NotDone when something is up already. Ends what a killed `winbc up` left behind."""
    known = served.read(home)
    if served.is_served(home):
        if known:
            raise NotDone(f"It is up already: {_address(settings, known.port)}.", "`winbc down` ends it.")
        raise NotDone("`winbc ui` or `winbc demo` serves this connection.", "End it with Ctrl-C there.")
    if known and served.end_left(known):
        say(console, "Ended the processes that a killed `winbc up` had left behind.")
    served.forget(home)


def _start(settings: Settings, home: Path, port: int) -> None:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    arguments = ["-m", "winbc_pipeline", "up", "--foreground", "--port", str(port)]
    with (home / "start.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            | getattr(subprocess, "DETACHED_PROCESS", 0),
        )
    with bar(console, "Starting the dashboard, Dagster and its daemon"):
        _wait(lambda: _serves(home) or process.poll() is not None, START_S)
    if not _serves(home):
        served.ask_to_end(process.pid)
        said = (home / "start.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise SystemUnavailable(f"It did not start: {said[-1] if said else 'no word'}.", "`winbc logs` shows more.")
    say(console, f"{settings.connection} is up: {_address(settings, port)}")
    say_second_factor(console, settings)
    say(console, "`winbc ui --role view` shows the address of another role, `winbc logs` what it says.")


def _address(settings: Settings, port: int) -> str:
    return address(settings.state_folder, port, options=settings.dashboard)


def _serves(home: Path) -> bool:
    known = served.read(home)
    return bool(known and known.served)


def _stay(settings: Settings, home: Path, port: int) -> None:
    """Serves until somebody ends this process."""
    from ...build import build_defs

    build_defs(settings=settings)  # a wrong setting is told here, and not only in the UI
    with claimed(home.parent), interruptible(console, WORDS):
        prepare(home, settings)
        try:
            with served.log_file(home) as log, serve_ui(console, home, port, settings.dashboard) as process:
                log.info("up on port %s", port)
                began = served.beginning_of(process.pid)
                served.write(home, Up(os.getpid(), port, process.pid, began, served=True))
                served.keep_up(process, settings, log)
        except KeyboardInterrupt:
            pass  # somebody ended it, as is usual
        finally:
            served.forget(home)


def down() -> None:
    """Ends what `winbc up` started, and nothing else. What a run had not done, the next one completes."""
    home = served.home_of(load_settings())
    known = served.read(home)
    if not served.is_served(home):
        left = bool(known and served.end_left(known))
        served.forget(home)
        say(console, "It had been killed. Ended the processes that it left behind." if left else "Nothing is up.")
        raise typer.Exit(0 if left else 1)
    if not known:
        raise NotDone("`winbc ui` or `winbc demo` serves this connection.", "End it with Ctrl-C there.")
    served.ask_to_end(known.pid)
    if not _wait(lambda: not served.is_served(home), LEFT_S):
        raise NotDone(f"Process {known.pid} does not end.", "Kill it, then run `winbc down` again.")
    served.end_left(known)
    served.forget(home)
    say(console, "Ended.")


def logs(
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines of each log")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what comes, until Ctrl-C")] = False,
) -> None:
    """Shows what `winbc up`, the dashboard, Dagster and its daemon said last."""
    home = served.home_of(load_settings())
    paths = [path for path in (home / "start.log", home / LOG, home / UI_LOG) if path.exists()]
    if not paths:
        raise NotDone("There are no logs: nothing was up yet.", "`winbc up` starts it.")
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in deque(file, lines):
                say(console, (f"{path.stem:6}", "cyan"), line.rstrip())
    if follow:
        _follow(paths)


def _follow(paths: list[Path]) -> None:
    places = {path: path.stat().st_size for path in paths}
    while True:
        time.sleep(0.5)
        for path, place in places.items():
            size = path.stat().st_size if path.exists() else 0
            if size == place:
                continue
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(place if size > place else 0)  # a shorter file is a new one
                for line in file:
                    say(console, (f"{path.stem:6}", "cyan"), line.rstrip())
                places[path] = file.tell()


def _wait(happened: Callable[[], bool], most_s: float) -> bool:
    """Waits until something has happened; returns whether it has."""
    ends = time.monotonic() + most_s
    while not happened():
        if time.monotonic() > ends:
            return False
        time.sleep(0.2)
    return True
