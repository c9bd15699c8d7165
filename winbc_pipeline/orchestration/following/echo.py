"""Which runs are probably woken by what another run has written, and may wait while a person's change goes first.

It is a guess, and decides nothing but the order (launcher/gentle.py). Whether a change is our own decides the run.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from dagster import DagsterInstance, RunsFilter

from ...flows import FLOWS
from ...sync.connected import ConnectedFlow
from ...sync.flow import Flow
from ..launcher.gentle import TAGS
from ..names import named, tags_of

LOOK_BACK = timedelta(minutes=1)
CLOCKS_S = 2  # so far may the source's clock be off, which often gives whole seconds only
MOST = 20  # runs that are looked at
WRITES = {"order_status": "orders", "stock": "products"}  # whose records a flow changes that has none of its own


def tags(connected: ConnectedFlow, instance: DagsterInstance, moment: datetime, now: datetime) -> Mapping[str, str]:
    """The tags of a run that a change of a moment wakes: some where a run was writing to its source just then.

    Args:
        moment: the modification moment of the newest change.
    """
    if now - moment > LOOK_BACK:
        return {}
    flow, settings = connected.flow, connected.settings
    others = (other for other in FLOWS if other.target == flow.source and _kind(other) == _kind(flow))
    writers = {named(settings, other.id) for other in others}
    lately = RunsFilter(updated_after=now - LOOK_BACK, tags=tags_of(settings))
    for record in instance.get_run_records(lately, limit=MOST):
        began, ended = record.start_time or math.inf, record.end_time or now.timestamp()
        wrote = began - CLOCKS_S <= moment.timestamp() <= ended + CLOCKS_S
        if wrote and record.dagster_run.job_name in writers:
            return TAGS
    return {}


def _kind(flow: Flow) -> str:
    return WRITES.get(flow.name, flow.name)
