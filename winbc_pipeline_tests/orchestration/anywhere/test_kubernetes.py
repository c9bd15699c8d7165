"""Runs in pods of their own: each order arrives once, whatever becomes of a pod.

Source of the promises: docs/scale.md, "Kubernetes". The launcher is Dagster's own, the cluster a stand-in
(support/cluster.py).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from winbc_pipeline.settings import Settings

from ...support import dying, launched
from ...support.cluster import Cluster, Pod, cluster
from ...support.launched import Office, office, until
from ...support.postgres import Server, state_on
from ...support.sandboxes import FIRST, REPOSITORY, Sandboxes
from ...support.servers import Servers
from ...support.workers import Redis
from .test_workers import MANY, begins_and_waits, ended_in_books, looked_after

pytest.importorskip("dagster_k8s", reason="needs dagster-k8s~=0.29.0")
pytestmark = pytest.mark.scale
DYING = "from winbc_pipeline_tests.support import dying\ndying.armed()\n"


@pytest.fixture(scope="module")
def pods() -> Iterator[Cluster]:
    with cluster(manifest("Role", "winbc-daemon")["rules"]) as made:
        yield made


@pytest.fixture(scope="module")
def anywhere(
    servers: Servers, postgres: Server, redis: Redis, pods: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """A connection whose runs get pods, by the dagster.yaml of deploy/kubernetes-runs.yaml."""
    folder = tmp_path_factory.mktemp("pods")
    (folder / "sitecustomize.py").write_text(DYING)  # what Python loads first in a pod
    chosen = {"WINBC_WORKERS__BROKER": redis.address, "WINBC_QUARANTINE_MINUTES": "0", "NAMESPACE": "shops"}
    chosen |= {"WINBC_HISTORY_START": FIRST.isoformat()}
    with pytest.MonkeyPatch.context() as monkeypatch, state_on(postgres, monkeypatch):
        monkeypatch.chdir(folder)
        for name, value in (servers.addresses.environment() | chosen).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(launched, "shipped", lambda _: configuration(pods.config(folder / "kubeconfig")))
        settings = Settings(data_folder=folder / "data", mapping_folder=REPOSITORY / "mapping_tables")
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            given = {name: value for name, value in os.environ.items() if name.startswith("WINBC_")}
            pods.given = {"winbc": given | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}}
            yield made


def configuration(kubeconfig: Path) -> str:
    """dagster.yaml of the manifest, for a cluster that is called from outside."""
    whole = yaml.safe_load(manifest("ConfigMap", "winbc-dagster")["data"]["dagster.yaml"])
    whole["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    return yaml.safe_dump(whole)


def manifest(kind: str, name: str) -> dict[str, Any]:
    text = (REPOSITORY / "deploy" / "kubernetes-runs.yaml").read_text(encoding="utf-8")
    (found,) = (each for each in yaml.safe_load_all(text) if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found  # type: ignore[no-any-return]


def last(pods: Cluster) -> Pod:
    return list(pods.pods.values())[-1]


def test_the_run_of_a_killed_pod_fails_and_the_next_pod_completes_it(desk: Office, pods: Cluster) -> None:
    run = begins_and_waits(desk)
    assert looked_after(desk, run) == "STARTED"
    last(pods).kill()
    assert looked_after(desk, run) == "FAILURE"
    dying.STAYS.unlink()

    arrived = ended_in_books(desk)
    assert len(arrived) == len(set(arrived)) == MANY


def test_a_run_that_is_cancelled_ends_with_its_pod(desk: Office, pods: Cluster) -> None:
    run = begins_and_waits(desk)
    assert desk.other.run_launcher.terminate(run)
    dying.STAYS.unlink()  # the call that is on its way is waited for
    assert desk.ended(run) == "CANCELED"
    until(lambda: last(pods).process.poll() is not None)
