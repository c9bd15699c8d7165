"""`winbc worker`: what it refuses, and when it starts its worker anew. Source: docs/scale.md, "Several machines"."""

import os
import signal
import threading
from pathlib import Path

import pytest
import typer
import yaml

from winbc_pipeline.cli.setup import worker
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.orchestration.configuration import shipped
from winbc_pipeline.settings import Settings

from ..support.sandboxes import REPOSITORY


def test_without_a_broker_there_is_nothing_to_work_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"workers\.broker is not set"):
        worker.worker()


@pytest.mark.parametrize(("shared", "names"), [("location = 1", {"default", "utrecht"}), ("", {"utrecht"})])
def test_a_worker_serves_the_daemon_of_connections_that_are_served_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: str, names: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "connections" / "utrecht").mkdir(parents=True)
    (tmp_path / "connections" / "utrecht" / "winbc.toml").write_text(f'connection = "utrecht"\n{shared}\n')
    folders = worker.folders_of(Settings())
    assert set(folders) == names
    assert folders.get("default", tmp_path) == tmp_path


def test_a_worker_that_ended_by_itself_without_a_fault_is_started_anew() -> None:
    """It does so when the program was replaced."""
    assert worker._served(["this"]) is False


def test_a_worker_that_failed_ends_the_command_with_its_exit_code() -> None:
    with pytest.raises(typer.Exit) as ended:
        worker._served(["winbc_pipeline.no_such_module"])
    assert ended.value.exit_code == 1


def test_who_is_asked_to_end_asks_the_worker_and_does_not_start_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a process inherits what its parent ignores
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert worker._served(["waits"]) is True
    signal.signal(signal.SIGTERM, before)


def test_the_shipped_configuration_is_the_one_for_workers_where_there_is_a_broker() -> None:
    with_workers = Settings(state={"database": "postgresql://x/x"}, workers={"broker": "redis://x/0"})
    named = {name: yaml.safe_load(shipped(each)) for name, each in (("one", Settings()), ("many", with_workers))}
    assert named["one"]["run_launcher"]["class"] == "ForkedRunLauncher"
    assert named["many"]["run_launcher"]["class"] == "WorkerRunLauncher"
    assert named["many"]["run_coordinator"]["class"] == "SlotRunCoordinator"
    assert named["many"]["storage"]["custom"]["class"] == "ServerStorage"
    assert named["many"]["run_retries"]["retry_on_asset_or_op_failure"] is False
    for part in ("retention", "concurrency", "sensors", "compute_logs"):
        expected = dict(named["one"][part])
        expected.pop("runs", None)  # how many runs at once says the coordinator
        assert named["many"][part] == expected


def test_the_compose_file_starts_what_the_docs_name() -> None:
    services = yaml.safe_load((REPOSITORY / "deploy" / "compose.scale.yaml").read_text())["services"]
    assert services["worker"]["command"][0] == "worker"
    assert services["daemon"]["command"][0] == "up"
    assert {"postgres", "redis"} < set(services)


def test_the_kubernetes_file_starts_what_the_docs_name() -> None:
    every = list(yaml.safe_load_all((REPOSITORY / "deploy" / "kubernetes.yaml").read_text()))
    deployed = {each["metadata"]["name"]: each["spec"] for each in every if each["kind"] == "Deployment"}
    pods = {name: spec["template"]["spec"] for name, spec in deployed.items()}
    assert {name: pod["containers"][0]["args"][0] for name, pod in pods.items()} == {
        "winbc-daemon": "up",
        "winbc-worker": "worker",
    }
    assert deployed["winbc-daemon"]["replicas"] == 1
    for pod in pods.values():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes["connection"]["persistentVolumeClaim"]["claimName"] == "winbc-connection"
        assert volumes["ca"]["configMap"]["name"] == "winbc-ca"
        assert pod["containers"][0]["image"] == pods["winbc-daemon"]["containers"][0]["image"], "the same version"
