"""Several connections, two workers, and every loss in turn: each order of each shop is in its books once.

Three of them run with `make scale`, eight with `make scale ALL=1`.

Source of the promises: docs/scale.md, "Several machines". This process is the daemon of all connections, as far as it
lets runs out, looks after them and repeats them; test_daemons.py has Dagster's own.
"""

import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from winbc_pipeline.build import build_defs
from winbc_pipeline.orchestration.anywhere.celery_app import waiting
from winbc_pipeline.orchestration.anywhere.execute import prepare
from winbc_pipeline.orchestration.anywhere.version import version
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging.server import address

from ...support import dying
from ...support.flow_cases import FLOW_CASES
from ...support.postgres import Server, state_on
from ...support.sandboxes import FIRST, HTTP, REPOSITORY, Sandboxes
from ...support.servers import started
from ...support.workers import Redis, redis_running, workers

pytestmark = pytest.mark.scale
ORDERS, MANY = "orders_winstore_to_bc", 15
AWAY_S = 30  # the server with the state
REDIS_AWAY_S = 5
AGAIN_S = 10  # between two runs of a connection
CASE = FLOW_CASES[ORDERS]
ENDED = {DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS, DagsterRunStatus.CANCELED}


class Connection:
    """One of them: a folder with settings, a shop and books of its own, and Dagster's tables."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        self.folder = Path("connections", name).resolve()
        self.folder.mkdir(parents=True)
        servers = stack.enter_context(started())
        chosen = servers.addresses.environment() | {
            "WINBC_CONNECTION": name,
            "WINBC_HISTORY_START": FIRST.isoformat(),
            "WINBC_MAPPING_FOLDER": str(REPOSITORY / "mapping_tables"),
            "WINBC_GUARDS__ENABLED": "false",
            "WINBC_QUARANTINE_MINUTES": "0",
            "WINBC_BC__BATCH_SIZE": "5",
        }
        env = self.folder / ".env"
        env.write_text("".join(f"{key}='{value}'\n" for key, value in chosen.items()))
        env.chmod(0o600)
        with self.here():
            self.settings = load_settings()
            prepare(self.settings)
            self.instance: DagsterInstance = stack.enter_context(DagsterInstance.get())
            self.job = build_defs(settings=self.settings).resolve_job_def(ORDERS)
        self.sandboxes = Sandboxes(servers.addresses, self.settings, self.folder)
        CASE.many(self.sandboxes, MANY)
        self.last, self.began = "", 0.0

    @contextmanager
    def here(self) -> Iterator[None]:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(before)

    def launch(self) -> None:
        recon = ReconstructableRepository.for_module("winbc_pipeline.definitions", "defs", str(self.folder))
        origin = recon.get_reconstructable_job(ORDERS).get_python_origin()
        tags = range_tags(CASE.day, CASE.day, self.settings)
        run = self.instance.create_run_for_job(self.job, tags=tags, job_code_origin=origin)
        self.last, self.began = run.run_id, time.monotonic()
        self.instance.launch_run(run.run_id, workspace=None)  # type: ignore[arg-type]

    def turn(self) -> None:
        """What a daemon does in a turn: it looks after runs, and lets one out where a worker can begin it."""
        daemon: Any = SimpleNamespace(instance=self.instance, create_request_context=lambda: None)
        list(execute_run_monitoring_iteration(daemon, logging.getLogger("quiet")))
        if bool(self.last) and (self.status not in ENDED or time.monotonic() - self.began < AGAIN_S):
            return
        queue = self.instance.get_concurrency_config().run_queue_config
        if not self.is_done and queue and queue.max_concurrent_runs > 0:
            self.launch()

    @property
    def status(self) -> DagsterRunStatus:
        run = self.instance.get_run_by_id(self.last)
        assert run
        return run.status

    @property
    def is_done(self) -> bool:
        return bool(self.last) and self.status is DagsterRunStatus.SUCCESS and len(self.arrived) == MANY

    @property
    def arrived(self) -> list[str]:
        orders = self.sandboxes.bc()["records"].get("salesOrders", [])
        return [order["externalDocumentNumber"] for order in orders]


@pytest.fixture
def redis() -> Iterator[Redis]:
    """One of its own: it is lost."""
    with redis_running() as server:
        yield server


@pytest.fixture(params=[3, pytest.param(8, marks=pytest.mark.soak)])
def shops(request: pytest.FixtureRequest, postgres: Server, redis: Redis, tmp_path: Path) -> Iterator[list[Connection]]:
    with pytest.MonkeyPatch.context() as monkeypatch, state_on(postgres, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("WINBC_WORKERS__BROKER", redis.address)
        monkeypatch.setenv("DAGSTER_HOME", "")
        with ExitStack() as stack:
            yield [Connection(f"shop{number}", stack) for number in range(request.param)]


def turns(every: list[Connection], until_s: float = 300, until: Any = lambda: False) -> None:
    """Turns of the daemons until something happened, or all is done."""
    ends = time.monotonic() + until_s
    while not until() and not all(each.is_done for each in every):
        assert time.monotonic() < ends, [(each.last and each.status.value, len(each.arrived)) for each in every]
        for each in every:
            with each.here(), suppress(Exception):  # a daemon, too, goes on after an error
                each.turn()
        time.sleep(0.3)


def some_orders(every: list[Connection], more_than: int) -> bool:
    return sum(len(each.arrived) for each in every) > more_than


def end_all_sessions(server: Server) -> None:
    with address.asked(server.address) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> ''"
        )


def none_waits(redis: Redis) -> bool:
    """What waits in Redis is lost with it, and would be repeated after three minutes only."""
    return waiting(redis.address, version()) == 0


def test_whatever_is_lost_each_order_of_every_connection_arrives_once(
    shops: list[Connection], postgres: Server, redis: Redis
) -> None:
    folders = {each.settings.connection: each.folder for each in shops}
    with workers(2, **folders) as both:
        turns(shops, until=lambda: some_orders(shops, 0))
        both[0].kill()
        with workers(1, **folders):
            turns(shops, until=lambda: some_orders(shops, MANY // 2) and none_waits(redis))
            redis.stop(signal.SIGKILL)
            back = time.monotonic() + REDIS_AWAY_S
            turns(shops, until=lambda: time.monotonic() > back)
            redis.start()
            turns(shops, until=lambda: some_orders(shops, MANY))
            end_all_sessions(postgres)
            turns(shops, until=lambda: some_orders(shops, 2 * MANY))
            postgres.stop(signal.SIGQUIT)
            time.sleep(AWAY_S)
            postgres.start()
            for each in shops:  # what may have arrived is looked up twice, a minute apart
                (each.folder / dying.LATER).touch()
                HTTP.post(f"{each.sandboxes.addresses.bc_control}/__clock", json={"advance_s": dying.LATER_S})
            turns(shops)
    for each in shops:
        assert sorted(each.arrived) == sorted(set(each.arrived))
        assert len(each.arrived) == MANY
    shutil.rmtree("connections")
