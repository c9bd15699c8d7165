"""The `winbc` command. Thin: parse, call, print. Exit codes: 0 done, 1 records failed, 2 wrong use or settings."""

from datetime import date
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from .. import clock
from ..errors import WinbcError
from ..flows import FLOWS
from ..settings import Settings, load_settings
from ..sync.connected import ConnectedFlow
from ..sync.work import Work
from . import demo as demo_module
from . import mapping, sandbox
from . import records as record_commands
from .arguments import flow_of
from .check import PROBE, run_checks, run_contract, run_probe
from .output import add_row, bar, say, table_of

app = typer.Typer(
    help="Keeps Winstore and Business Central in step. Exit codes: 0 done, 1 records failed, 2 wrong use or settings.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(mapping.app, name="mapping")
app.add_typer(sandbox.app, name="sandbox")
for command in (record_commands.trace, record_commands.retry, record_commands.replay, record_commands.resolve):
    app.command()(command)
console = Console()

FlowName = Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")]
Day = Annotated[str | None, typer.Option(help="Day in UTC, YYYY-MM-DD")]


def main() -> None:
    """Entry point: errors for people in one line, exit code 2."""
    try:
        app()
    except WinbcError as error:
        words = str(error)
    except OSError as error:
        words = f"{error.filename or ''} {error.strerror or error}".strip()
    except httpx.HTTPError as error:
        words = f"No answer from there ({type(error).__name__}): is the sandbox running?"
    else:
        return
    say(console, (words, "red"))
    raise SystemExit(2)


def _windows(settings: Settings, first: str | None, last: str | None) -> tuple[date, date]:
    start = _day(first) if first else settings.history_start
    end = _day(last) if last else clock.now().date()
    if start > end:
        raise typer.BadParameter(f"{start} is later than {end}")
    return start, end


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day such as 2026-03-01") from None


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Stop after the table; exit code 0 only if all records arrived")] = False,
    sample: Annotated[Path | None, typer.Option(help="A retail folder of your own to load")] = None,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI")] = 3000,
) -> None:
    """Both sandboxes, a full load through Dagster, and the UI: everything on this machine."""
    raise typer.Exit(demo_module.run(console, once, sample, port))


@app.command()
def check(
    contract: Annotated[str | None, typer.Option(help="winstore: does it answer as assumed? Reads only")] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also make a document and have it undone. Tells first")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --probe: do not ask")] = False,
) -> None:
    """Both connections, assumed calls, mapping tables: each problem with cause and fix. Only --probe writes."""
    if contract not in (None, "winstore"):
        raise typer.BadParameter("the contract that can be checked is winstore")
    if (contract and probe) or (yes and not probe):
        raise typer.BadParameter("--probe goes without --contract, --yes with --probe")
    settings = load_settings()
    good = run_contract(console, settings) if contract else run_checks(console, settings)
    if probe and good:
        say(console, PROBE)
        good = (yes or typer.confirm("Do this?")) and run_probe(console, settings)
    raise typer.Exit(0 if good else 2)


@app.command()
def plan(flow: FlowName, first: Annotated[str | None, typer.Option("--from")] = None, to: Day = None) -> None:
    """What would be written, field by field, against the live target. Writes nothing to it."""
    from ..sync.run import dry_run
    from ..workbench.plans import in_words, planned

    connected = ConnectedFlow(flow_of(flow), load_settings())
    start, end = _windows(connected.settings, first, to)
    with bar(console, connected.flow.id, 3) as begin:
        dry_run(Work(connected, start, end, "plan"), begin)
    rows = planned(connected, start, end)
    table = table_of("record", "part", "action", "reason", "message", "what: old -> new")
    for row in rows:
        if row["reason"] != "UNCHANGED":
            known = (row[name] for name in ("key", "part", "action", "reason", "message"))
            add_row(table, *known, in_words(row["changes"]))
    console.print(table)
    console.print(f"{len(rows)} records planned, {table.row_count} of them shown, nothing written.")


@app.command()
def sync(flow: FlowName, first: Annotated[str | None, typer.Option("--from")] = None, to: Day = None) -> None:
    """One flow from source to target, without Dagster."""
    from ..sync.run import sync as run_sync

    connected = ConnectedFlow(flow_of(flow), load_settings())
    work = Work(connected, *_windows(connected.settings, first, to), clock.now().isoformat())
    with bar(console, connected.flow.id, 4) as begin:
        done = run_sync(work, begin)
    console.print(f"{done.read} read, {done.created} created, {done.updated} updated, {done.skipped} skipped,", end=" ")
    console.print(f"{done.failed} failed")
    raise typer.Exit(1 if done.failed else 0)


@app.command()
def records(
    flow: Annotated[str, typer.Option(help="Flow")],
    state: Annotated[str | None, typer.Option(help="Only this state, such as FAILED")] = None,
    key: Annotated[str | None, typer.Option(help="Only this record")] = None,
) -> None:
    """The ledger: each record's state, reason and number in the target."""
    from ..staging import ledger

    rows = ledger.read(
        ConnectedFlow(flow_of(flow), load_settings()).store,
        "state = coalesce(upper(?), state) AND key = coalesce(?, key)",
        [state, key],
    )
    table = table_of("record", "part", "state", "reason", "number", "message")
    for row in rows:
        add_row(table, *(row[name] for name in ("key", "part", "state", "reason", "target_no", "message")))
    console.print(table)


@app.command()
def status() -> None:
    """Per flow: records by state, and up to when the source was followed."""
    from collections import Counter

    from ..staging import ledger

    settings = load_settings()
    table = table_of("flow", "followed until", "records by state")
    for flow in FLOWS:
        store = ConnectedFlow(flow, settings).store
        counts = Counter(row["state"] for row in ledger.read(store))
        states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        add_row(table, flow.id, ledger.watermark(store, flow.id) or "never", states)
    console.print(table)


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port of the Dagster UI")] = 3000) -> None:
    """The Dagster UI and daemon for the connection in winbc.toml, on 127.0.0.1."""
    from .dagster_home import prepare, serve_ui

    settings = load_settings()
    home = prepare(settings.data_folder / settings.connection)
    with serve_ui(home, port):
        console.print(f"Dagster UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
        demo_module.wait_for_interrupt()
