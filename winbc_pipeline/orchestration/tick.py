"""One tick of a flow's sensor: is there something to do, and for which windows?

Here belongs: what a tick may cost, and when it requests a run. It opens the flow's database for a moment and asks the
source once. Concept page: Sensors.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter, SkipReason

from ..errors import WinbcError
from ..staging import ledger, polls
from ..staging.pause import paused_until
from ..staging.progress import last_asked
from ..staging.store import Row, Store
from ..sync import stage
from ..sync.connected import ConnectedFlow
from ..sync.outcomes import APPROVAL, APPROVED
from ..sync.stage import SECOND, Change, change_since
from .windows import range_tags

NO_APPROVAL = f"reason IS DISTINCT FROM '{APPROVAL}'"  # a run by itself can do nothing for what waits for an approval
AGAIN_S = 300  # seconds until a run is requested again for a change that is still open
AT_WORK = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]
Result = TypeVar("Result")


def tick(connected: ConnectedFlow, instance: DagsterInstance, now: datetime) -> RunRequest | SkipReason:
    """A request of a run for new changes and for records that are still open.

    Dagster starts no second run with the run key of an earlier one, even if that one failed. The key therefore holds
    the time in steps of AGAIN_S: while a change is open, a run is requested again every few minutes.

    Raises: StoreBusy when a run has the database open. A tick does not wait for it.
    """
    settings, store = connected.settings, connected.store
    if resting := paused(connected, now):
        return resting
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    followed = ledger.watermark(store, connected.flow.id, wait_s=0)
    if followed is None and last_asked(store, connected.staging.name, wait_s=0) is None:
        return _unless_at_work(connected, instance, _run(connected, start.date(), now, "the whole history", True))
    followed = followed or start - SECOND
    unknown: Change | None = Change(None, followed.date())
    change = within(stage.GLANCE_S, partial(_asked, connected, followed, now), unknown)
    rows = _waiting(connected)
    waiting = [row["window"] for row in rows]
    approved = max((row["moved_at"] for row in rows if row["reason"] == APPROVED), default=None)
    # A run of the same few minutes may have been held.
    since_approval = f" approved {approved.isoformat()}" if approved else ""
    if change and change.newest is None:  # it is not known whether a run that is at work will take it
        first = min([change.oldest, *waiting])
        request = _run(connected, first, now, f"changes since {followed.isoformat()}{since_approval}", True)
        return _unless_at_work(connected, instance, request)
    if change and change.newest:
        # The watermark never passes a change that is dated in the future. One run is enough for such a change.
        again = change.newest <= now
        return _run(connected, min([change.oldest, *waiting]), now, change.newest.isoformat() + since_approval, again)
    if waiting:
        return _run(connected, min(waiting), now, f"open records{since_approval}", True)
    return SkipReason(f"Nothing changed since {followed.isoformat()}.")


def _asked(connected: ConnectedFlow, followed: datetime, now: datetime) -> Change | None:
    """What changed after the watermark; notes that the source has answered, or why not."""
    flow, settings = connected.flow.id, connected.settings
    try:
        change = change_since(connected, followed)
    except WinbcError as error:
        polls.failed(settings, flow, error)
        raise
    # A change that is dated in the future stays one until then.
    polls.answered(settings, flow, waiting=change is not None and (change.newest is None or change.newest <= now))
    return change


def paused(connected: ConnectedFlow, now: datetime) -> SkipReason | None:
    """Why a flow is not started now, when a person has paused it."""
    until = paused_until(connected.settings, connected.flow.id, now)
    return SkipReason(f"Paused until {until.isoformat()} (`winbc pause`).") if until else None


def _run(connected: ConnectedFlow, first: date, now: datetime, what: str, again: bool) -> RunRequest:
    """A request of a run from a day to the present one.

    Args:
        what: why, as the run key tells it.
        again: whether it is requested again every AGAIN_S.
    """
    settings = connected.settings
    tags = range_tags(max(min(first, now.date()), settings.history_start), now.date(), settings)
    return RunRequest(run_key=f"{what} at {int(now.timestamp()) // AGAIN_S}" if again else what, tags=tags)


def _unless_at_work(
    connected: ConnectedFlow, instance: DagsterInstance, request: RunRequest
) -> RunRequest | SkipReason:
    """A request, unless a run of the flow waits or is at work. Long runs would pile up behind it."""
    if instance.get_runs_count(RunsFilter(job_name=connected.flow.id, statuses=AT_WORK)):
        return SkipReason("A run of this flow is at work. The tick after it looks again.")
    return request


def within(seconds: float, work: Callable[[], Result], otherwise: Result) -> Result:
    """The result of a work, or another value when it is not there in time; raises what the work raises in time.

    A late work goes on in its thread until its own calls end, and its result is dropped.
    """
    result: Future[Result] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised by `result`
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result() if wait([result], seconds).done else otherwise


def _waiting(connected: ConnectedFlow) -> list[Row]:
    """Ledger rows of the records that the next run can settle without a person.

    Their answer was lost, a person has approved them, or the flow that they wait for has confirmed a record since they
    began to wait.
    """
    values: list[datetime] = []
    where = f"(state IN ('PLANNED', 'UNKNOWN') AND {NO_APPROVAL})"
    for other in connected.flow.waits_for:
        path = connected.settings.flow_database(other)
        newest = ledger.newest(Store(path), "CONFIRMED", wait_s=0) if path.exists() else None
        if newest:
            where += " OR (reason = 'DEPENDENCY' AND moved_at < ?)"
            values.append(newest)
    return ledger.read(connected.store, where, values, wait_s=0)
