"""`winbc trace`, `retry`, `replay`, `resolve`: what a person does with a record. Each shows what it will do, and asks.

Exit codes: 0 done, 1 not done (with the reason), 2 wrong use.
"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .. import clock
from ..errors import NotDone
from ..settings import load_settings
from ..staging.ledger import OPEN
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from .arguments import flow_of
from .output import add_row, say, table_of

if TYPE_CHECKING:
    from ..workbench.intervention import Request

console = Console()

Order = Annotated[str, typer.Argument(help="Order number, external document number, or Business Central's number")]
FlowOption = Annotated[str, typer.Option("--flow", help="Another flow")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]
ORDERS = "orders_winstore_to_bc"
MOST_CHANGES, MOST_ROWS = 12, 50


def trace(
    order: Order,
    body: Annotated[bool, typer.Option("--body", help="Also what was sent: it holds a person's data")] = False,
    flow: FlowOption = ORDERS,
) -> None:
    """What happened to a record: read, mapped by which rows, looked up, sent, answered; by which run."""
    from ..workbench.trace import trace as steps_of

    connected = _connected(flow)
    key = _key(connected, order)
    steps = steps_of(connected, key, body)
    if not steps:
        raise typer.BadParameter(f"{connected.flow.id} knows no record {order}")
    table = table_of("moment (UTC)", "what", "detail", "run", title=f"{connected.flow.id} {key}")
    for step in steps:
        moment = step.moment.strftime("%Y-%m-%d %H:%M:%S") if step.moment else ""
        add_row(table, moment, step.what, step.detail, step.run)
    console.print(table)


def retry(
    order: Annotated[str | None, typer.Option(help="Only this record")] = None,
    reason: Annotated[str | None, typer.Option(help="All that are not done for this reason")] = None,
    flow: FlowOption = ORDERS,
    yes: Yes = False,
) -> None:
    """Maps, plans and sends what is not done: one record, all of a reason, or everything."""
    from ..workbench.intervention import Request, keys_not_done

    connected = _connected(flow)
    if order and reason:
        raise typer.BadParameter("give --order or --reason, not both")
    keys = [_key(connected, order)] if order else keys_not_done(connected, reason)
    if not keys:
        console.print(f"Nothing of {connected.flow.id} is waiting{' for ' + reason if reason else ''}.")
        return
    _do(connected, Request("retry", tuple(keys)), yes)


def replay(
    order: Order,
    as_sent: Annotated[bool, typer.Option("--as-sent", help="The kept body once more, if it is nowhere")] = False,
    as_mapped_now: Annotated[bool, typer.Option("--as-mapped-now", help="By the tables as they are now")] = False,
    flow: FlowOption = ORDERS,
    yes: Yes = False,
) -> None:
    """Sends a document once more: as it was sent, or as the tables make it now."""
    from ..workbench.intervention import Request

    if as_sent == as_mapped_now:
        raise typer.BadParameter("say --as-sent or --as-mapped-now")
    connected = _connected(flow)
    _do(connected, Request("as_sent" if as_sent else "map", (_key(connected, order),)), yes)


def resolve(
    order: Order,
    adopt: Annotated[str | None, typer.Option(help="The number of the document that is this order's")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Send it anew, if it is nowhere")] = False,
    ignore: Annotated[str | None, typer.Option(help="Leave it as it is, and why")] = None,
    force: Annotated[bool, typer.Option("--force", help="Adopt a document with another reference")] = False,
    there: Annotated[
        bool | None,
        typer.Option("--there/--not-there", help="Of a flow to Winstore: whether it is there"),
    ] = None,
    flow: FlowOption = ORDERS,
    yes: Yes = False,
) -> None:
    """Decides a record that waits for a person."""
    from ..workbench.intervention import Request

    if (adopt is not None) + resend + (ignore is not None) + (there is not None) != 1:
        raise typer.BadParameter("say one of --adopt NUMBER, --resend, --ignore WHY, --there, --not-there")
    if force and adopt is None:
        raise typer.BadParameter("--force belongs to --adopt")
    connected = _connected(flow)
    if there is not None:
        _note(connected, order, there)
        return
    keys = (_key(connected, order),)
    if adopt is not None:
        request = Request("adopt", keys, number=adopt.strip(), force=force)
    else:
        request = Request("resend", keys) if resend else Request("ignore", keys, why=(ignore or "").strip())
    _do(connected, request, yes)


def _note(connected: ConnectedFlow, key: str, there: bool) -> None:
    """What a person found in Winstore, which cannot be asked."""
    from ..workbench.winstore_answers import resolve as run

    if connected.flow.target != "winstore":
        raise typer.BadParameter(f"{connected.flow.id} does not write to Winstore")
    run(connected, key, there, f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}")
    say(console, f"{key}: {'taken as sent' if there else 'the next run sends it'}")


def _connected(flow: str) -> ConnectedFlow:
    return ConnectedFlow(flow_of(flow), load_settings())


def _key(connected: ConnectedFlow, name: str) -> str:
    from ..workbench.intervention import keys_of

    keys = keys_of(connected, name.strip())
    if len(keys) > 1:
        raise typer.BadParameter(f"{name} is several records: {', '.join(keys[:5])}; give the source's own number")
    return keys[0] if keys else name.strip()


def _do(connected: ConnectedFlow, request: "Request", yes: bool) -> None:
    """Proposes, asks, carries out, and shows what came of it."""
    from ..workbench.intervention import intervention

    run_id = f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}"
    try:
        with intervention(connected, run_id) as turn:
            rows = turn.proposed(request)
        if not _show(rows) or not (yes or typer.confirm("Do this?")):
            console.print("Nothing was done.")
            raise typer.Exit(1)
        with intervention(connected, run_id) as turn:
            outcome = turn.carry_out(request, rows)
    except NotDone as error:
        say(console, (str(error), "red"))
        raise typer.Exit(1) from None
    raise typer.Exit(0 if _show_outcome(outcome) else 1)


def _show(rows: list[Row]) -> bool:
    """What would be done; whether that is anything at all."""
    from ..workbench.intervention import does_anything
    from ..workbench.plans import in_words

    table = table_of("record", "action", "reason", "number", "what")
    for row in rows[:MOST_ROWS]:
        changes = in_words(row["changes"])
        more = [f"and {len(changes) - MOST_CHANGES} more"] if len(changes) > MOST_CHANGES else []
        words = ", ".join([*([row["message"]] if row["message"] else []), *changes[:MOST_CHANGES], *more])
        add_row(table, row["key"], row["action"], row["reason"], row["target_no"], words)
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"and {len(rows) - MOST_ROWS} more")
    return does_anything(rows)


def _show_outcome(rows: list[Row]) -> bool:
    """The records as they are now; whether all are done."""
    table = table_of("record", "state", "reason", "number", "message")
    for row in rows[:MOST_ROWS]:
        add_row(table, *(row[name] for name in ("key", "state", "reason", "target_no", "message")))
    console.print(table)
    undone = [row for row in rows if row["state"] in OPEN]
    console.print(f"{len(rows) - len(undone)} of {len(rows)} done.")
    return not undone
