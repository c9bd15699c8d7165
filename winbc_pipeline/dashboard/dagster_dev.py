"""`dagster dev` with the guarded web process in the place of Dagster's webserver, which anybody may ask anything.

Where pages and runs want the processor at once, pages go first: a page needs it for a moment, a run for seconds.
Dagster's daemon, its code server, and how they are watched stay Dagster's own. If a later Dagster starts its webserver
in another way, it serves without a door; who starts this sees that and ends it (`cli/dagster_home.py`).

The code is served without the second server that Dagster puts before it to load code again. That one costs two percent
of a core, because every sensor's tick waits in it, too. What is loaded changes with `winbc down` and `winbc up`.
"""

import os
import runpy
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

OPEN, GUARDED = "dagster_webserver", "winbc_pipeline.dashboard.serve"  # modules
TWO_SERVERS, ONE_SERVER = ["code-server", "start"], ["api", "grpc", "--lazy-load-user-code"]  # commands of Dagster
BEHIND = 10  # niceness of the daemon and of what starts the runs: a ninth of the weight of the pages (sched(7))


class _Popen(subprocess.Popen[Any]):
    """A process; where it would be Dagster's webserver, the guarded one; of two servers of code the one.

    All others let the guarded one go first.
    """

    def __init__(self, args: Any, *given: Any, **named: Any) -> None:
        command = list(args) if isinstance(args, list | tuple) else []
        super().__init__(replaced(command) if command else args, *given, **named)
        if OPEN not in command and hasattr(os, "setpriority"):
            with suppress(OSError):  # it has ended, or its system forbids it
                os.setpriority(os.PRIO_PROCESS, self.pid, BEHIND)


def replaced(command: Sequence[Any]) -> list[Any]:
    """A command of Dagster as it is started here."""
    parts = [GUARDED if part == OPEN else part for part in command]
    for place in range(len(parts) - 1):
        if parts[place : place + 2] == TWO_SERVERS:
            return [*parts[:place], *ONE_SERVER, *parts[place + 2 :]]
    return parts


def main() -> None:
    """Takes the arguments of the command `dagster`, and runs it."""
    subprocess.Popen = _Popen  # type: ignore[misc]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
