"""A tick of a sensor costs one call, 64 KB and 2 s at most while nobody stays, and misses nothing all the same.

Source of the promise: issue 19.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRequest, SkipReason

from winbc_pipeline import clock
from winbc_pipeline.build import build_defs
from winbc_pipeline.errors import StateUnavailable, StoreBusy, SystemUnavailable, UnreadableAnswer, WinbcError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.following import tick as following
from winbc_pipeline.orchestration.following import watch
from winbc_pipeline.orchestration.following.known import known_of, written
from winbc_pipeline.orchestration.following.tick import AGAIN_S, tick
from winbc_pipeline.orchestration.windows import RANGE_END, RANGE_START
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.notes import polls
from winbc_pipeline.staging.row_versions import Read
from winbc_pipeline.sync import session
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading import glance, stage
from winbc_pipeline.sync.session import lease
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.systems.winstore.client import FEW_BYTES

from ..support.sandboxes import FIRST, HTTP, Sandboxes
from ..support.servers import Servers
from ..support.winstore_profiles import VERSION_1

Watches = dict[str, watch.Watch]
MANY = 20_000
SECOND_OF_ALL = "2026-03-02T10:00:00.000Z"


@dataclass
class Desk:
    """A flow from Winstore, and its ticks."""

    sandboxes: Sandboxes
    servers: Servers
    instance: DagsterInstance
    flow: str = "products"

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(flow_named(self.flow), self.sandboxes.settings)

    @property
    def watermark(self) -> datetime | None:
        return ledger.watermark(self.connected.store, self.connected.flow.id)

    def tick(self, now: datetime | None = None, watches: Watches | None = None) -> RunRequest | SkipReason:
        one = (watches or watch.watches(self.sandboxes.settings))[self.connected.flow.source]
        return tick(self.connected, self.instance, one, lambda: now or clock.now())

    def request(self, now: datetime | None = None, watches: Watches | None = None) -> RunRequest:
        answer = self.tick(now, watches)
        assert isinstance(answer, RunRequest), answer
        return answer

    def rests(self, watches: Watches | None = None, now: datetime | None = None) -> bool:
        return isinstance(self.tick(now, watches), SkipReason)

    def has_failed(self) -> datetime:
        """A run of the flow begins, and fails; when that was."""
        job = build_defs(settings=self.sandboxes.settings).resolve_job_def(self.connected.flow.id)
        run = self.instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
        self.instance.report_run_failed(run)
        record = self.instance.get_run_record_by_id(run.run_id)
        assert record
        assert record.end_time
        return datetime.fromtimestamp(record.end_time, UTC)

    def asked(self) -> list[str]:
        """The calls to Winstore so far: their names and parameters."""
        calls = HTTP.get(f"{self.sandboxes.addresses.winstore_control}/__log").json()["calls"]
        return [call["path"].rpartition("/")[2] for call in calls]

    def cost(self, work: Callable[[], object]) -> tuple[int, int]:
        """Calls of a work to Winstore, and the bytes that Winstore sent."""
        calls, sent = len(self.asked()), self.servers.winstore.bytes_sent
        work()
        sent = self.servers.winstore.bytes_sent - sent
        return len(self.asked()) - calls, sent

    def winstore_clock(self, moment: str) -> None:
        HTTP.post(f"{self.sandboxes.addresses.winstore_control}/__clock", json={"now": moment}).raise_for_status()

    def loaded(self, at: str) -> None:
        """As after a run: everything is staged, and the watermark stands at a moment."""
        with lease(self.connected):
            stage.stage(self.connected, FIRST)
            with self.connected.store.transaction() as connection:
                ledger.create(connection)
                ledger.advance(connection, self.connected.flow.id, datetime.fromisoformat(at))

    def many_articles(self, moment: str = SECOND_OF_ALL, number: int = MANY) -> None:
        """Articles that all changed in the same second."""
        variant = {"sku": "", "gtin": "", "title": "", "price": "1.00", "vatrate": "21"}
        article = {"name": "Mug", "category": "Kitchen", "active": "true", "modified": moment}
        rows = (
            (f"{key}", article | {"artkey": f"{key}", "variants": [variant | {"sku": f"S{key}"}]})
            for key in range(number)
        )
        self.servers.winstore.state.records.insert_many("articles", rows)


@pytest.fixture
def desk(sandboxes: Sandboxes, servers: Servers) -> Iterator[Desk]:
    with DagsterInstance.ephemeral() as instance:
        yield Desk(sandboxes, servers, instance)


def test_before_the_first_load_a_tick_asks_nothing_and_requests_the_whole_history(desk: Desk) -> None:
    desk.many_articles()
    now = clock.now()
    asked: list[RunRequest] = []
    assert desk.cost(lambda: asked.append(desk.request(now))) == (0, 0)
    assert (asked[0].tags[RANGE_START], asked[0].tags[RANGE_END]) == (FIRST.isoformat(), now.date().isoformat())


@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED])
def test_the_whole_history_is_not_requested_again_while_a_run_of_the_flow_is_at_work(
    desk: Desk, status: DagsterRunStatus
) -> None:
    """A first load may take hours. Runs would pile up behind it, and each reads everything."""
    definitions = build_defs(settings=desk.sandboxes.settings)
    desk.instance.create_run_for_job(definitions.resolve_job_def("customers_winstore_to_bc"), status=status)
    assert desk.request(), "the run of another flow does not count"
    desk.instance.create_run_for_job(definitions.resolve_job_def(desk.connected.flow.id), status=status)
    assert desk.rests()


def test_the_whole_history_is_requested_once_in_five_minutes(desk: Desk) -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    keys = [desk.request(now + timedelta(seconds=s)).run_key for s in (0, AGAIN_S - 1, AGAIN_S)]
    assert keys[0] == keys[1] != keys[2]


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The systems that do not answer."""
    names: list[str] = []

    def ping(eyes: glance.Glance) -> None:
        if ("bc" if isinstance(eyes.client, BusinessCentral) else "winstore") in names:
            raise SystemUnavailable("It cannot be reached.")

    monkeypatch.setattr(glance.Glance, "ping", ping)
    return names


@pytest.mark.parametrize("system", ["winstore", "bc"])
def test_the_whole_history_that_an_outage_stopped_is_requested_again_as_soon_as_the_system_answers(
    desk: Desk, down: list[str], system: str
) -> None:
    """While it does not answer, no further run is started: each would leave an event for every window."""
    both = watch.watches(desk.sandboxes.settings)
    failed_at = desk.has_failed()
    down.append(system)
    assert desk.rests(both)
    assert desk.rests(both, failed_at + timedelta(hours=5, minutes=59))
    assert desk.request(failed_at + timedelta(hours=6), both), "our question may be wrong, and not the system"
    down.clear()
    for each in both.values():  # the daemon's next look
        each.clock = lambda: time.monotonic() + watch.LOOP_S
    assert desk.request(watches=both)


def test_the_whole_history_that_fails_is_requested_again_less_and_less_often(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run over three years that fails leaves 10 MB, and seven flows may fail so for a whole night."""
    both, waits = watch.watches(desk.sandboxes.settings), list[int]()
    monkeypatch.setattr(following, "BEGUN_AT", clock.now() - timedelta(days=1))
    for _ in range(9):
        failed_at = desk.has_failed()
        waits.append(
            next(m for m in range(0, 1440, 5) if not desk.rests(both, failed_at + timedelta(minutes=m, seconds=1)))
        )
    assert waits == [5, 10, 20, 40, 80, 160, 320, 360, 360]


def test_a_first_load_that_has_read_its_source_and_then_fails_is_requested_as_rarely(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where the target refuses what the source gave."""
    both = watch.watches(desk.sandboxes.settings)
    monkeypatch.setattr(following, "BEGUN_AT", clock.now() - timedelta(days=1))
    desk.many_articles(number=1)
    with lease(desk.connected):
        stage.stage(desk.connected, FIRST)
    failed_at = desk.has_failed()
    assert desk.rests(both, failed_at + timedelta(seconds=AGAIN_S - 5))
    assert desk.request(failed_at + timedelta(seconds=AGAIN_S), both)


def test_a_change_is_requested_at_once_after_a_failed_run_where_a_record_has_come_to_an_outcome(desk: Desk) -> None:
    """The watermark stops before the second in which Winstore was asked, so there may be none yet."""
    both = watch.watches(desk.sandboxes.settings)
    desk.many_articles(number=1)
    with lease(desk.connected):
        stage.stage(desk.connected, FIRST)
        ledger.move(desk.connected.store, [Move("item", "S0", State.FAILED)], "r1")
    desk.has_failed()
    assert desk.watermark is None
    assert desk.request(watches=both)


def test_the_whole_history_that_failed_is_requested_again_at_once_after_an_edit_of_its_tables_or_a_restart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = watch.watches(desk.sandboxes.settings)
    monkeypatch.setattr(following, "BEGUN_AT", clock.now() - timedelta(days=1))
    desk.has_failed()
    assert desk.rests(both)
    next(iter(desk.connected.table_files.values())).touch()
    assert desk.request(watches=both)
    desk.has_failed()
    assert desk.rests(both)
    monkeypatch.setattr(following, "BEGUN_AT", clock.now())
    assert desk.request(watches=both)


def test_an_empty_source_is_loaded_once_and_then_asked(desk: Desk) -> None:
    desk.sandboxes.sync("products")
    assert desk.watermark is None
    calls, _ = desk.cost(lambda: desk.rests() or pytest.fail("it requests a run"))
    assert calls == 1


def test_what_came_to_an_empty_source_is_found_from_the_first_second_of_history_on(desk: Desk) -> None:
    desk.sandboxes.sync("products")
    desk.sandboxes.fill(articles=[{"modified_at": f"{FIRST}T00:00:00.000Z"}])
    assert desk.request().tags[RANGE_START] == FIRST.isoformat()


def test_when_nothing_changed_20000_articles_of_one_second_are_not_transferred_again(desk: Desk) -> None:
    desk.many_articles()
    desk.loaded(SECOND_OF_ALL)
    calls, sent = desk.cost(lambda: desk.rests() or pytest.fail("it requests a run"))
    assert calls == 1
    assert sent == len('{"articles":{"article":[]}}')


def test_one_article_that_changes_after_20000_of_one_second_is_read_alone(desk: Desk) -> None:
    desk.many_articles()
    desk.loaded(SECOND_OF_ALL)
    desk.many_articles("2026-03-04T10:00:01.000Z", 1)
    answers: list[RunRequest] = []
    calls, sent = desk.cost(lambda: answers.append(desk.request()))
    assert (calls, answers[0].tags[RANGE_START]) == (1, "2026-03-04")
    assert sent < 500


def test_of_2000_changes_a_tick_reads_64_kb_and_requests_a_run_from_the_watermark_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Articles of a profile of version 1 come in one answer."""
    one_answer = desk.sandboxes.settings.winstore.model_copy(update={"profile": VERSION_1})
    desk.sandboxes.settings = desk.sandboxes.settings.model_copy(update={"winstore": one_answer})
    desk.loaded("2026-03-01T10:00:00Z")
    desk.many_articles(number=2000)
    read: list[int] = []
    few = glance.Winstore.ask

    def ask(*arguments: Any) -> Any:
        answer = few(*arguments)
        read.append(len(answer.content))
        return answer

    monkeypatch.setattr(glance.Winstore, "ask", ask)
    now = clock.now()
    request = desk.request(now)
    assert read == [FEW_BYTES]
    assert request.tags[RANGE_START] == "2026-03-01"
    assert desk.request(now).run_key == request.run_key, "one run in five minutes"
    desk.loaded("2026-03-01T10:00:05Z")
    assert desk.request(now).run_key != request.run_key, "the run has taken some: what is left is no longer the same"


@pytest.mark.parametrize(("flow", "call"), [("customers", "GetCustomerChangesByDate"), ("orders", "GetOrderChanges")])
def test_where_winstore_gives_chunks_a_tick_asks_for_a_few_records(desk: Desk, flow: str, call: str) -> None:
    desk.flow = flow
    desk.loaded("2026-03-01T10:00:00Z")
    rows = [{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(50)]
    orders = [{"order_number": f"W{n}", "customer_id": "1"} for n in range(50)]
    desk.sandboxes.fill(customers=[row | {"modified_at": SECOND_OF_ALL} for row in rows], orders=orders)
    requests: list[RunRequest] = []
    calls, sent = desk.cost(lambda: requests.append(desk.request()))
    assert desk.asked()[-1].startswith(call)
    assert desk.asked()[-1].endswith("?limit=20")
    assert calls == 1
    assert sent < FEW_BYTES
    assert requests[0].tags[RANGE_START] == "2026-03-01", "there may be older ones behind them"


def test_a_change_in_the_second_in_which_winstore_was_asked_is_not_missed(desk: Desk) -> None:
    """Both have the same moment; the second one came after the answer, in the same second."""
    desk.winstore_clock("2026-03-02T10:00:00Z")
    desk.sandboxes.fill(articles=[{"modified_at": SECOND_OF_ALL}])
    desk.sandboxes.sync("products")
    late = {"sku": "SKU-2", "article_key": "2", "modified_at": SECOND_OF_ALL}
    desk.sandboxes.fill(articles=[{"modified_at": SECOND_OF_ALL}, late])
    desk.winstore_clock("2026-03-02T10:00:07Z")
    assert desk.request().tags[RANGE_START] == "2026-03-02"
    desk.sandboxes.sync("products")
    assert set(desk.sandboxes.ledger("products")) == {"SKU-1", "SKU-2"}
    assert desk.watermark == datetime.fromisoformat(SECOND_OF_ALL), "it moves on once the second is over"
    assert desk.rests()


def test_the_second_in_which_winstore_was_asked_is_told_by_its_own_clock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours may be minutes ahead; the moments of the records are Winstore's."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, 10, 5, tzinfo=UTC))
    desk.winstore_clock("2026-03-02T10:00:00Z")
    desk.sandboxes.fill(articles=[{"modified_at": SECOND_OF_ALL}])
    desk.sandboxes.sync("products")
    assert desk.watermark is None


def test_a_tick_does_not_wait_longer_than_its_time_for_an_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(glance, "GLANCE_S", 0.2)
    desk.sandboxes.fault("winstore", {"kind": "slow", "seconds": 6, "times": 9})
    now, began = clock.now(), time.monotonic()
    request = desk.request(now)
    assert time.monotonic() - began < 4
    assert request.tags[RANGE_START] == "2026-03-01"
    assert desk.request(now).run_key == request.run_key, "one run in five minutes"


def test_an_answer_that_drips_is_not_waited_for_either(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(glance, "GLANCE_S", 0.2)
    desk.sandboxes.fault("winstore", {"kind": "drip", "seconds": 0.3})
    began = time.monotonic()
    assert desk.request().tags[RANGE_START] == "2026-03-01"
    assert time.monotonic() - began < 4


def test_business_central_is_not_waited_for_longer_either(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.flow = "orders_bc_to_winstore"
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(glance, "GLANCE_S", 0.2)
    desk.sandboxes.fault("bc", {"kind": "slow", "seconds": 6, "times": 9})
    began = time.monotonic()
    assert desk.request().tags[RANGE_START] == "2026-03-01"
    assert time.monotonic() - began < 4


def test_a_source_that_hangs_is_noted_as_one_that_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs is late as soon as who is down, though the tick goes on before its call ends."""
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(glance, "GLANCE_S", 0.2)
    noted, failed = threading.Event(), polls.failed

    def noting(settings: Settings, flow: str, fault: WinbcError) -> None:
        failed(settings, flow, fault)
        if settings.data_folder == desk.sandboxes.settings.data_folder:  # a call of an earlier test may end only now
            noted.set()

    monkeypatch.setattr(polls, "failed", noting)
    desk.sandboxes.fault("winstore", {"kind": "slow", "seconds": 6, "times": 9})
    desk.request()
    assert noted.wait(10)
    assert polls.read(desk.sandboxes.settings, desk.connected.flow.id).error == SystemUnavailable.code


def test_a_source_that_is_not_there_fails_the_tick_at_once_and_requests_nothing(desk: Desk) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = desk.sandboxes.settings.winstore.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    desk.sandboxes.settings = desk.sandboxes.settings.model_copy(update={"winstore": gone})
    with pytest.raises(SystemUnavailable, match="cannot be reached .*1 times"):
        desk.tick()


def test_a_sign_in_page_is_no_change_and_fails_the_tick(desk: Desk) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    desk.sandboxes.fault("winstore", {"kind": "html"})
    with pytest.raises(UnreadableAnswer):
        desk.tick()


def test_a_record_of_the_future_is_requested_once(desk: Desk) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    desk.sandboxes.fill(articles=[{"modified_at": "2099-01-01T00:00:00.000Z"}])
    now = clock.now()
    first, later = desk.request(now), desk.request(now + timedelta(seconds=AGAIN_S))
    assert first.run_key == later.run_key
    assert first.tags[RANGE_START] == now.date().isoformat()


@pytest.mark.parametrize(
    ("status", "is_asked"), [(DagsterRunStatus.NOT_STARTED, False), (DagsterRunStatus.STARTED, True)]
)
def test_a_run_that_waits_for_its_turn_takes_later_changes_too(
    desk: Desk, status: DagsterRunStatus, is_asked: bool
) -> None:
    """In a burst the queue does not grow. A run that has begun may have read the source already."""
    desk.many_articles(number=1)
    desk.loaded("2026-03-01T10:00:00Z")
    job = build_defs(settings=desk.sandboxes.settings).resolve_job_def(desk.connected.flow.id)
    now = datetime(2026, 3, 2, 11, tzinfo=UTC)
    desk.instance.create_run_for_job(job, status=status, tags=desk.request(now).tags)
    assert isinstance(desk.tick(now), RunRequest) is is_asked


def test_a_tick_writes_nothing_into_the_databases_that_it_looks_at(desk: Desk) -> None:
    """Else its own look would end its stay."""
    desk.sandboxes.sync("products")
    before = written(desk.connected, others=True)
    assert desk.rests()
    assert written(desk.connected, others=True) == before


@pytest.fixture
def with_threads() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(settings={"sensors": {"use_threads": True}}) as instance:
        yield instance


class Asked(watch.Watch):
    """A watch that notes how it is asked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("winstore", settings, threading.Semaphore(1))
        self.asked: list[str] = []

    def look(self, question: glance.Question) -> None:
        self.asked.append("look")

    def stay(
        self, question: glance.Question, every_s: float, over: Callable[[], bool], most_s: float | None = None
    ) -> None:
        self.asked.append("stay")


def followed(flow: str, folder: Path, **chosen: Any) -> ConnectedFlow:
    """A flow that has followed its source up to a moment."""
    connected = ConnectedFlow(flow_named(flow), Settings(data_folder=folder, **chosen))
    with connected.store.transaction() as connection:
        ledger.create(connection)
        ledger.advance(connection, connected.flow.id, datetime(2026, 3, 1, tzinfo=UTC))
    return connected


def test_without_threads_for_sensors_a_tick_asks_once(with_threads: DagsterInstance, tmp_path: Path) -> None:
    """Ticks then run one after another, as with the dagster.yaml of an older version: each would hold up the others."""
    connected = followed("products", tmp_path)
    one = Asked(connected.settings)
    with DagsterInstance.ephemeral() as without:
        for instance in (without, with_threads):
            tick(connected, instance, one, clock.now)
    assert one.asked == ["look", "stay"]


def test_a_tick_opens_the_database_of_an_awaited_flow_with_the_memory_of_the_settings(
    with_threads: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/settings.md: `memory_limit_mb`."""
    followed("products", tmp_path)
    connected = followed("orders", tmp_path, memory_limit_mb=77)
    waits = {"reason": "DEPENDENCY", "window": date(2026, 3, 1)}
    ledger.move(connected.store, [Move("order", "W1", State.FAILED, waits)], "run")
    limits: list[int] = []
    monkeypatch.setattr(ledger, "newest", lambda store, *_, **__: limits.append(store.memory_limit_mb))
    tick(connected, with_threads, Asked(connected.settings), clock.now)
    assert limits == [77]


def test_a_tick_opens_no_database_that_is_as_the_last_tick_left_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.loaded("2026-03-01T10:00:00Z")
    assert desk.rests()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "watermark", lambda *_: pytest.fail("It is known."))
        assert desk.rests()
    desk.loaded("2026-03-02T10:00:00Z")
    desk.sandboxes.fill(articles=[{"modified_at": "2026-03-02T09:00:00.000Z"}])
    assert desk.rests(), "the new watermark counts"


def test_what_was_read_while_another_process_had_the_database_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no tick would look for what was committed late until the next run writes the database."""
    connected = followed("products_bc_to_winstore", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(glance, "last_read", Mock(side_effect=StoreBusy("It is in use.", "Wait.")))
        with pytest.raises(StoreBusy):
            known_of(connected, 0)
    read = Read(7, clock.now(), "fields", clock.now(), clock.now())
    monkeypatch.setattr(glance, "last_read", Mock(return_value=read))
    assert known_of(connected, 0)[1].asked.read == read


def test_another_flow_counts_while_records_wait_for_it(desk: Desk) -> None:
    """Else each run of articles would end the tick of orders, and the next one begins up to five seconds later."""
    desk.flow = "orders"
    desk.loaded("2026-03-01T10:00:00Z")
    assert desk.rests()
    products = ConnectedFlow(flow_named("products"), desk.sandboxes.settings)

    def move(connected: ConnectedFlow, *moved: Move) -> None:
        with lease(connected):
            ledger.move(connected.store, moved, "run")

    move(products, Move("item", "SKU-1", State.CONFIRMED, {}))
    assert desk.rests(), "no record waits for an article"
    waits = {"reason": "DEPENDENCY", "window": date(2026, 3, 1)}
    move(desk.connected, Move("order", "W1", State.FAILED, waits))
    assert desk.rests(), "none came since it waits"
    move(products, Move("item", "SKU-2", State.CONFIRMED, {}))
    assert "open records" in (desk.request().run_key or "")


def changed(desk: Desk, at: str) -> None:
    desk.sandboxes.fill(articles=[{"modified_at": at}])


def test_a_tick_that_stays_goes_on_from_what_a_run_has_written(
    desk: Desk, with_threads: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next one would begin up to five seconds later."""
    desk.instance = with_threads
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(watch, "STAY_S", 30)
    with ThreadPoolExecutor(1) as pool:
        tick = pool.submit(desk.tick)
        desk.loaded("2026-03-02T10:00:00Z")
        changed(desk, "2026-03-03T10:00:00.000Z")
        request = tick.result(20)
    assert isinstance(request, RunRequest)
    assert (request.run_key or "").startswith("2026-03-03T10:00:00+00:00")


def test_a_server_with_the_state_that_is_away_while_a_tick_stays_is_no_fault_of_the_source(
    desk: Desk, with_threads: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be noted of each flow that waits for this source."""
    desk.instance = with_threads
    desk.loaded("2026-03-01T10:00:00Z")
    known_of(desk.connected, 0)
    monkeypatch.setattr(watch, "STAY_S", 30)
    answers = chain([session.written], repeat(Mock(side_effect=StateUnavailable("PostgreSQL"))))
    monkeypatch.setattr(session, "written", lambda *given: next(answers)(*given))
    with pytest.raises(StateUnavailable):
        desk.tick()
    poll = polls.read(desk.connected.settings, desk.connected.flow.id)
    assert poll.answered_at
    assert not poll.failed_at


@pytest.mark.parametrize("status", [DagsterRunStatus.SUCCESS, DagsterRunStatus.STARTED])
def test_a_tick_stays_while_there_is_a_run_for_what_changed(
    desk: Desk, with_threads: DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: DagsterRunStatus
) -> None:
    """The watermark stops before the second in which Winstore was asked, so a change may stand after it for minutes."""
    desk.instance = with_threads
    desk.loaded("2026-03-01T10:00:00Z")
    monkeypatch.setattr(watch, "STAY_S", 30)
    changed(desk, "2026-03-02T10:00:00.000Z")
    first = desk.request()
    run = DagsterRun("products_winstore_to_bc", tags={"dagster/run_key": first.run_key or ""}, status=status)
    with_threads.add_run(run)
    with ThreadPoolExecutor(1) as pool:
        tick = pool.submit(desk.tick)
        changed(desk, "2026-03-02T10:00:05.000Z")
        request = tick.result(20)
    assert isinstance(request, RunRequest)
    assert (request.run_key or "").startswith("2026-03-02T10:00:05+00:00")


def test_a_run_that_failed_keeps_no_tick(desk: Desk, with_threads: DagsterInstance) -> None:
    desk.instance = with_threads
    desk.loaded("2026-03-01T10:00:00Z")
    changed(desk, "2026-03-02T10:00:00.000Z")
    first = desk.request()
    tags = {"dagster/run_key": first.run_key or ""}
    with_threads.add_run(DagsterRun("products_winstore_to_bc", tags=tags, status=DagsterRunStatus.FAILURE))
    assert desk.request().run_key == first.run_key
