"""Runs the red windows of a flow again, in this process, so that Dagster shows them green afterwards.

Here belongs: which windows are red, and the one run over them. Concept pages: Partitions and backfills.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from dagster import AssetKey, DagsterInstance

from ..staging import ledger
from ..sync.connected import ConnectedFlow
from ..sync.run import records
from .tick import NO_APPROVAL
from .windows import KEYS, partitions, range_tags, window_of

FAILED = "FAILED"
# Configuration of a run that prints none of Dagster's log.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Span = tuple[date, date]


@dataclass(frozen=True)
class Rerun:
    """What running red windows again came to.

    Attributes:
        windows: the partition keys of the windows that were red, the oldest first.
        red: those that still are, or became it.
        why: the message of the run that failed; None when none did.
    """

    windows: tuple[str, ...]
    red: tuple[str, ...]
    why: str | None


def red_windows(connected: ConnectedFlow, instance: DagsterInstance) -> list[date]:
    """First days of the windows that need another run, the oldest first.

    They hold records that are not done and that a run can do something for, or their last run failed, whatever the
    reason was. What waits for `winbc approve` needs no run.
    """
    states = ", ".join(f"'{state}'" for state in ledger.OPEN)
    rows = ledger.read(connected.store, f"state IN ({states}) AND {NO_APPROVAL}")
    settings = connected.settings
    return sorted({window_of(row["window"], settings) for row in rows} | set(_failed(connected, instance)))


def _failed(connected: ConnectedFlow, instance: DagsterInstance) -> list[date]:
    """First days of the windows whose newest run of the last layer failed, as Dagster knows it."""
    windows = partitions(connected.settings)
    keys = windows.get_partition_keys()
    states = instance.get_status_by_partition(AssetKey(("synced", connected.flow.id)), keys, windows) or {}
    failed = [key for key, state in states.items() if state and state.value == FAILED]
    return [date.fromisoformat(key if len(key) == len("2026-03-02") else f"{key}-01") for key in failed]
