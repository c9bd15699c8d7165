"""One tick of a flow's sensor: is there something to do, and for which windows?

Here belongs: what a tick may cost, and when it requests a run. It looks into the flow's databases (known.py), and waits
for the watch of the source (watch.py). Concept page: Sensors.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunRequest, RunsFilter, SkipReason

from ... import clock
from ...staging.notes.pause import paused_until
from ...staging.store import Row
from ...sync.connected import ConnectedFlow
from ...sync.outcomes import APPROVED
from ...sync.reading.glance import Change, Question
from ...sync.session import Written
from ..names import named
from ..systems import NAMES
from ..windows import RANGE_END, RANGE_START, range_tags
from . import echo
from . import watch as watching
from .known import Known, known_of, written
from .watch import BUSY_S, Watch

AGAIN_S = 300  # seconds until a run is requested again for a change that is still open
LATEST_S = 6 * 3600  # seconds until a first load that has failed is requested again, at most
NOT_BEGUN = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED]
AT_WORK = [*NOT_BEGUN, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
BEGUN_AT = clock.now()  # of this process, which has read the settings
DONE, RUN_KEY = DagsterRunStatus.SUCCESS, "dagster/run_key"


def tick(
    connected: ConnectedFlow, instance: DagsterInstance, watch: Watch, now: Callable[[], datetime]
) -> RunRequest | SkipReason:
    """A request of a run for new changes and for records that are still open. It may take watch.STAY_S.

    Where Dagster's daemon has no threads for sensors, ticks run one after another, so none stays.

    Dagster starts no second run with the run key of an earlier one, even if that one failed. The key therefore holds
    the time in steps of AGAIN_S: while a change is open, a run is requested again every few minutes, and at once after
    an outage.

    Raises: StoreBusy when a run has the database open for longer than the tick waits. WinbcError of the source.
    """
    stays = bool(instance.get_sensor_settings().get("use_threads"))
    if resting := paused(connected, now()):
        return resting
    seen, known = known_of(connected, BUSY_S if stays else 0)
    if known.is_new:
        return first_load(connected, instance, watch, now())
    one = Tick(connected, instance, watch, now)
    return one.stay(seen, known) if stays else one.look(known)


def first_load(
    connected: ConnectedFlow, instance: DagsterInstance, watch: Watch, now: datetime
) -> RunRequest | SkipReason:
    """A request of a run of the whole history, unless one is at work, or it would soon fail as the last one did."""
    anew = _after_failure(connected, instance, watch, now)
    if isinstance(anew, SkipReason):
        return anew
    request = _run(connected, connected.settings.history_start, now, f"the whole history{anew}", True)
    return _unless_at_work(connected, instance, request)


@dataclass
class Tick:
    """A tick of a flow that was loaded once.

    Attributes:
        taken: the newest change for which there is a run. The watermark may pass it later: it stops before the second
            in which Winstore was asked.
    """

    connected: ConnectedFlow
    instance: DagsterInstance
    watch: Watch
    now: Callable[[], datetime]
    taken: datetime | None = None

    def look(self, known: Known) -> RunRequest | SkipReason:
        """What follows from one question."""
        question = self.question(known)
        return self.follows(question, self.watch.look(question), known.waiting, known.is_first)

    def stay(self, seen: list[Written], known: Known) -> RunRequest | SkipReason:
        """What follows from the first answer that asks for something new, in the time of a stay."""
        every = self.connected.settings.timing(self.connected.flow.id).sensor_seconds
        ends, waiting = time.monotonic() + watching.STAY_S, known.waiting

        def over() -> bool:
            try:
                return written(self.connected, known.depends) != seen and not self._is_at_work()
            except Exception:  # noqa: BLE001 - of the server with the state, not of the source: this tick meets it next
                return True

        while True:
            question, left = self.question(known), ends - time.monotonic()
            change = self.watch.look(question) if waiting else self.watch.stay(question, every, over, left)
            if resting := paused(self.connected, self.now()):
                return resting
            answer = self.follows(question, change, waiting, known.is_first)
            if not self._is_taken(answer, change, waiting):
                may_go_on = change is None and not waiting
                if isinstance(answer, RunRequest) or not (may_go_on and over() and left > every):
                    return answer
                seen, known = known_of(self.connected, BUSY_S)
                waiting = known.waiting
            elif left <= every:
                return SkipReason("There is a run for what changed.")
            else:
                waiting = []
                if self._is_at_work():  # it may fail, and the next tick then asks for another one
                    ends = min(ends, time.monotonic() + BUSY_S)

    def question(self, known: Known) -> Question:
        """What the source is asked."""
        return replace(known.asked, connected=self.connected, seen=self.taken)

    def follows(
        self, question: Question, change: Change | None, waiting: list[Row], is_first: bool
    ) -> RunRequest | SkipReason:
        """What follows from an answer, and from what the ledger says, as Known tells it."""
        if change is None and not waiting:
            return SkipReason(f"Nothing changed since {question.followed.isoformat()}.")
        anew: str | SkipReason
        if is_first:
            anew = _after_failure(self.connected, self.instance, self.watch, self.now())
        else:
            anew = _after_outage(self.connected, self.instance, self.watch)
        if isinstance(anew, SkipReason):
            return anew
        return _answer(self.connected, self.instance, question.followed, change, waiting, anew, self.now())

    def _is_taken(self, answer: RunRequest | SkipReason, change: Change | None, waiting: list[Row]) -> bool:
        """Whether there is a run for what changed, so that Dagster would start none. Then the change is noted."""
        if (change is None and not waiting) or (change and change.newest is None):
            return False
        if isinstance(answer, RunRequest) and not self._has_run(answer):
            return False
        self.taken = change.newest if change else self.taken
        return True

    def _has_run(self, request: RunRequest) -> bool:
        tags, statuses = {RUN_KEY: request.run_key or ""}, [*AT_WORK, DONE]
        wanted = RunsFilter(job_name=_job(self.connected), tags=tags, statuses=statuses)
        return bool(self.instance.get_runs_count(wanted))

    def _is_at_work(self) -> bool:
        wanted = RunsFilter(job_name=_job(self.connected), statuses=AT_WORK)
        return bool(self.instance.get_runs_count(wanted))


def _answer(
    connected: ConnectedFlow,
    instance: DagsterInstance,
    followed: datetime,
    change: Change | None,
    rows: list[Row],
    after: str,
    now: datetime,
) -> RunRequest | SkipReason:
    """What follows from a change after the watermark, or from the ledger's rows that a run can settle.

    Args:
        after: what `_after_outage` or `_after_failure` says.
    """
    waiting = [row["window"] for row in rows]
    approved = max((row["moved_at"] for row in rows if row["reason"] == APPROVED), default=None)
    # A run of the same few minutes may have been held, or have failed.
    anew = (f" approved {approved.isoformat()}" if approved else "") + after
    if change and change.newest is None:  # it is not known whether a run that is at work will take it
        first = min([change.oldest, *waiting])
        request = _run(connected, first, now, f"changes since {followed.isoformat()}{anew}", True)
        return _unless_at_work(connected, instance, request)
    if change and change.newest:
        # The watermark never passes a change that is dated in the future. One run is enough for such a change.
        again = change.newest <= now
        what = change.newest.isoformat() + anew
        request = _run(connected, min([change.oldest, *waiting]), now, what, again)
        request = request.with_replaced_attrs(
            tags={**request.tags, **echo.tags(connected, instance, change.newest, now)}
        )
        return _unless_queued(connected, instance, request)
    request = _run(connected, min(waiting), now, f"open records{anew}", True)
    return _unless_queued(connected, instance, request)


def _after_outage(connected: ConnectedFlow, instance: DagsterInstance, watch: Watch) -> str:
    """What a run key says of an outage that is over, so that the run that it has stopped is requested again at once.

    It says nothing while the last run of the flow has not failed, or a system is still down.
    """
    if _failed_run(connected, instance) is None:
        return ""
    over = max(filter(None, [each.back_at() for each in watch.both]), default=None)
    return f" after the outage until {over.isoformat()}" if over else ""


def _after_failure(
    connected: ConnectedFlow, instance: DagsterInstance, watch: Watch, now: datetime
) -> str | SkipReason:
    """What a run key says of a first load that has failed, so that another one is requested; why none is, yet.

    It says nothing while the last run of the flow has not failed. Dagster notes each window of a run before it begins:
    one over three years that fails at once leaves 33 MB. So the next one comes after 5, 10, 20 … minutes, or LATEST_S
    while a system is down; at once where something may have mended it.
    """
    last = _failed_run(connected, instance)
    if last is None:
        return ""
    ended = datetime.fromtimestamp(last.end_time or 0, UTC)
    mended = max(filter(None, [*(each.back_at() for each in watch.both), BEGUN_AT, _edited_at(connected)]))
    down = next((NAMES[each.source] for each in watch.both if each.is_down), "")
    failed = instance.get_runs_count(RunsFilter(job_name=_job(connected), statuses=[DagsterRunStatus.FAILURE]))
    due = ended + timedelta(seconds=LATEST_S if down else min(AGAIN_S * 2 ** (failed - 1), LATEST_S))
    if now < due and (down or mended <= ended):
        why = f"{down} does not answer, or refuses" if down else "The last run failed"
        return SkipReason(f"{why}. The next run begins at {due:%H:%M} UTC, or when something was done about it.")
    return f" after {max(mended, ended).isoformat()}"


def _failed_run(connected: ConnectedFlow, instance: DagsterInstance) -> RunRecord | None:
    """The last run of a flow, if it has failed."""
    for last in instance.get_run_records(RunsFilter(job_name=_job(connected)), limit=1):
        if last.dagster_run.status == DagsterRunStatus.FAILURE:
            return last
    return None


def _edited_at(connected: ConnectedFlow) -> datetime:
    """When somebody last wrote one of the flow's mapping tables."""
    return datetime.fromtimestamp(
        max((path.stat().st_mtime for path in connected.table_files.values()), default=0), UTC
    )


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
    if instance.get_runs_count(RunsFilter(job_name=_job(connected), statuses=AT_WORK)):
        return SkipReason("A run of this flow is at work. The tick after it looks again.")
    return request


def _unless_queued(connected: ConnectedFlow, instance: DagsterInstance, request: RunRequest) -> RunRequest | SkipReason:
    """A request, unless a run of the same days waits for its turn: it will read this change too."""
    days = {name: request.tags[name] for name in (RANGE_START, RANGE_END)}
    if instance.get_runs_count(RunsFilter(job_name=_job(connected), statuses=NOT_BEGUN, tags=days)):
        return SkipReason("A run that waits in the queue will take what changed.")
    return request


def _job(connected: ConnectedFlow) -> str:
    return named(connected.settings, connected.flow.id)
