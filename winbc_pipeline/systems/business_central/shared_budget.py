"""What one user of Business Central may do, over all processes and machines that call with it.

Only where runs go to workers (settings.workers): else one process does the work of a connection. A place among the
calls at once is a lock of the PostgreSQL server, which ends with its session: a killed worker's places return at once.
How many calls were made is counted in Redis (library limits, moving window).
"""

import hashlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError, StateUnavailable
from ...settings import BusinessCentralSettings, Settings
from ...staging.server.address import needed_driver, shown, watched

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

MARGIN = 0.97  # of the calls in a window: between counting and arriving a call takes some milliseconds
PAUSE_S = 0.01, 0.03  # between two looks for a free place
LONGEST_S = 1.0  # between two looks whether the window has room
_TAKE = """
    SELECT n FROM unnest(%s::int[]) AS n WHERE pg_try_advisory_lock(hashtextextended(%s || n, 0)) LIMIT 1"""
_budgets: dict[tuple[str, str, str], "SharedBudget"] = {}
_of_parent: list["SharedBudget"] = []  # never closed: that would end the parent's sessions
_lock = threading.Lock()


class SharedBudget:
    """The budget of one user, as one process has a part in it. Several threads may use it.

    Args:
        state, broker: addresses of the PostgreSQL and the Redis server.
        user: what tells the user from others.
        at_once, per_window, window_s: the user's limits.
    """

    def __init__(
        self,
        state: str,
        broker: str,
        user: str,
        at_once: int,
        per_window: int,
        window_s: int = 300,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        limits = _needed_limits()
        self._state, self._name, self._at_once, self._sleep = state, f"winbc calls {user} ", at_once, sleep
        self._taken: set[int] = set()
        self._turn = threading.Lock()  # of the threads of this process, one looks for a free place
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._window = limits.RateLimitItemPerSecond(max(1, int(per_window * MARGIN)), window_s)
        storage = limits.storage.RedisStorage(broker, socket_timeout=5, socket_connect_timeout=5, wrap_exceptions=True)
        self._counted, self._user = limits.strategies.MovingWindowRateLimiter(storage), user
        self._not_counted: type[Exception] = limits.errors.StorageError

    @contextmanager
    def call(self, weight: int) -> Iterator[None]:
        """A place for a call until the block ends. Waits for one, and until the window has room.

        Args:
            weight: what the call counts.
        Raises: StateUnavailable when the PostgreSQL server does not answer.
        """
        place = self._place()
        try:
            self._count(weight)
            yield
        finally:
            self._give_back(place)

    def _place(self) -> int:
        with self._turn:
            while (place := self._free_place()) is None:
                self._sleep(random.uniform(*PAUSE_S))  # noqa: S311 - not a secret
            return place

    def _free_place(self) -> int | None:
        with self._lock:  # a session gets a lock that it has once more, so it is not asked for
            others = [place for place in range(1, self._at_once + 1) if place not in self._taken]
            try:
                row = self._asked(_TAKE, [others, self._name])
            except needed_driver().Error:
                self._session = None  # it has ended, and its places with it
                self._taken.clear()
                raise StateUnavailable(shown(self._state)) from None
            if row:
                self._taken.add(row[0])
            return int(row[0]) if row else None

    def _give_back(self, place: int) -> None:
        with self._lock:
            if place not in self._taken:
                return  # the session that had it is gone
            self._taken.discard(place)
            try:
                self._asked("SELECT pg_advisory_unlock(hashtextextended(%s || %s, 0))", [self._name, str(place)])
            except needed_driver().Error:
                self._session = None
                self._taken.clear()

    def _asked(self, statement: str, values: list[Any]) -> Any:
        if self._session is None:
            self._session = watched(self._state, "winbc calls")
        with self._session.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    def _count(self, weight: int) -> None:
        """Waits until the window has room. Without Redis, only the limits of this process hold."""
        try:
            while not self._counted.hit(self._window, self._user, cost=min(weight, self._window.amount)):
                left = self._counted.get_window_stats(self._window, self._user).reset_time - time.time()
                self._sleep(random.uniform(0.5, 1) * min(max(left, PAUSE_S[0]), LONGEST_S))  # noqa: S311
        except self._not_counted:
            return


def shared_budget(settings: Settings, bc: BusinessCentralSettings) -> SharedBudget | None:
    """The budget of a user of a connection in this process; None where one process does the work.

    Args:
        bc: the settings of the user.
    """
    broker = settings.workers.address
    if not broker:
        return None
    user = user_of(bc)
    with _lock:
        name = (settings.state.address, broker, user)
        if name not in _budgets:
            _budgets[name] = SharedBudget(*name, bc.in_flight, bc.requests_per_window)
        return _budgets[name]


def user_of(bc: BusinessCentralSettings) -> str:
    """What tells a user of Business Central from others, who have limits of their own: a hash of no secret."""
    return hashlib.sha256(f"{bc.authority} {bc.client_id or bc.user}".encode()).hexdigest()[:16]


def _needed_limits() -> Any:
    try:
        import limits
        import limits.errors
        import limits.storage
        import limits.strategies
    except ImportError:
        raise ConfigurationError("workers.broker needs further libraries.", "Install winbc-pipeline[scale].") from None
    return limits


def _leave_to_parent() -> None:
    _of_parent.extend(_budgets.values())
    _budgets.clear()


if sys.platform != "win32":  # which has no forks
    os.register_at_fork(after_in_child=_leave_to_parent)
