"""Many connections in one code location: how long it loads, what memory it takes, how long a round of its sensor takes.

Usage: python benchmarks/connections.py [--load N …] [--round N] [--memory N]
Linux only. Each load is a process of its own, from the first import until all is ready that Dagster's servers ask for.
The round asks servers in a process of their own, in which nothing changed, for all flows of all connections: once to
begin with, then as it goes on, then with one connection more whose Winstore never answers. Databases that nobody has
written since are not opened, so there are none.
With --memory, `winbc up` follows so many connections, 50 in each code location, without sensors that ask for changes.
Dagster's overview is asked for once, as a person sees it.
Prints one JSON line: for each load connections, seconds, seconds of the processor and megabytes; seconds of the rounds,
and megabytes of their process; with --memory the seconds until all locations were loaded, and the megabytes of all
processes together (proportional set size) at rest.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from serving import answer_json, served

REPOSITORY = Path(__file__).parent.parent
SHARED = """
sensors = true
schedules = true
history_start = 2026-01-01
"""
FOLLOWED = datetime.now(UTC)
FULL = 50  # connections in a code location
MOST_S, SETTLES_S = 600, 30
OVERVIEW = """{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError {
    ... on RepositoryLocation { repositories {
        jobs { name runTags { key value } } schedules { name cronSchedule scheduleState { status } }
        sensors { name sensorState { status } } assetNodes { assetKey { path } groupName description jobNames }
    } } } } } } }"""


def make(folder: Path, count: int, addresses: dict[str, str], together: int | None = None) -> None:
    """Makes connections to the same systems below a folder, in code locations of so many each (None: all in one)."""
    above = folder / "connections"
    above.mkdir()
    (above / "defaults.toml").write_text(SHARED)
    for number in range(count):
        own = above / f"shop{number:03}"
        own.mkdir()
        location = number // together + 1 if together else 1
        (own / "winbc.toml").write_text(f'connection = "{own.name}"\nlocation = {location}\n')
        (own / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in addresses.items()))
        (own / ".env").chmod(0o600)


def load(folder: str) -> None:
    """Loads the code location of a folder as Dagster's server does, and prints what that took."""
    began = time.monotonic()
    os.chdir(folder)
    import importlib

    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster_shared.serdes import serialize_value

    defs = importlib.import_module("winbc_pipeline.together").location_1
    repository = defs.get_repository_def()
    repository.load_all_definitions()
    serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = {"seconds": time.monotonic() - began, "cpu_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps({name: round(each, 1) for name, each in seconds.items()} | {"mb": used.ru_maxrss // 1024}))


def loaded(count: int) -> dict[str, Any]:
    """What it takes to load a code location of so many connections."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), count, {})
        command = [sys.executable, __file__, "--in", folder]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return {"connections": count, **json.loads(done.stdout.splitlines()[-1])}


def rounds(count: int) -> list[float]:
    """Seconds of the first round over so many connections, of a later one, and of one with a system that hangs."""
    from dagster import DagsterInstance

    from winbc_pipeline import clock
    from winbc_pipeline.flows import FLOWS
    from winbc_pipeline.orchestration.following import known
    from winbc_pipeline.orchestration.following.round import Followed, one_round
    from winbc_pipeline.orchestration.following.watch import watches
    from winbc_pipeline.settings import Settings, beside
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.reading.glance import Question

    def followed(settings: Settings) -> list[Followed]:
        watch, made = watches(settings), []
        for flow in (each for each in FLOWS if each.is_on(settings)):
            connected = ConnectedFlow(flow, settings)
            said = known.Known(Question(connected, FOLLOWED), is_new=False, depends=False, waiting=[])
            known._read[connected.store.path] = (known.written(connected, others=False), said)
            made.append(Followed(connected, f"{settings.prefix}__{flow.id}", watch[flow.source]))
        return made

    with tempfile.TemporaryDirectory() as folder, served(answer_json, reply) as url:
        make(Path(folder), count + 1, environment(url))
        silent = socket.create_server(("127.0.0.1", 0))
        *every, last = [each.settings for each in beside(1, Path(folder)) if each.settings]
        section = last.winstore.model_copy(update={"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        hanging = followed(last.model_copy(update={"winstore": section}))
        others, took = [one for settings in every for one in followed(settings)], []
        with DagsterInstance.ephemeral() as instance:
            for asked in (others, others, [*hanging, *others]):
                began = time.monotonic()
                requests, failed = one_round(asked, instance, clock.now)
                took.append(round(time.monotonic() - began, 1))
                late = {each.job_name or "" for each in requests} - {one.job for one in hanging}
                assert not late, f"{len(late)} answers were late"
                assert not set(failed) - {one.job for one in hanging}, failed[:3]
    return took


def at_rest(count: int) -> dict[str, float]:
    """What `winbc up` of so many connections takes until all is loaded, and at rest."""
    from freshness import free_port
    from workers import family, megabytes

    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        make(folder, count, {}, together=FULL)
        given = os.environ | {"PYTHONPATH": str(REPOSITORY), "WINBC_SENSORS": "false"}
        command = [sys.executable, "-m", "winbc_pipeline", "up", "--foreground", "--port", str(port)]
        began = time.monotonic()
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env=given, stdout=log, stderr=log)
        try:
            while not _is_loaded(folder, port, -(-count // FULL)):
                assert process.poll() is None and time.monotonic() - began < MOST_S, (folder / "up.log").read_text()
                time.sleep(0.5)
            seconds = time.monotonic() - began
            time.sleep(SETTLES_S)
            sizes = sorted(map(megabytes, family(process.pid)))
        finally:
            process.terminate()
            process.wait()
    return {"up_seconds": round(seconds, 1), "rest_mb": round(sum(sizes)), "by_process_mb": [round(mb) for mb in sizes]}


def _is_loaded(folder: Path, port: int, locations: int) -> bool:
    """Asks for what Dagster's overview shows; returns whether all of it was there."""
    import httpx

    from winbc_pipeline.dashboard.guard.access import access_of
    from winbc_pipeline.dashboard.site import DAGSTER

    if not (folder / ".winbc" / "default" / "dagster_home" / "ui.port").exists():
        return False
    here, token = f"http://127.0.0.1:{port}", access_of(folder / ".winbc" / "default").tokens["admin"]
    with (
        httpx.Client(base_url=here, timeout=MOST_S, headers={"origin": here}) as client,
        suppress(httpx.TransportError),
    ):
        client.get("/", params={"token": token})
        answer = client.post(f"{DAGSTER}/graphql", json={"query": OVERVIEW})
        entries = answer.json()["data"]["workspaceOrError"]["locationEntries"] if answer.is_success else []
        return sum(each["loadStatus"] == "LOADED" for each in entries) == locations
    return False


async def reply(target: str, body: bytes) -> bytes:
    """Both systems, in which nothing changed."""
    if target.endswith("$batch"):
        asked = json.loads(body)["requests"]
        return json.dumps(
            {"responses": [{"id": each["id"], "status": 200, "body": {"value": []}} for each in asked]}
        ).encode()
    if "companies" in target and "?" not in target:
        return b'{"value":[{"id": "1", "name": "A"}]}'
    call = next((each for each in profile().reads.values() if each.call in target), None)
    if not call or "/bc/" in target:
        return b'{"value":[]}'
    answer: Any = []
    for name in reversed(call.records.split(".")):
        answer = {name: answer}
    return json.dumps(answer).encode()


@cache
def profile() -> Any:
    """Which calls a Winstore answers, and where the records are in the answers."""
    from winbc_pipeline.systems.winstore import load_profile

    return load_profile(None)


def environment(url: str) -> dict[str, str]:
    """The settings of a connection to them."""
    bc = {"BASE_URL": f"{url}/bc", "COMPANY": "A", "USER": "u", "PASSWORD": "p", "COMPANION_APP": "off"}
    shop = {"BASE_URL": f"{url}/shop", "USER": "u", "PASSWORD": "p"}
    return {
        f"WINBC_{section}__{name}": value
        for section, own in (("BC", bc), ("WINSTORE", shop))
        for name, value in own.items()
    }


def main() -> None:
    """Measures, and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=int, nargs="*", default=[1, 10, 50])
    parser.add_argument("--round", type=int, default=200)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--in", dest="folder", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.folder:
        load(chosen.folder)
        return
    line: dict[str, Any] = {"load": [loaded(count) for count in chosen.load]}
    if chosen.round:
        line |= {"connections": chosen.round, "round_seconds": rounds(chosen.round)}
        line["round_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if chosen.memory:
        line |= {"at_rest": chosen.memory, **at_rest(chosen.memory)}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
