"""Log-ins and refusals in the log of acts (audit/). A flood of refusals does not fill it: they are counted."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ... import audit
from ...errors import WinbcError
from ...settings import Settings
from .session import Session

EVERY = timedelta(minutes=10)  # so often each kind of refusal is noted at most: some 150 lines a day
NOBODY = "dashboard:nobody"


@dataclass
class _Counted:
    """Refusals of one kind: when they were noted last, who was refused last, and how often since then."""

    at: datetime | None = None
    who: str = NOBODY
    times: int = 0


@dataclass
class Noted:
    """Notes who comes in, who leaves, and what was refused.

    Attributes:
        settings: of the connection whose log it is.
        now: the present moment, in UTC.
    """

    settings: Settings
    now: Callable[[], datetime]
    _counted: dict[str, _Counted] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def came_in(self, session: Session, how: str) -> None:
        """Notes a log-in before it counts. Raises: NotWritable, StoreBusy; then nobody comes in."""
        self.rest()
        audit.record(self.settings, "log-in", how, who=name_of(session))

    def left(self, session: Session, subject: str = "") -> None:
        """Notes that a session was ended."""
        audit.record(self.settings, "log-out", subject, who=name_of(session))

    def refused(self, what: str, session: Session | None) -> None:
        """Counts a refusal, and notes those of its kind that were counted since they were noted last.

        The first one of a kind is noted at once. What cannot be noted now is noted with the next one: it stays refused.
        """
        with self._lock:
            counted = self._counted.setdefault(what, _Counted())
            counted.times, counted.who = counted.times + 1, name_of(session) if session else NOBODY
            if counted.at is not None and self.now() - counted.at < EVERY:
                return
        self._note(what)

    def rest(self) -> None:
        """Notes all that was counted and not noted yet."""
        for what in list(self._counted):
            self._note(what)

    def _note(self, what: str) -> None:
        with self._lock:
            counted = self._counted[what]
            times, who = counted.times, counted.who
            counted.times, counted.at = 0, self.now()
        if not times:
            return
        try:
            audit.record(self.settings, "refuse", what, who=who, count=times)
        except WinbcError:
            with self._lock:
                counted.times += times


def name_of(session: Session) -> str:
    """The person of a session, as logs and histories name them."""
    return f"dashboard:{session.name}" + ("" if session.name == session.role else f" ({session.role})")
