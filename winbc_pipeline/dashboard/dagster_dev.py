"""`dagster dev` with the guarded web process in the place of Dagster's webserver, which anybody may ask anything.

Dagster's daemon, its code server, and how they are watched stay Dagster's own. If a later Dagster starts its webserver
in another way, it serves without a door; who starts this sees that and ends it (`cli/dagster_home.py`).

The code is served without the second server that Dagster puts before it to load code again. That one costs two percent
of a core, because every sensor's tick waits in it, too. What is loaded changes with `winbc down` and `winbc up`.
"""

import runpy
import subprocess
from collections.abc import Sequence
from typing import Any

OPEN, GUARDED = "dagster_webserver", "winbc_pipeline.dashboard.serve"  # modules
TWO_SERVERS, ONE_SERVER = ["code-server", "start"], ["api", "grpc", "--lazy-load-user-code"]  # commands of Dagster


class _Popen(subprocess.Popen[Any]):
    """A process; where it would be Dagster's webserver, the guarded one; of two servers of code the one."""

    def __init__(self, args: Any, *given: Any, **named: Any) -> None:
        super().__init__(replaced(args) if isinstance(args, list | tuple) else args, *given, **named)


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
