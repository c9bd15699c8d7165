"""`winbc reconcile`: whether both systems agree. Exit codes: 0 they do, 1 they do not (or it is not done yet), 2 wrong
use or settings."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from ... import audit, clock
from ...errors import CallsSpent, NotDone, TooManyWrites
from ...flows import FLOWS
from ...settings import load_settings
from ...sync.connected import ConnectedFlow
from ...systems.business_central.client import dumps
from ..arguments import flow_of
from ..output import add_row, bar, say, table_of
from .pause import EvenPaused, resting

if TYPE_CHECKING:
    from ...workbench.reconcile.findings import Finding, Reconciled

console = Console()
MOST_SHOWN, MOST_CHANGES = 50, 12


def reconcile(
    flow: Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.id for flow in FLOWS)}")],
    repair: Annotated[bool, typer.Option("--repair", help="Send what differs, after showing it and asking")] = False,
    take: Annotated[
        Literal["winstore", "bc"] | None,
        typer.Option(help="With --repair in a flow that goes both ways: whose values count"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show all records, not only the first 50")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do not ask")] = False,
    even_paused: EvenPaused = False,
) -> None:
    """Compares both systems whole as they are now, field by field. Writes to neither without --repair."""
    if (take or yes or even_paused) and not repair:
        raise typer.BadParameter("--take, --yes and --even-paused go with --repair")
    settings = load_settings()
    connected = ConnectedFlow(flow_of(flow, settings), settings)
    if repair and not even_paused and (words := resting(settings, connected.flow.id)):
        say(console, (words, "red"))
        raise typer.Exit(1)
    found = _compared(connected)
    if repair:
        _show(found, every)
        found = _repaired(connected, found, take or "", yes)
    if as_json:
        print(_as_json(found))
    else:
        _show(found, every)
    raise typer.Exit(0 if found.agrees else 1)


def _compared(connected: ConnectedFlow) -> "Reconciled":
    from ...workbench.reconcile.whole import reconcile as compared

    try:
        with bar(console, connected.flow.id) as begin:
            return compared(connected, begin)
    except CallsSpent as error:
        say(console, (f"{error} The setting is `reconcile.calls`.", "yellow"))
        raise typer.Exit(1) from None


def _repaired(connected: ConnectedFlow, found: "Reconciled", take: str, yes: bool) -> "Reconciled":
    """Repairs what was shown, once a person agrees, and compares again."""
    from ...workbench.reconcile.repair import repair, to_repair

    wanted = to_repair(connected, found)
    if not wanted:
        say(console, "Nothing to repair.")
        return found
    if not (yes or typer.confirm(f"Send the source's values of these {len(wanted)} records?")):
        say(console, "Nothing was sent.")
        raise typer.Exit(1)
    audit.record(connected.settings, "repair", connected.flow.id, [each.key for each in wanted])
    try:
        done = repair(connected, wanted, f"repair {clock.now():%Y-%m-%dT%H:%M:%SZ}", take)
    except (TooManyWrites, NotDone) as error:
        say(console, (str(error), "red"))
        raise typer.Exit(1) from None
    say(console, f"{done.sent} records written, {len(done.undone)} not done.")
    if done.moved:
        say(console, f"Changed since they were shown, so nothing was sent: {', '.join(done.moved[:MOST_CHANGES])}.")
    return _compared(connected)


def _show(found: "Reconciled", every: bool) -> None:
    """Prints what was found: counts first, then the records."""
    from ...workbench.reconcile.findings import KINDS

    say(console, (f"{found.flow}, {found.began:%Y-%m-%d %H:%M} UTC", "bold"))
    looked_at = ", ".join(f"{count} {part}" for part, count in found.compared.items())
    say(console, f"Looked at: {looked_at or 'nothing'}. {found.calls} calls.")
    if found.left:
        say(console, f"Left by a rule: {', '.join(f'{count} {reason}' for reason, count in found.left.items())}.")
    counts = table_of("what", "records")
    for kind, words in KINDS.items():
        add_row(counts, words, found.counts[kind])
    console.print(counts)
    shown = found.findings if every else found.findings[:MOST_SHOWN]
    table = table_of("record", "part", "what", "number", "reason", "target -> source")
    for each in shown:
        add_row(table, each.key, each.part, each.kind, each.number, each.reason, _in_words(each))
    if shown:
        console.print(table)
    if len(shown) < len(found.findings):
        say(console, f"and {len(found.findings) - len(shown)} more; `--all` shows them")
    say(console, "Both systems agree." if found.agrees else "The two systems do not agree.")


def _in_words(finding: "Finding") -> list[str]:
    from ...workbench.plans import in_words

    words = [finding.message] if finding.message else []
    changes = in_words(dumps(list(finding.changes)).decode())
    more = [f"and {len(changes) - MOST_CHANGES} more"] if len(changes) > MOST_CHANGES else []
    return words + changes[:MOST_CHANGES] + more


def _as_json(found: "Reconciled") -> str:
    return dumps({"agrees": found.agrees, "counts": found.counts, **asdict(found)}).decode()
