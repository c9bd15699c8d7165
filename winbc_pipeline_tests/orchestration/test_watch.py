"""One watch per source system asks for all flows whose ticks wait, and a tick stays until something changes.

Source of the promises: docs/operations.md, "How fast a change arrives".
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from winbc_pipeline.errors import SystemUnavailable, WinbcError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.following import watch
from winbc_pipeline.orchestration.following.watch import Watch, never, watches
from winbc_pipeline.orchestration.following.watch_health import EVERY_S
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.glance import Answer, Change, Question

FOLLOWED = datetime(2026, 3, 1, tzinfo=UTC)
CHANGE = Change(FOLLOWED.replace(day=2), FOLLOWED.date())
QUICK_S = 0.02


@dataclass
class Source:
    """A source system of the test: what it answers, and the flows that each call asked for."""

    answer: Callable[[Question], Answer] = lambda _: None
    calls: list[list[str]] = field(default_factory=list)
    clients: int = 0
    closed: int = 0
    pings: int = 0

    def ping(self) -> None:
        self.pings += 1

    def together(self, questions: Sequence[Question]) -> list[list[Question]]:
        return [list(questions)]

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        self.calls.append(sorted(each.connected.flow.name for each in questions))
        return [self.answer(each) for each in questions]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    made = Source()

    def glance(*_: object) -> Source:
        made.clients += 1
        return made

    monkeypatch.setattr(watch, "Glance", glance)
    monkeypatch.setattr(watch, "STAY_S", 10 * QUICK_S)
    return made


@pytest.fixture
def ticks() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def watching(source: Source) -> Watch:
    return Watch("bc", Settings(), threading.Semaphore(8))


def asked_for(flow: str) -> Question:
    return Question(ConnectedFlow(flow_named(flow), Settings()), FOLLOWED)


def stays(pool: ThreadPoolExecutor, watching: Watch, *flows: str) -> "list[Future[Change | None]]":
    return [pool.submit(watching.stay, asked_for(flow), QUICK_S, never) for flow in flows]


def test_a_tick_stays_until_something_changes(watching: Watch, source: Source, ticks: ThreadPoolExecutor) -> None:
    source.answer = lambda _: CHANGE if len(source.calls) >= 3 else None
    (tick,) = stays(ticks, watching, "orders_bc_to_winstore")
    assert tick.result() == CHANGE
    assert len(source.calls) == 3


def test_a_tick_that_stays_notes_that_the_source_answers(
    watching: Watch, source: Source, ticks: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays longer than a source may be silent (`late.poll_seconds`), and a quiet shop is not late."""
    assert Settings().late.poll_seconds - EVERY_S > watch.NOTE_S
    noted = list[int]()
    monkeypatch.setattr(watch, "_note", lambda *_: noted.append(len(source.calls)))
    monkeypatch.setattr(watch, "NOTE_S", 3 * QUICK_S)
    (tick,) = stays(ticks, watching, "orders_bc_to_winstore")
    assert tick.result() is None
    assert noted[0] == 1
    assert 3 <= len(noted) < len(source.calls), "not with each answer"


def test_a_tick_that_sees_nothing_ends_before_the_daemon_looks_again(watching: Watch, source: Source) -> None:
    assert watching.stay(asked_for("orders_bc_to_winstore"), QUICK_S, never) is None
    assert 5 <= len(source.calls) <= 11


def test_the_flows_of_a_source_are_asked_for_in_one_call(
    watching: Watch, source: Source, ticks: ThreadPoolExecutor
) -> None:
    stays(ticks, watching, "orders_bc_to_winstore", "products_bc_to_winstore", "customers_bc_to_winstore")
    ticks.shutdown()
    assert ["customers", "orders", "products"] in source.calls
    assert len(source.calls) <= 13, "a call each beat, not one for each flow"


def test_one_client_serves_all_ticks(watching: Watch, source: Source) -> None:
    for _ in range(3):
        watching.look(asked_for("orders_bc_to_winstore"))
    assert (source.clients, source.closed) == (1, 0)


def test_a_change_of_one_flow_leaves_the_others_waiting(
    watching: Watch, source: Source, ticks: ThreadPoolExecutor
) -> None:
    source.answer = lambda question: CHANGE if question.connected.flow.name == "orders" else None
    orders, products = stays(ticks, watching, "orders_bc_to_winstore", "products_bc_to_winstore")
    assert orders.result() == CHANGE
    assert not products.done()
    assert products.result() is None


def test_an_outage_is_told_to_each_tick_and_ends_the_client(
    watching: Watch, source: Source, ticks: ThreadPoolExecutor
) -> None:
    """The next question has a new token, and asks a host again that did not answer."""

    def down(_: Question) -> WinbcError:
        return SystemUnavailable("BC cannot be reached.")

    source.answer = down
    for tick in stays(ticks, watching, "orders_bc_to_winstore", "products_bc_to_winstore"):
        with pytest.raises(SystemUnavailable):
            tick.result()
    source.answer = lambda _: None
    assert watching.look(asked_for("orders_bc_to_winstore")) is None
    assert source.clients == source.closed + 1


def test_a_stay_ends_when_its_question_no_longer_holds(watching: Watch, source: Source) -> None:
    """A run has written: what was followed until then is an old moment."""
    assert watching.stay(asked_for("orders_bc_to_winstore"), QUICK_S, lambda: True) is None
    assert len(source.calls) == 1


def test_nobody_waits_while_a_tick_looks_whether_its_question_still_holds(
    watching: Watch, ticks: ThreadPoolExecutor
) -> None:
    """With state on a server, it asks the server."""

    def over() -> bool:
        return bool(ticks.submit(watching.begin, [asked_for("customers_bc_to_winstore")]).result(timeout=5))

    assert watching.stay(asked_for("orders_bc_to_winstore"), QUICK_S, over) is None


def test_a_flow_that_is_asked_seldom_does_not_stay(watching: Watch, source: Source) -> None:
    began = time.monotonic()
    watching.stay(asked_for("orders_bc_to_winstore"), 600, never)
    assert len(source.calls) == 1
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("variable", watch.WORKERS)
def test_where_the_code_server_has_few_threads_no_tick_stays(
    source: Source, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would hold up the UI and the runs."""
    monkeypatch.setenv(variable, str(watch.FOR_OTHERS))
    watches(Settings())["bc"].stay(asked_for("orders_bc_to_winstore"), QUICK_S, never)
    assert len(source.calls) == 1


def test_an_answer_that_does_not_come_is_a_change_that_nobody_knows(
    watching: Watch, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch.glance, "GLANCE_S", QUICK_S)
    answered = threading.Event()
    source.answer = lambda _: answered.wait(10) and None
    found = watching.look(asked_for("orders_bc_to_winstore"))
    answered.set()
    assert found == Change(None, FOLLOWED.date())


@pytest.mark.parametrize(
    ("late", "noted"),
    [
        (None, ""),
        (SystemUnavailable("BC does not answer."), "E-UNREACHABLE"),
        (RuntimeError("a fault of ours"), "E-WINBC"),
    ],
)
def test_what_a_late_answer_says_is_noted_when_it_comes(
    source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, late: Exception | None, noted: str
) -> None:
    """Else a slow source would count as a silent one, and its flows as late all day."""
    monkeypatch.setattr(watch.glance, "GLANCE_S", QUICK_S)
    slow, written = threading.Event(), threading.Event()
    note = watch._note

    def answer(_: Question) -> Answer:
        slow.wait(10)
        if late and not isinstance(late, WinbcError):
            raise late
        return late

    settings = Settings(data_folder=tmp_path)

    def noting(question: Question, answer: Answer) -> None:
        note(question, answer)
        if question.connected.settings is settings:  # a late answer of the test before may come now
            written.set()

    monkeypatch.setattr(watch, "_note", noting)
    source.answer = answer
    watching = Watch("bc", settings, threading.Semaphore(8))
    question = Question(ConnectedFlow(flow_named("orders_bc_to_winstore"), settings), FOLLOWED)
    assert watching.look(question) == Change(None, FOLLOWED.date())
    slow.set()
    assert written.wait(10)
    poll = polls.read(settings, "orders_bc_to_winstore")
    assert (poll.error, bool(poll.answered_at)) == (noted, late is None)


def test_the_log_has_a_line_when_an_outage_begins_and_one_when_it_is_over(
    source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often is asked meanwhile, by however many flows."""
    watching = Watch("bc", Settings(data_folder=tmp_path), threading.Semaphore(8))
    answers: list[Answer] = [None, *[SystemUnavailable("It cannot be reached.")] * 3, None, None]
    source.answer = lambda _: answers[0]
    question = Question(ConnectedFlow(flow_named("orders_bc_to_winstore"), watching.settings), FOLLOWED)
    back = []
    while answers:
        with suppress(SystemUnavailable):
            watching.look(question)
        back.append(watching.back_at())
        answers.pop(0)
    assert caplog.messages == [
        "Business Central does not answer. E-UNREACHABLE: It cannot be reached.",
        "Business Central answers again.",
    ]
    assert back[:4] == [None] * 4
    assert back[4] == back[5] is not None


def test_whether_a_system_that_nobody_asks_is_back_is_asked_once_for_all_flows(source: Source) -> None:
    moment = [0.0]
    watching = Watch("bc", Settings(), threading.Semaphore(8), lambda: moment[0])
    for _ in range(3):
        watching.back_at()
    assert source.pings == 1
    moment[0] += watch.LOOP_S
    watching.back_at()
    assert source.pings == 2, "the next round asks again"


def test_a_fault_of_the_watch_itself_is_noted(source: Source, tmp_path: Path) -> None:
    def answer(_: Question) -> Answer:
        raise RuntimeError("a fault of ours")

    source.answer = answer
    settings = Settings(data_folder=tmp_path)
    question = Question(ConnectedFlow(flow_named("orders_bc_to_winstore"), settings), FOLLOWED)
    with pytest.raises(RuntimeError):
        Watch("bc", settings, threading.Semaphore(8)).look(question)
    poll = polls.read(settings, "orders_bc_to_winstore")
    assert (poll.error, poll.words) == ("E-WINBC", "Something unexpected happened (RuntimeError).")


def test_a_watch_that_nobody_asks_ends_its_thread_and_its_client(
    watching: Watch, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "REST_S", QUICK_S)
    watching.look(asked_for("orders_bc_to_winstore"))
    thread = watching.thread
    if thread:
        thread.join(10)
    assert watching.thread is None
    assert source.closed == source.clients
    assert watching.look(asked_for("orders_bc_to_winstore")) is None, "it begins again"
