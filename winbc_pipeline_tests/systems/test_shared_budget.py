"""Eight workers call as one user of Business Central: it refuses none of them, and they use what it allows.

Source of the limits: Microsoft's "Operational limits" for API calls: five at once and 6,000 in five minutes for each
user. Time is scaled down here.
"""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from winbc_pipeline.errors import StateUnavailable
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.staging.server import address
from winbc_pipeline.systems.business_central.shared_budget import SharedBudget, shared_budget, user_of

from ..support.postgres import Server
from ..support.workers import redis_running

pytestmark = pytest.mark.scale
WORKERS, THREADS = 8, 5
AT_ONCE, PER_WINDOW, WINDOW_S, CALL_S = 5, 200, 6, 0.1  # 3 % of the calls take 120 ms: the machine may be busy


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with redis_running() as redis:
        yield redis.address


class Books:
    """Business Central, as far as it counts the calls of a user."""

    def __init__(self) -> None:
        self.lock, self.at_work, self.came = threading.Lock(), 0, deque[float]()
        self.taken = self.refused = 0

    def call(self) -> None:
        with self.lock:
            now = time.monotonic()
            while self.came and self.came[0] <= now - WINDOW_S:
                self.came.popleft()
            if self.at_work >= AT_ONCE or len(self.came) >= PER_WINDOW:
                self.refused += 1
                return
            self.came.append(now)
            self.at_work += 1
        time.sleep(CALL_S)
        with self.lock:
            self.at_work -= 1
            self.taken += 1


def budget(postgres: Server, broker: str, user: str, **given: Any) -> SharedBudget:
    return SharedBudget(postgres.address, broker, user, AT_ONCE, PER_WINDOW, WINDOW_S, **given)


def test_eight_workers_are_never_refused_and_use_nine_tenths(postgres: Server, broker: str) -> None:
    books, ends = Books(), time.monotonic() + 2 * WINDOW_S

    def work(own: SharedBudget) -> None:
        while time.monotonic() < ends:
            with own.call(1):
                books.call()

    budgets = [budget(postgres, broker, "eight") for _ in range(WORKERS)]  # each has sessions of its own
    threads = [threading.Thread(target=work, args=(own,)) for own in budgets for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert books.refused == 0
    assert books.taken >= 0.9 * 2 * PER_WINDOW


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
        assert time.monotonic() - began < 2  # the machine may be busy; a quiet one takes some milliseconds


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
    assert shared_budget(one) is shared_budget(same) is not shared_budget(other)
    assert "one" not in user_of(one.bc)
    assert shared_budget(Settings(state={"database": ""})) is None
