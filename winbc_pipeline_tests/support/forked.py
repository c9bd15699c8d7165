"""Runs of the program in processes of their own, so that a test can kill them.

Each process is forked from a server that has the program loaded. A fresh interpreter takes seconds to load it.
"""

import multiprocessing
import os
import signal
from collections.abc import Mapping
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path

from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import load_settings
from winbc_pipeline.sync import crash_points, run
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.work import Work

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def start(
    flow: str, run_id: str, environment: Mapping[str, str], points: Mapping[str, int] | None = None
) -> BaseProcess:
    """A sync of all windows that begins at once.

    Args:
        environment: settings besides those of the test's own environment.
        points: crash points, with how often each is passed before the process ends there.
    """
    whole = {**os.environ, **environment}
    process = FORKS.Process(target=_sync, args=(flow, run_id, whole, Path.cwd(), dict(points or {})), daemon=True)
    process.start()
    return process


def _sync(flow: str, run_id: str, environment: Mapping[str, str], folder: Path, points: Mapping[str, int]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    crash_points.armed.update(points)
    connected = ConnectedFlow(flow_named(flow), load_settings())
    run.sync(Work(connected, date(2024, 7, 1), date(2026, 12, 31), run_id))


def signal_of(process: BaseProcess) -> int:
    """The signal that ended a process once it has ended; 0 for none."""
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"the run ended with {process.exitcode}"
    return -process.exitcode
