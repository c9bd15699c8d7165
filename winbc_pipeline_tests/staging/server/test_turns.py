"""Several threads that ask servers who has which lease: none waits for another server, nor for one that is away."""

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import pytest

from winbc_pipeline.errors import StateUnavailable
from winbc_pipeline.staging.server import lease

WITHOUT_LEASES = Mock(**{"fetchone.return_value": (None,)})
LONG_S = 10
Answer = Callable[[], None]
Answers = dict[str, Answer]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """What servers do before they answer that nobody ever took a lease, by their address."""
    found: Answers = {}

    @contextmanager
    def asked(address: str) -> Iterator[Any]:
        found[address]()
        yield WITHOUT_LEASES

    monkeypatch.setattr(lease, "asked", asked)
    yield found
    for address in found:
        lease._told.pop(address, None)


def test_a_server_is_not_waited_for_by_who_asks_another_one(answers: Answers) -> None:
    is_asked, goes_on = threading.Event(), threading.Event()
    answers["slow"] = lambda: (is_asked.set(), goes_on.wait(LONG_S))[0]
    answers["quick"] = lambda: None
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(lease.turns, "slow")
        assert is_asked.wait(LONG_S)
        try:
            assert threads.submit(lease.turns, "quick").result(LONG_S / 2) == {}
        finally:
            goes_on.set()
        assert slow.result(LONG_S) == {}


def test_a_server_that_is_away_is_waited_for_once_and_not_for_each_flow(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Mock(side_effect=StateUnavailable("PostgreSQL"))
    answers["away"] = away
    for _ in range(5):
        with pytest.raises(StateUnavailable):
            lease.turns("away")
    assert away.call_count == 1
    away.side_effect = None
    monkeypatch.setattr(lease, "TOLD_S", 0)  # as after this time
    assert lease.turns("away") == {}, "it is asked again"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_fork_does_not_wait_for_a_question_of_a_thread_that_it_does_not_have(answers: Answers) -> None:
    is_asked, goes_on = threading.Event(), threading.Event()
    answers["server"] = lambda: (is_asked.set(), goes_on.wait(LONG_S))[0]
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(lease.turns, "server")
        assert is_asked.wait(LONG_S)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread, which is the point here
            child = os.fork()
        if not child:
            signal.alarm(LONG_S // 2)
            answers["server"] = lambda: None
            lease.turns("server")
            os._exit(0)
        ended = os.waitpid(child, 0)[1]
        goes_on.set()
        assert asking.result(LONG_S) == {}
    assert ended == 0
