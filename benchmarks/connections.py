"""Many connections in one code location: how long it loads, what memory it takes, how long a round of its sensor takes.

Usage: python benchmarks/connections.py [--load N …] [--round N]
Linux only. Each load is a process of its own, from the first import until all is ready that Dagster's servers ask for.
The round asks servers in a process of their own, in which nothing changed, for all flows of all connections: once to
begin with, then as it goes on, then with one connection more whose Winstore never answers. Databases that nobody has
written since are not opened, so there are none.
Prints one JSON line: for each load connections, seconds, seconds of the processor and megabytes; seconds of the rounds.
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
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from serving import answer_json, served

REPOSITORY = Path(__file__).parent.parent
SHARED = """
location = 1
sensors = true
schedules = true
history_start = 2026-01-01
"""
FOLLOWED = datetime.now(UTC)


def make(folder: Path, count: int, addresses: dict[str, str]) -> None:
    """Makes connections to the same systems below a folder."""
    above = folder / "connections"
    above.mkdir()
    (above / "defaults.toml").write_text(SHARED)
    for number in range(count):
        own = above / f"shop{number:03}"
        own.mkdir()
        (own / "winbc.toml").write_text(f'connection = "{own.name}"\n')
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


async def reply(target: str, body: bytes) -> bytes:
    """Both systems, in which nothing changed."""
    if target.endswith("$batch"):
        asked = json.loads(body)["requests"]
        return json.dumps(
            {"responses": [{"id": each["id"], "status": 200, "body": {"value": []}} for each in asked]}
        ).encode()
    if "companies" in target and "?" not in target:
        return b'{"value": [{"id": "1", "name": "A"}]}'
    call = next((each for each in profile().reads.values() if each.call in target), None)
    if not call:
        return b'{"value": []}'
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
    parser.add_argument("--in", dest="folder", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.folder:
        load(chosen.folder)
        return
    line: dict[str, Any] = {"load": [loaded(count) for count in chosen.load]}
    if chosen.round:
        line |= {"connections": chosen.round, "round_seconds": rounds(chosen.round)}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
