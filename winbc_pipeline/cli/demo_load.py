"""The load of the demo: all flows through Dagster, as a process of its own, in the demo's folder.

`python -m winbc_pipeline.cli.demo_load COMMAND`. Exit code: 0 all done, 1 records failed.
"""

import os
import shlex
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console

from .. import clock
from ..errors import WinbcError
from ..flows import FLOWS
from ..settings import Settings, load_settings
from ..staging import ledger
from ..sync.connected import ConnectedFlow
from ..sync.guards import is_on
from ..sync.reading.glance import change_since
from ..sync.run import Summary, dry_run, records_not_done, summary
from ..sync.work import Work
from ..systems.winstore import Winstore
from ..workbench.approval import approve, proposal
from .dagster_home import prepare
from .failures import told
from .output import add_row, bar, say, table_of

NAMED = 5  # records in a line
ALWAYS = (date.min, date.max)


def load_all(console: Console, settings: Settings, command: str) -> bool:
    """Loads all flows and prints a table of them; returns whether anything failed.

    Args:
        command: the beginning of a command with these settings, for advice that can be pasted.
    """
    names = ("flow", "read", "created", "updated", "skipped", "failed", "s")
    table = table_of(*names, whole="flow")
    failed = False
    for flow in (flow for flow in FLOWS if flow.is_on(settings)):
        began, connected = time.monotonic(), ConnectedFlow(flow, settings)
        with bar(console, f"Loading {flow.id} through Dagster"):
            days = _days(connected)
            approved = approve_first_load(connected, *days)
            problem, done = load_through_dagster(connected, *days)
        if approved:
            say(console, f"{flow.id}, a first load: {approved}. The demo approves it; `winbc approve` would ask.")
        if problem:
            _print_problem(console, connected, problem, command)
        failed |= bool(problem or done.failed)
        counts = (done.read, done.created, done.updated, done.skipped, done.failed)
        add_row(table, flow.id, *counts, f"{time.monotonic() - began:.1f}")
    console.print(table)
    return failed


def _print_problem(console: Console, connected: ConnectedFlow, problem: str, command: str) -> None:
    """Says which records are not done, and the commands that show why; or why the flow could not be loaded at all."""
    flow = connected.flow
    rows = [] if problem.startswith("E-") else records_not_done(connected, *ALWAYS)
    if not rows:
        say(console, (problem.strip(), "red"))
        return
    first = rows[0]
    named = ", ".join(f"{row['key']} ({row['reason'] or row['state']})" for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    say(console, (f"{flow.id}: {len(rows)} records are not done: {named}{more}.", "red"))
    say(console, f"  Why: {command} records --flow {flow.id} --state {first['state']}")
    say(console, f"  All about one: {command} trace {shlex.quote(first['key'])} --flow {flow.id}")
    if flow.target == "bc":
        say(console, f"  Once the cause is mended: {command} retry --flow {flow.id}")


def _days(connected: ConnectedFlow) -> tuple[date, date]:
    """The day of the first record of a flow's source, and today."""
    last = clock.now().date()
    begins = datetime.combine(connected.settings.history_start, datetime.min.time(), UTC)
    return _first_day(connected, begins) or last, last


def approve_first_load(connected: ConnectedFlow, first: date, last: date) -> str:
    """Approves the first load of a flow whose runs a guard may hold; says in words what was approved, if anything."""
    if not is_on(connected) or not ledger.is_empty(connected.store, connected.flow.main):
        return ""
    try:
        dry_run(Work(connected, first, last, "demo"))
        shown = proposal(connected)
        approve(connected, shown, "demo")
    except WinbcError:  # nothing waits; or the load will tell what is wrong
        return ""
    return shown.writes.in_words()


def load_through_dagster(connected: ConnectedFlow, first: date, last: date) -> tuple[str | None, Summary]:
    """Runs all windows of a flow, from the first that holds a record, in one Dagster run.

    Dagster takes a tenth of a second for each window, even for an empty one: see _window.

    Returns: why the run failed, None when it did not; and the counts of its records.
    """
    from dagster import DagsterInstance

    from ..build import build_defs
    from ..orchestration.in_process import run_windows

    job = build_defs(settings=connected.settings).resolve_job_def(connected.flow.id)
    with DagsterInstance.get() as instance:
        run_id, why = run_windows(connected, job, instance, first, last)
    return why, summary(Work(connected, first, last, run_id))


def _first_day(connected: ConnectedFlow, begins: datetime) -> date | None:
    """The day (UTC) of the oldest record; None when there is none. Winstore is read whole to know it."""
    flow, settings = connected.flow, connected.settings
    if flow.reading:
        change = change_since(connected, begins - timedelta(seconds=1))
        return change.oldest if change else None
    source = Winstore(settings)
    try:
        modified = source.profile.entity(flow.entity).modified
        moments = (row.get(modified) for rows in source.changed_since(flow.entity, begins) for row in rows)
        return min((datetime.fromisoformat(each).astimezone(UTC).date() for each in moments if each), default=None)
    finally:
        source.close()


if __name__ == "__main__":
    console = Console()
    with told(console):
        settings = load_settings()
        prepare(Path(os.environ["DAGSTER_HOME"]), settings)
        sys.exit(load_all(console, settings, sys.argv[1]))
