"""Sends the messages that are due. A run calls it at its end, the watch every few seconds, and cron by the command.

Here belongs: the order of things. One process sends at a time; the others leave it to that one. What is sent is noted
before and after: a process that is killed between the two sends that message again.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout

from .. import clock
from ..flows import FLOWS
from ..settings import AlertSettings, Settings
from ..sync import crash_points
from ..sync.connected import ConnectedFlow
from . import channels, seen, store, words
from .decide import LOOK_BACK, Draft, due, follow, told
from .gather import Gathered, gather
from .problem import Name
from .store import Outage, Remembered, Sent, Track

PING_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Flushed:
    """What a flush did.

    Attributes:
        sent: subjects of the messages that were taken.
        waiting: how many messages no channel has taken.
        busy: whether another process is sending at this moment, so that nothing was done.
        gathered: what is wrong, as it looked for it; None where it did nothing.
    """

    sent: tuple[str, ...] = ()
    waiting: int = 0
    busy: bool = False
    gathered: Gathered | None = None


def flush(settings: Settings, now: datetime | None = None) -> Flushed:
    """Sends what is due at a moment, and the ping. Without channels and ping it does nothing.

    Raises: StoreUnavailable, NotWritable when it cannot be noted what was sent. Then nothing is sent.
    """
    alerts, moment = settings.alerts, now or clock.now()
    seen.note(settings)
    if not alerts.urls and not alerts.ping_url.get_secret_value():
        return Flushed()
    settings.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(str(settings.state_folder / "alerts.lock"), timeout=0):
            flushed = _Flush(settings, moment).run()
    except Timeout:
        return Flushed(busy=True)
    return flushed


class _Flush:
    """One flush. `tracks` and `outages` change as messages are taken or refused."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.settings, self.now = settings, now
        self.known: Remembered = store.remembered(settings, now - LOOK_BACK)
        self.tracks: dict[Name, Track] = dict(self.known.tracks)
        self.outages: dict[str, Outage] = dict(self.known.outages)

    def run(self) -> Flushed:
        settings, alerts = self.settings, self.settings.alerts
        gathered = gather([ConnectedFlow(flow, settings) for flow in FLOWS], self.known.failures, self.now)
        self.tracks = follow(gathered, self.known.tracks, self.now)
        if self.tracks != self.known.tracks:
            store.remember(settings, self.tracks, self.outages.values())
        drafts = due(gathered, self.known.tracks, self.tracks, self.known.sent, alerts, self.now)
        sent = [subject for draft in drafts if (subject := self._send(draft))]
        waiting = len(drafts) - len(sent)
        if not waiting:  # somebody who can tell nobody keeps silent, so that the service outside alarms
            _ping(settings, self.now)
        return Flushed(tuple(sent), waiting, gathered=gathered)

    def _send(self, draft: Draft) -> str:
        """The subject of a draft if a channel took it; empty if none did."""
        settings = self.settings
        subject = words.subject(draft, settings)
        for channel in _channels(draft, settings.alerts, self.outages, self.now):
            number = uuid.uuid4().hex
            store.begin_message(settings, number, channel, subject, Sent(self.now, draft.weight))
            if channels.send(settings.alerts, channel, subject, words.body(draft, settings, self.now)):
                crash_points.point("after alert")
                self.tracks |= told(draft, self.now)
                self.outages.pop(channel, None)
                store.end_message(settings, number, self.now, self.tracks, self.outages.values())
                return subject
            self.outages[channel] = _failed(self.outages.get(channel), channel, self.now)
            store.end_message(settings, number, self.now, None, self.outages.values())
        return ""


def _channels(draft: Draft, alerts: AlertSettings, outages: dict[str, Outage], now: datetime) -> list[str]:
    """The channels to try, in their order: those of its route, then all others. One that just failed rests."""
    every: Sequence[str] = tuple(dict.fromkeys(chain(draft.channels, alerts.send, alerts.urls)))
    return [name for name in every if name not in outages or channels.again_at(outages[name]) <= now]


def _failed(before: Outage | None, channel: str, now: datetime) -> Outage:
    return replace(before, tried_at=now, tries=before.tries + 1) if before else Outage(channel, now, now, 1)


def _ping(settings: Settings, now: datetime) -> None:
    """Pings, but not each time: the moment of the last ping stands in a file."""
    if not settings.alerts.ping_url.get_secret_value():
        return
    path = settings.state_folder / "pinged"
    last = _moment(path)
    is_due = last is None or not timedelta() <= now - last < PING_EVERY
    if is_due and channels.ping(settings.alerts):
        path.write_text(now.isoformat(), encoding="utf-8")


def _moment(path: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
