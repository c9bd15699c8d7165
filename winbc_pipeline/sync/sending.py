"""A kind of sending: how a flow's records are planned and sent, and what that needs open.

Here belongs: what all kinds have in common. A kind is a package beside this module (records/, documents/, actions/,
to_winstore/) whose SENDING is one of these values. Which kind a flow has: dispatch.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..settings import Settings
from ..staging.store import Row
from .connected import ConnectedFlow
from .work import Work


class Closable(Protocol):
    """What a target must do at least."""

    def close(self) -> None: ...


Target = TypeVar("Target", bound=Closable)
T = TypeVar("T")

# Intents that are committed at once. The more they are, the more records are UNKNOWN after a crash.
INTENTS_PER_COMMIT, INTENTS_OF_FIRST_COMMIT = 500, 200


@dataclass(frozen=True)
class Sending(Generic[Target]):
    """One kind of sending.

    Attributes:
        open: opens the target. It is closed by `session.leased`.
        name: gives the name of the target that a ledger is kept for: its address, and the company if it has several.
        has_any: whether the target still has any of some ledger rows that were sent to it. None for a target that
            cannot be asked what it has.
        plan: writes the plan table: what would be sent. Nothing is written to the target.
        push: sends the plan. Every record has an outcome in the ledger afterwards.
        sends_once: whether what was sent stays as it is when only the mapping tables change.
        compares_fields: whether a record can be compared with the target's field by field (records/decide.py).
    """

    open: Callable[[Settings], Target]
    name: Callable[[Settings, Target], str]
    has_any: Callable[[ConnectedFlow, Target, list[Row]], bool] | None
    plan: Callable[[Work, Target], None]
    push: Callable[[Work, Target], None]
    sends_once: bool
    compares_fields: bool

    @property
    def can_be_asked(self) -> bool:
        """Whether the target tells what it has now."""
        return self.has_any is not None


def chunks_of(items: list[T], size: int) -> list[list[T]]:
    """The same items in their order, at most `size` at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def intent_chunks(items: list[T], together: int = 1, most: int = INTENTS_PER_COMMIT) -> list[list[T]]:
    """The same items as their intents are committed: few at first, so that the calls begin at once.

    Args:
        together: how many intents an item has.
        most: intents that are committed at once.
    """
    few = most * INTENTS_OF_FIRST_COMMIT // INTENTS_PER_COMMIT
    first, others = (max(count // together, 1) for count in (few, most))
    return chunks_of(items[:first], first) + chunks_of(items[first:], others)
