"""Named places where a test ends the process as a power cut would: tests only; nothing arms them in production.

A write without a place before and after it is a place that no test has looked at.
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
"""How often a point is still passed before the process ends there."""


def point(name: str) -> None:
    """Ends the process when a test has armed this point; raises ValueError for a name that is not in POINTS."""
    if name not in POINTS:
        raise ValueError(f"{name} is no crash point")
    if name in armed:
        armed[name] -= 1
        if armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
