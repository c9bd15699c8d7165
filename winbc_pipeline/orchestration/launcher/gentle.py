"""The tag of runs that may wait: they are queued behind others, and their processes yield the processor to theirs.

Which runs get it: following/echo.py.
"""

from collections.abc import Mapping

TAG = "winbc/echo"
TAGS = {TAG: "probably", "dagster/priority": "-1"}


def is_gentle(tags: Mapping[str, str]) -> bool:
    """Whether a run has the tag."""
    return TAG in tags
