"""Bounds how often a token or a code may be wrong. All callers count together: behind a proxy they have one address."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MOST, WITHIN = 10, timedelta(minutes=1)


@dataclass
class Limiter:
    """Counts log-ins that failed: after MOST within some time none is looked at until the first of them is older."""

    within: timedelta = WITHIN
    failed: deque[datetime] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def waits_s(self, now: datetime) -> int:
        """For how many seconds no log-in is looked at; 0 when the next one is."""
        with self.lock:
            while self.failed and self.failed[0] <= now - self.within:
                self.failed.popleft()
            if len(self.failed) < MOST:
                return 0
            return max(1, int((self.failed[0] + self.within - now).total_seconds()) + 1)

    def count(self, now: datetime) -> None:
        """Notes that a log-in failed."""
        with self.lock:
            self.failed.append(now)
