"""What the process of a run does with a cancel that comes before Dagster listens to it.

Source of the promise: docs/operations.md, "How a run gets its process".
"""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from winbc_pipeline.orchestration.launcher import worker


def cancel() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # other tests have left threads, a run's process has none


class Permission:
    """A permission that comes together with a cancel."""

    def recv(self) -> tuple[str, set[str]]:
        cancel()
        return worker.GO, set()

    def __enter__(self) -> "Permission":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What became of runs. Each is cancelled once more while its cancel is reported."""
    before, found = signal.getsignal(signal.SIGINT), list[str]()
    monkeypatch.setattr(worker, "execute", lambda run: found.append(f"{run} executed"))

    def report(run: str) -> None:
        cancel()
        found.append(f"{run} cancelled")

    monkeypatch.setattr(worker, "id_of", lambda run: run)
    monkeypatch.setattr(worker, "report_cancelled", report)
    yield found
    signal.signal(signal.SIGINT, before)


def work() -> None:
    given: Any = Permission()
    worker.work(given, "run")


def test_a_second_cancel_does_not_end_the_report_of_the_first(told: list[str]) -> None:
    work()
    assert told == ["run cancelled"]


def test_a_process_that_was_told_to_ignore_interrupts_is_cancelled(told: list[str]) -> None:
    """As a shell tells what it starts in the background, and all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work()
    assert told == ["run cancelled"]


def test_a_cancel_that_comes_before_the_process_listens_waits_for_it(told: list[str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    cancel()
    work()
    assert told == ["run cancelled"]
