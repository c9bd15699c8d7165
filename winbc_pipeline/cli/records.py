"""`winbc trace`, `retry`, `replay`, `resolve`: what a person does with a record.

Each command but `trace` and `resolve --there` shows what it will do, and asks. Exit codes: 0 done, 1 not done (with the
reason), 2 wrong use.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from .. import audit, clock
from ..settings import load_settings
from ..staging.ledger import OPEN
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from .arguments import flow_of
from .operations.pause import EvenPaused, resting
from .output import add_row, say, table_of

if TYPE_CHECKING:
    from ..workbench.intervention import Request

console = Console()

Order = Annotated[str, typer.Argument(help="Order number, external document number, or Business Central's number")]
Record = Annotated[
    str, typer.Argument(help="The record's key in the source, its reference, or its number in the target")
]
FlowOption = Annotated[str, typer.Option("--flow", help="Id of the flow")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]
ORDERS = "orders_winstore_to_bc"  # the flow that people mean when they name none
MOST_CHANGES, MOST_ROWS = 12, 50  # that are printed
# How the log of acts calls what a request asks for; all others are `resolve`.
ACTS: dict[str, audit.Act] = {"retry": "retry", "map": "replay", "as_sent": "replay", "adopt": "adopt"}


def trace(
    record: Record,
    body: Annotated[bool, typer.Option("--body", help="Also people's values, as read and sent. Personal data")] = False,
    flow: FlowOption = ORDERS,
) -> None:
    """Shows what happened to a record of any flow: read, mapped by which rows, looked up, sent, answered, by which run.

    People's values are masked without --body.
    """
    from ..workbench.trace import trace as steps_of

    connected = _connected(flow)
    key = _key(connected, record)
    if body:
        audit.record(connected.settings, "show", connected.flow.id, [key])
    say(console, (f"{connected.flow.id} {key}, moments in UTC", "bold"))
    for step in steps_of(connected, key, body):  # lines and no table: a value needs the whole width of a terminal
        moment = step.moment.strftime("%Y-%m-%d %H:%M:%S") if step.moment else " " * 19
        run = f"  (run {step.run})" if step.run else ""
        say(console, f"{moment}  ", (step.what, "bold"), run)
        for line in filter(None, [step.detail, *step.fields]):
            say(console, f"    {line}")


def retry(
    order: Annotated[str | None, typer.Option(help="Only this record")] = None,
    reason: Annotated[str | None, typer.Option(help="All records that are not done for this reason")] = None,
    flow: FlowOption = ORDERS,
    even_paused: EvenPaused = False,
    yes: Yes = False,
) -> None:
    """Maps, plans and sends records that are not done: one record, all with one reason, or all."""
    from ..workbench.intervention import Request, keys_not_done

    connected = _connected(flow)
    if order and reason:
        raise typer.BadParameter("give --order or --reason, not both")
    keys = [_key(connected, order)] if order else keys_not_done(connected, reason)
    if not keys:
        why = f" for {reason}" if reason else ""
        console.print(f"Nothing of {connected.flow.id} is waiting{why}.")
        return
    _do(connected, Request("retry", tuple(keys)), even_paused, yes)


def replay(
    order: Order,
    as_sent: Annotated[
        bool, typer.Option("--as-sent", help="Send the kept body again, if the document is nowhere")
    ] = False,
    as_mapped_now: Annotated[bool, typer.Option("--as-mapped-now", help="Send it by the present tables")] = False,
    flow: FlowOption = ORDERS,
    even_paused: EvenPaused = False,
    yes: Yes = False,
) -> None:
    """Sends a document again: as it was sent, or as the present tables make it."""
    from ..workbench.intervention import Request

    if as_sent == as_mapped_now:
        raise typer.BadParameter("say --as-sent or --as-mapped-now")
    connected = _connected(flow)
    _do(connected, Request("as_sent" if as_sent else "map", (_key(connected, order),)), even_paused, yes)


def resolve(
    order: Order,
    adopt: Annotated[str | None, typer.Option(help="Number of the document, or record, to take as this one's")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Send it again, if the document is nowhere")] = False,
    ignore: Annotated[str | None, typer.Option(help="Leave it as it is, for this reason")] = None,
    force: Annotated[bool, typer.Option("--force", help="Adopt a document with another reference")] = False,
    take: Annotated[
        Literal["winstore", "bc"] | None, typer.Option(help="Whose values count where both sides changed a field")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Make a record again that was deleted in the target")] = False,
    apart: Annotated[bool, typer.Option("--apart", help="The record and its partner are not the same")] = False,
    there: Annotated[
        bool | None,
        typer.Option("--there/--not-there", help="In a flow to Winstore: whether Winstore has the record"),
    ] = None,
    flow: Annotated[str | None, typer.Option("--flow", help="Id of the flow")] = None,
    even_paused: EvenPaused = False,
    yes: Yes = False,
) -> None:
    """Decides what happens to a record that waits for a person, or who its partner is.

    Without --flow it is an order, or for --take, --again and --apart a record of the flow that knows it.
    """
    from ..workbench.intervention import Request

    decisions = (adopt is not None, resend, ignore is not None, there is not None, take is not None, again, apart)
    if sum(decisions) != 1:
        ways = "--adopt NUMBER, --resend, --take SIDE, --again, --apart, --ignore WHY, --there, --not-there"
        raise typer.BadParameter(f"say one of {ways}")
    if force and adopt is None:
        raise typer.BadParameter("--force belongs to --adopt")
    is_of_records = take is not None or again or apart
    connected = _connected(flow or (_flow_that_knows(order) if is_of_records else ORDERS))
    keys = (_key(connected, order),)
    if there is not None:
        _note(connected, keys[0], there)
        return
    if adopt is not None:
        request = Request("adopt", keys, number=adopt.strip(), force=force)
    elif resend:
        request = Request("resend", keys)
    elif take:
        request = Request("take_source" if take == connected.flow.source else "take_target", keys)
    elif again:
        request = Request("again", keys)
    elif apart:
        request = Request("apart", keys)
    else:
        request = Request("ignore", keys, why=(ignore or "").strip())
    _do(connected, request, even_paused, yes)


def _note(connected: ConnectedFlow, key: str, there: bool) -> None:
    """Notes what a person found in Winstore. The program cannot look it up there."""
    from ..workbench.winstore_answers import note_answer

    if connected.flow.target != "winstore":
        raise typer.BadParameter(f"{connected.flow.id} does not write to Winstore")
    audit.record(connected.settings, "resolve", connected.flow.id, [key])
    note_answer(connected, key, there, f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}")
    say(console, f"{key}: {'taken as sent' if there else 'the next run sends it'}")


def _connected(flow: str) -> ConnectedFlow:
    settings = load_settings()
    return ConnectedFlow(flow_of(flow, settings), settings)


def _flow_that_knows(name: str) -> str:
    """The id of the flow of records with partners to which a name belongs, where a person has named no flow.

    Raises: typer.BadParameter that lists the flows that it could be, UnknownRecord when it could be none.
    """
    from ..workbench.partners import flows_that_know, flows_with_partners
    from ..workbench.unknown import unknown

    settings = load_settings()
    found = flows_that_know(settings, name.strip())
    if len(found) == 1:
        say(console, f"{found[0]} knows {name.strip()}.")
        return found[0]
    if found:
        raise typer.BadParameter(f"{name} could be a record of {' or of '.join(found)}; say which with --flow")
    raise unknown([ConnectedFlow(flow, settings) for flow in flows_with_partners(settings)], name.strip())


def _key(connected: ConnectedFlow, name: str) -> str:
    """The source's key of the record that a person has named.

    Raises: UnknownRecord when the flow has neither read nor sent such a record.
    """
    from ..workbench.intervention import keys_of
    from ..workbench.unknown import check_known

    keys = keys_of(connected, name.strip())
    if not keys:
        check_known(connected, name.strip())
    if len(keys) > 1:
        raise typer.BadParameter(f"{name} is several records: {', '.join(keys[:5])}; give the source's own number")
    return keys[0] if keys else name.strip()


def _do(connected: ConnectedFlow, request: "Request", even_paused: bool, yes: bool) -> None:
    """Shows what the request would do, asks, carries it out, and shows the outcome.

    The flow's lease is not held while the person decides. A second look therefore precedes the deed. Of a flow that is
    paused, records can only be ignored: that sends nothing.
    """
    from ..workbench.intervention import intervention

    sends = request.how != "ignore"
    if sends and not even_paused and (words := resting(connected.settings, connected.flow.id)):
        say(console, (words, "red"))
        raise typer.Exit(1)
    run_id = f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}"
    with intervention(connected, run_id) as turn:
        rows = turn.proposed(request)
    if not _show(rows, request) or not (yes or typer.confirm("Do this?")):
        console.print("Nothing was done.")
        raise typer.Exit(1)
    audit.record(connected.settings, ACTS.get(request.how, "resolve"), connected.flow.id, request.keys)
    with intervention(connected, run_id) as turn:
        outcome = turn.carry_out(request, rows)
    raise typer.Exit(0 if _show_outcome(outcome) else 1)


def _show(rows: list[Row], request: "Request") -> bool:
    """Prints what would be done; returns whether it would change anything."""
    from ..workbench.intervention import changes_anything
    from ..workbench.plans import in_words

    table = table_of("record", "action", "reason", "number", "what")
    for row in rows[:MOST_ROWS]:
        changes = in_words(row["changes"])
        words = [row["message"]] if row["message"] else []
        words += changes[:MOST_CHANGES]
        if len(changes) > MOST_CHANGES:
            words.append(f"and {len(changes) - MOST_CHANGES} more")
        add_row(table, row["key"], row["action"], row["reason"], row["target_no"], ", ".join(words))
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"and {len(rows) - MOST_ROWS} more")
    return changes_anything(rows, request)


def _show_outcome(rows: list[Row]) -> bool:
    """Prints the records' ledger rows; returns whether all are done."""
    table = table_of("record", "state", "reason", "number", "message")
    for row in rows[:MOST_ROWS]:
        add_row(table, *(row[name] for name in ("key", "state", "reason", "target_no", "message")))
    console.print(table)
    undone = [row for row in rows if row["state"] in OPEN]
    console.print(f"{len(rows) - len(undone)} of {len(rows)} done.")
    return not undone
