"""A run's hold on a flow: its lease, its open target, and a ledger that belongs to that target.

Here belongs: what must be true before a run may believe the ledger or write it. A ledger of one company or environment
says nothing about another one.
"""

import gc
import os
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import orjson
from filelock import FileLock, Timeout

from .. import clock
from ..errors import ConfigurationError, NotDone, StoreBusy
from ..settings import Settings
from ..staging import ledger
from ..staging.disk import signature
from ..staging.ledger import Move, State
from ..staging.lingering import let_go
from ..staging.people.personal import nothing
from ..staging.server.lease import Turn
from ..staging.server.lease import lease as server_lease
from ..staging.server.lease import turns as server_turns
from ..staging.store import Row, Store, rows_of
from ..systems.business_central import BusinessCentral
from .connected import ConnectedFlow
from .sending import Sending, Target

LEASE_S = 60.0  # to wait for the lease of a flow
NEVER = Turn(0, None)  # of a lease that nobody has taken yet
ANEW_S = 600  # after which a database on a server is read anyhow: not all that writes takes the lease
SAMPLE = 40  # ledger rows that are looked up in the target
ENOUGH = 5  # fewer rows than these prove nothing about the target
ALLOCATIONS = 100_000  # between two runs of the garbage collector; Python's default is 700
SWITCH_S = 0.002  # after which one thread lets another one run; Python's default is 0.005 s
UNFINISHED_MOVE = "moving"
"""The file in the folder of a connection that is there until its state was moved whole (workbench/keeping/)."""
BINDING = "CREATE TABLE IF NOT EXISTS binding (target VARCHAR)"


@dataclass(frozen=True)
class Holder:
    """The process that has a flow's lease: its number, the flow that it runs, and since when."""

    process: int
    flow: str
    since: datetime


@contextmanager
def lease(connected: ConnectedFlow, wait_s: float | None = None, moving: bool = False) -> Iterator[None]:
    """The flow's lease until the block ends: one process at a time may write the flow's ledger and its pairs.

    Both directions of a flow that keeps pairs have one lease. It is a lock of the operating system, which ends with
    its process. With state on a server it is a lock of the server, which ends with its session: then nothing more is
    committed or sent (staging/server/lease.py).

    Args:
        wait_s: seconds to wait for another holder; None: as the connected flow says, or else LEASE_S.
        moving: whether the state is moved under it.

    Raises: StoreBusy when another process still holds the lease then; NotDone while the state is not whole on the side
        that the settings name.
    """
    waits = next(each for each in (wait_s, connected.wait_s, LEASE_S) if each is not None)
    server = connected.settings.state.address
    if not moving:
        _check_in_one_place(connected)
    if server:
        name = _name_on_server(connected.settings, connected.flow.lease)
        with server_lease(server, name, connected.flow.id, clock.now(), waits):
            yield
    else:
        with _file_lease(connected, waits):
            yield


def _check_in_one_place(connected: ConnectedFlow) -> None:
    """Raises NotDone while the state is being moved, or is in files although the settings name a server."""
    settings = connected.settings
    unfinished = settings.state_folder / UNFINISHED_MOVE
    if unfinished.exists():
        to = unfinished.read_text(encoding="utf-8")
        raise NotDone(
            "The state of this connection was not moved whole.", f"`winbc move-state --to {to}` completes it."
        )
    if settings.state.address and settings.flow_database(connected.flow.id).exists():
        hint = "`winbc move-state --to postgres` moves it (docs/scale.md)."
        raise NotDone("The state of this connection is in files, and `state.database` names a server.", hint)


@contextmanager
def lease_of_layer(connected: ConnectedFlow) -> Iterator[None]:
    """On a server, the flow's lease until the block ends, for the layers that a file keeps apart by its own lock."""
    if connected.settings.state.address and not connected.database:
        with lease(connected):
            yield
    else:
        yield


@contextmanager
def _file_lease(connected: ConnectedFlow, waits: float) -> Iterator[None]:
    flow, path = connected.flow.id, _lock(connected)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    let_go()  # its holder needs the databases that this process may keep open
    try:
        with FileLock(str(path), timeout=waits), _named(connected):
            yield
    except Timeout:
        raise StoreBusy(f"Another run of {flow} is writing.", "Wait until it ends, or end it.") from None


def holder_of(connected: ConnectedFlow) -> Holder | None:
    """The process that has the flow's lease; None for none. What a killed process wrote does not count.

    Raises: StateUnavailable when the server with the state does not answer.
    """
    server = connected.settings.state.address
    if server:
        name = _name_on_server(connected.settings, connected.flow.lease)
        turn = server_turns(server).get(name)
        found = turn.holder if turn else None
        return Holder(found.process, found.flow, found.since) if found else None
    path = _name_of_holder(connected)
    try:
        known = orjson.loads(path.read_bytes())
        with FileLock(str(_lock(connected)), timeout=0):
            return None
    except Timeout:
        return Holder(known["process"], known["flow"], datetime.fromisoformat(known["since"]))
    except (OSError, orjson.JSONDecodeError):
        return None


Written = tuple[tuple[int, int], ...]
"""Of a database, what another commit changes."""


def written(store: Store, settings: Settings, of: str) -> Written:
    """What changes when a database of a flow was written: who has seen it need not read the database again.

    A file tells it. On a server, who writes has a lease: while somebody has it, the answer is always another one. After
    ANEW_S it is, too: then also what a run committed whose session had just ended is seen.

    Args:
        of: the name of the flow's lease in the connection (Flow.lease).
    """
    if not store.server:
        return signature(store.path)
    name = _name_on_server(settings, of)
    turn = server_turns(store.server).get(name, NEVER)
    spread = zlib.crc32(name.encode()) % ANEW_S  # not all leases at the same moment
    return ((time.monotonic_ns() if turn.holder else turn.number, int((time.monotonic() + spread) // ANEW_S)),)


def _name_on_server(settings: Settings, lease: str) -> str:
    return f"{settings.connection}.{lease}"


def _lock(connected: ConnectedFlow) -> Path:
    return connected.settings.flow_database(connected.flow.lease).with_suffix(".lock")


def _name_of_holder(connected: ConnectedFlow) -> Path:
    return _lock(connected).with_suffix(".holder")


@contextmanager
def _named(connected: ConnectedFlow) -> Iterator[None]:
    """Says in a file beside the lock who holds it, until the block ends."""
    path = _name_of_holder(connected)
    with suppress(OSError):  # for people only
        path.write_bytes(orjson.dumps({"process": os.getpid(), "flow": connected.flow.id, "since": clock.now()}))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def leased(connected: ConnectedFlow, sending: Sending[Target]) -> Iterator[Target]:
    """The open target, under the flow's lease, until the block ends; raises StoreBusy while another run goes on."""
    connected.check_on()
    target = sending.open(connected.settings)
    try:
        with lease(connected), _for_many_records():
            yield target
    finally:
        target.close()


@contextmanager
def _for_many_records() -> Iterator[None]:
    """Settings of Python for hundreds of thousands of records, until the block ends.

    The records hold no reference cycles, so the garbage collector may run seldom. Threads switch more often, so that an
    answer does not wait for a thread that computes.
    """
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(ALLOCATIONS, *thresholds[1:])
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


def recover(store: Store, run_id: str) -> int:
    """Moves records that a dead run left as SENDING to UNKNOWN; returns how many. The caller holds the flow's lease.

    Their quarantine begins now: the dead run may have sent them long after it noted the intent.
    """
    left = ledger.read(store, "state = 'SENDING'")
    known = {"reason": "NO_ANSWER", "intent_at": clock.now()}
    ledger.move(store, [Move(row["part"], row["key"], State.UNKNOWN, known) for row in left], run_id)
    return len(left)


def check_target(connected: ConnectedFlow, sending: Sending[Target], target: Target, looks: bool = True) -> None:
    """Checks that the ledger belongs to the target, and binds a new ledger to it.

    Args:
        looks: whether to look for records in the target that were sent to it.

    Raises: ConfigurationError when the ledger was kept for another target, or when the target has none of the records
        that were last sent to it.
    """
    flow, store = connected.flow.id, connected.store
    name = sending.name(connected.settings, target)
    with store.transaction() as connection:
        bound = _bound(connection, name)
        sent = _last_sent(connection, connected.flow.main) if sending.has_any else []
    if bound != name:
        again = f", or delete {store.place} to send everything again" if sending.can_be_asked else ""
        hint = f"Give this target a `connection` of its own{again}."
        raise ConfigurationError(f"The ledger of {flow} was kept for {bound}, not for {name}.", hint)
    if looks and sending.has_any and len(sent) >= ENOUGH and not sending.has_any(connected, target, sent):
        hint = f"Is it another company, or was it emptied? Delete {store.place} to send everything again."
        raise ConfigurationError(f"None of the {len(sent)} records that {flow} last sent is in the target.", hint)


def bound_target(store: Store) -> str:
    """Name of the target that a flow's ledger is kept for; empty before the first plan."""
    with store.open() as connection:
        connection.execute(BINDING)
        row = connection.execute("SELECT target FROM binding").fetchone()
    return str(row[0]) if row else ""


def company_of(settings: Settings, target: BusinessCentral) -> str:
    """The company of Business Central that a ledger is kept for."""
    return f"{address(settings.bc.base_url)}/{target.root}"


def address(base_url: str) -> str:
    """Host and path of a system. Ledgers of different systems differ in it."""
    parts = urlsplit(base_url)
    return f"{parts.hostname}{parts.path.rstrip('/')}"


def _bound(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The target that the ledger is kept for; a new ledger is bound to this one."""
    ledger.create(connection)
    connection.execute(BINDING)
    row = connection.execute("SELECT target FROM binding").fetchone()
    if row is None:
        connection.execute("INSERT INTO binding VALUES (?)", [name])
    return str(row[0]) if row else name


def _last_sent(connection: duckdb.DuckDBPyConnection, part: str) -> list[Row]:
    return rows_of(
        connection,
        """
        SELECT target_id, reference
        FROM ledger
        WHERE part = ? AND state = 'CONFIRMED' AND target_id IS NOT NULL AND action IS DISTINCT FROM 'delete'
        ORDER BY moved_at DESC
        LIMIT ?
        """,
        [part, SAMPLE],
    )


PERSONAL = nothing("binding")
"""What these tables hold of people (staging/people/personal.py)."""
