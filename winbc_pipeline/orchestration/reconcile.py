"""Whether both systems agree, as jobs: counts every night, all records every week.

Here belongs: when it is asked, and how Dagster shows it. What is compared: workbench/reconcile/. The factory (build.py)
hands that in, because this folder and the workbench do not know each other.
Concept pages: Jobs, Schedules, Asset observations.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import duckdb
from dagster import (
    AssetObservation,
    DagsterInvalidDefinitionError,
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    job,
    op,
)

from ..errors import CallsSpent, ConfigurationError, WinbcError
from ..sync.connected import ConnectedFlow
from .jobs import IN_PROCESS
from .metadata import refused
from .names import is_of, key_of, named, tags_of


class Answer(Protocol):
    """What a comparison came to."""

    @property
    def agrees(self) -> bool: ...

    @property
    def figures(self) -> Mapping[str, int | str]: ...

    @property
    def in_words(self) -> str: ...


Ask = Callable[[ConnectedFlow], Answer]
COUNTS, WHOLE = "counts", "reconcile"
TEXTS = {
    COUNTS: "Counts and sums what was sent, and what of it is in the target.",
    WHOLE: "Compares both systems whole, field by field; writes to neither.",
}


def comparison(asked: Sequence[tuple[ConnectedFlow, Ask]], name: str) -> JobDefinition:
    """A job that asks whether both systems agree on flows.

    Figures stand as an observation at each flow's last asset. The run fails when they do not agree.

    Args:
        asked: one flow; or all of the connections that are served together, and each run is of one of them (names.py).
        name: COUNTS or WHOLE.
    """
    own = _job_name(asked[0][0], name)

    @op(name=f"ask_{own}", config_schema={})
    def ask_all(context: OpExecutionContext) -> None:
        chosen = [(connected, ask) for connected, ask in asked if is_of(context.run, connected.settings)]
        faults = [fault for connected, ask in chosen if (fault := _fault(context, connected, name, ask))]
        if faults:
            raise Failure(" ".join(faults), allow_retries=False)

    @job(name=own, executor_def=IN_PROCESS, description=TEXTS[name])
    def comparing() -> None:
        ask_all()

    return comparing


def comparison_schedule(flows: Sequence[ConnectedFlow], name: str) -> ScheduleDefinition:
    """The schedule of this job for some flows of one connection.

    Raises: ConfigurationError for a cron expression that Dagster does not take.
    """
    settings, own = flows[0].settings, _job_name(flows[0], name)
    cron = settings.reconcile.counts_cron if name == COUNTS else settings.reconcile.whole_cron
    is_on = any(settings.timing(connected.flow.id).schedules for connected in flows)
    try:
        return ScheduleDefinition(
            name=named(settings, f"{own}_schedule"),
            job_name=own,
            tags=tags_of(settings),
            cron_schedule=cron,
            execution_timezone="UTC",
            default_status=DefaultScheduleStatus.RUNNING if is_on else DefaultScheduleStatus.STOPPED,
        )
    except DagsterInvalidDefinitionError:
        setting = "reconcile.counts_cron" if name == COUNTS else "reconcile.whole_cron"
        hint = "Give minute, hour, day, month and weekday (UTC), such as `20 2 * * *`."
        raise ConfigurationError(f"The setting {setting}: `{cron}` is no cron expression.", hint) from None


def _job_name(first: ConnectedFlow, name: str) -> str:
    return name if first.settings.prefix else f"{first.flow.id}_{name}"


def _fault(context: OpExecutionContext, connected: ConnectedFlow, name: str, ask: Ask) -> str:
    """Asks about one flow, and shows the figures. Returns what is wrong, in words: the next flow is asked all the same.

    When the calls were used up before there was an answer, nothing is: the next run of the job goes on.
    """
    flow, whose = connected.flow, named(connected.settings, connected.flow.id)
    try:
        found = ask(connected)
    except CallsSpent as error:
        context.log.warning(f"{error} `winbc reconcile {flow.id}` goes on too.")
        return ""
    except WinbcError as error:
        return f"{whose}: {error}"
    except duckdb.Error as error:
        return f"{whose}: {refused(error)}"
    metadata = {f"{name}/{each}": value for each, value in found.figures.items()}
    key = key_of(connected.settings, "synced", flow.id)
    context.log_event(AssetObservation(key, description=found.in_words, metadata=metadata))
    if found.agrees:
        return ""
    hint = f"`winbc reconcile {flow.id}` names the records, `--repair` sends them. See docs/operations.md."
    return f"{whose}: the two systems do not agree: {found.in_words}. {hint}"
