"""Which sessions are over before their time: logged out, unused for hours, or ended by somebody of the same role.

A session itself is in its cookie (session.py), so this keeps only what ends one: a copy of a cookie is worth nothing
once its session was logged out.
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from .access import ROLES, Role, kept_for_owner
from .session import CODE_WITHIN, LASTS, Session

FILE = "dashboard_sessions.json"  # in the connection's folder


@dataclass(frozen=True)
class Seen:
    """A session, and when it asked last, since this process began."""

    session: Session
    at: datetime


@dataclass
class Sessions:
    """What is known of sessions.

    Attributes:
        path: the file that keeps `ended` and `only`, so that a restart brings none back.
        idle: without a request for so long, a session is over.
        ended: when each ended session would have been over anyway, in seconds since 1970, by its number.
        only: by role, the moment (seconds since 1970) at which all sessions but the one with that number were ended.
        seen: the sessions that asked something since this process began, by their numbers.
    """

    path: Path
    idle: timedelta
    ended: dict[str, int] = field(default_factory=dict)
    only: dict[str, tuple[int, str]] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_over(self, session: Session, now: datetime) -> bool:
        """Whether a session was ended, or is unused for too long; if not, it counts as used now."""
        moment, number = self.only.get(session.role, (0, ""))
        lasts = CODE_WITHIN if session.waits else LASTS
        begun = session.ends - int(lasts.total_seconds())
        if session.number in self.ended or (begun <= moment and session.number != number):
            return True
        with self._lock:
            before = self.seen.get(session.number)
            if before and now - before.at > self.idle:
                return True
            self.seen[session.number] = Seen(session, now)
        return False

    def end(self, session: Session, now: datetime) -> None:
        """Ends one session. Raises NotWritable when that cannot be kept."""
        with self._lock:
            left = {number: ends for number, ends in self.ended.items() if ends > now.timestamp()}
            self._keep(left | {session.number: session.ends}, self.only)
            self.seen.pop(session.number, None)

    def end_others(self, session: Session, now: datetime) -> list[Session]:
        """Ends all other sessions of a session's role, also unknown ones; returns those that were known."""
        with self._lock:
            self._keep(self.ended, self.only | {session.role: (int(now.timestamp()), session.number)})
            others = [each.session for each in self.seen.values() if _is_other(each.session, session)]
            for each in others:
                del self.seen[each.number]
        return others

    def of(self, role: Role, now: datetime) -> list[Seen]:
        """The sessions of a role that are not over, as far as they asked something since this process began."""
        with self._lock:
            self.seen = {number: each for number, each in self.seen.items() if each.session.ends > now.timestamp()}
            of_role = [each for each in self.seen.values() if each.session.role == role and not each.session.waits]
        return [each for each in of_role if now - each.at <= self.idle]

    def _keep(self, ended: dict[str, int], only: dict[str, tuple[int, str]]) -> None:
        kept_for_owner(self.path, json.dumps({"ended": ended, "only": only}))
        self.ended, self.only = ended, only


def sessions_of(folder: Path, idle: timedelta) -> Sessions:
    """What a connection's folder keeps of sessions. With a file that cannot be understood, no session of
    before it goes on."""
    path = folder / FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        ended = {str(number): int(ends) for number, ends in kept["ended"].items()}
        only = {str(role): (int(moment), str(number)) for role, (moment, number) in kept["only"].items()}
    except FileNotFoundError:
        return Sessions(path, idle)
    except (ValueError, KeyError, TypeError, AttributeError):
        written = int(path.stat().st_mtime)
        return Sessions(path, idle, {}, dict.fromkeys(ROLES, (written, "")))
    return Sessions(path, idle, ended, only)


def _is_other(one: Session, session: Session) -> bool:
    return one.role == session.role and one.number != session.number
