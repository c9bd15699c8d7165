"""The websockets that are open, by session: each is closed when its session is over, or logged out."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from starlette.types import Message, Receive

from .session import Session


@dataclass
class Followers:
    """Who follows what happens, in this process."""

    _over: dict[asyncio.Event, tuple[str, asyncio.AbstractEventLoop]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def follows(self, session: Session) -> Iterator[asyncio.Event]:
        """A websocket of a session, until the block ends. What it gives is set when the session is logged out."""
        over = asyncio.Event()
        with self._lock:
            self._over[over] = session.number, asyncio.get_running_loop()
        try:
            yield over
        finally:
            with self._lock:
                del self._over[over]

    def log_out(self, session: Session) -> None:
        """Ends the websockets of a session. Any thread may call it."""
        with self._lock:
            own = [(over, loop) for over, (number, loop) in self._over.items() if number == session.number]
        for over, loop in own:
            with suppress(RuntimeError):  # the loop was closed meanwhile, with its websockets
                loop.call_soon_threadsafe(over.set)


async def next_message(receive: Receive, session: Session, over: asyncio.Event, now: datetime) -> Message | None:
    """The next message of a websocket; None when its session is over first."""
    received, ended = asyncio.ensure_future(receive()), asyncio.ensure_future(over.wait())
    left_s = session.ends - now.timestamp()
    try:
        await asyncio.wait((received, ended), timeout=max(left_s, 0), return_when=asyncio.FIRST_COMPLETED)
        return received.result() if received.done() and not ended.done() else None
    finally:
        received.cancel()
        ended.cancel()
