"""DAGSTER_HOME for one connection, and the UI's processes."""

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
    """A DAGSTER_HOME below a folder, with the shipped dagster.yaml and its storage made before any service starts."""
    home = (folder / "dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (home / "dagster.yaml").exists():
        shipped = resources.files("winbc_pipeline.defaults").joinpath("dagster.yaml").read_text(encoding="utf-8")
        (home / "dagster.yaml").write_text(shipped, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:  # two services that both make a fresh SQLite storage corrupt it
        instance.get_run_records(limit=1)
    return home


@contextmanager
def serve_ui(home: Path, port: int) -> Iterator[None]:
    """Webserver, daemon and code location as children of this process; the block's end ends them all."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "winbc_pipeline.definitions", "-h", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "-p", str(port), "--log-level", "warning"],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        end_group(process)


def wait_until_served(port: int, most_s: float = 60) -> None:
    """Until the UI answers, or for so many seconds."""
    ends = time.monotonic() + most_s
    while time.monotonic() < ends:
        try:
            httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children, more firmly every ten seconds."""
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
