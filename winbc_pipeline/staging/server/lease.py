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
from ...errors import LeaseLost, StateUnavailable, StoreBusy
from ..sql import literal
from .address import asked, failed, needed_driver, shown, watched
from .instances import SERVER

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Session

LOST = "winbc lost its lease"
ASKED_S = 1.0  # a session that answered so short ago counts as there
TABLE = "winbc.lease"
MADE = f"""
    SELECT pg_advisory_xact_lock(hashtextextended('winbc makes a schema', 0));
    CREATE SCHEMA IF NOT EXISTS winbc;
    CREATE TABLE IF NOT EXISTS {TABLE} (
        name text PRIMARY KEY, token bigint NOT NULL, host text, process integer, flow text, since timestamptz
    )"""
"""One transaction: the lock ends with it, when others can see what was made."""
LOCKS = """
    SELECT (classid::bigint << 32) | objid::bigint AS number
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
TURNS = f"""
    SELECT name, token, number IS NOT NULL, host, process, flow, since
    FROM {TABLE}
    LEFT JOIN ({LOCKS}) AS held ON number = hashtextextended(name, 0)"""
TOLD_S = 1.0
"""So old may an answer be: it is asked for all leases at once, and not for each flow of each connection."""


@dataclass(frozen=True)
class Holding:
    """Who has a lease."""

    host: str
    process: int
    flow: str
    since: datetime


@dataclass(frozen=True)
class Turn:
    """How a lease is.

    Attributes:
        number: how often it was taken so far.
        holder: who has it now; None for nobody. What a killed process wrote does not count.
    """

    number: int
    holder: Holding | None


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


@dataclass
class _Told:
    """What a server said last of its leases.

    Attributes:
        at_s: when it was asked, or when its answer was given up.
        found: what it said; None where it did not answer.
        own_s: when this process last took or left a lease, which an earlier answer does not know.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    at_s: float = -math.inf
    found: dict[str, Turn] | None = None
    own_s: float = -math.inf

    def ask(self, address: str) -> None:
        began, self.at_s = time.monotonic(), -math.inf
        try:
            self.found, self.at_s = _said_by(address), began
        except StateUnavailable:
            self.found, self.at_s = None, time.monotonic()


_told: dict[str, _Told] = {}  # by address: no server waits for another one
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
    _told_of(address).own_s = time.monotonic()
    try:
        yield
    finally:
        _held.remove(taken)
        _mine.reset(mark)
        taken.session.close()  # the lock ends with it
        _told_of(address).own_s = time.monotonic()


def turns(address: str) -> Mapping[str, Turn]:
    """How each lease is, as the server said within TOLD_S, and after this process last took or left one.

    Whoever has a lease writes. So what is read after such an answer holds as long as the answer stays the same.
    Raises: StateUnavailable when the server does not answer, or did not within TOLD_S. It is not asked meanwhile.
    """
    told = _told_of(address)
    with told.lock:
        if told.at_s <= max(time.monotonic() - TOLD_S, told.own_s):
            told.ask(address)
        if told.found is None:
            raise StateUnavailable(shown(address))
        return told.found


def _told_of(address: str) -> _Told:
    return _told.setdefault(address, _Told())


def _said_by(address: str) -> dict[str, Turn]:
    with asked(address) as cursor:
        cursor.execute("SELECT to_regclass(%s)", [TABLE])
        if cursor.fetchone() == (None,):
            return {}
        cursor.execute(TURNS)
        return {
            name: Turn(number, Holding(*holder) if is_held else None)
            for name, number, is_held, *holder in cursor.fetchall()
        }


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
    _told.clear()  # a thread of the parent may have been asking, which the child does not have
    _mine.set(frozenset())


_of_parent: list[Lease] = []
if sys.platform != "win32":  # which has no forks
    os.register_at_fork(after_in_child=_leave_to_parent)
before_calls(_check_all)
