"""A connection whose runs are the work of workers: PostgreSQL, Redis, both sandboxes, and one worker that stays."""

import shutil
from collections.abc import Iterator

import pytest

from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.server import instances

from ...support import dying
from ...support.launched import Office, office
from ...support.postgres import Server, empty, state_on
from ...support.sandboxes import FIRST, REPOSITORY, Sandboxes
from ...support.servers import Servers
from ...support.workers import Redis, redis_running


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with redis_running() as server:
        yield server


@pytest.fixture(scope="module")
def anywhere(
    servers: Servers, postgres: Server, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The connection. Its workers are those of the test."""
    folder = tmp_path_factory.mktemp("anywhere")
    with pytest.MonkeyPatch.context() as monkeypatch, state_on(postgres, monkeypatch):
        monkeypatch.chdir(folder)
        chosen = {"WINBC_WORKERS__BROKER": redis.address, "WINBC_QUARANTINE_MINUTES": "0"}
        chosen["WINBC_HISTORY_START"] = FIRST.isoformat()
        for name, value in (servers.addresses.environment() | chosen).items():
            monkeypatch.setenv(name, value)
        settings = Settings(data_folder=folder / "data", mapping_folder=REPOSITORY / "mapping_tables")
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            yield made


@pytest.fixture
def desk(anywhere: Office, servers: Servers, postgres: Server) -> Office:
    """The connection with empty systems, and no memory of others."""
    servers.renew()
    instances.forget_all()
    empty(postgres, dagster=False)
    shutil.rmtree(anywhere.sandboxes.settings.data_folder, ignore_errors=True)
    for file in (dying.DIES, dying.LATER, dying.STAYS, dying.STAYED):
        file.unlink(missing_ok=True)
    return anywhere
