"""When the source of a flow last answered, and since when a change of it waits: a small file per flow.

Here belongs: noting and reading it. A sensor asks every few seconds, so a note must cost next to nothing: it is no
database. A note that is lost is made again by the next question.
"""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ... import clock
from ...errors import WinbcError
from ...settings import Settings

MOMENTS = ("answered_at", "busy_at", "waiting_since", "failed_at")


@dataclass(frozen=True)
class Poll:
    """What the questions to a source came to.

    Attributes:
        answered_at: when it last answered; None when it never did.
        busy_at: when a run was last at work, so that nothing was asked; None for never.
        waiting_since: when a change was first seen that no run has taken yet; None for none.
        failed_at: since when questions fail; None when the last one was answered.
        error: the code of that failure, such as E-UNREACHABLE.
        words: its message.
        system: the system that failed.
    """

    answered_at: datetime | None = None
    busy_at: datetime | None = None
    waiting_since: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""
    words: str = ""
    system: str = ""


def read(settings: Settings, flow: str) -> Poll:
    """The notes of a flow, by its id; empty ones before its first question."""
    try:
        content: dict[str, Any] = orjson.loads(_path(settings, flow).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return Poll()
    for name in MOMENTS:
        content[name] = datetime.fromisoformat(content[name]) if content.get(name) else None
    return Poll(**content)


def answered(settings: Settings, flow: str, waiting: bool | None = None) -> None:
    """Notes that the source has answered.

    Args:
        waiting: whether the answer has changes that no run has taken yet; None when it does not tell.
    """
    now, before = clock.now(), read(settings, flow)
    since = before.waiting_since if waiting is None else ((before.waiting_since or now) if waiting else None)
    _write(settings, flow, Poll(answered_at=now, busy_at=before.busy_at, waiting_since=since))


def taken(settings: Settings, flow: str, asked_at: datetime) -> None:
    """Notes that a run has taken all that its source had when it was asked: what was seen before waits no more."""
    before = read(settings, flow)
    if before.waiting_since and before.waiting_since <= asked_at:
        _write(settings, flow, replace(before, waiting_since=None))


def failed(settings: Settings, flow: str, error: WinbcError) -> None:
    """Notes that a question to the source has failed."""
    before = read(settings, flow)
    poll = replace(before, failed_at=before.failed_at or clock.now(), error=error.code)
    _write(settings, flow, replace(poll, words=error.message, system=error.system))


def busy(settings: Settings, flow: str) -> None:
    """Notes that the source was not asked, because a run of the flow is at work."""
    _write(settings, flow, replace(read(settings, flow), busy_at=clock.now()))


def _path(settings: Settings, flow: str) -> Path:
    return settings.state_folder / "polls" / f"{flow}.json"


def _write(settings: Settings, flow: str, poll: Poll) -> None:
    """Puts the notes in the place of the old ones at once, so that nobody reads half of them."""
    path = _path(settings, flow)
    half = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a full disk is told by what must be stored
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half.write_bytes(orjson.dumps(asdict(poll)))
        half.replace(path)
