"""Runs in pods of their own: each order arrives once, whatever becomes of a pod.

Source of the promises: docs/scale.md, "Kubernetes". The launcher is Dagster's own, the cluster a stand-in
(support/cluster.py).
"""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import PARENT_RUN_ID_TAG

from winbc_pipeline.settings import Settings

from ...support import dying, launched
from ...support.cluster import Cluster, Pod, cluster
from ...support.launched import Office, office, until
from ...support.postgres import Server, state_on
from ...support.sandboxes import REPOSITORY, Sandboxes
from ...support.servers import Servers
from ...support.workers import Redis
from .test_daemons import FOLLOWED, daemons, runs
from .test_workers import CASE, MANY, begins_and_waits, ended_in_books

pytest.importorskip("dagster_k8s", reason="needs dagster-k8s~=0.29.0")
pytestmark = pytest.mark.scale
START = date(2026, 1, 1)
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
    # A run of few windows: each has a dozen events.
    chosen |= {"WINBC_WINDOW": "month", "WINBC_HISTORY_START": START.isoformat()}
    with pytest.MonkeyPatch.context() as monkeypatch, state_on(postgres, monkeypatch):
        monkeypatch.chdir(folder)
        for name, value in (servers.addresses.environment() | chosen).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(launched, "shipped", lambda _: configuration(pods.config(folder / "kubeconfig")))
        given = {"data_folder": folder / "data", "mapping_folder": REPOSITORY / "mapping_tables"}
        settings = Settings(**given, window="month", history_start=START)
        with office(Sandboxes(servers.addresses, settings, folder), monkeypatch) as made:
            seen = {name: value for name, value in os.environ.items() if name.startswith("WINBC_")}
            pods.given = {"winbc": seen | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}}
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


def test_what_a_killed_pod_had_is_done_again_by_itself_and_each_order_arrives_once(desk: Office, pods: Cluster) -> None:
    Path("winbc.toml").write_text(FOLLOWED)
    CASE.many(desk.sandboxes, MANY)
    dying.STAYS.write_text("2")  # its first write makes the customer
    with daemons(1):
        until(dying.STAYED.exists)
        (run,) = runs(desk, DagsterRunStatus.STARTED)
        last(pods).kill()
        dying.STAYS.unlink()
        until(lambda: desk.run(run).status is DagsterRunStatus.FAILURE)
        until(
            lambda: any(each.is_finished for each in desk.instance.get_runs(RunsFilter(tags={PARENT_RUN_ID_TAG: run})))
        )

    arrived = ended_in_books(desk)
    assert len(arrived) == len(set(arrived)) == MANY


def test_a_run_that_is_cancelled_ends_with_its_pod(desk: Office, pods: Cluster) -> None:
    run = begins_and_waits(desk)
    assert desk.other.run_launcher.terminate(run)
    dying.STAYS.unlink()  # the call that is on its way is waited for
    assert desk.ended(run) == "CANCELED"
    until(lambda: last(pods).process.poll() is not None)
