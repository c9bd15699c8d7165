"""What a run has to do: a connected flow, its windows, and which of their records."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date

from ..settings import Settings
from ..staging.store import Store
from .connected import ConnectedFlow
from .flow import Flow
from .reading.time_left import Told, silent


@dataclass(frozen=True)
class Work:
    """The windows between two days (UTC), both included, or only some records of them.

    Attributes:
        run_id: what the ledger notes as the run that moved a record.
        keys: part and key of each record that counts; None for all records.
        may_write: part and key of each record that may be written; None for all records. The others only get an outcome
            that needs no call.
        told: is told how far a step is that takes long.
    """

    connected: ConnectedFlow
    first: date
    last: date
    run_id: str
    keys: Collection[tuple[str, str]] | None = None
    may_write: Collection[tuple[str, str]] | None = None
    told: Told = field(default=silent, compare=False, repr=False)

    @property
    def flow(self) -> Flow:
        return self.connected.flow

    @property
    def settings(self) -> Settings:
        return self.connected.settings

    @property
    def store(self) -> Store:
        return self.connected.store

    @property
    def days(self) -> list[date]:
        """First and last day, as the two bound values of a query."""
        return [self.first, self.last]

    def wants(self, part: str, key: str) -> bool:
        """Whether a record is one of those that count."""
        return self.keys is None or (part, key) in self.keys

    def lets(self, part: str, key: str) -> bool:
        """Whether a record may be written."""
        return self.may_write is None or (part, key) in self.may_write

    def only(self, keys: Collection[tuple[str, str]] | None) -> "Work":
        """A work of the same windows for these records alone; None for all records."""
        return replace(self, keys=keys)
