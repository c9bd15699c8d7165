"""How far a run is: a small file that a run writes every few seconds while it works.

Here belongs: writing and reading it. A run that was killed leaves its file behind; nobody believes an old one.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ... import clock
from ...errors import StoreBusy, WinbcError
from ...settings import Settings
from ...staging import ledger
from ...staging.published import files
from ...sync.connected import ConnectedFlow

EVERY_S = 2
BELIEVED = timedelta(seconds=20)  # a run that has not written for so long was killed, or its computer sleeps


@dataclass(frozen=True)
class Progress:
    """A run at work.

    Attributes:
        layer: the layer that it makes: staging, mapped, planned or synced; empty where one block makes all of them.
        since: when the layer was begun.
        at: when this was written.
        run: the id of the run; empty for a command.
        moves: how many moves of records were noted in the ledger, by the state that they lead to.
    """

    flow: str
    layer: str
    since: datetime
    at: datetime
    run: str = ""
    moves: dict[str, int] = field(default_factory=dict)


class AtWork(StoreBusy):
    """A run of a flow is at work, so nobody who only looks opens the flow's database.

    Attributes:
        progress: how far it is.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__(f"A run of {progress.flow} is at work.", "Wait until it has ended.")
        self.progress = progress


@contextmanager
def shown(connected: ConnectedFlow, layer: str = "", run: str = "") -> Iterator[None]:
    """Shows how far a run is, until the block ends."""
    noted, ends = _Noted(connected, layer, run), threading.Event()
    noted.write()

    def go_on() -> None:
        while not ends.wait(EVERY_S):
            noted.write()

    watcher = threading.Thread(target=go_on, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ends.set()
        watcher.join()
        with suppress(OSError):
            files.progress_file(connected.settings, connected.flow.id).unlink()


class _Noted:
    def __init__(self, connected: ConnectedFlow, layer: str, run: str) -> None:
        self.connected, self.layer, self.run = connected, layer, run
        self.since, self.before = clock.now(), Counter(ledger.MADE)

    def write(self) -> None:
        flow = self.connected.flow.id
        moves = {str(state): count for state, count in (Counter(ledger.MADE) - self.before).items()}
        content = {"flow": flow, "layer": self.layer, "run": self.run, "since": self.since, "at": clock.now()}
        with suppress(WinbcError, OSError):  # a full disk is told by what must be stored
            files.write(files.progress_file(self.connected.settings, flow), content | {"moves": moves})


def at_work(settings: Settings, flow: str, now: datetime) -> Progress | None:
    """The run of a flow that is at work; None for none."""
    known: dict[str, Any] = files.read(files.progress_file(settings, flow))
    if not known:
        return None
    moments = {name: datetime.fromisoformat(known[name]) for name in ("since", "at")}
    return Progress(**known | moments) if now - moments["at"] < BELIEVED else None


def check_free(settings: Settings, flow: str, now: datetime) -> None:
    """Raises AtWork while a run of a flow is at work: it comes first, and would change what is looked at."""
    if progress := at_work(settings, flow, now):
        raise AtWork(progress)
