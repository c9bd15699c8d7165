"""Fields that only the companion app takes: without it, or a right in it, a record is sent as without them.

Here belongs: what is the same of all of them. The contract of the app: facts/companion_app.json.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from ....staging.store import Row
from ....systems.business_central import BusinessCentral
from ....systems.business_central.companion import Companion
from ...payloads import empty
from .base import Beside


class OfApp(Beside):
    """One kind of fields of the app.

    Attributes:
        sets: the entity sets of the app that they need, each with whether it is written.

    Args:
        companion: the app; None without it.
    """

    sets: Mapping[str, bool]

    def __init__(self, companion: Companion | None, names: Sequence[str]) -> None:
        self.companion, self.names = companion, names

    @property
    def client(self) -> BusinessCentral | None:
        return self.companion.client if self.companion and not self._lacking() else None

    def _lacking(self) -> list[str]:
        """The entity sets that cannot be used as they must be."""
        offers = self.companion.offers if self.companion else None
        return [name for name, write in self.sets.items() if not (offers and offers.can(name, write))]

    def gaps(self) -> list[str]:
        lacking = self._lacking()
        if not lacking:
            return []
        why = "; ".join(self.companion.offers.gaps) if self.companion else "`bc.companion_app` is off"
        needed = f"needs {', '.join(lacking)} of the companion app, and is not sent: {why}"
        return [f"{name} {needed}" for name in self.names]

    def missing(self, row: Row) -> str | None:
        """None; fields that the app does not take are taken out of a mapped record, and count as never sent."""
        if left_out := self.left_out():
            self.take_out(row, left_out)
        return None

    def take_out(self, row: Row, names: Iterable[str]) -> None:
        """Takes fields out of a mapped record."""
        hashes = orjson.loads(row["new_hashes"])
        for fields in (row["creates"], row["updates"], hashes):
            for name in names:
                fields.pop(name, None)
        row["new_hashes"] = orjson.dumps(hashes).decode()

    def left_out(self) -> Collection[str]:
        """The fields that the app does not take."""
        return self.names if self.client is None else ()

    def never_sent(self, updates: Mapping[str, Any], sent: Mapping[str, str]) -> list[str]:
        return [name for name in self.names if sent and name not in sent and not empty(updates.get(name))]
