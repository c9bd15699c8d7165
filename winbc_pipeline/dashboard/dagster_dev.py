"""`dagster dev` with the guarded web process in the place of Dagster's webserver, which anybody may ask anything.

Where pages and runs want the processor at once, pages go first: a page needs it for a moment, a run for seconds.
Dagster's daemon, its code server, and how they are watched stay Dagster's own. If a later Dagster starts its webserver
in another way, it serves without a door; who starts this sees that and ends it (`cli/dagster_home.py`).
"""

import os
import runpy
import subprocess
from contextlib import suppress
from typing import Any

OPEN, GUARDED = "dagster_webserver", "winbc_pipeline.dashboard.serve"  # modules
BEHIND = 10  # niceness of the daemon and of what starts the runs: a ninth of the weight of the pages (sched(7))


class _Popen(subprocess.Popen[Any]):
    """A process; where it would be Dagster's webserver, the guarded one. All others let that one go first."""

    def __init__(self, args: Any, *given: Any, **named: Any) -> None:
        is_web = isinstance(args, list | tuple) and OPEN in args
        if is_web:
            args = [GUARDED if part == OPEN else part for part in args]
        super().__init__(args, *given, **named)
        if not is_web and hasattr(os, "setpriority"):
            with suppress(OSError):  # it has ended, or its system forbids it
                os.setpriority(os.PRIO_PROCESS, self.pid, BEHIND)


def main() -> None:
    """Takes the arguments of the command `dagster`, and runs it."""
    subprocess.Popen = _Popen  # type: ignore[misc]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
