"""`winbc connection …`: several pairs of systems beside each other."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ... import clock
from ...errors import NotDone
from ...settings import beside, load_settings, locations
from ...setup import connections
from ...setup.files import ENV
from ..output import add_row, say, table_of
from .served import home_of, is_served

app = typer.Typer(help="Pairs of systems: add, list, remove.", no_args_is_help=True)
console = Console()
Name = Annotated[str, typer.Argument(help="The connection's name")]


@app.command()
def add(name: Name) -> None:
    """Makes a folder for another pair of systems. It shares nothing with the others."""
    folder = connections.add(name)
    say(console, f"{folder} is made. Set it up: winbc --home {folder} init")


@app.command("list")
def list_all() -> None:
    """Shows the connection of this folder and those below connections/, and whether each is up.

    One is broken while its settings cannot be read, or, served together with others, cannot be used.
    """
    table = table_of("connection", "folder", "Business Central", "company", "Winstore", "up", whole="connection")
    together, every = _up_together(), list(connections.connections())
    broken = {each.name for number in locations() for each in beside(number) if each.error} if together else set()
    for each in every:
        where = (str(each.folder), each.business_central, each.company, each.winstore)
        is_together = each.folder in together
        is_broken = each.error or (is_together and each.folder.name in broken)
        add_row(table, each.name, *where, "broken" if is_broken else "yes" if is_together or _is_up(each) else "no")
    if every:
        console.print(table)
        for error in filter(None, (each.error for each in every)):
            say(console, error)
    else:
        say(console, "There is none here. `winbc init` sets one up, `winbc connection add NAME` one of several.")


@app.command()
def remove(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False) -> None:
    """Takes a connection away: its folder is kept in connections/removed/, with its ledger and secrets."""
    found = connections.named(name)
    if _is_up(found):
        raise NotDone(f"{name} is up.", f"`winbc --home {found.folder} down` ends it.")
    if found.folder in _up_together():
        raise NotDone(f"{name} is up, together with others.", "`winbc down` ends all of them; then remove it.")
    if not (yes or typer.confirm(f"Move {found.folder} to connections/{connections.REMOVED}/?")):
        raise typer.Exit(1)
    kept = connections.remove(found, clock.now())
    secrets = " Its .env still has the secrets: delete it when you are sure." if (kept / ENV).exists() else ""
    say(console, f"{name} is in {kept} now.{secrets}")
    if found.on_server:
        words = f"Its ledger stays on the server, where a new connection {name} would find it: give that another name"
        say(console, f'{words} (docs/scale.md, "A connection that is removed").')


def _is_up(connection: connections.Connection) -> bool:
    return is_served((connection.data_folder / "dagster_home").resolve())


def _up_together() -> set[Path]:
    """The folders of the connections that this folder serves together, while it does."""
    served = {folder for folders in locations().values() for folder in folders}
    return served if served and is_served(home_of(load_settings())) else set()
