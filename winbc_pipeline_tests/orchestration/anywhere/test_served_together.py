"""Two connections in one code location, and one worker that serves both: each order is in its own books, once.

Source of the promises: docs/scale.md, "Several machines".
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from winbc_pipeline.orchestration.anywhere.execute import prepare
from winbc_pipeline.settings import load_settings

from ...support.flow_cases import FLOW_CASES
from ...support.launched import until
from ...support.postgres import Server, state_on
from ...support.sandboxes import REPOSITORY, Sandboxes
from ...support.servers import started
from ...support.workers import redis_running, workers
from .test_daemons import daemons
from .test_sessions import words_of

pytestmark = pytest.mark.scale
ORDERS = "orders_winstore_to_bc"
CASE = FLOW_CASES[ORDERS]
SHARED = f"""
location = 1
history_start = {CASE.day.replace(day=1).isoformat()}
window = "month"
mapping_folder = "{REPOSITORY / "mapping_tables"}"
guards.enabled = false
flows.{ORDERS}.sensors = true
"""
ORDERS_OF = {"utrecht": 2, "den-haag": 3}


@pytest.fixture
def shops(postgres: Server, tmp_path: Path) -> Iterator[dict[str, Sandboxes]]:
    """Two connections below this folder, which is where their daemon and their worker are."""
    with pytest.MonkeyPatch.context() as monkeypatch, redis_running() as redis, state_on(postgres, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("WINBC_WORKERS__BROKER", redis.address)
        monkeypatch.setenv("DAGSTER_HOME", "")
        Path("connections").mkdir()
        Path("connections", "defaults.toml").write_text(SHARED)
        with ExitStack() as stack:
            yield {name: _shop(name, count, stack) for name, count in ORDERS_OF.items()}


def _shop(name: str, orders: int, stack: ExitStack) -> Sandboxes:
    folder = Path("connections", name).resolve()
    folder.mkdir()
    servers = stack.enter_context(started())
    (folder / "winbc.toml").write_text(f'connection = "{name}"\n')
    env = folder / ".env"
    env.write_text("".join(f"{key}='{value}'\n" for key, value in servers.addresses.environment().items()))
    env.chmod(0o600)
    shop = Sandboxes(servers.addresses, load_settings(folder), folder)
    CASE.many(shop, orders)
    return shop


def references(shop: Sandboxes) -> list[str]:
    return sorted(order["externalDocumentNumber"] for order in shop.bc()["records"].get("salesOrders", []))


def test_one_worker_executes_the_runs_of_connections_that_are_served_together(shops: dict[str, Sandboxes]) -> None:
    expected = {name: [f"WS-W{number + 1}" for number in range(count)] for name, count in ORDERS_OF.items()}
    prepare(load_settings())
    with DagsterInstance.get() as instance, workers(1), daemons(1, "winbc_pipeline.together", "location_1"):
        succeeded = RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
        until(lambda: len(instance.get_runs(succeeded)) >= len(shops))
        done = {run.tags["winbc/connection"] for run in instance.get_runs(succeeded)}
        told = {words_of(shop.settings, datetime.now(UTC)) for shop in shops.values()}
    assert done == {"utrecht", "den_haag"}
    assert told == {""}, "the daemon of both lives"
    assert {name: references(shop) for name, shop in shops.items()} == expected
