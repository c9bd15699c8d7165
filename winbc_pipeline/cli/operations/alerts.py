"""`winbc alerts`: sends what is due, tries the channels, lists the records of open problems."""

import csv
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import ConfigurationError
from ...flows import FLOWS
from ...health.channels import send
from ...health.facts import records_in_trouble
from ...health.flush import flush as send_due
from ...settings import Settings, load_settings
from ...sync.connected import ConnectedFlow
from ...workbench.plans import harmless
from ..arguments import flows_of
from ..output import add_row, say, table_of

app = typer.Typer(help="Who is told what is wrong.", no_args_is_help=True)
console = Console()
COLUMNS = ("flow", "record", "part", "kind", "reason", "since", "window")


@app.command()
def flush() -> None:
    """Sends the alerts that are due, for cron. Exit code 1 when a message waits and no channel takes it."""
    done = send_due(_settings())
    for subject in done.sent:
        say(console, f"Sent: {subject}")
    if done.busy:
        say(console, "Another process is sending.")
    elif done.waiting:
        say(console, (f"{done.waiting} messages wait: no channel takes them. `winbc alerts test` tries each.", "red"))
    raise typer.Exit(1 if done.waiting else 0)


@app.command()
def test() -> None:
    """Sends a message through each channel. Exit code 1 when one does not take it."""
    settings, failed = _settings(), False
    for channel in settings.alerts.urls:
        taken = send(settings.alerts, channel, f"winbc {settings.connection}: test", "This channel works.")
        say(console, ("ok      ", "green") if taken else ("problem ", "red"), channel)
        failed = failed or not taken
    raise typer.Exit(1 if failed else 0)


@app.command()
def records(
    flow: Annotated[str, typer.Argument(help="Only this flow")] = "",
    file: Annotated[Path | None, typer.Option("--csv", help="Write to this CSV file")] = None,
) -> None:
    """Lists all records of the open problems, the oldest first."""
    settings = load_settings()
    flows = flows_of(flow) if flow else FLOWS
    rows = [
        [each.id, *(str(row[name] or "") for name in ("key", "part", "kind", "reason", "since", "window"))]
        for each in flows
        for row in records_in_trouble(ConnectedFlow(each, settings))
    ]
    if file:
        with file.open("w", encoding="utf-8-sig", newline="") as output:
            csv.writer(output).writerows([COLUMNS, *([harmless(cell) for cell in row] for row in rows)])
        say(console, f"{len(rows)} records written to {file}.")
        return
    table = table_of(*COLUMNS, whole="flow")
    for row in rows:
        add_row(table, *row)
    console.print(table)


def _settings() -> Settings:
    settings = load_settings()
    if not settings.alerts.urls:
        hint = "Set WINBC_ALERTS__URLS__MAIL (or another name) in the environment or in .env (docs/operations.md)."
        raise ConfigurationError("alerts.urls has no channel.", hint)
    return settings
