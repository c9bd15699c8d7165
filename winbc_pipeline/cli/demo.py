"""`winbc demo`: starts both sandboxes, loads everything through Dagster, prints a table, and serves the UI.

The demo works in a folder of its own, as `winbc --home FOLDER` does. Its load is another process (demo_load.py), which
Ctrl-C ends at once.
"""

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from .. import clock
from ..errors import WinbcError
from ..sandbox.retail import generate, write_folder
from ..sandbox.server import Addresses
from ..sandbox.server import serve as serve_sandboxes
from ..settings import SHIPPED_TABLES, Tables, load_settings
from .dagster_home import address, check_port, child, claimed, serve_ui
from .failures import interruptible, wait_for_interrupt
from .output import bar, say
from .sandbox import check_folder, load_folder

CUSTOMERS, ARTICLES, ORDERS = 40, 60, 200  # of the generated sample
LENGTHS = {"day": 1, "week": 7}  # in days
MOST_WINDOWS = 60  # so that loading them takes seconds: Dagster takes a tenth of a second for each, even an empty one
SOURCES = ("articles", "customers", "orders")  # whose oldest record begins the history
TABLES = "mapping_tables"  # the folder of the mapping tables, where the demo is started and in its own
CONNECTION, ROUNDING_ACCOUNT = "demo", "8100"  # an account of the sandbox
ENDING = "Ending the demo: its load, the dashboard and the sandboxes. The next `winbc demo` completes what is missing."


def demo(
    once: Annotated[bool, typer.Option(help="Stop after the table. Exit code 0 only if all records arrived")] = False,
    sample: Annotated[Path | None, typer.Option(help="A retail folder of your own to load")] = None,
    port: Annotated[int, typer.Option(help="Port of the dashboard")] = 3000,
) -> None:
    """Starts both sandboxes on this machine, loads everything through Dagster, and serves the dashboard."""
    raise typer.Exit(run(Console(), once, sample, port))


def run(console: Console, once: bool, sample: Path | None, port: int) -> int:
    """Runs the demo. Its data stays in a folder in .winbc, so that a second demo finds nothing to do.

    Returns:
        The exit code: with `once`, 1 when a record failed. Without it the UI shows what failed, and the code is 0.

    Args:
        once: whether to stop after the table, without the UI.
        sample: a retail folder to load; None for generated data.
        port: port of the UI.
    """
    if not once:
        check_port(port)
    folder, start = Path(".winbc") / f"demo-{_name(sample)}", Path.cwd()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with interruptible(console, ENDING), contextlib.chdir(folder), claimed(Path(CONNECTION)) as home:
        _delete_unfilled()
        with serve_sandboxes(Path("sandbox")) as addresses:
            with bar(console, "Filling the Winstore sandbox"):
                _seed(addresses, sample and start / sample)
            _write_settings(addresses, start)
            before = _writes(addresses)
            with child(["winbc_pipeline.cli.demo_load", _command(start)], gentle_s=0) as load:
                failed = load.wait()
            written = _writes(addresses) - before
            _conclude(console, written, bool(failed), folder, _command(start))
            if once:
                return failed
            with serve_ui(console, home, port):
                _print_steps(console, addresses, port, start)
                wait_for_interrupt()
    return 0


def _name(sample: Path | None) -> str:
    """Name of a sample's data. It depends on the content, so that an edited folder is loaded anew."""
    if sample is None:
        return "sample"
    check_folder(sample)
    files = sorted(sample.glob("*.csv"))
    content = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files))
    return f"{sample.resolve().name}-{content.hexdigest()[:8]}"


def _delete_unfilled() -> None:
    """Deletes the sandboxes of a demo that was ended before they were filled: the settings are written after that."""
    if not Path("winbc.toml").exists():
        shutil.rmtree("sandbox", ignore_errors=True)
        for file in Path(CONNECTION).glob("*.duckdb*"):
            file.unlink()


def _seed(addresses: Addresses, sample: Path | None) -> None:
    if _state(addresses.winstore_control)["records"]:
        return
    if sample is None:
        sample = Path("retail")
        write_folder(sample, generate(CUSTOMERS, ARTICLES, clock.now(), orders=ORDERS))
    load_folder(addresses.winstore_control, sample)


def _state(control: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    answer = httpx.get(f"{control}/__state", timeout=600)
    state: dict[str, dict[str, list[dict[str, str]]]] = answer.json()
    return state


def _writes(addresses: Addresses) -> int:
    return len(_state(addresses.bc_control)["writes"])


def _write_settings(addresses: Addresses, start: Path) -> None:
    """Writes the demo's settings into its folder, so that `winbc --home FOLDER` finds them.

    The addresses of the sandboxes are in .env, and change with each start. winbc.toml is written once: an edit stays.
    """
    variables = addresses.environment()
    secrets = Path(".env")
    secrets.touch(mode=0o600)
    secrets.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()), encoding="utf-8")
    # Nothing in this environment may lead the demo to other systems.
    os.environ.update(variables | {"WINBC_CONNECTION": CONNECTION, "WINBC_DATA_FOLDER": "."})
    copy_tables(start / TABLES, _base(start))
    if not Path("winbc.toml").exists():
        whole = Path("winbc.toml.new")
        whole.write_text(_settings(addresses), encoding="utf-8")
        whole.rename("winbc.toml")


def copy_tables(own: Path, base: Path | None = None) -> None:
    """Gives the demo mapping tables of its own: what is edited in it changes no others.

    Args:
        own: the folder of tables where the demo was started; base: the shared one on which it builds.
    """
    if not Path(TABLES).exists():
        half = Path(f"{TABLES}.new")
        shutil.rmtree(half, ignore_errors=True)
        served = Tables(own, base).of() or Tables(SHIPPED_TABLES).of()
        for table, path in served.items():
            (half / table).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, half / table)
        half.rename(TABLES)
        _forget_tables(own)


def _base(start: Path) -> Path | None:
    """The shared mapping folder of the connection where the demo was started."""
    with contextlib.suppress(WinbcError):  # the demo needs no other setting of it
        return load_settings(start).mapping_base
    return None


def _forget_tables(own: Path) -> None:
    """Takes the tables of the folder where it was started out of the settings of a demo that used to work on them."""
    settings = Path("winbc.toml")
    if settings.exists():
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace(f"mapping_folder = {json.dumps(str(own))}\n", ""), encoding="utf-8")


def _settings(addresses: Addresses) -> str:
    rows = _state(addresses.winstore_control)["records"]
    oldest = min(record["modified"] for entity in SOURCES for record in rows.get(entity, []))[:10]
    window = _window(date.fromisoformat(oldest), clock.now().date())
    return f"""\
# The settings of this demo (docs/settings.md explains them). What you edit here stays.
# Addresses and passwords of the demo's sandboxes are in .env, which each start writes anew.
connection = "{CONNECTION}"
data_folder = "."
history_start = {oldest}
window = "{window}"
sensors = true
schedules = true

[orders]
rounding_account = "{ROUNDING_ACCOUNT}"  # for the cents by which shop and Business Central round differently
"""


def _window(first: date, last: date) -> str:
    """The shortest kind of window of which the days of a sample need at most MOST_WINDOWS."""
    days = (last - first).days
    return next((name for name, length in LENGTHS.items() if days <= length * MOST_WINDOWS), "month")


def _winbc(start: Path) -> str:
    """The command, as it can be pasted in the folder where the demo was started."""
    here = Path(sys.executable).parent
    is_on_path = str(here) in os.environ["PATH"].split(os.pathsep)
    return "winbc" if is_on_path else _quoted(os.path.relpath(here / "winbc", start))


def _quoted(path: str) -> str:
    """A path in the quotes of a shell; PowerShell would not run a command in quotes."""
    return path if sys.platform == "win32" else shlex.quote(path)


def _command(start: Path) -> str:
    """The beginning of a command with the demo's settings."""
    return f"{_winbc(start)} --home {_quoted(os.path.relpath(Path.cwd(), start))}"


def _conclude(console: Console, written: int, failed: bool, folder: Path, command: str) -> None:
    if written:
        console.print(f"{written} writes reached Business Central.")
    else:
        console.print("Not everything was loaded." if failed else "Nothing to write: all in step.")
    account = f"orders.rounding_account = {ROUNDING_ACCOUNT} takes the cents that differ"
    say(console, f"Settings: {folder / 'winbc.toml'} ({account}).")
    say(console, f"Mapping tables: {folder / TABLES}, a copy for this demo alone.")


def _print_steps(console: Console, addresses: Addresses, port: int, start: Path) -> None:
    winbc = _winbc(start)
    steps = [f"Open the dashboard: {address(Path(CONNECTION), port)} (Ctrl-C here ends everything)"]
    if items := _state(addresses.bc_control)["records"].get("items"):
        sku = shlex.quote(items[0]["number"])
        steps.append(f"Change an article: {winbc} sandbox change {addresses.winstore_base} {sku} 12.34")
        steps.append(f"See it seconds later: {winbc} sandbox state {addresses.bc_control} --key {sku}")
        steps.append(f"Sell one, and look again: {winbc} sandbox sell {addresses.winstore_base} {sku}")
        steps.append(f"Count it in Business Central: {winbc} sandbox count {addresses.bc_control} {sku} 3")
        steps.append(f"Why it has its stock: {_command(start)} stock explain {sku}")
        steps.append(f"Compare the stock of both systems now: {_command(start)} stock sweep")
        steps.append(f"See it on both sides: {_command(start)} products {sku}")
    steps.append(f"See what became of the records: {_command(start)} status")
    for number, step in enumerate(steps, 1):
        say(console, f"{number}. {step}")
