"""What people are told while a long read of a source goes on: how many records, up to when, and the time left.

Here belongs: the words, and how the time left is estimated. When they are told: staging/load.py.
"""

from datetime import datetime
from typing import Protocol

SOON_S = 60


class Told(Protocol):
    """Whoever is told a line of text."""

    def __call__(self, words: str, /) -> object: ...


def silent(_: str) -> None:
    """Tells nobody."""


def in_words(read: int, seconds: float, first: datetime | None, up_to: datetime | None, until: datetime) -> str:
    """How far a read is.

    Nobody knows how many records a source still has. Where they come in the order of their modification, the read has
    passed a part of the time in which they were modified; the rest takes as long for each day as that part did.

    Args:
        read: records so far.
        seconds: since the read began.
        first: the modification moment of the first of them; None where they come in another order, as `up_to`.
        up_to: the modification moment of the last of them.
        until: the present moment, where the read will end.
    """
    words = f"{read:,} records read in {_duration(seconds)}"
    if not first or not up_to:
        return f"{words}. The time left is not known: they do not come in the order of their modification."
    words += f", up to those modified on {up_to:%Y-%m-%d %H:%M} UTC"
    if first < up_to < until:
        left = seconds * ((until - up_to) / (up_to - first))
        words += f". About {_duration(left)} left, if the others were modified as evenly"
    return f"{words}."


def _duration(seconds: float) -> str:
    return f"{seconds / SOON_S:.0f} minutes" if seconds >= 2 * SOON_S else f"{seconds:.0f} s"
