"""What a forked process does: it waits for permission, and executes one run."""

import os
import signal
import sys
from multiprocessing.connection import Connection

from ...settings import restrict
from ...staging.lingering import lingering
from .executed import execute, id_of, report_cancelled

GO, GO_GENTLY = "go", "go gently"
GENTLY = 10  # as `nice`: the processor goes to others first


def work(permission: Connection, run: str) -> None:
    """Executes a run once the launcher permits it. Without permission, the default launcher has the run.

    Args:
        run: the run as `dagster api execute_run` takes it.
    """
    try:
        listen_once()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # preload.py has blocked it
        connections = _permitted(permission)
        if connections is not None:
            restrict(connections)
            with lingering():
                execute(run)
    except KeyboardInterrupt:  # it was cancelled before Dagster listened
        report_cancelled(id_of(run))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def listen_once() -> None:
    """Raises KeyboardInterrupt at the first interrupt, and ignores further ones: one would end the report of the first.

    Until now the process may have ignored all, as a program that a script has started in the background does. While
    Dagster executes a run, it listens itself.
    """

    def interrupted(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)


def _permitted(permission: Connection) -> set[str] | None:
    """The prefixes of the connections that the run is of (an empty one: not known); None without permission."""
    with permission:
        try:
            word, connections = permission.recv()
        except EOFError:  # the launcher has given this process up, or has ended
            return None
    if word == GO_GENTLY:
        os.nice(GENTLY)
    return set(connections) if word in (GO, GO_GENTLY) else None
