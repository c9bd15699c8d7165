"""The last whole comparison of a flow, kept for people to read. One small file a flow, in the connection's folder.

It holds keys, numbers and codes, and values of goods alone: no value of a person.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...staging.store import writing
from ...sync.connected import ConnectedFlow
from ...systems.business_central.client import dumps
from ..plans import in_words, shows
from .findings import Reconciled

FOLDER, MOST = "reports", 50_000  # findings that are kept


@dataclass(frozen=True)
class Report:
    """A kept comparison; its attributes are those of Reconciled.

    Attributes:
        counts: findings by kind; findings: `part, kind, key, number, reason, fields` of each, `fields` in words.
    """

    flow: str
    began: datetime
    ended: datetime
    calls: int
    agrees: bool
    compared: Mapping[str, int]
    left: Mapping[str, int]
    counts: Mapping[str, int]
    findings: list[dict[str, Any]]


def keep(connected: ConnectedFlow, found: Reconciled) -> None:
    """Keeps a comparison in the place of the one before."""
    path = _file(connected)
    shown = shows(connected)
    findings = [
        {name: getattr(each, name) for name in ("part", "kind", "key", "number", "reason")}
        | {"fields": in_words(dumps(list(each.changes)).decode(), shown)}
        for each in found.findings[:MOST]
    ]
    told = {name: getattr(found, name) for name in ("flow", "calls", "agrees", "counts")}
    told |= {"compared": dict(found.compared), "left": dict(found.left), "findings": findings}
    told |= {"began": found.began.isoformat(), "ended": found.ended.isoformat()}
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = path.with_suffix(".half")
        half.write_bytes(dumps(told))
        os.chmod(half, 0o600)
        os.replace(half, path)


def last_report(connected: ConnectedFlow) -> Report | None:
    """The last comparison that was kept of a flow; None where there is none, or where it cannot be read."""
    try:
        told = json.loads(_file(connected).read_bytes())
        moments = {name: datetime.fromisoformat(told[name]) for name in ("began", "ended")}
        return Report(**{**told, **moments})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _file(connected: ConnectedFlow) -> Path:
    return connected.settings.state_folder / FOLDER / f"{connected.flow.id}.json"
