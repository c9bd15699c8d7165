"""Runs the red windows of a flow again, in this process, so that Dagster shows them green afterwards.

Here belongs: which windows are red, and the one run over them. Concept page: Partitions and backfills.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dagster import DagsterInstance, JobDefinition

from ..staging import ledger
from ..sync.connected import ConnectedFlow
from .following.known import NO_APPROVAL
from .in_process import run_windows
from .names import key_of
from .windows import partition_key, partitions, window_of

FAILED = "FAILED"


@dataclass(frozen=True)
class Rerun:
    """What running red windows again came to.

    Attributes:
        windows: the first days of the windows that were red, the oldest first.
        red: those that still are.
        why: the message of the run that failed; None when none did.
    """

    windows: tuple[date, ...]
    red: tuple[date, ...]
    why: str | None = None


def red_windows(connected: ConnectedFlow, instance: DagsterInstance | None) -> list[date]:
    """First days of the windows that need another run, the oldest first.

    They hold records that are not done and that a run can do something for, or their last run failed, whatever the
    reason was. What waits for `winbc approve` needs no run.

    Args:
        instance: where Dagster keeps its runs; None where it was never used.
    """
    states = ", ".join(f"'{state}'" for state in ledger.OPEN)
    rows = ledger.read(connected.store, f"state IN ({states}) AND {NO_APPROVAL}")
    days = {window_of(row["window"], connected.settings) for row in rows if row["window"]}
    return sorted(days | (_failed(connected, instance) if instance else set()))


def _failed(connected: ConnectedFlow, instance: DagsterInstance) -> set[date]:
    """First days of the windows whose newest run of the last layer failed, as Dagster knows it."""
    windows = partitions(connected.settings)
    keys = windows.get_partition_keys()
    asset = key_of(connected.settings, "synced", connected.flow.id)
    states = instance.get_status_by_partition(asset, keys, windows) or {}
    failed = [key for key, state in states.items() if state and state.value == FAILED]
    return {windows.time_window_for_partition_key(key).start.date() for key in failed}


def rerun(connected: ConnectedFlow, job: JobDefinition, instance: DagsterInstance, windows: Sequence[date]) -> Rerun:
    """Runs red windows of a flow again, in one run from the oldest to the newest.

    The source only answers what changed since a moment, so one run reads it once. What is done already in the windows
    between costs nothing but its look.

    Args:
        job: the flow's job.
        windows: their first days (`red_windows`).
    """
    if not windows:
        return Rerun((), ())
    _, why = run_windows(connected, job, instance, windows[0], windows[-1])
    return Rerun(tuple(windows), tuple(red_windows(connected, instance)), why)


def named(connected: ConnectedFlow, windows: tuple[date, ...]) -> list[str]:
    """The windows as Dagster names them."""
    return [partition_key(day, connected.settings) for day in windows]
