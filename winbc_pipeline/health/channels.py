"""The channels that messages go through, and the ping that says that somebody watches.

Here belongs: sending, within a time. What is sent: words.py. Channels are apprise's: mail, Teams, Slack, webhooks, ….
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress

import httpx

from ..calling import calling
from ..settings import AlertSettings

DEADLINE_S = 20  # for one message through one channel
PING_S = 5
# It logs the addresses of channels, which hold secrets.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


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
