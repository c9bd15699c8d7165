"""Pauses: until when a person wants a flow to rest. One small file a flow, in the connection's folder.

A file and no table: a sensor reads it without opening the flow's database, which a run may have open.
"""

import os
from datetime import datetime
from pathlib import Path

from ...errors import ConfigurationError
from ...settings import Settings
from ..store import writing


def pause(settings: Settings, flow: str, until: datetime) -> None:
    """Lets a flow, by its id, rest until a moment (UTC). A pause before it is replaced."""
    path = _file(settings, flow)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole = path.with_suffix(".paused.new")
        with whole.open("w", encoding="utf-8") as file:
            file.write(f"{until.isoformat()}\n")
            file.flush()
            os.fsync(file.fileno())  # else the name may be there after a power cut, and the moment not
        os.replace(whole, path)


def resume(settings: Settings, flow: str) -> bool:
    """Ends the pause of a flow; returns False when there is none."""
    path = _file(settings, flow)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def paused_until(settings: Settings, flow: str, now: datetime) -> datetime | None:
    """Until when a flow rests; None for one that may run. A pause that has ended counts as none.

    Raises: ConfigurationError for a file without a moment. Whoever would write refuses then; health tells of it.
    """
    path = _file(settings, flow)
    try:
        until = datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
        return until if until > now else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise ConfigurationError(f"{path} holds no moment.", f"`winbc resume {flow}` deletes it.") from None


def _file(settings: Settings, flow: str) -> Path:
    return settings.flow_database(flow).with_suffix(".paused")
