"""A lease on a server: one holder at a time, and who lost it commits and sends nothing any more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from winbc_pipeline.errors import LeaseLost, StateUnavailable, StoreBusy
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.server import address, lease
from winbc_pipeline.staging.store import Store

from ...support.postgres import Server
from .holders import NAME, NOW, Holder

pytestmark = [pytest.mark.scale, pytest.mark.usefixtures("state_server")]


@pytest.fixture
def store(tmp_path: Path, state_server: Server) -> Store:
    return Store(tmp_path / "shop" / "orders.duckdb", server=state_server.address)


@pytest.fixture
def holder(store: Store, state_server: Server) -> Iterator[Holder]:
    """A process that has the lease, and has moved a record."""
    holder = Holder(state_server.address, store)
    assert holder.hears() == "has it"
    yield holder
    holder.end()


def end_sessions(server: Server) -> None:
    """Ends the session of a lease, as a restart of the server or of a proxy before it does."""
    with address.asked(server.address) as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        assert cursor.fetchall()


def states(store: Store) -> list[str]:
    return [row["state"] for row in ledger.read(store)]


def taken(server: Server, wait_s: float) -> None:
    with lease.lease(server.address, NAME, "orders", NOW, wait_s):
        pass


def test_a_second_run_waits_and_is_told_that_one_goes_on(holder: Holder, state_server: Server) -> None:
    with pytest.raises(StoreBusy, match="Another run of orders is writing"):
        taken(state_server, 0.1)
    found = lease.turns(state_server.address)[NAME].holder
    assert found and found.process == holder.process.pid


def test_a_killed_run_leaves_the_lease_at_once(holder: Holder, state_server: Server) -> None:
    holder.process.send_signal(signal.SIGKILL)
    began = time.monotonic()
    taken(state_server, 30)
    assert time.monotonic() - began < 10  # some milliseconds on a quiet machine; keepalives alone would take 11 s
    assert lease.turns(state_server.address)[NAME] == lease.Turn(2, None)


def test_a_stopped_run_keeps_it_because_its_session_lives(holder: Holder, state_server: Server) -> None:
    """The kernel answers keepalives for a process that is stopped (tcp(7))."""
    holder.process.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreBusy):
        taken(state_server, 0.5)
    holder.process.send_signal(signal.SIGCONT)
    assert holder.goes_on() == "intent"


def test_who_lost_the_session_commits_no_intent_even_when_nobody_else_has_the_lease(
    holder: Holder, store: Store, state_server: Server
) -> None:
    end_sessions(state_server)
    assert holder.goes_on() == "E-LEASE"
    assert states(store) == ["PLANNED"]


def test_who_was_stopped_while_another_one_took_over_commits_no_intent(
    holder: Holder, store: Store, state_server: Server
) -> None:
    holder.process.send_signal(signal.SIGSTOP)
    end_sessions(state_server)
    with lease.lease(state_server.address, NAME, "orders", NOW, 10):
        ledger.move(store, [Move("order", "1", State.CONFIRMED)], "other")
        holder.process.send_signal(signal.SIGCONT)
        assert holder.goes_on() == "E-LEASE"
    assert states(store) == ["CONFIRMED"]


def test_who_lost_the_session_after_the_intent_sends_nothing(
    holder: Holder, store: Store, state_server: Server
) -> None:
    assert holder.goes_on() == "intent"
    end_sessions(state_server)
    time.sleep(lease.ASKED_S)  # so short ago the session had answered
    assert holder.goes_on() == "E-LEASE"
    assert states(store) == ["SENDING"]  # for the next run to look up


def test_a_restart_of_the_server_between_intent_and_call_ends_the_run_and_the_next_one_finds_the_intent(
    holder: Holder, store: Store, state_server: Server
) -> None:
    assert holder.goes_on() == "intent"
    state_server.stop(signal.SIGQUIT)
    state_server.start()
    time.sleep(lease.ASKED_S)
    assert holder.goes_on() == "E-LEASE"
    with lease.lease(state_server.address, NAME, "orders", NOW, 10):
        assert states(store) == ["SENDING"]


def test_without_the_server_a_run_ends_with_a_word_about_it(store: Store, state_server: Server) -> None:
    assert states(store) == []
    state_server.stop()
    try:
        with pytest.raises(StateUnavailable, match="E-STATE: PostgreSQL at 127.0.0.1"):
            ledger.read(store)
        with pytest.raises(StateUnavailable):
            taken(state_server, 1)
    finally:
        state_server.start()
    assert ledger.read(store) == []


def test_the_next_holder_waits_for_a_transaction_that_has_passed_the_fence(store: Store, state_server: Server) -> None:
    """Else both could count on what the other one is about to change."""
    with lease.lease(state_server.address, NAME, "orders", NOW, 10):
        with store.transaction() as connection:
            ledger.create(connection)
            end_sessions(state_server)
            with pytest.raises(StoreBusy):
                # another thread of control: the mark of this one says that it has the lease
                lease._taken(state_server.address, NAME, "orders", NOW, 0.3)
        with pytest.raises(LeaseLost):
            ledger.move(store, [Move("order", "1", State.SENDING)], "run")


def test_a_lease_of_the_same_name_in_another_database_of_the_server_is_another_one(state_server: Server) -> None:
    with address.asked(state_server.address) as cursor:
        cursor.execute("CREATE DATABASE other")
    try:
        taken(state_server, 1)
        elsewhere = urlsplit(state_server.address)._replace(path="/other").geturl()
        with lease.lease(elsewhere, NAME, "orders", NOW, 1):
            assert lease.turns(state_server.address)[NAME] == lease.Turn(1, None)
    finally:
        with address.asked(state_server.address) as cursor:
            cursor.execute("DROP DATABASE other WITH (FORCE)")


def test_the_second_of_two_first_runs_waits_until_the_first_one_has_made_the_table(state_server: Server) -> None:
    first = address.connect(state_server.address)
    first.autocommit = False
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    try:
        with first.cursor() as cursor, ThreadPoolExecutor(1) as thread:
            cursor.execute(lease.MADE)
            second = thread.submit(taken, state_server, 10)
            with address.asked(state_server.address) as looking:
                while not second.done():
                    looking.execute(waits)
                    if looking.fetchone() != (0,):
                        break
            first.commit()
            second.result(30)
    finally:
        first.close()
    assert lease.turns(state_server.address)[NAME] == lease.Turn(1, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own")
def test_a_run_whose_network_is_cut_loses_the_lease_within_seconds_and_sends_nothing(tmp_path: Path) -> None:
    """In a network namespace of its own (network_namespaces(7)), where the test takes the loopback device down."""
    command = ["unshare", "--net", sys.executable, "-m", f"{__package__}.cut_network", str(tmp_path)]
    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)
    assert told.stdout.split() == ["intent", "free", "E-LEASE"], told.stderr
