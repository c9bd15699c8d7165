"""`winbc rerun --failed`: runs red windows again. Exit codes: 0 none is red any more, 1 some still are, 2 wrong use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ... import audit, clock
from ...flows import FLOWS, check_flow_settings
from ...settings import Settings, load_settings
from ...sync.connected import ConnectedFlow
from ..arguments import flows_of
from ..output import add_row, bar, say, table_of
from .pause import EvenPaused, resting

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from ...orchestration.rerun import Rerun

console = Console()
NAMED = 5  # windows in a line


def rerun(
    failed: Annotated[bool, typer.Option("--failed", help="All red windows")] = False,
    flow: Annotated[list[str] | None, typer.Option(help="Only this flow; may repeat")] = None,
    even_paused: EvenPaused = False,
) -> None:
    """Runs the red windows of all flows again: a failed run, or records that are not done. What is done stays done.

    The windows of a flow that is paused stay red.
    """
    if not failed:
        raise typer.BadParameter("say --failed; `winbc sync FLOW --from DAY --to DAY` runs any other windows")
    settings = load_settings()
    check_flow_settings(settings)
    chosen = {each.id for name in flow or [] for each in flows_of(name)}
    flows = [each for each in FLOWS if each.is_on(settings) and (not chosen or each.id in chosen)]
    table = table_of("flow", "red windows", "still red", "why", whole="flow")
    red = False
    with _instance(settings) as instance:
        for each in flows:
            connected = ConnectedFlow(each, settings)
            done = _rerun(connected, instance, even_paused)
            red |= bool(done.red)
            if done.windows:
                add_row(table, each.id, _named(connected, done.windows), _named(connected, done.red), done.why)
    if table.row_count:
        console.print(table)
    say(console, "Some windows are still red." if red else "No window is red.")
    raise typer.Exit(1 if red else 0)


@contextmanager
def _instance(settings: Settings) -> "Iterator[DagsterInstance | None]":
    """Where Dagster keeps the runs of this connection; None where its UI was never started."""
    home = (settings.data_folder / settings.connection / "dagster_home").resolve()
    if not (home / "dagster.yaml").exists():
        yield None
        return
    from dagster import DagsterInstance

    os.environ["DAGSTER_HOME"] = str(home)
    with DagsterInstance.get() as instance:
        yield instance


def _rerun(connected: ConnectedFlow, instance: "DagsterInstance | None", even_paused: bool) -> "Rerun":
    from ...build import build_defs
    from ...orchestration.rerun import Rerun, red_windows
    from ...orchestration.rerun import rerun as run_again

    red = tuple(red_windows(connected, instance))
    if not red:
        return Rerun((), ())
    if not even_paused and (words := resting(connected.settings, connected.flow.id)):
        return Rerun(red, red, words)
    audit.record(connected.settings, "rerun", connected.flow.id)
    with bar(console, connected.flow.id):
        if instance is None:
            return _without_dagster(connected, red)
        job = build_defs(settings=connected.settings).resolve_job_def(connected.flow.id)
        return run_again(connected, job, instance, red)


def _without_dagster(connected: ConnectedFlow, windows: tuple[date, ...]) -> "Rerun":
    """The same where nobody has ever started the UI."""
    from ...errors import WinbcError
    from ...health.publishing.publish import published
    from ...orchestration.rerun import Rerun, red_windows
    from ...sync.run import sync
    from ...sync.work import Work

    why = None
    try:
        with published(connected):
            sync(Work(connected, windows[0], clock.now().date(), f"rerun {clock.now():%Y-%m-%dT%H:%M:%SZ}"))
    except WinbcError as error:
        why = str(error)
    return Rerun(windows, tuple(red_windows(connected, None)), why)


def _named(connected: ConnectedFlow, windows: tuple[date, ...]) -> str:
    from ...orchestration.rerun import named

    found = named(connected, windows)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
