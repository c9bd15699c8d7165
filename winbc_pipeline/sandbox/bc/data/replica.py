"""A read replica that lags behind: what GETs see online unless they ask for the primary (behaviour.md section 10)."""

import copy
from collections import deque
from datetime import datetime, timedelta

from ...records import Records
from .company import Company


class Replica:
    """A copy of a company's records to which changes come `lag` late, by the company's clock."""

    def __init__(self, company: Company, lag: timedelta) -> None:
        self.company, self.lag = company, lag
        self.coming: deque[tuple[datetime, str, str, str | None]] = deque()
        self.copy = copy.copy(company)
        self.copy.records, self.copy.watchers = Records(), []
        company.records.db.backup(self.copy.records.db)
        company.records.on_change = self._note

    def _note(self, entity: str, record_id: str, body: str | None) -> None:
        def come() -> None:
            self.coming.append((self.company.clock.now() + self.lag, entity, record_id, body))

        self.company.once_it_counts(come)

    def current(self) -> Company:
        """The company as the replica has it now."""
        while self.coming and self.coming[0][0] <= self.company.clock.now():
            _, entity, record_id, body = self.coming.popleft()
            self.copy.records.put(entity, record_id, body)
        return self.copy
