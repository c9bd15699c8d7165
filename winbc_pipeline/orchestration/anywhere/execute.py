"""What a worker's process does with one task: it executes a run of a connection, if nobody else does or did."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._cli.api import _execute_run_command_body
from dotenv import dotenv_values

from ...errors import StateUnavailable
from ...settings import Settings, load_settings, restrict
from ...staging.lingering import lingering
from ...staging.server.address import asked
from ..configuration import CONFIGURATION, shipped
from ..launcher.executed import report_cancelled
from ..launcher.worker import listen_once
from ..names import loaded_for
from .coordinator import SlotRunCoordinator
from .sessions import executing
from .version import version

OTHER_CODE = "The program of this worker was replaced while it was at work, so it begins no run any more."
START_S = 180
"""What a run may take to begin (start_timeout_seconds in dagster_workers.yaml). Later it counts as failed."""
PAUSE_S = 2.0  # between two questions whether the server is back


def execute(folder: Path, loaded: str, run_id: str) -> None:
    """Executes a run of the connection in a folder. This process is for this run alone.

    Args:
        loaded: the version of the program that this process has loaded.
    """
    os.chdir(folder)
    os.environ.update({name: value for name, value in dotenv_values(".env").items() if value is not None})
    settings = load_settings()
    prepare(settings)
    listen_once()  # Celery ignores interrupts; a cancel comes as one
    wait_for(settings.state.address)
    with executing(settings.state.address, settings.connection, run_id) as is_ours:
        if is_ours:
            try:
                with DagsterInstance.get() as instance:
                    _execute(instance, run_id, loaded)
            except KeyboardInterrupt:  # it was cancelled before Dagster listened
                report_cancelled(run_id)


def wait_for(
    address: str, sleep: Callable[[float], None] = time.sleep, seconds: Callable[[], float] = time.monotonic
) -> None:
    """Waits while the server of the state is away: a task that ended now would be lost until its run counts as failed.

    Args:
        seconds: tells the time. A question may take some, too: a network can swallow it.
    Raises: StateUnavailable when the server is still away after START_S.
    """
    ends = seconds() + START_S
    while True:
        try:
            with asked(address):
                return
        except StateUnavailable:
            if seconds() + PAUSE_S > ends:
                raise
            sleep(PAUSE_S)


def prepare(settings: Settings) -> None:
    """DAGSTER_HOME of a connection on this machine, with the configuration that fits the settings."""
    home = (settings.state_folder / "dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["DAGSTER_HOME"] = str(home)
    if not (home / CONFIGURATION).exists():
        half = home / f"{CONFIGURATION}.{os.getpid()}"
        half.write_text(shipped(settings), encoding="utf-8")
        os.replace(half, home / CONFIGURATION)


def _execute(instance: DagsterInstance, run_id: str, loaded: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is None or not _may_begin(instance, run, loaded):
        return
    restrict(loaded_for(run))
    SlotRunCoordinator.lets_out = False
    with lingering():
        _execute_run_command_body(run_id, instance, lambda _event: None, set_exit_code_on_failure=False)


def _may_begin(instance: DagsterInstance, run: DagsterRun, loaded: str) -> bool:
    """Whether a run is to begin now. One that has begun lost its process: Dagster repeats it as a new one."""
    if run.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "It was cancelled before it began.")
    elif run.status == DagsterRunStatus.STARTING and version() != loaded:
        instance.report_run_failed(run, OTHER_CODE)
    else:
        return run.status == DagsterRunStatus.STARTING
    return False


def folder_of(folders: Mapping[str, Path], connection: str) -> Path:
    """The folder of a connection. Raises LookupError, with words for the log, when this worker does not serve it."""
    if connection not in folders:
        raise LookupError(f"This worker does not serve {connection}: restart it after a connection was added.")
    return folders[connection]
