"""What a run is to do: one flow, and which of its records."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from ..settings import Settings
from ..staging.store import Store
from .flow import Flow
from .stage import flow_store


@dataclass(frozen=True)
class Work:
    """The windows between two days, both included, or only some records of them.

    Attributes:
        keys: part and key of the only records that count; None for all.
    """

    flow: Flow
    settings: Settings
    first: date
    last: date
    run_id: str
    keys: Collection[tuple[str, str]] | None = None

    @property
    def store(self) -> Store:
        return flow_store(self.flow, self.settings)

    @property
    def days(self) -> list[date]:
        """As values of a query."""
        return [self.first, self.last]

    def wants(self, part: str, key: str) -> bool:
        return self.keys is None or (part, key) in self.keys

    def only(self, keys: Collection[tuple[str, str]] | None) -> "Work":
        return replace(self, keys=keys)
