"""The files for Kubernetes agree with what the program ships and takes.

Source of the promises: docs/scale.md, "Kubernetes".
"""

from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import yaml

from ..support.sandboxes import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
OTHERWISE = {"concurrency", "run_coordinator", "run_launcher", "run_monitoring"}
"""What a cluster that starts runs has of its own in dagster.yaml."""


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pods of all files: name and spec, as Kubernetes spells it."""
    for name in ("kubernetes.yaml", "kubernetes-runs.yaml"):
        for each in documents(name):
            if each["kind"] == "Deployment":
                yield f"{name} {each['metadata']['name']}", each["spec"]["template"]["spec"]
    (values,) = documents("helm-values.yaml")
    yield "helm-values.yaml run", values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]


def shipped_for_runs() -> dict[str, Any]:
    (text,) = (each["data"] for each in documents("kubernetes-runs.yaml") if "dagster.yaml" in each.get("data", {}))
    found: dict[str, Any] = yaml.safe_load(text["dagster.yaml"])
    return found


def test_dagster_yaml_of_pods_is_that_of_workers_but_for_who_starts_a_run() -> None:
    text = resources.files("winbc_pipeline.defaults").joinpath("dagster_workers.yaml").read_text(encoding="utf-8")
    of_workers, of_pods = yaml.safe_load(text), shipped_for_runs()
    assert of_pods.keys() == of_workers.keys()
    assert {name for name in of_pods if of_pods[name] != of_workers[name]} == OTHERWISE
    assert of_pods["concurrency"]["pools"] == of_workers["concurrency"]["pools"]


@pytest.mark.parametrize(("name", "spec"), list(pods()))
def test_no_service_of_the_cluster_becomes_a_setting(name: str, spec: dict[str, Any]) -> None:
    """A variable WINBC_SERVICE_HOST is refused as an unknown setting."""
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True


def test_a_pod_of_a_run_begins_with_dagsters_command_and_not_with_that_of_the_image() -> None:
    (values,) = documents("helm-values.yaml")
    assert 'ENTRYPOINT ["winbc"]' in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["containerConfig"]["command"] == ["env"]
    assert shipped_for_runs()["run_launcher"]["config"]["run_k8s_config"]["container_config"]["command"] == ["env"]
