"""DAGSTER_HOME of one connection, and the processes of Dagster's UI."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import httpx


def prepare(folder: Path) -> Path:
    """Makes a DAGSTER_HOME below a folder, with the shipped dagster.yaml and a new storage; returns its path.

    An existing one is left as it is. The variable DAGSTER_HOME of this process names it from now on.
    """
    home = (folder / "dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = home / "dagster.yaml"
    if not configuration.exists():
        shipped = resources.files("winbc_pipeline.defaults").joinpath("dagster.yaml")
        configuration.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:  # makes the storage: two services that both make it would corrupt it
        instance.get_run_records(limit=1)
    return home


@contextmanager
def serve_ui(home: Path, port: int) -> Iterator[None]:
    """Runs Dagster's webserver, daemon and code location as children of this process until the block ends."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "winbc_pipeline.definitions"]
    options = ["-h", "127.0.0.1", "-p", str(port), "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, *options],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, which end_group can end as a whole
    )
    try:
        yield
    finally:
        end_group(process)


def wait_until_served(port: int, most_s: float = 60) -> None:
    """Waits until the UI answers, at most `most_s` seconds."""
    ends = time.monotonic() + most_s
    while time.monotonic() < ends:
        try:
            httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children. Each ten seconds without an end, the next signal is a firmer one."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
