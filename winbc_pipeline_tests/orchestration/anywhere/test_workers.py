"""Runs in workers: each order arrives once, whatever becomes of a worker or of a task.

Source of the promises: docs/scale.md, "Several machines".
"""

import logging
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster._core.launcher import LaunchRunContext
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from winbc_pipeline.orchestration.anywhere import WorkerRunLauncher
from winbc_pipeline.orchestration.anywhere.celery_app import waiting
from winbc_pipeline.orchestration.anywhere.version import version
from winbc_pipeline.settings import load_settings

from ...support import dying
from ...support.flow_cases import FLOW_CASES
from ...support.launched import STARTED, Office, until
from ...support.sandboxes import HTTP
from ...support.workers import Redis, workers

pytestmark = pytest.mark.scale
ORDERS, MANY = "orders_winstore_to_bc", 20
CASE = FLOW_CASES[ORDERS]


def begins_and_waits(desk: Office) -> str:
    """A run that waits when its first orders are in Business Central, and it has not noted their answer."""
    CASE.many(desk.sandboxes, MANY)
    dying.STAYS.write_text("2")  # its first write makes the customer
    run = desk.launch(ORDERS)
    until(dying.STAYED.exists)
    return run


def looked_after(desk: Office, run: str) -> str:
    """The state of a run after a turn of the part of Dagster's daemon that looks after runs."""
    daemon: Any = SimpleNamespace(instance=desk.instance, create_request_context=lambda: None)
    list(execute_run_monitoring_iteration(daemon, logging.getLogger("quiet")))
    return desk.run(run).status.value


def ended_in_books(desk: Office) -> list[str]:
    """The orders of Business Central once runs have completed what is missing."""
    ended = desk.sync(ORDERS)
    if ended != "SUCCESS":
        dying.LATER.touch()  # what may have arrived is looked up twice, a minute apart
        HTTP.post(f"{desk.sandboxes.addresses.bc_control}/__clock", json={"advance_s": dying.LATER_S})
        ended = desk.sync(ORDERS)
    assert ended == "SUCCESS"
    return CASE.arrived(desk.sandboxes)


def test_the_run_of_a_killed_worker_fails_within_seconds_and_another_worker_completes_it(desk: Office) -> None:
    with workers(2) as both:
        run = begins_and_waits(desk)
        (busy,) = (each for each in both if each.has(desk.pid(run)))
        assert looked_after(desk, run) == "STARTED"
        assert 1 <= len(CASE.arrived(desk.sandboxes)) < MANY, "it is in the middle of its work"

        busy.kill()
        began = time.monotonic()
        until(lambda: looked_after(desk, run) == "FAILURE")
        assert time.monotonic() - began < 10  # at once on a quiet machine; keepalives alone would take 11 s
        dying.STAYS.unlink()

        arrived = ended_in_books(desk)
        assert len(arrived) == len(set(arrived)) == MANY


def test_a_task_that_comes_twice_is_executed_once(desk: Office) -> None:
    """As when two daemons launch the same run, or when Redis delivers again what was not acknowledged."""
    with workers(1, slots=2):
        run = begins_and_waits(desk)
        launcher = desk.other.run_launcher
        assert isinstance(launcher, WorkerRunLauncher)
        launcher.launch_run(LaunchRunContext(desk.run(run), workspace=None))
        launcher.launch_run(LaunchRunContext(desk.run(run), workspace=None))  # the second slot takes both
        until(lambda: tasks_of() == 0)
        dying.STAYS.unlink()
        assert desk.ended(run) == "SUCCESS"

        launcher.launch_run(LaunchRunContext(desk.run(run), workspace=None))  # and once more when it has ended
        arrived = ended_in_books(desk)
    assert len(arrived) == len(set(arrived)) == MANY
    assert sum(STARTED in entry.message for entry in desk.instance.all_logs(run)) == 1


def test_a_run_that_is_at_work_is_cancelled(desk: Office) -> None:
    with workers(1):
        run = begins_and_waits(desk)
        assert desk.other.run_launcher.terminate(run)
        dying.STAYS.unlink()  # the call that is on its way is waited for
        assert desk.ended(run) == "CANCELED"


def test_a_worker_that_is_asked_to_end_completes_its_run(desk: Office) -> None:
    with workers(1) as (worker,):
        run = begins_and_waits(desk)
        worker.process.terminate()
        time.sleep(0.5)
        assert worker.is_alive
        dying.STAYS.unlink()
        worker.process.wait(60)
    assert desk.run(run).status.value == "SUCCESS"
    assert len(CASE.arrived(desk.sandboxes)) == MANY


def test_a_run_goes_on_without_redis_and_the_worker_takes_the_next_one_when_it_is_back(
    desk: Office, redis: Redis
) -> None:
    with workers(1):
        run = begins_and_waits(desk)
        redis.stop(signal.SIGKILL)
        dying.STAYS.unlink()
        assert desk.ended(run) == "SUCCESS"
        redis.start()
        assert len(ended_in_books(desk)) == MANY


def test_a_worker_of_an_old_version_begins_no_run_and_a_run_that_none_has_can_be_cancelled(desk: Office) -> None:
    with workers(1, version="another") as (old,):
        run = desk.launch(ORDERS)
        launcher = desk.other.run_launcher
        assert isinstance(launcher, WorkerRunLauncher)
        time.sleep(1)  # a worker takes a task within some milliseconds
        assert tasks_of() == 1
        assert old.is_alive
    assert desk.instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 0  # type: ignore[union-attr]
    assert launcher.terminate(run)
    assert desk.run(run).status.value == "CANCELED"


def test_a_worker_of_another_connection_leaves_a_run_to_those_that_serve_it(desk: Office) -> None:
    """Such as one that was started before `winbc init` gave the connection its name."""
    with workers(1, another=Path.cwd()):
        before = tasks_of() or 0  # of runs that ended before a worker was there
        run = desk.launch(ORDERS)
        time.sleep(1)  # a worker takes a task within some milliseconds
        assert tasks_of() == before + 1
        with workers(1):
            assert desk.ended(run) == "SUCCESS"


def tasks_of() -> int | None:
    """How many tasks no worker has taken."""
    return waiting(load_settings().workers.address, version())
