"""Every night: whether an order that was sent has a second document meanwhile, typed or copied by somebody.

Concept pages: Jobs, Schedules. What is looked up and what becomes of it: sync/documents/duplicates.py.
"""

from datetime import timedelta

from dagster import (
    Failure,
    JobDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from .. import clock
from ..sync.connected import ConnectedFlow
from ..sync.run import search_duplicates
from .jobs import nightly_schedule

LOOK_BACK = timedelta(days=30)
NAMED = 20


def duplicate_search(connected: ConnectedFlow) -> tuple[JobDefinition, ScheduleDefinition]:
    """The job for a flow that makes documents, and the schedule that runs it every night (UTC)."""
    flow = connected.flow

    @op(name=f"look_for_duplicates_of_{flow.id}", pool=flow.id)
    def look(context: OpExecutionContext) -> None:
        found = search_duplicates(connected, clock.now() - LOOK_BACK, context.run_id)
        if found:
            names = ", ".join(found[:NAMED]) + (" …" if len(found) > NAMED else "")
            raise Failure(
                f"DUPLICATE: {len(found)} orders have two documents in Business Central: {names}. `winbc trace NUMBER` "
                "names them; delete one there, or change its external document number.",
                allow_retries=False,
            )
        context.log.info("No order of the last 30 days has a second document.")

    @job(
        name=f"{flow.id}_duplicates",
        executor_def=in_process_executor,
        description="Looks for second documents of orders; deletes nothing.",
    )
    def duplicates() -> None:
        look()

    return duplicates, nightly_schedule(duplicates, "0 3 * * *", connected.settings)
