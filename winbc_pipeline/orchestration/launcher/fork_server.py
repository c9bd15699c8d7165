"""The fork server of this process: the standard library's, which can be ended and made anew.

Here belongs: everything that touches `multiprocessing`. Its server is one per process and a child of this process, has
no thread of it and no open file but the standard ones, and ends with it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any

PRELOADED = "winbc_pipeline.orchestration.launcher.preload"
START_S = 60  # the longest time until a process is there, with all that the server loads before

_lock = threading.Lock()
_made_of = ""  # what the present server was made of


class NotForked(Exception):
    """There is no process, or it got no permission: nothing was executed."""


def forked(made_of: str, work: Callable[..., None], argument: str) -> tuple[int, Connection]:
    """The number of a new process that executes `work(permission, argument)`, and the connection that permits it.

    The process begins nothing before it is permitted, and ends when the connection is closed instead.

    Args:
        made_of: what the server must be made of. A server that was made of something else is ended first; what it has
            forked goes on.
    Raises: NotForked.
    """
    global _made_of
    with _lock:
        if made_of != _made_of:
            end()
            _made_of = made_of
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, argument), daemon=True)
        try:
            _start(process.start)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
    assert process.pid is not None  # noqa: S101 - a started process has a number
    return process.pid, ours


def _start(start: Callable[[], None]) -> None:
    """Starts a process, unless the server has died or hangs: then it is ended, and the next one is made anew.

    Until a killed server was waited for, multiprocessing takes it for alive, and ends with EOFError.
    """
    fault: list[Exception] = []

    def run() -> None:
        try:
            start()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no process
            fault.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(START_S)
    if thread.is_alive():
        end()
        raise NotForked(f"The fork server gave no process within {START_S} s.")
    if fault:
        end()
        raise NotForked(f"The fork server gave no process ({type(fault[0]).__name__}).") from fault[0]


def server_pid() -> int | None:
    """The number of the fork server's process; None when there is none."""
    server: Any = forkserver._forkserver
    pid: int | None = server._forkserver_pid
    return pid


def end() -> None:
    """Ends the fork server, if there is one. The standard library has no public way to do so.

    A server that hangs would be waited for without end, so it is killed first. It holds nothing.
    """
    server: Any = forkserver._forkserver
    if pid := server_pid():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError, OSError):
            server._stop()
