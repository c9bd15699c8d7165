"""What people see of a record's values: those of persons only when somebody asks for them, all others always.

Here belongs: the words for a value. Which fields are persons': staging/people/fields.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..health.publishing.masking import is_open_source, is_open_target
from ..staging.published.outcomes import MASKED
from ..sync.connected import ConnectedFlow
from ..sync.part import Part


@dataclass(frozen=True)
class Shown:
    """Shows the values of one flow's records.

    Attributes:
        people: whether values of persons are shown, too. Whoever sets it notes in the audit log who asked.
    """

    connected: ConnectedFlow
    people: bool = False

    def source(self, name: str, value: Any) -> str:
        """A value of a field of the source."""
        return self._told(value, is_open_source(self.connected, name))

    def target(self, part: Part, name: str, value: Any) -> str:
        """A value of a field of the target."""
        return self._told(value, is_open_target(self.connected, part, name))

    def made(self, part: Part, name: str, sources: Iterable[str], value: Any) -> str:
        """A value between source and target: what a part of the formula of a field comes to."""
        read = all(is_open_source(self.connected, each) for each in sources)
        return self._told(value, read and is_open_target(self.connected, part, name))

    def _told(self, value: Any, is_open: bool) -> str:
        return told(value) if value is None or self.people or is_open else MASKED


def told(value: Any) -> str:
    """A value in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
