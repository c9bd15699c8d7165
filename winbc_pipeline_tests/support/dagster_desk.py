"""Dagster's UI and daemon of one connection, asked as the UI asks them."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from winbc_pipeline.cli import dagster_home
from winbc_pipeline.orchestration.launcher.process import RunProcess
from winbc_pipeline.orchestration.windows import range_tags

from .flow_cases import FLOW_CASES
from .sandboxes import Sandboxes, environment_of

OWN = "run_launcher:\n  module: winbc_pipeline.orchestration.launcher\n  class: ForkedRunLauncher\n"
LAUNCH = """mutation($given: ExecutionParams!) { launchRun(executionParams: $given) {
    __typename ... on LaunchRunSuccess { run { runId } } } }"""
RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value }
    eventConnection { events { ... on MessageEvent { message } } } } } }"""
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
DONE = ("SUCCESS", "FAILURE", "CANCELED")
LOCATION = "winbc_pipeline.definitions"


@dataclass
class Desk:
    """The UI of a connection that is served. Runs are named by their ids."""

    sandboxes: Sandboxes
    port: int

    def _ask(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"http://127.0.0.1:{self.port}/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer
        (result,) = answer["data"].values()
        return result

    def launch(self, flow: str) -> str:
        """Starts a run of the window of the flow's test records."""
        day = FLOW_CASES[flow].day
        tags = range_tags(day, day, self.sandboxes.settings).items()
        given = {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": "__repository__",
                "pipelineName": flow,
            },
            "executionMetadata": {"tags": [{"key": name, "value": value} for name, value in tags]},
        }
        started = self._ask(LAUNCH, given=given)
        assert started["__typename"] == "LaunchRunSuccess", started
        return str(started["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self._ask(RUN, id=run_id))

    def status(self, run_id: str) -> str:
        return str(self.run(run_id)["status"])

    def tags(self, run_id: str) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self.run(run_id)["tags"]}

    def messages(self, run_id: str) -> str:
        events = self.run(run_id)["eventConnection"]["events"]
        return "\n".join(event.get("message", "") for event in events)

    def process(self, run_id: str) -> RunProcess | None:
        return RunProcess.of(self.tags(run_id))

    def fork_server(self, run_id: str) -> int:
        """The number of the process that a run which is at work was forked from."""
        until(lambda: self.process(run_id) is not None)
        process = self.process(run_id)
        assert process
        return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])

    def terminate(self, run_id: str) -> None:
        self._ask(TERMINATE, id=run_id)

    def ended(self, run_id: str) -> str:
        """How a run ended."""
        until(lambda: self.status(run_id) in DONE)
        return self.status(run_id)

    def pid(self, run_id: str) -> int:
        """The number of the process of a run that has begun."""
        words = "Started process for run (pid: "
        until(lambda: words in self.messages(run_id))
        return int(self.messages(run_id).partition(words)[2].partition(")")[0])


def until(condition: Callable[[], bool], most_s: float = 120) -> None:
    """Waits for something that other processes do."""
    ends = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def served(sandboxes: Sandboxes, launcher: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Dagster's UI and daemon in the present folder, without sensors, until the block ends.

    Args:
        launcher: forked or default.
    """
    home = sandboxes.folder / "home"
    home.mkdir()
    environment = environment_of(sandboxes) | sandboxes.addresses.environment()
    dagster = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "WINBC_BC__BATCH_SIZE": "10"}
    for name, value in (environment | dagster).items():
        monkeypatch.setenv(name, value)
    dagster_home.prepare(home)
    configuration = home / "dagster.yaml"
    if launcher == "default":
        shipped = configuration.read_text()
        assert OWN in shipped
        configuration.write_text(shipped.replace(OWN, ""))
    port = free_port()
    with Path(os.devnull).open("w") as nowhere, dagster_home.serve_ui(Console(file=nowhere), home, port):
        yield Desk(sandboxes, port)
