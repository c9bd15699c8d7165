"""Eight workers call as one user of Business Central: it refuses none of them, and they use what it allows.

Source of the limits: Microsoft's "Operational limits" for API calls: five at once and 6,000 in five minutes for each
user. They are scaled down here, and time passes only while everybody waits: a busy machine changes nothing.
"""

import random
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import limits.storage.redis
import pytest

from winbc_pipeline.errors import StateUnavailable
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.staging.server import address
from winbc_pipeline.systems.business_central import shared_budget as module
from winbc_pipeline.systems.business_central.shared_budget import SharedBudget, shared_budget, user_of

from ..support.postgres import Server
from ..support.workers import redis_running

pytestmark = pytest.mark.scale
WORKERS, WINDOWS = 8, 2
AT_ONCE, PER_WINDOW, WINDOW_S, CALL_S = 5, 200, 6, 0.1
ARRIVES_S = 0.05  # at most, from counting to arriving


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with redis_running() as redis:
        yield redis.address


class Clock:
    """Time that passes when all threads sleep in it: then the one that is to wake first goes on.

    Args:
        threads: how many there are.
    """

    def __init__(self, threads: int) -> None:
        self.began = self.now = time.time()
        self._awake, self._sleeps, self._changed = threads, list[float](), threading.Condition()

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._changed:
            wakes = self.now + seconds
            self._sleeps.append(wakes)
            self._less_awake()
            self._changed.wait_for(lambda: self.now >= wakes)

    def end(self) -> None:
        """A thread ends."""
        with self._changed:
            self._less_awake()

    def _less_awake(self) -> None:
        self._awake -= 1
        if not self._awake and self._sleeps:
            self.now = min(self._sleeps)
            self._awake = self._sleeps.count(self.now)
            self._sleeps = [wakes for wakes in self._sleeps if wakes > self.now]
            self._changed.notify_all()


class Books:
    """Business Central, as far as it counts the calls of a user."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.lock, self.at_work, self.came = clock, threading.Lock(), 0, deque[float]()
        self.taken = self.refused = 0

    def call(self) -> None:
        with self.lock:
            now = self.clock.now
            while self.came and self.came[0] <= now - WINDOW_S:
                self.came.popleft()
            if self.at_work >= AT_ONCE or len(self.came) >= PER_WINDOW:
                self.refused += 1
                return
            self.came.append(now)
            self.at_work += 1
        self.clock.sleep(CALL_S)
        with self.lock:
            self.at_work -= 1
            self.taken += 1


def budget(postgres: Server, broker: str, user: str, **given: Any) -> SharedBudget:
    return SharedBudget(postgres.address, broker, user, AT_ONCE, PER_WINDOW, WINDOW_S, **given)


def test_eight_workers_are_never_refused_and_use_nine_tenths(
    postgres: Server, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(WORKERS)
    books, ends, dice = Books(clock), clock.now + WINDOWS * WINDOW_S, random.Random(1)
    for each in (module, limits.storage.redis):
        monkeypatch.setattr(each, "time", clock)

    def work(own: SharedBudget) -> None:
        try:
            while clock.now < ends:
                with own.call(1):
                    clock.sleep(dice.uniform(0, ARRIVES_S))
                    books.call()
        finally:
            clock.end()

    budgets = [budget(postgres, broker, "eight", sleep=clock.sleep) for _ in range(WORKERS)]
    threads = [threading.Thread(target=work, args=(own,)) for own in budgets]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert books.refused == 0
    assert books.taken >= 0.9 * WINDOWS * PER_WINDOW


def test_the_places_of_a_killed_worker_return_at_once(postgres: Server, broker: str) -> None:
    command = f"""
import sys, threading
from winbc_pipeline.systems.business_central.shared_budget import SharedBudget
own = SharedBudget({postgres.address!r}, {broker!r}, "killed", {AT_ONCE}, 1000, 60)
calls = [own.call(1) for _ in range({AT_ONCE})]
for each in calls:
    each.__enter__()
print("has all", flush=True)
threading.Event().wait()
"""
    worker = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
    assert worker.stdout and worker.stdout.readline() == "has all\n"
    other = budget(postgres, broker, "killed")
    assert other._free_place() is None
    worker.kill()
    worker.communicate()
    began = time.monotonic()
    with other.call(1):
        assert time.monotonic() - began < 10  # a quiet machine takes some milliseconds, keepalives alone 11 s


def test_without_redis_the_limits_of_the_process_hold_and_without_postgresql_it_is_told(postgres: Server) -> None:
    nobody = "redis://127.0.0.1:9/0"
    with budget(postgres, nobody, "other").call(1):
        pass
    with pytest.raises(StateUnavailable), SharedBudget("postgresql://x@127.0.0.1:9/x", nobody, "u", 5, 9).call(1):
        pass


def test_a_budget_whose_session_was_ended_says_so_once_and_then_goes_on(postgres: Server, broker: str) -> None:
    own = budget(postgres, broker, "ended")
    with own.call(1), address.asked(postgres.address) as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'winbc calls'")
    with own.call(1):
        pass


def test_a_process_has_one_budget_for_each_user_and_none_where_no_worker_is(postgres: Server, broker: str) -> None:
    given = {"state": {"database": postgres.address}, "workers": {"broker": broker}}
    one = Settings(**given, bc=BusinessCentralSettings(client_id="one"))
    same = Settings(**given, connection="other", bc=BusinessCentralSettings(client_id="one"))
    other = Settings(**given, bc=BusinessCentralSettings(client_id="other"))
    assert shared_budget(one, one.bc) is shared_budget(same, same.bc) is not shared_budget(other, other.bc)
    assert "one" not in user_of(one.bc)
    assert shared_budget(Settings(state={"database": ""}), one.bc) is None
