"""Several users of one system: each has limits of its own, and each call goes by the one that has most room.

Here belongs: which user makes a call. What holds for a call: transport.py.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from .transport import Answer, Transport

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class InTurn:
    """Transports to one host, used as one. It may be used by several threads.

    Args:
        transports: one for each user.
    """

    def __init__(self, transports: list[Transport]) -> None:
        self.transports = transports
        self._lock = threading.Lock()
        self._at_work, self._made = [0] * len(transports), [0] * len(transports)

    def call(self, *args: Any, **given: Any) -> Answer:
        """Makes a call as `Transport.call` does, by the user with the fewest calls at work, then the fewest so far.

        A user whose calls fail at once, such as one without a token, waits until no other one is left.
        """
        with self._lock:
            by = min(range(len(self.transports)), key=self._room)
            self._at_work[by] += 1
            self._made[by] += 1
        try:
            return self.transports[by].call(*args, **given)
        finally:
            with self._lock:
                self._at_work[by] -= 1

    def _room(self, by: int) -> tuple[bool, int, int]:
        return self.transports[by].pausing, self._at_work[by], self._made[by]

    @property
    def pausing(self) -> bool:
        """Whether calls fail at once, of whatever user."""
        return all(each.pausing for each in self.transports)

    @property
    def server_now(self) -> datetime | None:
        """The clock of the host, as its last answer told it."""
        return self._newest.server_now

    @property
    def server_ahead(self) -> timedelta:
        """How far the clock of the host is ahead of ours, as `Transport.server_ahead`."""
        return self._newest.server_ahead

    @property
    def _newest(self) -> Transport:
        return max(self.transports, key=lambda each: each.server_now or LONG_AGO)

    def close(self) -> None:
        for each in self.transports:
            each.close()
