"""Work that a person begins on a page, and that takes longer than a page waits: dry run, comparison, repair.

Here belongs: doing it in the background, one at a time, and what it came to. It is what `winbc plan` and `winbc
reconcile` do, by the same functions. What is at work ends with its process; a repair is then completed by the next run,
as any run that was killed.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ... import clock
from ...errors import NotDone, WinbcError
from ...staging.notes.pause import paused_until
from ...sync.connected import ConnectedFlow
from ...sync.run import dry_run
from ...sync.work import Work
from ..reconcile.findings import Finding, Reconciled
from ..reconcile.repair import Repaired, repair, to_repair
from ..reconcile.whole import reconcile

LOG = logging.getLogger(__name__)
Kind = Literal["plan", "compare", "repair"]


@dataclass
class Job:
    """Something that a person has begun in a flow.

    Attributes:
        number: tells it from all others of its process.
        step: what it does just now, in the program's words.
        ended: when it ended; None while it is at work.
        error: why it ended early, in words; empty where it did not.
        found: what a comparison came to; repaired: what a repair did.
    """

    number: int
    kind: Kind
    flow: str
    began: datetime
    step: str = ""
    ended: datetime | None = None
    error: str = ""
    found: Reconciled | None = None
    repaired: Repaired | None = None

    def told(self, step: str) -> None:
        """Notes what it does now."""
        self.step = step


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="desk work", daemon=True).start()


@dataclass
class Jobs:
    """The work of one process: one job at a time, and the last one of each flow.

    Attributes:
        now: the present moment, in UTC.
        start: begins a function, and comes back at once.
    """

    now: Callable[[], datetime] = clock.now
    start: Callable[[Callable[[], None]], None] = _in_a_thread
    _last: dict[str, Job] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _count: int = field(default=0, init=False)

    def of(self, flow: str) -> Job | None:
        """The last job of a flow; None where nobody has begun one."""
        return self._last.get(flow)

    def plan(self, connected: ConnectedFlow) -> Job:
        """Makes the dry run of all windows of a flow."""
        first, last = connected.settings.history_start, self.now().date()

        def work(job: Job) -> None:
            dry_run(Work(connected, first, last, f"plan {job.began:%Y-%m-%dT%H:%M:%SZ}", told=job.told), job.told)

        return self._begin("plan", connected, work)

    def compare(self, connected: ConnectedFlow) -> Job:
        """Compares both systems whole."""

        def work(job: Job) -> None:
            job.found = reconcile(connected, job.told)

        return self._begin("compare", connected, work)

    def proposed(self, connected: ConnectedFlow) -> tuple[Job, list[Finding]]:
        """The last comparison of a flow that was made here, and what a repair would send of it.

        Raises: NotDone where there is none.
        """
        job = self.of(connected.flow.id)
        if job is None or job.found is None:
            raise NotDone("Both systems were not compared here yet.", "Compare first: a repair acts on what is shown.")
        return job, to_repair(connected, job.found)

    def repair(self, connected: ConnectedFlow, seen: int, noted: Callable[[list[str]], None], take: str = "") -> Job:
        """Sends what the last comparison has shown, and compares again.

        Args:
            seen: number of the job whose findings the person has seen; take: as of `repair`.
            noted: is given the keys of the records when nothing refuses it any more, right before they are sent.

        Raises: NotDone when it is another one by now, or while the flow rests.
        """
        shown, wanted = self.proposed(connected)
        if shown.number != seen:
            raise NotDone("Both systems were compared again while you were looking; nothing was sent.", "Look again.")
        if until := paused_until(connected.settings, connected.flow.id, self.now()):
            raise NotDone(f"The flow rests until {until:%Y-%m-%d %H:%M} UTC.", "Let it go on on the page Settings.")

        def work(job: Job) -> None:
            noted([each.key for each in wanted])
            job.told("sending")
            job.repaired = repair(connected, wanted, f"repair {job.began:%Y-%m-%dT%H:%M:%SZ}", take)
            job.found = reconcile(connected, job.told)

        return self._begin("repair", connected, work)

    def _begin(self, kind: Kind, connected: ConnectedFlow, work: Callable[[Job], None]) -> Job:
        with self._lock:
            if busy := next((each for each in self._last.values() if each.ended is None), None):
                raise NotDone(f"{busy.flow} is at work since {busy.began:%H:%M} UTC.", "Wait until that has ended.")
            self._count += 1
            job = Job(self._count, kind, connected.flow.id, self.now())
            self._last[job.flow] = job
        self.start(lambda: self._carry_out(job, work))
        return job

    def _carry_out(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            work(job)
        except WinbcError as error:
            job.error = str(error)
        except Exception as error:  # noqa: BLE001
            job.error = "E-WINBC: Something unexpected happened: a defect of winbc. The log has where."
            where = "".join(traceback.format_tb(error.__traceback__))  # its text may hold a person's data
            LOG.error("%s of %s failed (%s):\n%s", job.kind, job.flow, type(error).__name__, where)
        finally:
            job.ended = self.now()
