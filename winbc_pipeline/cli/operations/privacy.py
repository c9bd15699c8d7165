"""`winbc privacy …`: what is kept of a person, and erasing it. Exit codes: 0 done, 1 nothing is kept or not done."""

import os
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from ... import audit
from ...settings import load_settings
from ..output import add_row, bar, say, table_of

app = typer.Typer(help="A person in all that is kept: find, export, erase.", no_args_is_help=True)
console = Console()
Who = Annotated[
    str,
    typer.Argument(
        help="E-mail address, id or number of a customer. `winstore:`, `bc:`, `number:` before it says which id"
    ),
]


@app.command()
def find(who: Who) -> None:
    """Shows where something of a person is kept, and how much. Shows no values."""
    _show(who)


@app.command()
def export(
    who: Who,
    file: Annotated[Path | None, typer.Argument(help="The new JSON file; without it, one in this folder")] = None,
) -> None:
    """Writes all that is kept of a person into a JSON file, for an answer to the person."""
    from ...privacy.person import identify
    from ...privacy.stores import export as exported

    settings = load_settings()
    audit.record(settings, "export", "a person", [who.strip().lower()])
    found = exported(settings, identify(settings, who))
    if not found:
        say(console, "Nothing is kept of this person.")
        raise typer.Exit(1)
    path = file or Path("winbc-person.json")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as output:
        output.write(orjson.dumps(found, default=str, option=orjson.OPT_INDENT_2))
    rows = sum(len(each) for tables in found.values() for each in tables.values())
    say(console, f"{path}: {rows} rows of {len(found)} stores. It is personal data: delete it once it was handed over.")


@app.command()
def erase(
    who: Who,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be erased")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Erases a person from all that is kept here, after showing where and asking. Business Central keeps its own."""
    from ...privacy.erase import LEFT, complete, unfinished
    from ...privacy.erase import erase as erase_now

    settings = load_settings()
    if not dry_run and unfinished(settings):
        say(console, f"An erasing that was cut off is completed: {complete(settings)}.")
    _show(who)
    for words in LEFT:
        say(console, f"Stays: {words}")
    if dry_run:
        return
    if not (yes or typer.confirm("Erase this? Nobody can take it back.")):
        say(console, "Nothing was erased.")
        raise typer.Exit(1)
    with bar(console, "Erasing"):
        certificate, path = erase_now(settings, who)
    for store, done in certificate.stores.items():
        say(console, f"{store}: {done}")
    for words in certificate.left[len(LEFT) :]:
        say(console, (words, "yellow"))
    say(console, f"The certificate is {path}. It does not say who it was.")


def _show(who: str) -> None:
    """Prints what is kept of a person, or ends the command when it is nothing."""
    from ...privacy.person import identify
    from ...privacy.stores import DELETED
    from ...privacy.stores import find as found_in

    settings = load_settings()
    found = found_in(settings, identify(settings, who))
    table = table_of("store", "holds", "erasing it")
    for each in found:
        add_row(table, each.store, each.what, each.act)
    if all(each.act == DELETED for each in found):
        say(console, "Nothing is kept of this person.")
        raise typer.Exit(1)
    console.print(table)
