"""`dagster dev` with the guarded web process in the place of Dagster's webserver, which anybody may ask anything.

Dagster's daemon, its code server, and how they are watched stay Dagster's own. If a later Dagster starts its webserver
in another way, it serves without a door; who starts this sees that and ends it (`cli/dagster_home.py`).
"""

import runpy
import subprocess
from typing import Any

OPEN, GUARDED = "dagster_webserver", "winbc_pipeline.dashboard.serve"  # modules


class _Popen(subprocess.Popen[Any]):
    """A process; where it would be Dagster's webserver, the guarded one."""

    def __init__(self, args: Any, *given: Any, **named: Any) -> None:
        if isinstance(args, list | tuple) and OPEN in args:
            args = [GUARDED if part == OPEN else part for part in args]
        super().__init__(args, *given, **named)


def main() -> None:
    """Takes the arguments of the command `dagster`, and runs it."""
    subprocess.Popen = _Popen  # type: ignore[misc]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
