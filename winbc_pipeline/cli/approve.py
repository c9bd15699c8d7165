"""`winbc approve`: lets pass what a guard or the safe mode holds, after a person has seen it. `winbc safe-mode`: holds
everything again. Exit codes: 0 done, 1 not."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .. import audit, clock
from ..flows import FLOWS
from ..settings import load_settings
from ..sync.connected import ConnectedFlow
from .arguments import flow_of
from .output import add_row, say, table_of

if TYPE_CHECKING:
    from ..workbench.approval import Proposal

console = Console()
MOST_CHANGES = 6  # of an example that are printed


def approve(
    flow: Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")],
    source: Annotated[bool, typer.Option("--source", help="Approve that the source has fewer records now")] = False,
    once: Annotated[bool, typer.Option("--once", help="Only this plan: the flow stays in safe mode")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Shows what a flow's plan would write, and lets exactly that pass. A flow in safe mode goes by itself from then
    on."""
    if source and once:
        raise typer.BadParameter("--once goes without --source")
    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    say(console, _approve_read(connected, yes) if source else _approve_plan(connected, once, yes))


def safe_mode(flow: Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")]) -> None:
    """Puts a flow into safe mode again: it plans, and writes nothing until somebody approves a plan."""
    from ..workbench.approval import stop

    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    audit.record(settings, "safe-mode", connected.flow.id)
    stop(connected)
    say(console, f"{connected.flow.id} is in safe mode: nothing is written until `winbc approve {connected.flow.id}`.")


def _approve_plan(connected: ConnectedFlow, once: bool, yes: bool) -> str:
    from ..workbench.approval import approve, proposal

    shown = proposal(connected)
    ends = shown.in_safe_mode and not once
    if not (shown.writes.creates or shown.writes.updates or (yes and ends)):
        hint = " The flow stays in safe mode until there is something; `--yes` ends it now." if ends else ""
        say(console, f"The plan of {connected.flow.id} writes nothing that waits for an approval.{hint}")
        raise typer.Exit(1)
    _show(connected, shown)
    _ask(yes, "Approve this, and let the flow write by itself from now on?" if ends else "Approve exactly this?")
    audit.record(connected.settings, "approve", connected.flow.id)
    approve(connected, shown, f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}", once)
    after = f" Its safe mode has ended; `winbc safe-mode {connected.flow.id}` begins it again." if ends else ""
    return f"Approved. The next run sends it: the sensor's, or `winbc sync {connected.flow.id}`.{after}"


def _approve_read(connected: ConnectedFlow, yes: bool) -> str:
    from ..workbench.approval import approve_read, refused_read

    read = refused_read(connected)
    say(console, f"The source of {connected.flow.id} gave {read.refused} records, and {read.records} before that.")
    _ask(yes, "Is that right?")
    audit.record(connected.settings, "approve", f"{connected.flow.id}, what its source gave")
    approve_read(connected, read)
    return f"Approved. The next read passes: rerun the window, or `winbc sync {connected.flow.id}`."


def _show(connected: ConnectedFlow, shown: "Proposal") -> None:
    from ..workbench.plans import in_words

    what = shown.writes
    without = (
        "Without approval: nothing (safe mode)." if shown.in_safe_mode else f"Without approval: {shown.limit} of each."
    )
    say(console, f"{connected.flow.id} to {shown.target}: {what.in_words()}. {without}")
    parts = table_of("part", "to create", "to update", "of them to block")
    for each in shown.parts:
        add_row(parts, each.part, each.creates, each.updates, each.blocks)
    console.print(parts)
    table = table_of("record", "part", "action", "what: old -> new")
    for row in shown.examples:
        changes = in_words(row["changes"])
        more = [f"and {len(changes) - MOST_CHANGES} more"] if len(changes) > MOST_CHANGES else []
        add_row(table, row["key"], row["part"], row["action"], changes[:MOST_CHANGES] + more)
    console.print(table)
    if connected.flow.emptied:
        _show_worth(connected)
    every = f"`winbc plan {connected.flow.id} --all` shows all."
    say(console, f"{len(shown.examples)} of them are shown, some of each part. {every}")


def _show_worth(connected: ConnectedFlow) -> None:
    """Prints the stock behind a plan by warehouse, and what the plan changes, at Business Central's unit cost."""
    from ..workbench.stock.value import worth

    table = table_of("warehouse", "SKUs", "quantity", "value at unit cost")
    for each in worth(connected):
        name = each.warehouse or f"change in {connected.flow.target}"
        add_row(table, name, each.skus, f"{each.quantity.normalize():f}", f"{each.value:.2f}")
    console.print(table)


def _ask(yes: bool, question: str) -> None:
    if not (yes or typer.confirm(question)):
        console.print("Nothing was approved.")
        raise typer.Exit(1)
