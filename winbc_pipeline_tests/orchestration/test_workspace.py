"""`dagster dev -w workspace.yaml` works by itself, and says that it keeps no history without DAGSTER_HOME."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from winbc_pipeline.cli.dagster_home import end_group

from ..support.sandboxes import HTTP, REPOSITORY

pytestmark = pytest.mark.proof

LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
    __typename ... on RepositoryLocation { repositories { jobs { name } } } } } } } }"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def asked(port: int) -> list[dict[str, Any]]:
    try:
        answer = HTTP.post(f"http://127.0.0.1:{port}/graphql", json={"query": LOCATIONS}, timeout=30)
        return answer.json()["data"]["workspaceOrError"]["locationEntries"]  # type: ignore[no-any-return]
    except (httpx.TransportError, ValueError, KeyError):
        return []


def test_dagster_dev_serves_the_workspace(tmp_path: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster")), "dev", "-w", "workspace.yaml", "-p", str(port)],
            cwd=REPOSITORY,
            env=environment | {"DAGSTER_DISABLE_TELEMETRY": "1", "WINBC_DATA_FOLDER": str(tmp_path / "data")},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            ends, entries = time.monotonic() + 240, []
            while time.monotonic() < ends and not any(entry["loadStatus"] == "LOADED" for entry in entries):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
                assert process.poll() is None, log.read_text()
                entries = asked(port)
        finally:
            end_group(process)
    jobs = [job["name"] for entry in entries for job in entry["locationOrLoadError"]["repositories"][0]["jobs"]]
    assert {"customers_winstore_to_bc", "products_winstore_to_bc", "run_retention"} <= set(jobs)
    assert "DAGSTER_HOME" in log.read_text() or "temporary directory" in log.read_text()
