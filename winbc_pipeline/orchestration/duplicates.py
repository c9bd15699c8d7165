"""Searches every night for orders that have a second document, because somebody typed or copied one.

Here belongs: the job and its schedule. Which documents are looked up: sync/documents/duplicates.py.
Concept pages: Jobs, Schedules.
"""

from datetime import timedelta

from dagster import (
    Failure,
    JobDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    job,
    op,
)

from .. import clock
from ..health.publishing.publish import published
from ..sync.connected import ConnectedFlow
from ..sync.run import search_duplicates
from .jobs import IN_PROCESS, nightly_schedule
from .names import named, tags_of

LOOK_BACK = timedelta(days=30)  # since the order was confirmed
NAMED = 20  # orders in the failure's text


def duplicate_search(connected: ConnectedFlow) -> tuple[JobDefinition, ScheduleDefinition]:
    """The job that searches the documents of a flow, and the schedule that runs it every night (UTC)."""
    flow, settings, name = connected.flow, connected.settings, f"{connected.flow.id}_duplicates"

    @op(name=named(settings, f"look_for_duplicates_of_{flow.id}"), pool=named(settings, flow.id), config_schema={})
    def look(context: OpExecutionContext) -> None:
        with published(connected):
            found = search_duplicates(connected, clock.now() - LOOK_BACK, context.run_id)
        if found:
            more = " …" if len(found) > NAMED else ""
            names = ", ".join(found[:NAMED]) + more
            raise Failure(
                f"DUPLICATE: {len(found)} orders have two documents in Business Central: {names}. `winbc trace NUMBER` "
                "names the two documents. Delete one of them there, or change its external document number.",
                allow_retries=False,
            )
        context.log.info(f"No order of the last {LOOK_BACK.days} days has a second document.")

    @job(
        name=named(settings, name),
        tags=tags_of(settings),
        executor_def=IN_PROCESS,
        description="Looks for second documents of orders; deletes nothing.",
    )
    def duplicates() -> None:
        look()

    on = settings.timing(flow.id).schedules
    return duplicates, nightly_schedule(settings, name, duplicates.name, "0 3 * * *", on)
