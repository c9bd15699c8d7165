"""Runs in workers: each order arrives once, whatever happens to a worker.

Source of the promises: docs/scale.md, "Several machines".
"""

import shutil
from collections.abc import Iterator

import pytest

from winbc_pipeline.settings import Settings

from ...support import dying
from ...support.flow_cases import FLOW_CASES
from ...support.launched import Office, office, until
from ...support.postgres import Server
from ...support.sandboxes import FIRST, REPOSITORY, Sandboxes
from ...support.servers import Servers
from ...support.workers import redis_running, workers

pytestmark = pytest.mark.scale
ORDERS = "orders_winstore_to_bc"
MANY = 20


@pytest.fixture
def desk(
    servers: Servers, postgres: Server, state_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("anywhere")
    servers.renew()
    with pytest.MonkeyPatch.context() as monkeypatch, redis_running() as redis:
        monkeypatch.chdir(folder)
        chosen = {"WINBC_WORKERS__BROKER": redis.address, "WINBC_QUARANTINE_MINUTES": "0"}
        chosen["WINBC_HISTORY_START"] = FIRST.isoformat()
        for name, value in (servers.addresses.environment() | chosen).items():
            monkeypatch.setenv(name, value)
        settings = Settings(data_folder=folder / "data", mapping_folder=REPOSITORY / "mapping_tables")
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            yield made


def test_a_worker_executes_a_run(desk: Office) -> None:
    import time
    case = FLOW_CASES[ORDERS]
    case.many(desk.sandboxes, MANY)
    with workers(1):
        for _ in range(3):
            t = time.monotonic()
            assert desk.sync(ORDERS) == "SUCCESS"
            print("took", time.monotonic() - t)
    arrived = case.arrived(desk.sandboxes)
    assert len(arrived) == len(set(arrived)) == MANY
