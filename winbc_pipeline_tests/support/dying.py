"""Processes that are killed at a call, as by a power cut: launched runs, and comparisons of both systems.

Here belongs: what is executed in a forked process. Whether it dies says a file in the working folder, so that the same
fork server serves runs that die and runs that do not.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from winbc_pipeline import clock
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.launcher.worker import work
from winbc_pipeline.settings import load_settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.systems.transport import Answer, Transport
from winbc_pipeline.workbench.reconcile.whole import reconcile

from .forked import begun

DIES, LATER, STAYS = Path("dies"), Path("later"), Path("stays")
STAYED = Path("stayed")  # a process waits
WRITES = (b'"method":"POST"', b'"method":"PATCH"')
LATER_S = 61


def launched(permission: Connection, run: str) -> None:
    """What a forked run executes."""
    armed()
    work(permission, run)


def armed() -> None:
    """While DIES is there, this process is killed when as many writes were answered as the file says, and nothing of
    the last answer is noted. While STAYS is there, it then waits until that file is gone. While LATER is there, its
    clock is a minute ahead."""
    if DIES.exists():
        left = count(int(DIES.read_text()), -1)
        _killed_after(lambda *call: _writes(*call) and next(left) <= 1)
    if LATER.exists():
        now = clock.now
        clock.now = lambda: now() + timedelta(seconds=LATER_S)  # type: ignore[assignment]
    if STAYS.exists():
        left = count(int(STAYS.read_text()), -1)
        _after(_wait, lambda *call: _writes(*call) and next(left) <= 1)


def _wait() -> None:
    STAYED.touch()
    while STAYS.exists():
        time.sleep(0.05)


def _writes(method: str, path: str, content: bytes | None) -> bool:
    if method != "POST":
        return False
    name = path.rpartition("/")[2]
    return name.startswith("Post") or (name == "$batch" and any(each in (content or b"") for each in WRITES))


def comparing(flow: str, environment: Mapping[str, str], dies_at: int) -> BaseProcess:
    """A comparison of a flow, which is killed when so many calls were answered."""
    return begun(environment, _comparing, flow, dies_at)


def _comparing(flow: str, dies_at: int) -> None:
    calls = count(1)
    _killed_after(lambda *_: next(calls) == dies_at)
    reconcile(ConnectedFlow(flow_named(flow), load_settings()))


def _killed_after(is_last: Callable[[str, str, bytes | None], bool]) -> None:
    _after(lambda: os.kill(os.getpid(), signal.SIGKILL), is_last)


def _after(happens: Callable[[], None], is_last: Callable[[str, str, bytes | None], bool]) -> None:
    call = Transport.call

    def dying(self: Transport, method: str, path: str, **named: Any) -> Answer:
        answer = call(self, method, path, **named)
        if is_last(method, path, named.get("content")):
            happens()
        return answer

    Transport.call = dying  # type: ignore[method-assign, assignment]
