"""What the calls of this process have shown: certificates of the hosts, and answers by status.

Here belongs: adding it to what other processes of the connection have seen, in a small file.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from ..settings import Settings
from ..systems import transport

WAIT_S = 1
SEPARATOR = " | "  # of system and status, in the file


@dataclass(frozen=True)
class Seen:
    """What all processes have seen.

    Attributes:
        certificates: until when the certificate of a host holds, by its address.
        calls: numbers of answers since the file was made, by system and status; 0 is a call without an answer.
    """

    certificates: dict[str, datetime] = field(default_factory=dict)
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)


def note(settings: Settings) -> None:
    """Adds what this process has seen since the last note. What cannot be noted now is noted next time."""
    if not transport.certificates and not transport.calls:
        return
    path = _path(settings)
    with suppress(Timeout, OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(str(path.with_suffix(".lock")), timeout=WAIT_S):
            before = seen(settings)
            with transport.COUNTING:
                mine = Counter(transport.calls)
            half = path.with_suffix(".half")
            half.write_bytes(_written(Seen(before.certificates | transport.certificates, before.calls + mine)))
            half.replace(path)
            with transport.COUNTING:
                transport.calls.subtract(mine)
                for name in [name for name, count in transport.calls.items() if not count]:
                    del transport.calls[name]


def seen(settings: Settings) -> Seen:
    """What was noted; empty before the first note."""
    try:
        known = orjson.loads(_path(settings).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return Seen()
    calls: Counter[tuple[str, int]] = Counter()
    for each, count in known["calls"].items():
        name, _, status = each.partition(SEPARATOR)
        calls[name, int(status)] = count
    return Seen({host: datetime.fromisoformat(moment) for host, moment in known["certificates"].items()}, calls)


def _written(whole: Seen) -> bytes:
    calls = {f"{name}{SEPARATOR}{status}": count for (name, status), count in sorted(whole.calls.items())}
    return orjson.dumps({"certificates": whole.certificates, "calls": calls})


def _path(settings: Settings) -> Path:
    return settings.state_folder / "seen.json"
