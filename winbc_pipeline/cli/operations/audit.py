"""`winbc audit …`: who did what, and whether the list of it is as it was written. Exit codes: 0 it is, 1 it is not."""

from typing import Annotated

import typer
from rich.console import Console

from ...audit import entries
from ...audit import verify as verified
from ...audit.log import marked
from ...settings import load_settings
from ..output import add_row, say, table_of

app = typer.Typer(help="Who approved, retried, resolved, edited, erased or looked at what.", no_args_is_help=True)
console = Console()
MOST_SHOWN = 50


@app.command("list")
def list_all(
    act: Annotated[str, typer.Option(help="Only this act, such as approve")] = "",
    record: Annotated[str, typer.Option(help="Only what is about this record, by its key in the source")] = "",
    every: Annotated[bool, typer.Option("--all", help="Show all, not only the last 50")] = False,
) -> None:
    """Shows who did what, the oldest first. Records stand there as marks, which nobody can read back."""
    settings = load_settings()
    mark = marked(settings, record.strip()) if record else ""
    found = [each for each in entries(settings) if (not act or each.act == act) and (not mark or mark in each.records)]
    table = table_of("number", "when (UTC)", "who", "act", "subject", "records")
    for each in found if every else found[-MOST_SHOWN:]:
        add_row(table, each.number, each.at[:19].replace("T", " "), each.who, each.act, each.subject, each.count or "")
    console.print(table)
    if table.row_count < len(found):
        say(console, f"{len(found) - table.row_count} older ones; `--all` shows them.")


@app.command()
def verify(
    last: Annotated[str, typer.Option(help="The last entry as an earlier `verify` has printed it")] = "",
) -> None:
    """Finds what was changed, removed, moved or put in since it was written, also at the end."""
    found = verified(load_settings(), last)
    for problem in found.problems:
        say(console, ("problem ", "red"), problem)
    say(console, f"{found.entries} entries are as they were written.")
    if found.last:
        say(console, f'Note it elsewhere, for `--last`: "{found.last}"')
    raise typer.Exit(1 if found.problems else 0)
