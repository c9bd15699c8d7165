"""`winbc backup`, `restore`, `tidy` and `support-bundle`. Exit codes: 0 done, 1 not done, 2 wrong use or settings."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ... import audit, clock
from ...errors import MappingError, StoreBusy
from ...flows import FLOWS
from ...settings import Settings, load_settings, prefix_of, served_from
from ...sync.connected import ConnectedFlow
from ..arguments import flow_of
from ..dagster_home import claimed
from ..output import say, warn
from ..setup.served import followed_in, home_of

console = Console()


def backup(
    file: Annotated[Path | None, typer.Argument(help="The new zip file; without it, one in the data folder")] = None,
) -> None:
    """Copies the connection's databases, keys, tables and winbc.toml into one file. Runs may go on meanwhile."""
    from ...workbench.keeping.backup import back_up

    settings = load_settings()
    audit.record(settings, "backup", "all databases")
    path = back_up(settings, file)
    try:
        settings.tables.check()
    except MappingError as error:  # the databases are saved all the same
        warn(console, [f"{error} The shared tables are not in this backup."])
    say(console, f"{path} ({path.stat().st_size / 2**20:.1f} MB). It holds customers' data, and no secret of .env.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file of `winbc backup`")],
    flow: Annotated[str, typer.Option(help="Only the database of this flow, such as a damaged one")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Puts a backup back. What was sent since then is looked up by the next runs, and not sent again."""
    from ...workbench.keeping.restore import manifest_of, settings_for, settings_that_differ

    manifest = manifest_of(file)
    with settings_for(file, manifest) as settings:
        names = [] if flow else settings_that_differ(file, manifest)
        warn(console, _otherwise(names))
        only = flow_of(flow, settings).id if flow else ""
        what = f"the database of {only}" if only else "all databases"
        say(console, f"This puts back {what} of {manifest.connection} as of {manifest.at:%Y-%m-%d %H:%M:%S} UTC.")
        say(console, "What is there now is kept beside it. Both systems are left as they are.")
        if not (yes or typer.confirm("Do this?")):
            raise typer.Exit(1)
        _restore(settings, file, only)
    warn(console, _otherwise(names))


def _restore(settings: Settings, file: Path, flow: str) -> None:
    from ...privacy.erase import again
    from ...workbench.keeping.restore import restore as put_back

    with _at_rest(settings):
        done = put_back(settings, file, flow)
    say(console, f"{', '.join(done.put_back)}: put back. What was there is in {done.kept}.")
    for path in done.written:
        say(console, f"{path} was missing and is there again.")
    warn(console, (f"{path} is not as in the backup. It stays as it is." for path in done.differ))
    warn(console, (f"{name} is not in the backup. It stays as it is." for name in done.untouched))
    for certificate in again(settings):
        say(console, f"People who were erased before were in the backup. They are erased again: {certificate}.")
    say(console, "The next runs read again what changed since the backup. See docs/operations.md, After a restore.")


@contextmanager
def _at_rest(settings: Settings) -> Iterator[None]:
    """Nothing follows a connection until the block ends, neither by itself nor together with others. Raises NotDone."""
    above = served_from(settings)
    with claimed(load_settings(above).state_folder) if above else nullcontext(), claimed(settings.state_folder):
        yield


def _otherwise(names: list[str]) -> list[str]:
    """The warning of a winbc.toml that has these settings otherwise than the backup; none without names."""
    how = "To have the backup's, move it away and restore again."
    return [f"winbc.toml is not as in the backup: it differs in {', '.join(names)}. It stays. {how}"] if names else []


def move_state(
    to: Annotated[str, typer.Option(help="postgres or files")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Moves the state of the connection to the server of `state.database`, or from there back into files."""
    from ...workbench.keeping.move_state import Side
    from ...workbench.keeping.move_state import move_state as move

    sides: dict[str, Side] = {"postgres": "postgres", "files": "files"}
    if to not in sides:
        raise typer.BadParameter("postgres or files", param_hint="--to")
    settings = load_settings()
    if not (yes or typer.confirm(f"This moves the state of {settings.connection} to {to}. Is winbc stopped?")):
        raise typer.Exit(1)
    audit.record(settings, "move-state", to)
    with _at_rest(settings):
        moved = move(settings, sides[to], lambda each: say(console, f"{each.name}: {sum(each.rows.values())} rows"))
    say(console, f"{len(moved)} databases moved to {to}; each was compared with what it was copied from.")
    if to == "files":
        say(console, "Now remove `state.database` from the settings.")


def tidy() -> None:
    """Deletes what was kept long enough, as Dagster's job `run_retention` does every night."""
    from ...staging.published.compaction import keep_young
    from ...sync.keeping.comparisons import forget_left
    from ...sync.keeping.retention import forget_kept
    from ...sync.keeping.retention import tidy as tidy_flow

    settings, busy = load_settings(), False
    forget_kept(settings)
    forget_left(settings)
    keep_young(settings, clock.now())
    for flow in FLOWS:
        connected = ConnectedFlow(flow, settings)
        if not connected.store.exists():
            continue
        try:
            say(console, f"{flow.id}: {tidy_flow(connected).in_words()}")
        except StoreBusy as error:
            busy = True
            say(console, (f"{flow.id}: {error}", "yellow"))
    raise typer.Exit(1 if busy else 0)


def support_bundle(
    file: Annotated[Path | None, typer.Argument(help="The new zip file; without it, one in this folder")] = None,
    no_checks: Annotated[bool, typer.Option("--no-checks", help="Do not run `winbc check`, which asks both")] = False,
) -> None:
    """Collects versions, settings, counts, states and checks for those who help. No personal data, no secrets."""
    from ...orchestration.failed_runs import failed_runs
    from ...orchestration.names import TAG
    from ...workbench.keeping.support_bundle import make

    settings = load_settings()
    path = file or Path(f"winbc-support-{clock.now():%Y%m%d-%H%M%S}.zip")
    runs = list(failed_runs(home_of(settings)))
    if served_from(settings):
        runs += failed_runs(followed_in(settings), {TAG: prefix_of(settings.connection)})
    make(settings, path, runs, not no_checks)
    say(console, f"{path}: no values of records, no keys, no secrets. Look into it before you send it.")
