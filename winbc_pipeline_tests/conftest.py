"""Fixtures of all tests: both sandboxes on loopback, or in this process with a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from winbc_pipeline.orchestration.following import watch
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync import run
from winbc_pipeline.sync.reading import glance

from .support import mapped_before
from .support.in_process import read_once
from .support.kept_open import kept_open
from .support.order_flow import order_flow as order_flow
from .support.order_sandboxes import OrderSandboxes, order_sandboxes, plain_tables
from .support.postgres import Server, running, state_on
from .support.sandboxes import FIRST, GUARDS_OFF, REPOSITORY, Sandboxes
from .support.servers import Servers, started
from .support.shops.pictured_shop import pictured_shop as pictured_shop
from .support.shops.stock_world import stock as stock
from .support.shops.stock_world import stock_with_app as stock_with_app
from .support.shops.two_ways import two_ways as two_ways

hypothesis_settings.register_profile(
    "same every time",
    derandomize=True,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("same every time")


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look for changes may take long: the machine may be busy. No tick stays: it asks once."""
    monkeypatch.setattr(glance, "GLANCE_S", 60)
    monkeypatch.setattr(watch, "STAY_S", 0)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of its own, started when the first test asks for it."""
    with running() as server:
        yield server


@pytest.fixture
def state_server(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Databases are schemas of an empty PostgreSQL until the test ends: those of settings, and those made without."""
    with state_on(postgres, monkeypatch):
        yield postgres


@pytest.fixture(autouse=True)
def chosen_state(request: pytest.FixtureRequest) -> None:
    """With `--state postgres`, every test runs on a server."""
    if request.config.getoption("--state") == "postgres":
        if request.node.get_closest_marker("files"):
            pytest.skip("is about files")
        request.getfixturevalue("state_server")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--state postgres`: the tests run with their state on a server instead of in files."""
    parser.addoption("--state", choices=("files", "postgres"), default="files")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with started() as servers:
        yield servers


@pytest.fixture
def sandboxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: Servers) -> Iterator[Sandboxes]:
    """Both sandboxes on loopback, empty, and settings that point at them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "map_windows", mapped_before.map_windows)
    servers.renew()
    for name, value in servers.addresses.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WINBC_GUARDS__ENABLED", str(GUARDS_OFF.enabled))  # also for commands and other processes
    settings = Settings(
        data_folder=tmp_path / "data", mapping_folder=REPOSITORY / "mapping_tables", history_start=FIRST
    )
    made = Sandboxes(servers.addresses, settings, tmp_path)
    with kept_open():
        yield made
        made.check(run_ended=False)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mapping tables with what the protocol needs, which no test changes."""
    folder = plain_tables(tmp_path_factory.mktemp("mapping") / "tables")
    with read_once(folder, REPOSITORY / "mapping_tables"):
        yield folder


@pytest.fixture
def orders(tmp_path: Path, tables: Path) -> Iterator[OrderSandboxes]:
    with order_sandboxes(tmp_path, tables) as sandboxes:
        yield sandboxes
