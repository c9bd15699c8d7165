"""A read replica that lags behind the primary database (behaviour.md section 10).

BC online answers GET from the replica, unless the client sends `Data-Access-Intent: ReadWrite`.
"""

import copy
from collections import deque
from datetime import datetime, timedelta

from ...records import Records
from .company import Company


class Replica:
    """A copy of a company's records. Every change reaches it after the time `lag`, by the company's clock."""

    def __init__(self, company: Company, lag: timedelta) -> None:
        self.company, self.lag = company, lag
        self.pending: deque[tuple[datetime, str, str, str | None]] = deque()
        # The copy shares the clock and the schema with the company, but it has records of its own.
        self.copy = copy.copy(company)
        self.copy.records, self.copy.watchers = Records(), []
        company.records.db.backup(self.copy.records.db)
        company.records.on_change = self._on_change

    def _on_change(self, entity: str, record_id: str, body: str | None) -> None:
        def enqueue() -> None:
            self.pending.append((self.company.clock.now() + self.lag, entity, record_id, body))

        self.company.run_after_commit(enqueue)

    def current(self) -> Company:
        """The company with the records that the replica holds now."""
        while self.pending and self.pending[0][0] <= self.company.clock.now():
            _, entity, record_id, body = self.pending.popleft()
            self.copy.records.put(entity, record_id, body)
        return self.copy
