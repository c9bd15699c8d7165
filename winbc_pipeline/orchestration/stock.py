"""The sweep of stock as a job with a schedule, and the check that names the SKUs without an article.

Here belongs: when both sides are compared, and how Dagster shows it. What a sweep does: sync/stock/sweep.py.
Concept pages: Jobs, Schedules, Asset checks.
"""

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    OpExecutionContext,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    job,
    op,
)

from .. import clock
from ..errors import WinbcError
from ..health.runs import watched
from ..sync.connected import ConnectedFlow
from ..sync.stock.report import in_words, unsent
from ..sync.stock.sweep import sweep
from .following.tick import paused
from .jobs import IN_PROCESS
from .names import named, tags_of

CHECK = "every_sku_has_an_article"
CHECK_TEXT = "Every SKU has an article or item in the target, and nothing else keeps its stock back. docs/stock.md."
NAMED = 20  # SKUs in a failure's text


def stock_sweep(connected: ConnectedFlow) -> tuple[JobDefinition, ScheduleDefinition]:
    """The job that compares the figures of both systems, and the schedule that runs it (`stock.sweep_minutes`)."""
    flow, settings = connected.flow, connected.settings
    minutes, hours, name = settings.stock.sweep_minutes, settings.stock.full_sweep_hours, f"{flow.id}_figures"

    @op(name=named(settings, f"compare_{flow.id}"), pool=named(settings, flow.lease), config_schema={})
    def compare(context: OpExecutionContext) -> None:
        try:
            with watched(connected, job=name):
                done = sweep(connected, context.run_id)
        except WinbcError as error:
            raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from None
        context.log.info(f"{done.seen} SKUs looked at, {done.differing} of them differed or were not known.")
        if done.late:
            context.log.warning(
                f"{done.late} SKUs were not looked at for {hours} hours. Raise `stock.calls_per_hour`, or the hours."
            )
        if done.failed:
            names = ", ".join(f"{row['key']} ({row['reason'] or row['state']})" for row in done.failed[:NAMED])
            raise Failure(f"{len(done.failed)} SKUs are not done: {names}. See docs/errors.md.", allow_retries=False)

    @job(
        name=named(settings, name),
        tags=tags_of(settings),
        executor_def=IN_PROCESS,
        description="Compares live stock with live stock; sends what differs.",
    )
    def figures() -> None:
        compare()

    def unless_paused(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        return paused(connected, clock.now()) or RunRequest()

    is_on = settings.timing(flow.id).schedules
    return figures, ScheduleDefinition(
        name=named(settings, f"{name}_sweep"),
        job_name=named(settings, name),
        execution_fn=unless_paused,
        cron_schedule="0 * * * *" if minutes == 60 else f"*/{minutes} * * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if is_on else DefaultScheduleStatus.STOPPED,
    )


def without_article(connected: ConnectedFlow) -> AssetCheckResult:
    """Which SKUs are not sent, and why. It warns: nothing is wrong with the run."""
    found = unsent(connected)
    counts = {f"skipped_{reason.lower()}": count for reason, (count, _) in found.items()}
    return AssetCheckResult(
        check_name=CHECK,
        passed=not found,
        severity=AssetCheckSeverity.WARN,
        metadata={**counts, "skus": "\n".join(in_words(found))},
    )
