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
# The same where master data are sent. Orders send their customers so, and have the points above.
POINTS_OF_RECORDS = (
    "before record intent",
    "after record intent",
    "after record answer",
    "after pairs",
    "after record confirm",
    "after record cursor",
)
POINTS_OF_REQUESTS = ("after request",)  # orders that go as order requests of the companion app have it too
POINTS_BESIDE = ("before fields beside", "after fields beside")
POINTS_OF_ALERTS = ("after alert",)
armed: dict[str, int] = {}
"""By point, how many more times it is reached: the process is killed at the last one."""


def point(name: str) -> None:
    """Kills the process when a test has armed this point; raises ValueError for an unknown name."""
    known = POINTS + POINTS_OF_RECORDS + POINTS_OF_REQUESTS + POINTS_BESIDE + POINTS_OF_ALERTS
    if name not in known:
        raise ValueError(f"{name} is no crash point")
    if name in armed:
        armed[name] -= 1
        if armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
