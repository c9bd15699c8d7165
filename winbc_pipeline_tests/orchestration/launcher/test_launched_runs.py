"""Runs that are launched by the daemon and watched from the UI, with our launcher and with Dagster's own.

Source of the promises: docs/operations.md, and Dagster's concept page "Run launchers".
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.settings import Settings

from ...support.dagster_desk import Desk, kill, served, until
from ...support.flow_cases import FLOW_CASES
from ...support.sandboxes import FIRST, REPOSITORY, Sandboxes
from ...support.servers import Servers

pytestmark = pytest.mark.proof

FLOW = "products_winstore_to_bc"
SLOW = {"kind": "slow", "seconds": 5, "times": 1}  # the run can be looked at while it is at work
FORKED, BOTH = ["forked"], ["forked", "default"]


@pytest.fixture(scope="module")
def desk(request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Served once for all tests of one launcher; starting it takes longer than all of them."""
    folder = tmp_path_factory.mktemp("served")
    servers.renew()
    settings = Settings(data_folder=folder / "data", mapping_folder=REPOSITORY / "mapping_tables", history_start=FIRST)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WINBC_GUARDS__ENABLED", "false")
        monkeypatch.setenv("WINBC_HISTORY_START", FIRST.isoformat())
        with served(Sandboxes(servers.addresses, settings, folder), request.param, monkeypatch) as desk:
            yield desk


@pytest.mark.parametrize("desk", BOTH, indirect=True)
def test_a_killed_run_frees_its_place_and_the_next_one_completes_it(desk: Desk) -> None:
    case = FLOW_CASES[FLOW]
    case.many(desk.sandboxes, 60)
    system, path = case.slow
    desk.sandboxes.fault(system, {"kind": "slow", "path": path, "times": 60})
    killed = desk.launch(FLOW)
    pid = desk.pid(killed)
    until(lambda: len(case.written(desk.sandboxes)) >= 10)
    kill(pid)
    assert desk.ended(killed) == "FAILURE"
    assert len(case.written(desk.sandboxes)) < 60, "the run was killed in the middle of its work"
    desk.sandboxes.fault(system)

    assert desk.ended(desk.launch(FLOW)) == "SUCCESS"

    arrived = case.arrived(desk.sandboxes)
    assert len(arrived) == len(set(arrived)) == 60


@pytest.mark.parametrize("desk", BOTH, indirect=True)
def test_a_run_is_cancelled_from_the_ui(desk: Desk) -> None:
    system, path = FLOW_CASES[FLOW].slow
    desk.sandboxes.fault(system, {"kind": "slow", "seconds": 60, "times": 60})
    run = desk.launch(FLOW)
    desk.pid(run)
    desk.terminate(run)
    ended = desk.ended(run)
    desk.sandboxes.fault(system)
    assert ended == "CANCELED"


@pytest.mark.parametrize("desk", FORKED, indirect=True)
def test_a_run_is_a_fork_with_one_thread_and_no_file_or_channel_of_the_daemon(desk: Desk) -> None:
    """gRPC and SQLite do not survive a fork, so that nothing of either may be copied."""
    system, _ = FLOW_CASES[FLOW].slow
    desk.sandboxes.fault(system, {"kind": "slow", "seconds": 60, "times": 60})
    run = desk.launch(FLOW)
    server = desk.fork_server(run)
    command = Path(f"/proc/{server}/cmdline").read_bytes()
    opened = [os.readlink(each) for each in Path(f"/proc/{server}/fd").iterdir()]
    threads = len(list(Path(f"/proc/{server}/task").iterdir()))
    desk.terminate(run)
    desk.sandboxes.fault(system)
    assert b"forkserver" in command
    assert threads == 1
    assert not [each for each in opened if each.endswith(".db") or ".duckdb" in each]


@pytest.mark.parametrize("desk", FORKED, indirect=True)
def test_a_killed_fork_server_costs_no_run_and_the_run_after_it_is_forked_again(desk: Desk) -> None:
    """Until a killed server was waited for, multiprocessing takes it for alive: the launch would get EOFError."""
    desk.sandboxes.fault("winstore", SLOW)
    first = desk.launch(FLOW)
    server = desk.fork_server(first)
    assert desk.ended(first) == "SUCCESS"
    kill(server)
    second, third = desk.launch(FLOW), desk.launch(FLOW)
    assert [desk.ended(second), desk.ended(third)] == ["SUCCESS", "SUCCESS"]
    assert desk.process(third), "it was forked"


@pytest.mark.parametrize("desk", FORKED, indirect=True)
def test_settings_that_changed_count_in_the_next_run(desk: Desk) -> None:
    """The fork server that had the old ones is replaced."""
    desk.sandboxes.fault("winstore", SLOW)
    first = desk.launch(FLOW)
    before = desk.fork_server(first)
    assert desk.ended(first) == "SUCCESS"
    (desk.sandboxes.folder / ".env").write_text("WINBC_WINSTORE__PASSWORD=wrong\n")
    second = desk.launch(FLOW)
    ended, after = desk.ended(second), desk.messages(second)
    (desk.sandboxes.folder / ".env").unlink()
    assert (ended, "password" in after or "credentials" in after) == ("FAILURE", True)
    assert not Path(f"/proc/{before}").exists()
