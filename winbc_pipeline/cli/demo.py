"""`winbc demo`: starts both sandboxes, loads everything through Dagster, prints a table, and serves the UI."""

import hashlib
import os
import signal
import socket
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from .. import clock
from ..errors import ConfigurationError
from ..flows import FLOWS
from ..sandbox.retail import generate, write_folder
from ..sandbox.server import Addresses
from ..sandbox.server import serve as serve_sandboxes
from ..settings import Settings, load_settings
from ..sync.connected import ConnectedFlow
from ..sync.run import Summary, summary
from ..sync.stage import newest_change
from ..sync.work import Work
from .dagster_home import prepare, serve_ui, wait_until_served
from .output import bar
from .sandbox import check_folder, load_folder

CUSTOMERS, ARTICLES, ORDERS = 40, 60, 200  # of the generated sample
LENGTHS = {"day": 1, "week": 7}  # in days
MOST_WINDOWS = 60  # so that loading them takes seconds: see load_through_dagster
SOURCES = ("articles", "customers", "orders")  # whose oldest record begins the history
# Configuration of a run that prints none of Dagster's log.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(console: Console, once: bool, sample: Path | None, port: int) -> int:
    """Runs the demo. The data stays in .winbc, so that a second demo finds nothing to do.

    Returns:
        The exit code: with `once`, 1 when a record failed. Without it the UI shows what failed, and the code is 0.

    Args:
        once: whether to stop after the table, without the UI.
        sample: a retail folder to load; None for generated data.
        port: port of the UI.
    """
    folder = Path(".winbc") / f"demo-{_name(sample)}"
    if not once:
        _check_port(port)
    with serve_sandboxes(folder / "sandbox") as addresses:
        with bar(console, "Filling the Winstore sandbox"):
            _seed(addresses, folder, sample)
        os.environ.update(_environment(addresses, folder))
        home = prepare(folder)
        before = _writes(addresses)
        failed = _load_all(console, load_settings())
        written = _writes(addresses) - before
        if written:
            console.print(f"{written} writes reached Business Central.")
        else:
            console.print("Not everything was loaded." if failed else "Nothing to write: all in step.")
        if once:
            return 1 if failed else 0
        _serve(console, addresses, home, port)
    return 0


def _name(sample: Path | None) -> str:
    """Name of a sample's data. It depends on the content, so that an edited folder is loaded anew."""
    if sample is None:
        return "sample"
    check_folder(sample)
    files = sorted(sample.glob("*.csv"))
    content = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files))
    return f"{sample.resolve().name}-{content.hexdigest()[:8]}"


def _check_port(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise ConfigurationError(f"Port {port} is taken.", "Choose another with --port.") from None


def _seed(addresses: Addresses, folder: Path, sample: Path | None) -> None:
    if _state(addresses.winstore_control)["records"]:
        return
    if sample is None:
        sample = folder / "retail"
        write_folder(sample, generate(CUSTOMERS, ARTICLES, clock.now(), orders=ORDERS))
    load_folder(addresses.winstore_control, sample)


def _state(control: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    answer = httpx.get(f"{control}/__state", timeout=600)
    state: dict[str, dict[str, list[dict[str, str]]]] = answer.json()
    return state


def _writes(addresses: Addresses) -> int:
    return len(_state(addresses.bc_control)["writes"])


def _environment(addresses: Addresses, folder: Path) -> dict[str, str]:
    rows = _state(addresses.winstore_control)["records"]
    oldest = min(record["modified"] for entity in SOURCES for record in rows.get(entity, []))[:10]
    return addresses.environment() | {
        "WINBC_CONNECTION": "demo",
        "WINBC_DATA_FOLDER": str(folder.resolve()),
        "WINBC_HISTORY_START": oldest,
        "WINBC_WINDOW": _window(date.fromisoformat(oldest), clock.now().date()),
        "WINBC_SENSORS": "true",
        "WINBC_SCHEDULES": "true",
        "WINBC_ORDERS__ROUNDING_ACCOUNT": "8100",  # of the sandbox
    }


def _window(first: date, last: date) -> str:
    """The shortest kind of window of which the days of a sample need at most MOST_WINDOWS."""
    days = (last - first).days
    return next((name for name, length in LENGTHS.items() if days <= length * MOST_WINDOWS), "month")


def _load_all(console: Console, settings: Settings) -> bool:
    """Loads all flows and prints a table of them; returns whether anything failed."""
    table = Table("flow", "read", "created", "updated", "skipped", "failed", "seconds")
    failed = False
    for flow in FLOWS:
        began = time.monotonic()
        with bar(console, f"Loading {flow.id} through Dagster"):
            problem, done = load_through_dagster(ConnectedFlow(flow, settings))
        if problem:
            console.print(problem.strip(), style="red", highlight=False)
        failed |= bool(problem or done.failed)
        counts = (done.read, done.created, done.updated, done.skipped, done.failed)
        table.add_row(flow.id, *map(str, counts), f"{time.monotonic() - began:.1f}")
    console.print(table)
    return failed


def load_through_dagster(connected: ConnectedFlow) -> tuple[str | None, Summary]:
    """Runs all windows of a flow, from the first that holds a record, in one Dagster run.

    Dagster takes a tenth of a second for each window, even for an empty one: see _window.

    Returns: why the run failed, None when it did not; and the counts of its records.
    """
    from dagster import DagsterInstance

    from ..build import build_defs
    from ..orchestration.windows import range_tags

    flow, settings = connected.flow, connected.settings
    last = clock.now().date()
    begins = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    first = newest_change(connected, begins - timedelta(seconds=1))[1] or last
    job = build_defs(settings=settings).resolve_job_def(flow.id)
    with DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance, tags=range_tags(first, last, settings), raise_on_error=False, run_config=QUIET
        )
    counts = summary(Work(connected, first, last, result.run_id))
    if result.success:
        return None, counts
    failures = (each.step_failure_data for each in result.all_events if each.is_step_failure)
    texts = (failure.user_failure_data.description for failure in failures if failure.user_failure_data)
    return next(filter(None, texts), f"{flow.id} failed: see its run in the Dagster UI."), counts


def _serve(console: Console, addresses: Addresses, home: Path, port: int) -> None:
    sku = _state(addresses.bc_control)["records"]["items"][0]["number"]
    here = Path(sys.executable).parent
    is_on_path = str(here) in os.environ["PATH"].split(os.pathsep)
    winbc = "winbc" if is_on_path else os.path.relpath(here / "winbc")
    change = f"{winbc} sandbox change {addresses.winstore_base} {sku} 12.34"
    show = f"{winbc} sandbox state {addresses.bc_control} --key {sku}"
    with serve_ui(home, port):
        with bar(console, "Starting the Dagster UI"):
            wait_until_served(port)
        console.print(f"1. Open the Dagster UI: http://127.0.0.1:{port} (Ctrl-C here ends everything)")
        console.print(f"2. Change an article: {change}", soft_wrap=True)
        console.print(f"3. See it seconds later: {show}", soft_wrap=True)
        wait_for_interrupt()


def wait_for_interrupt() -> None:
    """Waits until Ctrl-C, or until another process asks this one to end."""
    ended = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: ended.set())
    while not ended.wait(0.5):
        pass
