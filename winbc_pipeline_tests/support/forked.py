"""Runs of the program in processes of their own, so that a test can kill them.

Each process is forked from a server that has the program loaded. A fresh interpreter takes seconds to load it.
"""

import io
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import date, timedelta
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from winbc_pipeline import clock
from winbc_pipeline.cli import main
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging import spool
from winbc_pipeline.sync import crash_points, run
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading import read_bc, stage
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.transport import Answer, Transport

from .kept_open import let_go

FORKS = multiprocessing.get_context("forkserver")
LAST = max(date(2026, 12, 31), clock.now().date() + timedelta(days=2))  # the last day of the tests' records, or later
FORKS.set_forkserver_preload([__name__])


def start(
    flow: str, run_id: str, environment: Mapping[str, str], points: Mapping[str, int] | None = None
) -> BaseProcess:
    """A sync of all windows that begins at once.

    Args:
        environment: settings besides those of the test's own environment.
        points: crash points, with how often each is passed before the process ends there.
    """
    return begun(environment, _sync, flow, run_id, dict(points or {}))


def begun(environment: Mapping[str, str], work: Callable[..., None], *given: object) -> BaseProcess:
    """A process that does a work at once, in this folder, with this environment and some settings besides."""
    let_go()
    whole = {**os.environ, **environment}
    process = FORKS.Process(target=_here, args=(whole, Path.cwd(), work, *given), daemon=True)
    process.start()
    return process


def _here(environment: Mapping[str, str], folder: Path, work: Callable[..., None], *given: object) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    work(*given)


def _sync(flow: str, run_id: str, points: Mapping[str, int]) -> None:
    crash_points.armed.update(points)
    connected = ConnectedFlow(flow_named(flow), load_settings())
    run.sync(Work(connected, date(2024, 7, 1), LAST, run_id))


def staging(flow: str, environment: Mapping[str, str], dies_at: int) -> BaseProcess:
    """A staging of all windows, in which each page is a chunk, and which is killed before so many calls were made."""
    return begun(environment, _staging, flow, dies_at)


def _staging(flow: str, dies_at: int) -> None:
    call, calls = Transport.call, count(1)

    def counted(self: Transport, *given: Any, **named: Any) -> Answer:
        if next(calls) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, *given, **named)

    # The process is the test's own, so nothing is put back. A page is fetched only when the one before was handed over.
    Transport.call, spool.CHUNK_BYTES, read_bc.DOCUMENTS_PER_PAGE = counted, 1, 2  # type: ignore[assignment, method-assign]
    stage.stage(ConnectedFlow(flow_named(flow), load_settings()), date(2024, 7, 1))


def loading(flow: str, environment: Mapping[str, str]) -> BaseProcess:
    """A staging of all windows as it is in production."""
    return begun(environment, _loading, flow)


def _loading(flow: str) -> None:
    stage.stage(ConnectedFlow(flow_named(flow), load_settings()), date(2024, 7, 1))


def command(arguments: Sequence[str], file_limit: int) -> tuple[int, str]:
    """Exit code and output of a `winbc` command whose files may have so many bytes, as if the disk were full then."""
    reader, writer = FORKS.Pipe(duplex=False)
    process = begun({}, _command, list(arguments), file_limit, writer)
    writer.close()
    printed = b""
    with suppress(EOFError):
        while True:
            printed += reader.recv_bytes()
    process.join()
    return process.exitcode or 0, " ".join(printed.decode().split())


def started(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> BaseProcess:
    """A `winbc` command that goes on, and prints to a file."""
    return begun(environment, _started, list(arguments), output)


def _started(arguments: list[str], output: Path) -> None:
    sys.argv = ["winbc", *arguments]
    with output.open("w", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        main.main()


def _command(arguments: list[str], file_limit: int, writer: Connection) -> None:
    sys.argv = ["winbc", *arguments]
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            main.main()
        finally:
            writer.send_bytes(printed.getvalue().encode())


def signal_of(process: BaseProcess) -> int:
    """The signal that ended a process once it has ended; 0 for none."""
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"the run ended with {process.exitcode}"
    return -process.exitcode
