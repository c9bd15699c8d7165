"""`winbc stock …`: why a SKU has its figure, and the sweep by hand. Exit codes: 0 done, 1 records failed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .. import clock
from ..errors import ConfigurationError, TooManyWrites
from ..flows import FLOWS
from ..settings import load_settings
from ..sync.connected import ConnectedFlow
from .output import add_row, say, table_of

if TYPE_CHECKING:
    from ..workbench.stock.explain import Explained

app = typer.Typer(help="Stock: explain a figure, compare both sides now.", no_args_is_help=True)
console = Console()
MOST_SHOWN = 50


@app.command()
def explain(
    sku: Annotated[str, typer.Argument(help="The SKU, in capitals or not")],
    at: Annotated[str | None, typer.Option(help="As it was at a moment in UTC: 2026-03-01T10:00:00")] = None,
) -> None:
    """Shows the parts of a SKU's figure, the rule, both sides, what was sent last, and why nothing is sent."""
    from ..workbench.stock.explain import explain as explained
    from ..workbench.stock.explain import without_stock

    moment, flows = _moment(at) if at else None, _flows()
    found = [each for connected in flows if (each := explained(connected, sku.strip(), moment))]
    for each in found:
        _print(each, moment)
    if not found:
        say(console, without_stock(flows, sku.strip(), moment))


def _print(told: "Explained", at: datetime | None) -> None:
    say(console, (f"{told.flow} {told.key}, moments in UTC", "bold"))
    lines = [("read", told.read_at and f"{told.read_at:%Y-%m-%d %H:%M:%S}")]
    lines += [(name, _plain(value)) for name, value in told.parts.items() if value is not None]
    lines += list(told.rows.items())
    lines += [("rule", told.rule and f"stock_rules.csv {told.rule}"), ("formula", told.formula)]
    if at is None:
        lines += [("figure", _plain(told.figure)), ("in the target now", _plain(told.live))]
    lines += [("last sent", told.sent or "never"), ("last acknowledged", told.taken or "never"), ("state", told.why)]
    for name, value in lines:
        if value not in (None, ""):
            say(console, f"    {name}: {value}")


def _plain(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value).lower() if isinstance(value, bool) else str(value)


@app.command()
def sweep() -> None:
    """Compares the figures of both systems now, as the schedule does, and sends what differs."""
    from ..health.publishing.publish import published
    from ..sync.stock.sweep import sweep as swept

    failed = 0
    for connected in _flows():
        try:
            with published(connected):
                done = swept(connected, f"sweep {clock.now():%Y-%m-%dT%H:%M:%SZ}")
        except TooManyWrites as error:
            say(console, (str(error), "red"))
            raise typer.Exit(1) from None
        words = f"{done.seen} looked at, {done.differing} differ or were not known, {len(done.failed)} failed"
        say(console, f"{connected.flow.id}: {words}")
        failed += len(done.failed)
    raise typer.Exit(1 if failed else 0)


def send_at_once(connected: ConnectedFlow, keys: list[str], category: str, warehouse: str) -> int:
    """Sends the stock of chosen SKUs now, and prints what became of each; returns how many are not done."""
    from ..flows.stock.chosen import keys_of
    from ..health.publishing.publish import published
    from ..sync.run import not_done
    from ..sync.stock.sweep import at_once
    from ..workbench.unknown import unknown

    if not connected.flow.emptied:
        raise typer.BadParameter("--key, --category and --warehouse are for the flows of stock")
    chosen = keys_of(connected, keys, category, warehouse)
    try:
        with published(connected):
            rows = at_once(connected, chosen, f"by hand {clock.now():%Y-%m-%dT%H:%M:%SZ}")
    except TooManyWrites as error:
        say(console, (str(error), "red"))
        return len(chosen)
    table = table_of("SKU", "state", "reason", "message")
    for row in rows[:MOST_SHOWN]:
        add_row(table, *(row[name] for name in ("key", "state", "reason", "message")))
    console.print(table)
    unread = [key for key in chosen if key not in {row["key"] for row in rows}]
    for key in unread[:MOST_SHOWN]:
        say(console, (str(unknown([connected], key, "SKU")), "red"))
    console.print(f"{len(rows)} SKUs, {len(not_done(rows))} not done, {len(unread)} unknown")
    return len(not_done(rows)) + len(unread)


def _flows() -> list[ConnectedFlow]:
    """The flows of stock that are on; raises ConfigurationError when none is."""
    settings = load_settings()
    found = [ConnectedFlow(flow, settings) for flow in FLOWS if flow.emptied and flow.is_on(settings)]
    if not found:
        raise ConfigurationError("No flow of stock is on.", "See `stock.owner` (docs/settings.md).")
    return found


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no moment such as 2026-03-01T10:00:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
