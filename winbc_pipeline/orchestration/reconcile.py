"""Whether both systems agree, as jobs: counts every night, all records every week.

Here belongs: when it is asked, and how Dagster shows it. What is compared: workbench/reconcile/. The factory (build.py)
hands that in, because this folder and the workbench do not know each other.
Concept pages: Jobs, Schedules, Asset observations.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from dagster import (
    AssetObservation,
    DagsterInvalidDefinitionError,
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    OpDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from ..errors import CallsSpent, ConfigurationError, WinbcError
from ..sync.connected import ConnectedFlow
from .names import key_of, named, tags_of


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


def comparison(asked: Sequence[tuple[ConnectedFlow, Ask]], name: str) -> tuple[JobDefinition, ScheduleDefinition]:
    """A job that asks whether both systems agree on flows of one connection, and its schedule.

    Figures stand as an observation at each flow's last asset. The run fails when they do not agree.

    Args:
        asked: one flow; or all of a connection that is served together with others, so that they are fewer jobs.
        name: COUNTS or WHOLE.

    Raises: ConfigurationError for a cron expression that Dagster does not take.
    """
    first, _ = asked[0]
    settings, steps = first.settings, [_step(connected, name, ask) for connected, ask in asked]

    @job(
        name=named(settings, name) if settings.prefix else f"{first.flow.id}_{name}",
        tags=tags_of(settings),
        executor_def=in_process_executor,
        description=TEXTS[name],
    )
    def comparing() -> None:
        for step in steps:
            step()

    cron = settings.reconcile.counts_cron if name == COUNTS else settings.reconcile.whole_cron
    is_on = any(settings.timing(connected.flow.id).schedules for connected, _ in asked)
    try:
        return comparing, ScheduleDefinition(
            job=comparing,
            cron_schedule=cron,
            execution_timezone="UTC",
            default_status=DefaultScheduleStatus.RUNNING if is_on else DefaultScheduleStatus.STOPPED,
        )
    except DagsterInvalidDefinitionError:
        setting = "reconcile.counts_cron" if name == COUNTS else "reconcile.whole_cron"
        hint = "Give minute, hour, day, month and weekday (UTC), such as `20 2 * * *`."
        raise ConfigurationError(f"The setting {setting}: `{cron}` is no cron expression.", hint) from None


def _step(connected: ConnectedFlow, name: str, ask: Ask) -> OpDefinition:
    """The step that asks about one flow. Another flow's goes on when it fails."""
    flow, settings = connected.flow, connected.settings

    @op(name=named(settings, f"{name}_of_{flow.id}"), config_schema={})
    def compare(context: OpExecutionContext) -> None:
        found = _asked(context, connected, ask)
        if found is None:
            return
        key = key_of(settings, "synced", flow.id)
        metadata = {f"{name}/{each}": value for each, value in found.figures.items()}
        context.log_event(AssetObservation(key, description=found.in_words, metadata=metadata))
        if not found.agrees:
            hint = f"`winbc reconcile {flow.id}` names the records, `--repair` sends them. See docs/operations.md."
            raise Failure(f"The two systems do not agree: {found.in_words}. {hint}", allow_retries=False)

    return compare


def _asked(context: OpExecutionContext, connected: ConnectedFlow, ask: Ask) -> Answer | None:
    """The answer; None when the calls were used up before there was one. The next run of the job goes on."""
    try:
        return ask(connected)
    except CallsSpent as error:
        context.log.warning(f"{error} `winbc reconcile {connected.flow.id}` goes on too.")
        return None
    except WinbcError as error:
        raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None
