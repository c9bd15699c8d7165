"""Dagster's instance for ticks: one per process that serves code, in the place of one per tick.

Making an instance looks up the versions of its storage. That was nine tenths of what a tick costs.
"""

import threading

from dagster import DagsterInstance, SensorEvaluationContext
from dagster._core.instance.ref import InstanceRef

_lock = threading.Lock()
_kept: list[tuple[InstanceRef, DagsterInstance]] = []


def instance_of(context: SensorEvaluationContext) -> DagsterInstance:
    """The instance that a tick belongs to. A tick must not close it."""
    ref = context.instance_ref
    if ref is None:  # the tick was made without a daemon, and has an instance
        return context.instance
    with _lock:
        if not _kept or _kept[0][0] != ref:
            _kept[:] = [(ref, DagsterInstance.from_ref(ref))]
        return _kept[0][1]
