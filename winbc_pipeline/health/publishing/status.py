"""How a flow was after its last run, as that run published it: read without opening the flow's database."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from ...errors import StateUnavailable
from ...settings import Settings
from ...staging.published import files
from ...sync.connected import ConnectedFlow
from ..facts import Facts
from ..problem import Problem


@dataclass(frozen=True)
class Status:
    """How a flow was.

    Attributes:
        at: when it was published.
        facts: what its ledger said.
    """

    at: datetime
    facts: Facts


def status_of(settings: Settings, flow: str) -> Status | None:
    """How a flow was after its last run, by its id; None when nothing was published yet."""
    known = files.read(files.status_file(settings, flow))
    return _statuses().validate_python({name: known[name] for name in ("at", "facts")}) if known else None


def facts_published(connected: ConnectedFlow) -> Facts:
    """What a flow's ledger said after its last run. A flow that never ran has empty facts."""
    if status := status_of(connected.settings, connected.flow.id):
        return status.facts
    try:
        return Facts(is_known=not connected.store.exists())
    except StateUnavailable:  # which is a problem of its own (gather.py)
        return Facts(is_known=False)


def low_volumes(settings: Settings) -> dict[str, Problem]:
    """The problems that few records came, by flow, as they were last published."""
    found = _problems().validate_python(files.read(files.volume_file(settings)).get("problems", []))
    return {each.name.flow: each for each in found}


@cache
def _statuses() -> TypeAdapter[Status]:
    return TypeAdapter(Status)


@cache
def _problems() -> TypeAdapter[Any]:
    return TypeAdapter(list[Problem])
