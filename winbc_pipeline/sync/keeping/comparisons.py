"""The files of comparisons, beside the databases of flows: they hold people's data, and no backup needs them.

Here belongs: their names, who uses one now, and deleting what a killed comparison left. What is in them and how a
comparison goes on: workbench/reconcile/scratch.py.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from ... import clock
from ...settings import Settings
from ...staging.disk import log_of

PREFIX = "reconcile_"  # before the id of the flow
KEPT = timedelta(days=1)
"""How long a comparison that did not end may be continued."""


def path_of(settings: Settings, flow: str) -> Path:
    """The database of the comparison of a flow, by its id."""
    return settings.flow_database(f"{PREFIX}{flow}")


def is_one(path: Path) -> bool:
    """Whether a database is that of a comparison."""
    return path.name.startswith(PREFIX)


def in_use(path: Path, wait_s: float) -> FileLock:
    """The lock that a comparison holds as long as it uses its database; filelock.Timeout while another one has it."""
    return FileLock(str(path.with_suffix(".lock")), timeout=wait_s)


def delete(path: Path) -> None:
    """Deletes a comparison's database; the caller holds its lock."""
    for each in (path, log_of(path)):
        each.unlink(missing_ok=True)


def forget_left(settings: Settings) -> int:
    """Deletes the databases that killed or failed comparisons left KEPT ago; returns how many. One in use stays."""
    before, deleted = clock.now() - KEPT, 0
    for path in path_of(settings, "").parent.glob(f"{PREFIX}*.duckdb"):
        with suppress(Timeout, FileNotFoundError), in_use(path, wait_s=0):
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                delete(path)
                deleted += 1
    return deleted
