"""The `winbc` command. Exit codes: 0 done, 1 records failed, 2 wrong use or settings.

Here belongs: parse, call, print, for the commands that run a flow. Where the others are: on_demand.py. What commands
do: workbench/, sync/ and mapping/.
"""

import os
import sys
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import clock
from ..errors import ConfigurationError, TooManyWrites
from ..flows import FLOWS
from ..secret_sources import only_for_owner
from ..settings import Settings, load_settings
from ..staging.schema import program
from ..sync.connected import ConnectedFlow
from ..sync.work import Work
from .arguments import flow_of
from .failures import interruptible, told
from .failures import options as failures
from .on_demand import OnDemand
from .operations.pause import EvenPaused, resting
from .output import add_row, bar, say, table_of, warn

app = typer.Typer(
    cls=OnDemand,
    help="Keeps Winstore and Business Central in step. Exit codes: 0 done, 1 records failed, 2 wrong use or settings.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
console = Console()
MOST_SHOWN = 50
ENDING = "Ending. What was committed stays; the next run goes on from there, and sends nothing twice."

FlowName = Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")]
FirstDay = Annotated[str | None, typer.Option("--from", help="First day in UTC, YYYY-MM-DD")]
Day = Annotated[str | None, typer.Option(help="Last day in UTC, YYYY-MM-DD")]


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"winbc {program()}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")] = False,
    home: Annotated[Path | None, typer.Option(help="Work in this folder: its winbc.toml, .env and data")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version, and end")
    ] = False,
) -> None:
    """Options of all commands; they stand before the command."""
    failures.debug = debug
    if home:
        try:
            os.chdir(home)
        except OSError as error:
            raise ConfigurationError(f"{home} is no folder to work in: {error.strerror}.", "See --home.") from None


def main() -> None:
    """Entry point. An error becomes one line, with exit code 2; Ctrl-C ends within five seconds, with exit code 130.

    Files that a command makes, or a process that it starts, can be read by their owner only.
    """
    # DuckDB would load pandas with the first value that it gets, to know such values: 0.3 s. It gets none of them.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    before = only_for_owner()
    try:
        with told(console), interruptible(console, ENDING):
            app()
    finally:
        os.umask(before)


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
def check(
    contract: Annotated[str | None, typer.Option(help="winstore: does it answer as assumed? Reads only")] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also send a document that Business Central undoes. Explains this first")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --probe: do not ask")] = False,
) -> None:
    """Checks both connections and the mapping tables. Names cause and fix of each problem. Only --probe writes."""
    if contract not in (None, "winstore"):
        raise typer.BadParameter("the contract that can be checked is winstore")
    if (contract and probe) or (yes and not probe):
        raise typer.BadParameter("--probe goes without --contract, --yes with --probe")
    from .check import PROBE, run_checks, run_contract, run_probe

    settings = load_settings()
    good = run_contract(console, settings) if contract else run_checks(console, settings)
    if probe and good:
        say(console, PROBE)
        good = (yes or typer.confirm("Do this?")) and run_probe(console, settings)
    raise typer.Exit(0 if good else 2)


@app.command()
def plan(
    flow: FlowName,
    first: FirstDay = None,
    to: Day = None,
    key: Annotated[str | None, typer.Option(help="Only this record, also when nothing of it changes")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show all records, not only the first 50")] = False,
    csv: Annotated[Path | None, typer.Option(help="Also write all records to this CSV file")] = None,
) -> None:
    """The dry run: counts, and shows field by field, what would be written to the live target. Writes nothing to it."""
    from ..sync.guards.writes import held
    from ..sync.run import dry_run
    from ..workbench.plans import PLAN_COLUMNS, counts_of, planned, write_csv
    from ..workbench.plans import in_words as changes_in_words
    from ..workbench.unknown import check_known

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    start, end = _windows(connected.settings, first, to)
    work = Work(connected, start, end, "plan")
    with bar(console, connected.flow.id, 3) as begin:
        dry_run(replace(work, told=begin.tell), begin)
    counted = counts_of(connected, start, end)
    counts = table_of("action", "reason", "records")
    for action, reason, count in counted:
        add_row(counts, action, reason, count)
    console.print(counts)
    rows = planned(connected, start, end)
    wanted = (row for row in rows if (row["key"] == key if key else row["reason"] != "UNCHANGED"))
    table = table_of("record", "part", *PLAN_COLUMNS[2:5], "what: old -> new")
    for row in wanted if every or key else islice(wanted, MOST_SHOWN):
        add_row(table, *(row[name] for name in PLAN_COLUMNS), changes_in_words(row["changes"]))
    if key and not table.row_count:
        check_known(connected, key)
    console.print(table)
    total = sum(count for *_, count in counted)
    if csv:
        write_csv(csv, planned(connected, start, end))
        say(console, f"{total} records written to {csv}.")
    changing = sum(count for _, reason, count in counted if reason != "UNCHANGED")
    more = "" if key or table.row_count == changing else " `--all` shows the others."
    console.print(f"{total} records planned, {table.row_count} of them shown, nothing sent.{more}", soft_wrap=True)
    warn(console, connected.flow.notes(connected.settings))
    if too_many := held(work):
        say(console, (str(too_many), "yellow"))


@app.command()
def sync(
    flow: FlowName,
    first: FirstDay = None,
    to: Day = None,
    key: Annotated[list[str] | None, typer.Option(help="Of stock: only this SKU, at once; may repeat")] = None,
    category: Annotated[str, typer.Option(help="Of stock: only the SKUs of this category, at once")] = "",
    warehouse: Annotated[str, typer.Option(help="Of stock: only the SKUs in this warehouse, at once")] = "",
    even_paused: EvenPaused = False,
) -> None:
    """Runs one flow from source to target, without Dagster."""
    from ..health.runs import watched
    from ..sync.run import cents_off, of_other_parts
    from ..sync.run import sync as run_sync
    from .stock import send_at_once

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    if not even_paused and (words := resting(settings, connected.flow.id)):
        say(console, (words, "red"))
        raise typer.Exit(1)
    if key or category or warehouse:
        raise typer.Exit(1 if send_at_once(connected, key or [], category, warehouse) else 0)
    work = Work(connected, *_windows(connected.settings, first, to), clock.now().isoformat())
    try:
        with bar(console, connected.flow.id, 4) as begin, watched(connected):
            done = run_sync(replace(work, told=begin.tell), begin)
    except TooManyWrites as error:
        say(console, (str(error), "red"))
        raise typer.Exit(1) from None
    written = f"{done.created} created, {done.updated} updated"
    console.print(f"{done.read} read, {written}, {done.skipped} skipped, {done.failed} failed")
    for words in of_other_parts(work):
        console.print(f"besides, {words}")
    if off := cents_off(work.connected, work.run_id):
        console.print(f"Not Winstore's totals to the cent: {'; '.join(off)}. See `orders.rounding_account`.")
    if done.failed:
        say(console, f"Which and why: `winbc plan {connected.flow.id}`. What to do: docs/errors.md, by the reason.")
    raise typer.Exit(1 if done.failed else 0)


@app.command()
def records(
    flow: Annotated[str, typer.Option(help="Id of the flow")],
    state: Annotated[str | None, typer.Option(help="Only this state, such as FAILED")] = None,
    key: Annotated[str | None, typer.Option(help="Only this record")] = None,
) -> None:
    """Shows the ledger: each record's state, reason and number in the target."""
    from ..staging import ledger
    from ..workbench.unknown import check_known

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    where = "state = coalesce(upper(?), state) AND key = coalesce(?, key)"
    rows = ledger.read(connected.store, where, [state, key])
    if key and not rows:
        check_known(connected, key)
    table = table_of("record", "part", "state", "reason", "number", "message")
    for row in rows:
        add_row(table, *(row[name] for name in ("key", "part", "state", "reason", "target_no", "message")))
    console.print(table)
