"""One watch per source system: it asks what changed, for all flows whose sensors wait for it.

Here belongs: how often a source is asked, and who waits how long. What is asked: sync/reading/glance.py; what follows
from the answer: tick.py. A watch is kept between ticks, by the process that serves the code. Concept page: Sensors.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from ... import clock
from ...errors import AuthenticationFailed, SystemUnavailable, WinbcError, named
from ...settings import Settings
from ...staging.notes import polls
from ...sync.reading import glance
from ...sync.reading.glance import Answer, Change, Glance, Question
from ..systems import NAMES

LOG = logging.getLogger(__name__)
LOOP_S = 5  # Dagster's daemon looks every five seconds which sensors are due; it is a constant of Dagster
# So long a tick stays: it is over when the daemon looks for the tenth time, and before Dagster gives it up (60 s).
STAY_S = 10 * LOOP_S - 1
REST_S = 60  # a watch that nobody asks for so long ends its thread and its client
NOTE_S = 15  # a tick that stays notes so often that the source answers: else its flow would soon count as late
BUSY_S = LOOP_S - 1  # so long a tick waits for a run that has the flow's database open
IN_FLIGHT = 5  # calls at once
DOWN = (SystemUnavailable, AuthenticationFailed)  # answers of a system that answers no question
# The number of threads in which Dagster's code server answers everything, ticks among them, and the server before it.
WORKERS = ("DAGSTER_GRPC_MAX_WORKERS", "DAGSTER_CODE_SERVER_MAX_WORKERS")
FOR_OTHERS = 4  # threads that ticks leave to the UI, the daemon and runs


def never() -> bool:
    """A stay that only its own time ends."""
    return False


@dataclass
class _Waiting:
    """A tick that waits for an answer.

    Attributes:
        every_s: seconds from one question to the next.
        next_s: when it is asked next.
        last_s: the last moment at which it is asked.
        over: whether its question no longer holds.
        noted_s: when it was last noted that the source answers.
    """

    question: Question
    every_s: float
    next_s: float
    last_s: float
    over: Callable[[], bool]
    noted_s: float = -math.inf
    result: "Future[Change | None]" = field(default_factory=Future)


class Watch:
    """Asks one source system for all flows that wait, by one call where the system can answer them in one.

    Questions are asked on the beat: at whole multiples of their interval, so that those of several ticks come together.

    Args:
        source: winstore or bc.
        staying: lets in as many ticks as may stay at once, in all watches together.
        clock: seconds.

    Attributes:
        other: the watch of the other system; None for a watch by itself.
        is_down: whether the last question had no answer.
    """

    def __init__(
        self,
        source: str,
        settings: Settings,
        staying: threading.Semaphore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.settings, self.staying, self.clock = source, settings, staying, clock
        self.changed = threading.Condition()
        self.waiting: list[_Waiting] = []
        self.thread: threading.Thread | None = None
        self.other: Watch | None = None
        self.is_down = False
        self._back_at: datetime | None = None
        self._asking, self._asked_s = threading.Lock(), -math.inf  # whether it is there, and when it last was

    @property
    def both(self) -> "tuple[Watch, ...]":
        """The watches of the source and of the other system."""
        return (self, self.other) if self.other else (self,)

    def back_at(self) -> datetime | None:
        """When the system answered again after its last outage; None when it is down, or no outage was seen.

        A system that nobody asks at this time is asked whether it is there, once for all flows that want to know.
        """
        with self._asking:
            if self.thread is None and self.clock() - self._asked_s >= BUSY_S:
                self._ask_whether_there()
                self._asked_s = self.clock()
        return None if self.is_down else self._back_at

    def _ask_whether_there(self) -> None:
        fault = None
        try:
            eyes = Glance(self.source, self.settings)
            try:
                eyes.ping()
            finally:
                eyes.close()
        except WinbcError as error:
            fault = error
        self._heard(fault)

    def _heard(self, fault: WinbcError | None) -> None:
        """Notes that the system has answered, or why not. The log has a line for each change of that, and no more."""
        if fault and not self.is_down:
            LOG.warning("%s does not answer. %s", NAMES[self.source], fault)
        if self.is_down and not fault:
            self._back_at = clock.now()
            LOG.warning("%s answers again.", NAMES[self.source])
        self.is_down = fault is not None

    def look(self, question: Question) -> Change | None:
        """What changed, by one question. Raises WinbcError."""
        (answer,) = self.begin([question])
        return answer.result()

    def begin(self, questions: Sequence[Question]) -> "list[Future[Change | None]]":
        """Asks several flows' questions together, once, and returns at once what their answers will be."""
        now = self.clock()
        return self._begin([_Waiting(each, 0, now, now, never) for each in questions])

    def stay(
        self, question: Question, every_s: float, over: Callable[[], bool], most_s: float | None = None
    ) -> Change | None:
        """What changed, as soon as something has; None when nothing has within the stay.

        There is one answer at least. Where too many ticks stay already, or the next question would come after the
        stay, there is one only.

        Args:
            every_s: seconds from one question to the next.
            over: ends the stay early when it says so.
            most_s: seconds that it stays at most; STAY_S by default.
        Raises: WinbcError.
        """
        if every_s > STAY_S / 2 or not self.staying.acquire(blocking=False):
            return self.look(question)
        try:
            now = self.clock()
            beat = _beat(now, every_s)
            ends = max(beat, now + (STAY_S if most_s is None else most_s))
            (answer,) = self._begin([_Waiting(question, every_s, beat, ends, over)])
            return answer.result()
        finally:
            self.staying.release()

    def _begin(self, waiting: Sequence[_Waiting]) -> "list[Future[Change | None]]":
        with self.changed:
            self.waiting += waiting
            if self.thread is None:
                self.thread = threading.Thread(target=self._serve, name=f"watch {self.source}", daemon=True)
                self.thread.start()
            self.changed.notify()
        return [each.result for each in waiting]

    def _serve(self) -> None:
        """Asks until nobody has waited for a while. Whatever fails is told to those who wait."""
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            eyes: Glance | None = None
            try:
                while due := self._next():
                    eyes = eyes or Glance(self.source, self.settings)
                    if self._ask(pool, eyes, due):
                        continue
                    eyes.close()  # a new one asks for a new token, and asks a host again that did not answer
                    eyes = None
            except BaseException as error:  # noqa: BLE001 - raised in the ticks
                self._give_up(error)
            finally:
                if eyes:
                    eyes.close()

    def _next(self) -> list[_Waiting]:
        """Those whose turn it is, once there are some; none after a while without any. Then the thread ends."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.waiting, REST_S):
                self.thread = None
                return []
            while (pause := min(each.next_s for each in self.waiting) - self.clock()) > 0:
                self.changed.wait(pause)
            now = self.clock()
            return [each for each in self.waiting if each.next_s <= now]

    def _ask(self, pool: ThreadPoolExecutor, eyes: Glance, due: list[_Waiting]) -> bool:
        """Asks for those whose turn it is. Returns whether the system answered, and took the credentials."""
        calls = eyes.together([each.question for each in due])
        asked = {pool.submit(eyes.ask, call): call for call in calls}
        wait(asked, glance.GLANCE_S)
        told: list[tuple[Question, Answer, bool]] = []
        for call, questions in asked.items():
            is_told = call.done()
            if not is_told:
                call.add_done_callback(partial(self._note_late, questions))
            answers: list[Answer] = call.result() if is_told else [each.unknown for each in questions]
            told += [(question, answer, is_told) for question, answer in zip(questions, answers, strict=True)]
        fault = next((answer for _, answer, _ in told if isinstance(answer, DOWN)), None)
        if fault or all(is_told for *_, is_told in told):
            self._heard(fault)  # before a tick goes on that looks at it
        by_question = {each.question: each for each in due}
        for question, answer, is_told in told:
            self._tell(by_question[question], answer, is_told)
        return fault is None

    def _note_late(self, questions: Sequence[Question], call: "Future[list[Answer]]") -> None:
        """Notes what a call came to that nobody waits for any more: a slow source is not a silent one."""
        fault = call.exception()
        answers = [named(fault)] * len(questions) if fault else call.result()
        self._heard(next((answer for answer in answers if isinstance(answer, DOWN)), None))
        with self.changed:
            for question, answer in zip(questions, answers, strict=True):
                _note(question, answer)

    def _tell(self, one: _Waiting, answer: Answer, is_told: bool) -> None:
        """Ends the waiting of one that has an answer, or whose last question this was.

        Args:
            is_told: whether the source has answered. What comes too late is noted when it comes.
        """
        is_over = answer is not None or not one.every_s or one.over()  # which may take a while, so nobody waits for it
        with self.changed:
            if one.every_s:
                one.next_s = max(one.next_s + one.every_s, _beat(self.clock(), one.every_s))
            if not is_over and one.next_s <= one.last_s:
                if is_told and self.clock() - one.noted_s >= NOTE_S:
                    _note(one.question, answer)
                    one.noted_s = self.clock()
                return
            self.waiting.remove(one)
            if is_told:
                _note(one.question, answer)
            if isinstance(answer, WinbcError):
                one.result.set_exception(answer)
            else:
                one.result.set_result(answer)

    def _give_up(self, error: BaseException) -> None:
        with self.changed:
            self.thread = None
            for each in self.waiting:
                _note(each.question, named(error))
                each.result.set_exception(error)
            self.waiting.clear()


def _beat(now: float, every_s: float) -> float:
    """The next moment at which all that wait with this interval are asked together."""
    return math.ceil(now / every_s) * every_s


def _note(question: Question, answer: Answer) -> None:
    """Notes that a flow's source has answered, or why not."""
    flow, settings = question.connected.flow.id, question.connected.settings
    if isinstance(answer, WinbcError):
        polls.failed(settings, flow, answer)
        return
    # A change that is dated in the future stays one until then.
    waits = answer is not None and (answer.newest is None or answer.newest <= clock.now())
    polls.answered(settings, flow, waiting=waits)


def watches(settings: Settings) -> dict[str, Watch]:
    """The watch of each source system, by its name. They ask nothing until a tick waits for them."""
    default = min(32, (os.cpu_count() or 1) + 4)  # that of Python's thread pool, which Dagster's servers use
    workers = min(int(os.environ.get(name) or default) for name in WORKERS)
    staying = threading.Semaphore(max(0, workers - FOR_OTHERS))
    winstore, bc = (Watch(source, settings, staying) for source in ("winstore", "bc"))
    winstore.other, bc.other = bc, winstore
    return {"winstore": winstore, "bc": bc}
