"""DAGSTER_HOME of one connection, and the processes of Dagster, behind the guarded door of the dashboard."""

import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import httpx
from filelock import FileLock, Timeout
from rich.console import Console

from ..dashboard.guard.access import Role, access_of
from ..dashboard.reach import HERE, base_address, own_address, trusted
from ..dashboard.site import DAGSTER
from ..errors import ConfigurationError, NotDone, SystemUnavailable
from ..orchestration.configuration import CONFIGURATION, shipped
from ..settings import DashboardSettings, Settings, load_settings, locations
from .output import bar

LOG = "ui.log"  # in DAGSTER_HOME: what the dashboard, Dagster and its daemon print
PORT = "ui.port"  # in DAGSTER_HOME: where the dashboard is while it is served
WORKSPACE = "workspace.yaml"  # in DAGSTER_HOME: the code locations, where connections are served together
DEFINITIONS, TOGETHER = "winbc_pipeline.definitions", "winbc_pipeline.together"
LOG_BYTES = 5 * 2**20
# The threads of Dagster's code server, and of the server before it: each sensor's tick stays in one of each.
WORKERS, THREADS = ("DAGSTER_GRPC_MAX_WORKERS", "DAGSTER_CODE_SERVER_MAX_WORKERS"), "32"
ALONE = DashboardSettings()  # served for this computer alone
GENTLE_S = 1.5  # seconds that children have to end by themselves


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """DAGSTER_HOME below a connection's folder of data, which is this process's alone until the block ends.

    The variable DAGSTER_HOME of this process names it from now on, and its servers have enough threads.
    Raises: NotDone while another process serves it.
    """
    home = (folder / "dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["DAGSTER_HOME"] = str(home)
    for name in WORKERS:
        os.environ.setdefault(name, THREADS)
    lock = FileLock(str(home / "served.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise NotDone(
            f"Another `winbc up`, `winbc ui` or `winbc demo` is at work in {home.parent}.", "Use or end it."
        ) from None
    (home / PORT).unlink(missing_ok=True)  # a killed process left it
    try:
        yield home
    finally:
        lock.release()


def prepare(home: Path, settings: Settings) -> None:
    """Makes the shipped dagster.yaml and a new storage in a DAGSTER_HOME; what is there stays as it is.

    DAGSTER_HOME names it. Runs whose process was killed count as cancelled: they would keep their flow's place in the
    queue for ever.
    """
    configuration = home / CONFIGURATION
    if not configuration.exists():
        configuration.write_text(shipped(settings), encoding="utf-8")
    from dagster import DagsterInstance, DagsterRunStatus, DefaultRunLauncher, RunsFilter

    from ..orchestration.launcher.process import RunProcess

    running = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    with DagsterInstance.get() as instance:
        # Asking makes the storage: two services that both make it would corrupt it.
        for run in instance.get_runs(RunsFilter(statuses=running)):
            process = RunProcess.of(run.tags)
            # Other launchers' runs go on without this process.
            if isinstance(instance.run_launcher, DefaultRunLauncher) and not (process and process.is_alive):
                instance.report_run_canceled(run, "winbc was ended during this run. The next run completes it.")


def other_configuration(home: Path, settings: Settings) -> str:
    """Says that the dagster.yaml of a DAGSTER_HOME is not the shipped one; empty where it is, or where none is yet."""
    configuration = home / CONFIGURATION
    if not configuration.exists() or configuration.read_text(encoding="utf-8") == shipped(settings):
        return ""
    return (
        f"{configuration} is not the one that this version ships. Unless you have changed it yourself, delete it: the "
        "next start copies the shipped one, and the history stays."
    )


def check_port(port: int, host: str = HERE) -> None:
    """Raises ConfigurationError when another process listens on a port, or when this computer has no such address."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(f"Port {port} is taken.", "Choose another with --port.") from None
        raise ConfigurationError(f"Nobody can listen on {host}, port {port}.", "See dashboard.listen.") from None


@contextmanager
def serve_ui(
    console: Console, home: Path, port: int, options: DashboardSettings = ALONE
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the dashboard, Dagster's daemon and its code location as children of this process until the block ends.

    The block begins when the dashboard answers. Yields their first process. `address` tells where it is.
    """
    given = ["-h", HERE, "-p", str(port), "--log-level", "warning"]  # the dashboard itself knows where it listens
    access_of(home.parent)  # made by this process, before another one reads it
    command = ["winbc_pipeline.dashboard.dagster_dev", "dev", *_code(home), *given]
    with child(command, subprocess.PIPE) as process, noted(home, port):
        threading.Thread(target=_keep_log, args=(process.stdout, home / LOG), daemon=True).start()
        with bar(console, "Starting the dashboard and Dagster"):
            wait_until_served(process, port, home / LOG, options=options)
        yield process


def _code(home: Path) -> list[str]:
    """Which code Dagster loads, as its options: that of the connection of this folder, and of those served together."""
    numbers = locations()
    if not numbers:
        return ["-m", DEFINITIONS]
    own = load_settings()
    is_set_up = own.bc.base_url or own.winstore.base_url  # else it only holds the others, and needs no process
    modules = [{"module_name": DEFINITIONS, "location_name": "winbc"}] if is_set_up else []
    modules += [
        {"module_name": TOGETHER, "attribute": f"location_{number}", "location_name": f"winbc-{number}"}
        for number in numbers
    ]
    file = home / WORKSPACE
    file.write_text(json.dumps({"load_from": [{"python_module": each} for each in modules]}), encoding="utf-8")
    return ["-w", str(file)]


def address(folder: Path, port: int, role: Role = "admin", options: DashboardSettings = ALONE) -> str:
    """The address at which a role comes in, with its token: whoever has it may what the role may.

    Args:
        folder: of the connection.
        options: the settings of the dashboard.
    """
    return f"{base_address(options, port)}/?token={access_of(folder).tokens[role]}"


@contextmanager
def noted(home: Path, port: int) -> Iterator[None]:
    """Keeps the port in a file while the block lasts, so that another command can tell the address."""
    (home / PORT).write_text(str(port), encoding="utf-8")
    try:
        yield
    finally:
        (home / PORT).unlink(missing_ok=True)


def port_of(home: Path) -> int | None:
    """The port of what serves a DAGSTER_HOME; None where nothing has noted one."""
    try:
        return int((home / PORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _keep_log(printed: IO[bytes], path: Path) -> None:
    """Writes to a file what a process prints. When the file is full, a new one begins, and the one before it stays."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    with printed:
        for line in printed:
            handler.emit(logging.makeLogRecord({"msg": line.decode("utf-8", "replace").rstrip()}))


@contextmanager
def child(
    arguments: Sequence[str], output: int | None = None, gentle_s: float = GENTLE_S
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a module of Python, with its arguments, until the block ends. Then its children end with it.

    They are a group of their own: Ctrl-C reaches this process only, which ends the group as a whole.

    Args:
        output: subprocess.PIPE for what it prints; None for where this process prints.
        gentle_s: see `end_group`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    try:
        yield process
    finally:
        end_group(process, gentle_s)


def wait_until_served(
    process: subprocess.Popen[bytes],
    port: int,
    log: Path,
    most_s: float = 240,
    options: DashboardSettings = ALONE,
) -> None:
    """Waits until the dashboard answers.

    Raises: SystemUnavailable when its process has ended, after `most_s` seconds, or if Dagster answers without a door.
    """
    ends, where, verify = time.monotonic() + most_s, own_address(options, port), trusted(options)
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise SystemUnavailable(f"The dashboard ended by itself (exit code {process.returncode}).", f"See {log}.")
        try:
            answer = httpx.get(f"{where}{DAGSTER}/server_info", timeout=5, verify=verify)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.is_success:
            raise SystemUnavailable("Dagster's UI was ended: it answers without a log-in.", "See docs/security.md.")
        return
    raise SystemUnavailable(f"The dashboard does not answer on port {port} after {most_s:.0f} s.", f"See {log}.")


def end_group(process: subprocess.Popen[bytes], gentle_s: float = GENTLE_S) -> None:
    """Ends a process and its children: asks them first, and kills what is left after `gentle_s` seconds.

    A kill loses nothing: the next run looks up what was on its way.
    """
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
        return
    for number, most_s in ((signal.SIGTERM, gentle_s), (signal.SIGKILL, 1)):
        try:
            os.killpg(process.pid, number)
            process.wait(most_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
