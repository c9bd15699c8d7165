"""What a forked process does: it waits for permission, and executes one run."""

import sys
from multiprocessing.connection import Connection

from .executed import execute

GO = "go"


def work(permission: Connection, run: str) -> None:
    """Executes a run once the launcher permits it. Without permission, the default launcher has the run.

    Args:
        run: the run as `dagster api execute_run` takes it.
    """
    try:
        permitted = permission.recv() == GO
    except EOFError:  # the launcher has given this process up, or has ended
        permitted = False
    permission.close()
    if not permitted:
        return
    try:
        execute(run)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
