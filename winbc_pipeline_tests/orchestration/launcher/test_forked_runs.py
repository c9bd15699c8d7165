"""A run gets its process by a fork, and loses nothing by it.

Source of the promises: docs/operations.md, "How a run gets its process".
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from dagster._core.launcher import WorkerStatus

from winbc_pipeline.orchestration.launcher import fork_server
from winbc_pipeline.orchestration.launcher.executed import id_of
from winbc_pipeline.settings import Settings

from ...support.flow_cases import FLOW_CASES
from ...support.launched import Office, kill, office, until
from ...support.sandboxes import FIRST, REPOSITORY, Sandboxes
from ...support.servers import Servers

pytestmark = pytest.mark.proof

FLOW = "products_winstore_to_bc"


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One for all tests: the fork server takes seconds to load."""
    folder = tmp_path_factory.mktemp("launched")
    servers.renew()
    settings = Settings(data_folder=folder / "data", mapping_folder=REPOSITORY / "mapping_tables", history_start=FIRST)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WINBC_HISTORY_START", FIRST.isoformat())
        monkeypatch.setattr(fork_server, "START_S", 300)  # the machine may be busy
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            yield made


@pytest.fixture
def slow(desk: Office) -> Iterator[None]:
    """A run stays at work until the test ends."""
    system, path = FLOW_CASES[FLOW].slow
    desk.sandboxes.fault("winstore", {"kind": "slow", "seconds": 60, "times": 60})
    yield
    desk.sandboxes.fault("winstore")


def test_a_run_is_forked_and_its_records_arrive(desk: Office) -> None:
    FLOW_CASES[FLOW].fill(desk.sandboxes, False)
    run = desk.launch(FLOW)
    assert desk.process(run).pid
    assert desk.ended(run) == "SUCCESS"
    assert len(FLOW_CASES[FLOW].arrived(desk.sandboxes)) == 2


@pytest.fixture(params=["forked", "default"])
def launched(request: pytest.FixtureRequest, desk: Office) -> Iterator[str]:
    """Runs are forked, or the fork server gives no process and Dagster's own launcher has them."""

    def no_process(*_: object) -> None:
        raise fork_server.NotForked("there is none")

    if request.param == "forked":
        yield request.param
        return
    with pytest.MonkeyPatch.context() as monkeypatch, desk.served():
        monkeypatch.setattr(fork_server, "forked", no_process)
        yield request.param


def test_the_next_run_completes_a_killed_one(desk: Office, launched: str) -> None:
    case = FLOW_CASES[FLOW]
    wanted = 30 if launched == "forked" else 60  # 30 more
    before = len(case.written(desk.sandboxes))
    case.many(desk.sandboxes, wanted)
    system, path = case.slow
    desk.sandboxes.fault(system, {"kind": "slow", "path": path, "times": 60})
    run = desk.launch(FLOW)
    until(lambda: len(case.written(desk.sandboxes)) >= before + 10)
    kill(desk.pid(run))
    desk.sandboxes.fault(system)
    if launched == "forked":  # what the default launcher starts, the server of the code looks after
        until(lambda: not desk.process(run).is_alive)
        assert desk.launcher.check_run_worker_health(desk.run(run)).status == WorkerStatus.FAILED
    else:
        assert desk.ended(run) == "FAILURE"
    assert len(case.written(desk.sandboxes)) < before + 30, "the run was killed in the middle of its work"

    assert desk.sync(FLOW) == "SUCCESS"

    arrived = case.arrived(desk.sandboxes)
    assert len(arrived) == len(set(arrived)) >= wanted


def test_a_run_is_cancelled_by_a_process_that_did_not_launch_it(desk: Office, slow: None) -> None:
    run = desk.launch(FLOW)
    until(lambda: desk.run(run).status.value == "STARTED")
    assert desk.launcher.check_run_worker_health(desk.run(run)).status == WorkerStatus.RUNNING
    assert desk.takes_the_place(FLOW, run)
    assert desk.launcher.terminate(run)
    assert desk.ended(run) == "CANCELED"
    assert not desk.takes_the_place(FLOW, run)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_run_that_is_cancelled_in_the_moment_of_its_launch_ends_cancelled(
    desk: Office, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Before its process is in the tag, or while the process waits for its permission: the run is never left over."""
    made, written = fork_server.forked, len(FLOW_CASES[FLOW].written(desk.sandboxes))

    def forked(made_of: str, work: Any, run: str) -> Any:
        pid, permission = made(made_of, work, run)
        cancelled = Cancelled(permission, lambda: desk.launcher.terminate(id_of(run)))
        if not is_known:
            cancelled.cancel()
            return pid, permission
        return pid, cancelled

    monkeypatch.setattr(fork_server, "forked", forked)
    FLOW_CASES[FLOW].many(desk.sandboxes, 3)
    run = desk.launch(FLOW)
    assert desk.ended(run) == "CANCELED"
    until(lambda: not desk.process(run).is_alive)
    assert len(FLOW_CASES[FLOW].written(desk.sandboxes)) == written


class Cancelled:
    """The permission of a run, which is cancelled just before it is given."""

    def __init__(self, permission: Any, cancel: Callable[[], object]) -> None:
        self.permission, self.cancel = permission, cancel

    def send(self, go: str) -> None:
        self.cancel()
        with suppress(BrokenPipeError):  # the process may have ended by then
            self.permission.send(go)

    def __enter__(self) -> "Cancelled":
        return self

    def __exit__(self, *_: object) -> None:
        self.permission.close()


def test_a_fork_has_no_thread_and_no_file_of_the_process_that_launches(desk: Office, slow: None) -> None:
    """gRPC's channels and SQLite's locks do not survive a fork."""
    run = desk.launch(FLOW)
    until(lambda: desk.run(run).status.value == "STARTED")
    server = fork_server.server_pid()
    opened = [os.readlink(each) for each in Path(f"/proc/{server}/fd").iterdir()]
    threads = len(list(Path(f"/proc/{server}/task").iterdir()))
    own = {
        f"socket:[{each.split()[6]}]" for each in Path("/proc/net/unix").read_text().splitlines() if "listener-" in each
    }
    desk.launcher.terminate(run)
    desk.ended(run)
    assert threads == 1
    others = [name for name in opened if name not in own]  # it listens itself, as multiprocessing lets it
    assert not [name for name in others if name.startswith("socket") or ".d" in Path(name).name]


def test_a_killed_fork_server_costs_no_run(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a killed server was waited for, multiprocessing takes it for alive: the launch gets EOFError."""
    server = fork_server.server_pid()
    assert server
    by_default: list[str] = []
    monkeypatch.setattr(
        "dagster.DefaultRunLauncher.launch_run", lambda _, context: by_default.append(context.dagster_run.run_id)
    )
    kill(server)
    first = desk.launch(FLOW)
    assert by_default in ([], [first]), "the first one may be launched by Dagster's own launcher"
    assert desk.sync(FLOW) == "SUCCESS"
    assert fork_server.server_pid() not in (None, server)


def test_a_changed_env_file_counts_in_the_next_run(desk: Office) -> None:
    assert desk.sync(FLOW) == "SUCCESS"
    server = fork_server.server_pid()
    file = desk.sandboxes.folder / ".env"
    file.write_text("WINBC_PRODUCTS__CURRENCY=JPY\n")  # not that of the company, so no product is sent
    ended = desk.sync(FLOW)
    file.unlink()
    assert ended == "FAILURE"
    assert fork_server.server_pid() != server
    assert desk.sync(FLOW) == "SUCCESS"
