"""Named points where a test kills the process as a power cut would. Nothing arms them in production.

Every write needs a point before it and one after it. Otherwise no test shows what a crash does there.
"""

import os
import signal

POINTS = (
    "after lease",
    "after plan",
    "before intent",
    "after intent",
    "after answer",
    "after confirm",
    "after customers",
    "after cursor",
    "after write-back",
)
armed: dict[str, int] = {}
"""By point, how many more times it is reached: the process is killed at the last one."""


def point(name: str) -> None:
    """Kills the process when a test has armed this point; raises ValueError for a name that is not in POINTS."""
    if name not in POINTS:
        raise ValueError(f"{name} is no crash point")
    if name in armed:
        armed[name] -= 1
        if armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
