"""A lease on a server: a lock that ends with the session of its holder, and a number that tells a later holder.

The lock alone is not enough: who lost its session does not know it yet. So each transaction looks whether the number is
still that of its holder, and keeps the next holder from counting on until the transaction has ended (FOR SHARE). And
before a call over the network a holder asks whether its session is there, unless it did a moment ago.
"""

import math
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from ...calling import before_calls
from ...errors import LeaseLost, StoreBusy
from ..sql import literal
from .address import asked, failed, needed_driver, watched
from .instances import SERVER

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

LOST = "winbc lost its lease"
ASKED_S = 1.0  # a session that answered so short ago counts as there
TABLE = "winbc.lease"
MADE = f"""
    SELECT pg_advisory_lock(hashtextextended('winbc makes a schema', 0));
    CREATE SCHEMA IF NOT EXISTS winbc;
    CREATE TABLE IF NOT EXISTS {TABLE} (
        name text PRIMARY KEY, token bigint NOT NULL, host text, process integer, flow text, since timestamptz
    );
    SELECT pg_advisory_unlock(hashtextextended('winbc makes a schema', 0))"""

TURNS = f"""
    SELECT name, CASE WHEN hashtextextended(name, 0) NOT IN (
        SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted
    ) THEN token END
    FROM {TABLE}"""
TOLD_S = 1.0
"""So old may an answer be: it is asked for all leases at once, and not for each flow of each connection."""


@dataclass(frozen=True)
class Holding:
    """Who has a lease."""

    host: str
    process: int
    flow: str
    since: datetime


@dataclass
class Lease:
    """A lease that this process has.

    Attributes:
        token: its number; the next holder has a greater one.
        session: the session that holds the lock.
    """

    name: str
    address: str
    token: int
    session: "Session"
    answered: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def condition(self) -> str:
        """SQL, of the server, that is true while the lock is held by the session."""
        return f"""EXISTS (
            SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND pid = {self.session.info.backend_pid}
            AND ((classid::bigint << 32) | objid::bigint) = hashtextextended({literal(self.name)}, 0)
        )"""

    def check(self) -> None:
        """Raises LeaseLost when the session has ended, as far as the server told within ASKED_S."""
        with self.lock:
            if time.monotonic() - self.answered < ASKED_S:
                return
            try:
                with self.session.cursor() as cursor:
                    cursor.execute("SELECT 1")
            except needed_driver().Error:
                raise LeaseLost(self.name) from None
            self.answered = time.monotonic()


_asking = threading.Lock()
_turns: dict[str, tuple[float, dict[str, int | None]]] = {}  # by address: when the server said it, and what
_held: list[Lease] = []
_mine: ContextVar[frozenset[str]] = ContextVar("leases of this thread", default=frozenset())


@contextmanager
def lease(address: str, name: str, flow: str, now: datetime, wait_s: float) -> Iterator[None]:
    """A lease until the block ends. Who has it already, in the same thread, gets it once more.

    Args:
        name: of what one process at a time may write.
        flow, now: what is told of the holder.
        wait_s: seconds to wait for another holder.
    Raises: StoreBusy when another one still has it then; StateUnavailable when the server does not answer.
    """
    if name in _mine.get():
        yield
        return
    taken = _taken(address, name, flow, now, wait_s)
    mark = _mine.set(_mine.get() | {name})
    _held.append(taken)
    try:
        yield
    finally:
        _held.remove(taken)
        _mine.reset(mark)
        taken.session.close()  # the lock ends with it


def holder_of(address: str, name: str) -> Holding | None:
    """Who has a lease now; None for nobody. What a killed process wrote does not count."""
    with asked(address) as cursor:
        cursor.execute("SELECT to_regclass(%s)", [TABLE])
        if cursor.fetchone() == (None,):
            return None
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if cursor.fetchone() == (True,):
            return None
        cursor.execute(f"SELECT host, process, flow, since FROM {TABLE} WHERE name = %s", [name])
        row = cursor.fetchone()
    return Holding(*row) if row else None


def turns(address: str) -> Mapping[str, int | None]:
    """How often each lease was taken so far, as the server said within TOLD_S; None for one that somebody has now.

    Whoever has a lease writes. So what is read after such an answer holds as long as the answer stays the same.
    """
    with _asking:
        told, found = _turns.get(address, (-math.inf, {}))
        if time.monotonic() - told >= TOLD_S:
            told = time.monotonic()
            with asked(address) as cursor:
                cursor.execute("SELECT to_regclass(%s)", [TABLE])
                if cursor.fetchone() != (None,):
                    cursor.execute(TURNS)
                    found = dict(cursor.fetchall())
            _turns[address] = told, found
        return found


def fence(connection: duckdb.DuckDBPyConnection, address: str) -> None:
    """Begins a transaction of a process that has leases: it counts only if they are still this process's.

    Raises: duckdb.Error with the text LOST when one is not.
    """
    for each in [held for held in _held if held.address == address]:
        block = f"""DO $fence$ BEGIN
            PERFORM 1 FROM {TABLE} WHERE name = {literal(each.name)} AND token = {each.token} FOR SHARE;
            IF NOT FOUND OR NOT {each.condition} THEN RAISE EXCEPTION '{LOST}: %', {literal(each.name)}; END IF;
        END $fence$"""
        connection.execute(f"CALL postgres_execute('{SERVER}', {literal(block)})")


def _taken(address: str, name: str, flow: str, now: datetime, wait_s: float) -> Lease:
    driver, session = needed_driver(), watched(address)
    try:
        with session.cursor() as cursor:
            cursor.execute(MADE)
            cursor.execute(f"SET lock_timeout = {max(1, int(wait_s * 1000))}")
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            # Waits for the transactions of a holder that lost its session (`fence`).
            cursor.execute(
                f"""
                INSERT INTO {TABLE} AS old VALUES (%s, 1, %s, %s, %s, %s)
                ON CONFLICT (name) DO UPDATE SET
                    token = old.token + 1, host = excluded.host, process = excluded.process, flow = excluded.flow,
                    since = excluded.since
                RETURNING token
                """,
                [name, socket.gethostname(), os.getpid(), flow, now],
            )
            (token,) = cursor.fetchone() or (0,)
        return Lease(name, address, token, session)
    except driver.errors.LockNotAvailable:
        session.close()
        raise StoreBusy(f"Another run of {flow} is writing.", "Wait until it ends, or end it.") from None
    except driver.Error as error:
        session.close()
        raise failed(address, error) from None
    except BaseException:
        session.close()
        raise


def _check_all() -> None:
    for each in list(_held):
        each.check()


def _leave_to_parent() -> None:
    """After a fork, the leases are those of the parent. Their sessions are not closed here: that would end them."""
    _of_parent.extend(_held)
    _held.clear()
    _mine.set(frozenset())


_of_parent: list[Lease] = []
if sys.platform != "win32":  # which has no forks
    os.register_at_fork(after_in_child=_leave_to_parent)
before_calls(_check_all)
