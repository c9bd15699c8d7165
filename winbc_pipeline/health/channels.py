"""The channels that messages go through, and the ping that says that somebody watches.

Here belongs: sending, within a time, and which channels take no messages now. What is sent: words.py. Channels are
apprise's: mail, Teams, Slack, webhooks, ….
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from ..calling import calling
from ..settings import AlertSettings, Settings
from . import store
from .store import Outage

DEADLINE_S = 20  # for one message through one channel
PING_S = 5
PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)  # until a channel that failed is tried again
# It logs the addresses of channels, which hold secrets.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Channel:
    """A channel of the settings, and how it is.

    Attributes:
        down_since: since when it takes no messages; None for one that took its last message, or never got one.
        tried_at: when it was last tried without success; None for one that is not down.
        again_at: from when it is tried again; None for one that is not down.
    """

    name: str
    down_since: datetime | None = None
    tried_at: datetime | None = None
    again_at: datetime | None = None


def channels(settings: Settings, now: datetime) -> tuple[Channel, ...]:
    """All channels that the settings name, in the order in which they are tried, and how each of them is.

    Raises: StoreUnavailable when the notes of what was sent cannot be read.
    """
    return tuple(channels_with(settings.alerts, store.remembered(settings, now).outages.values()))


def channels_with(alerts: AlertSettings, outages: Iterable[Outage]) -> Iterator[Channel]:
    """The channels of the settings with what is noted of them. What is noted of a former channel is no matter."""
    known = {each.channel: each for each in outages}
    for name in dict.fromkeys((*alerts.send, *alerts.urls)):
        if name not in alerts.urls:
            continue
        if outage := known.get(name):
            yield Channel(name, outage.since, outage.tried_at, again_at(outage))
        else:
            yield Channel(name)


def again_at(outage: Outage) -> datetime:
    """From when a channel that failed is tried again: after 30 s, then less and less often."""
    pause: timedelta = PAUSE * 2 ** min(outage.tries - 1, 10)
    return outage.tried_at + min(pause, LONGEST_PAUSE)


@calling()
def send(alerts: AlertSettings, channel: str, subject: str, body: str) -> bool:
    """Sends a message through a channel, by its name; returns whether it was taken in time.

    One that was taken too late counts as not taken, and is sent again.
    """

    def notify() -> bool:
        from apprise import Apprise, AppriseAsset, NotifyFormat  # takes half a second

        door = Apprise(asset=AppriseAsset(app_id="winbc", app_desc="winbc", app_url=""))
        known = door.add(alerts.urls[channel].get_secret_value())
        return bool(known and door.notify(title=subject, body=body, body_format=NotifyFormat.TEXT))

    return _within(DEADLINE_S, notify)


@calling()
def ping(alerts: AlertSettings) -> bool:
    """Tells the service outside that somebody watches; returns whether it was told. It alarms when nobody does."""
    address = alerts.ping_url.get_secret_value()
    with suppress(httpx.HTTPError, httpx.InvalidURL):
        return httpx.get(address, timeout=PING_S, trust_env=False).is_success
    return False


def _within(seconds: float, work: Callable[[], bool]) -> bool:
    """Whether a work came to a good end in time. A late one goes on in its thread, and nobody asks for its result."""
    result: Future[bool] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except Exception:  # noqa: BLE001 - whatever a channel raises, it has not taken the message
            result.set_result(False)

    threading.Thread(target=run, daemon=True).start()
    return wait([result], seconds).done != set() and result.result()
