"""One tick of a flow's sensor: is there something to do, and for which windows?

Here belongs: what a tick may cost, and when it requests a run. It looks into the flow's databases (known.py), and waits
for the watch of the source (watch.py). Concept page: Sensors.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter, SkipReason

from ...staging.notes.pause import paused_until
from ...staging.store import Row
from ...sync.connected import ConnectedFlow
from ...sync.outcomes import APPROVED
from ...sync.reading.glance import Change, Question
from ...sync.session import Written
from ..names import named
from ..windows import RANGE_END, RANGE_START, range_tags
from . import echo
from . import watch as watching
from .known import Known, known_of, written
from .watch import BUSY_S, Watch

AGAIN_S = 300  # seconds until a run is requested again for a change that is still open
NOT_BEGUN = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED]
AT_WORK = [*NOT_BEGUN, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
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
    """A request of a run of the whole history, unless one is at work."""
    what = f"the whole history{_after_outage(connected, instance, watch)}"
    return _unless_at_work(connected, instance, _run(connected, connected.settings.history_start, now, what, True))


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
        return self.follows(question, self.watch.look(question), known.waiting)

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
            answer = self.follows(question, change, waiting)
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

    def follows(self, question: Question, change: Change | None, waiting: list[Row]) -> RunRequest | SkipReason:
        """What follows from an answer, and from the ledger's rows that a run can settle."""
        if change is None and not waiting:
            return SkipReason(f"Nothing changed since {question.followed.isoformat()}.")
        outage = _after_outage(self.connected, self.instance, self.watch)
        return _answer(self.connected, self.instance, question.followed, change, waiting, outage, self.now())

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
    outage: str,
    now: datetime,
) -> RunRequest | SkipReason:
    """What follows from a change after the watermark, or from the ledger's rows that a run can settle.

    Args:
        outage: as `_after_outage` gives it.
    """
    waiting = [row["window"] for row in rows]
    approved = max((row["moved_at"] for row in rows if row["reason"] == APPROVED), default=None)
    # A run of the same few minutes may have been held, or have failed.
    anew = (f" approved {approved.isoformat()}" if approved else "") + outage
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
    last = next(iter(instance.get_runs(RunsFilter(job_name=_job(connected)), limit=1)), None)
    if last is None or last.status != DagsterRunStatus.FAILURE:
        return ""
    ends = [each.back_at() for each in (watch, watch.other) if each]
    over = max(filter(None, ends), default=None)
    return f" after the outage until {over.isoformat()}" if over else ""


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
