"""A stand-in of a cluster's API on loopback: it takes Jobs, and runs each one's container as a process of this machine.

It knows what Dagster's K8sRunLauncher asks: make, read and delete a Job; list its pods, and delete one. It refuses what
the Role does not allow. A container gets no variables but those of its Job and of its image, and begins with the entry
point of deploy/Dockerfile where its Job gives no command. Nothing is isolated: volumes are not mounted, and the working
folder is this one.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .sandboxes import REPOSITORY

Given = Mapping[str, Mapping[str, str]]
ENTRYPOINT = ["winbc"]
IMAGE = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}


class Pod:
    """The pod of a Job. What it prints is in a file with its name."""

    def __init__(self, job: dict[str, Any], given: Given) -> None:
        self.job, self.name = job, f"{job['metadata']['name']}-x7k2p"
        (container,) = job["spec"]["template"]["spec"]["containers"]
        command = [*container.get("command", ENTRYPOINT), *container["args"]]
        environment = IMAGE | variables_of(container, given)
        with Path(f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)

    @property
    def status(self) -> dict[str, int]:
        """What the status of its Job counts."""
        code = self.process.poll()
        return {"active" if code is None else "failed" if code else "succeeded": 1}

    def kill(self) -> None:
        """Kills all its processes, as if its node were gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def variables_of(container: dict[str, Any], given: Given) -> dict[str, str]:
    """The variables of a container. Raises KeyError for a ConfigMap or Secret that is not there."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= given[(source.get("configMapRef") or source["secretRef"])["name"]]
    for each in container.get("env", []):
        reference = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = given[reference["name"]][reference["key"]] if reference else each["value"]
    return found


class Cluster(ThreadingHTTPServer):
    """The API.

    Attributes:
        rules: of the Role of who asks.
        given: the variables of ConfigMaps and Secrets, by name.
        pods: by the names of their Jobs, the oldest first.
    """

    daemon_threads = True

    def __init__(self, rules: Sequence[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.rules, self.lock = rules, Lock()
        self.given: Given = {}
        self.pods: dict[str, Pod] = {}

    def allows(self, **asked: str) -> bool:
        """Whether a rule has each of what is asked: `verbs`, `apiGroups`, `resources`."""
        return any(all(one in rule[name] for name, one in asked.items()) for rule in self.rules)

    def config(self, path: Path) -> Path:
        """Writes a kubeconfig that points here."""
        cluster = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}
        context = {"name": "here", "context": {"cluster": "here", "user": "here"}}
        users = [{"name": "here", "user": {}}]
        path.write_text(
            json.dumps({"clusters": [cluster], "contexts": [context], "users": users, "current-context": "here"})
        )
        return path


class Api(BaseHTTPRequestHandler):
    """`/apis/batch/v1/namespaces/NAMESPACE/jobs/NAME/status`, and the same of pods."""

    server: Cluster

    def log_message(self, *_: Any) -> None:
        """Nothing: a test shows what fails."""

    def _answer(self, verb: str) -> None:
        parts = urlsplit(self.path)
        _, resource, *rest = parts.path.partition("/namespaces/")[2].split("/")
        name, verb = (rest[0], verb) if rest else ("", "list" if verb == "get" else verb)
        group = parts.path.split("/")[2] if parts.path.startswith("/apis/") else ""
        if self.server.allows(verbs=verb, apiGroups=group, resources="/".join([resource, *rest[1:]])):
            status, content = getattr(self, f"_{verb}_{resource}")(name, parse_qs(parts.query))
        else:
            status, content = 403, {"reason": f"cannot {verb} {resource}"}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST, do_DELETE = partialmethod(_answer, "create"), partialmethod(_answer, "delete")
    do_GET = partialmethod(_answer, "get")

    def _create_jobs(self, *_: Any) -> tuple[int, Any]:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            if job["metadata"]["name"] in self.server.pods:
                return 409, {"reason": "AlreadyExists"}
            self.server.pods[job["metadata"]["name"]] = Pod(job, self.server.given)
        return 201, job

    def _get_jobs(self, name: str, _: Any) -> tuple[int, Any]:
        pod = self.server.pods.get(name)
        return (200, pod.job | {"status": pod.status}) if pod else (404, {})

    def _delete_jobs(self, *_: Any) -> tuple[int, Any]:
        return 200, {}  # its pods are deleted by themselves, as the launcher does it

    def _list_pods(self, _: str, chosen: dict[str, list[str]]) -> tuple[int, Any]:
        (wanted,) = (each.partition("=")[2] for values in chosen.values() for each in values)
        found = [pod for job, pod in self.server.pods.items() if wanted in (job, pod.name)]
        return 200, {"items": [{"metadata": {"name": each.name}, "status": {"phase": "Running"}} for each in found]}

    def _delete_pods(self, name: str, _: Any) -> tuple[int, Any]:
        (pod,) = (each for each in self.server.pods.values() if each.name == name)
        pod.process.terminate()
        return 200, {}

    def _list_events(self, *_: Any) -> tuple[int, Any]:
        return 200, {"items": []}


@contextmanager
def cluster(rules: Sequence[dict[str, Any]]) -> Iterator[Cluster]:
    """A cluster, until the block ends. Pods that are at work are killed then."""
    with Cluster(rules) as made:
        Thread(target=made.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            for pod in made.pods.values():
                pod.kill()
            made.shutdown()
