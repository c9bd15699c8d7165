"""What a problem is: something that a person has to know of, and the words and records that go with it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from ..errors import WinbcError

SYSTEMS = {"winstore": "Winstore", "bc": "Business Central"}  # names of both systems, by what flows call them
EVERY = ""  # in the place of a flow's id: what is wrong is not one flow's
STOPS = ("guard", "system", "drift")  # kinds of problems of runs that end before they send anything
# The next run, or a little time, may mend these by itself. Reasons of UNKNOWN records are among them.
TEMPORARY = {
    *("NO_ANSWER", "QUARANTINE", "LOOK_AGAIN", "ECHO", "STALE", "NOT_TAKEN", "STOPPED", "DEPENDENCY"),
    *("OTHER_DIRECTION", "UNKNOWN", "E-UNREACHABLE", "E-STORE", "NEVER_ASKED"),
}


class Name(NamedTuple):
    """What tells a problem from others: `cause` is a code, so that problems of one reason can have several causes."""

    flow: str
    kind: str
    reason: str
    cause: str


@dataclass(frozen=True)
class Example:
    """A record of a problem. Its message holds no personal data."""

    part: str
    key: str
    window: date | None
    message: str
    number: str | None = None


@dataclass(frozen=True)
class Problem:
    """Something that is wrong since a moment.

    Attributes:
        name: its name. `kind` is one of settings.Kind, `reason` a reason code or an error code.
        closed_at: when it was mended; None while it is open.
        records: how many records it has, or had.
        examples: some of them.
        words: what happened, where no record tells it.
        fix: what to do, where neither the reason nor the error code tells it.
        flows: the flows that it stops or slows down.
        is_anew: whether it came back with a record that was not in it before.
    """

    name: Name
    opened_at: datetime
    closed_at: datetime | None = None
    records: int = 0
    examples: tuple[Example, ...] = ()
    words: str = ""
    fix: str = ""
    flows: tuple[str, ...] = ()
    is_anew: bool = False

    @property
    def is_temporary(self) -> bool:
        return self.name.reason in TEMPORARY


def system_of(error: WinbcError) -> str:
    """The name of the system that an error is about; empty when it is about none."""
    return error.system or next((name for name in SYSTEMS.values() if name in error.message), "")
