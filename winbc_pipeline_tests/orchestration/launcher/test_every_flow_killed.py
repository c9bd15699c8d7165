"""A forked run of each flow is killed after a write. The next one completes it: nothing twice, nothing lost.

Source of the promise: docs/operations.md, "How a run gets its process"; the conformance tests keep it for runs that
are not launched.
"""

import shutil
from collections.abc import Iterator

import pytest

from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.launcher import fork_server, launcher
from winbc_pipeline.settings import OrdersToWinstoreSettings, Settings, StockSettings

from ...support import dying
from ...support.flow_cases import FLOW_CASES
from ...support.launched import Office, office, until
from ...support.sandboxes import FIRST, HTTP, REPOSITORY, Sandboxes
from ...support.servers import Servers

pytestmark = pytest.mark.proof

MANY = 20  # two batches, or four times what goes to Winstore at once
OF_BC = "stock_bc_to_winstore"
# The settings of the conformance tests: every flow is on, and what was lost is looked up at once.
CHOSEN = {
    "CUSTOMERS__DIRECTION": "both",
    "PRODUCTS__DIRECTION": "both",
    "STOCK__OWNER": "winstore",
    "STOCK__WAREHOUSE": "7",
    "ORDERS_TO_WINSTORE__LOOK_UP": "GetOrderChangesByDate",
    "QUARANTINE_MINUTES": "0",
    "HISTORY_START": FIRST.isoformat(),
}


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One for all flows: the fork server takes seconds to load."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        chosen = {f"WINBC_{name}": value for name, value in CHOSEN.items()}
        for name, value in (servers.addresses.environment() | chosen).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(fork_server, "START_S", 300)  # the machine may be busy
        monkeypatch.setattr(launcher, "work", dying.launched)
        settings = Settings(
            data_folder=folder / "data",
            mapping_folder=REPOSITORY / "mapping_tables",
            orders_to_winstore=OrdersToWinstoreSettings(look_up="GetOrderChangesByDate"),
        )
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            yield made


@pytest.fixture
def fresh(desk: Office, servers: Servers) -> Office:
    """Empty systems, and no memory of others."""
    servers.renew()
    shutil.rmtree(desk.sandboxes.settings.data_folder, ignore_errors=True)
    for file in (dying.DIES, dying.LATER):
        file.unlink(missing_ok=True)
    return desk


# The owner of stock is a setting, so the flow that needs the other one comes last, with a fork server of its own.
@pytest.mark.parametrize("flow", sorted((flow.id for flow in FLOWS), key=lambda flow: flow == OF_BC))
def test_the_next_run_completes_a_killed_one(fresh: Office, flow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, sandboxes = FLOW_CASES[flow], fresh.sandboxes
    if flow == OF_BC:
        monkeypatch.setenv("WINBC_STOCK__OWNER", "bc")
        owned = {"stock": StockSettings(owner="bc", warehouse="7")}
        monkeypatch.setattr(sandboxes, "settings", sandboxes.settings.model_copy(update=owned))
    case.many(sandboxes, MANY)
    dying.DIES.write_text("2" if flow == "orders_winstore_to_bc" else "1")  # its first one makes the customer
    killed = fresh.launch(flow)
    until(lambda: not fresh.process(killed).is_alive)
    assert fresh.run(killed).status.value == "STARTED", "it was killed, and could say nothing"
    assert 1 <= len(case.written(sandboxes)) < MANY, "it was killed in the middle of its work"
    dying.DIES.unlink()

    ended = fresh.sync(flow)
    if case.looks_twice:
        dying.LATER.touch()
        HTTP.post(f"{sandboxes.addresses.bc_control}/__clock", json={"advance_s": dying.LATER_S}).raise_for_status()
        ended = fresh.sync(flow)

    assert ended == "SUCCESS"
    arrived = case.arrived(sandboxes)
    assert len(arrived) == len(set(arrived)) == MANY
