"""What a worker takes while it waits: memory of all its processes, and the seconds until it can begin a run.

Usage: python benchmarks/workers.py [--slots N]
Needs PostgreSQL and Redis (scripts/ start them on loopback). Linux only: memory is the proportional set size, in which
what processes share counts once.
Prints one JSON line: slots, seconds, and megabytes with one slot and with all.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "scripts"))
import postgres  # noqa: E402
import redis_server  # noqa: E402

from winbc_pipeline.staging.server.address import asked  # noqa: E402

WORKER = "winbc_pipeline.orchestration.anywhere.worker"
REGISTERED = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, 'winbc worker ')"


def measured(slots: int, server: str, broker: str, folder: Path) -> tuple[float, float]:
    """The seconds until a worker is there, and its megabytes a little later."""
    environment = os.environ | {"WINBC_STATE__DATABASE": server, "WINBC_WORKERS__BROKER": broker}
    environment["PYTHONPATH"] = str(REPOSITORY)
    command, began = [sys.executable, "-m", WORKER, str(slots), f"default={folder}"], time.monotonic()
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        while not registered(server):
            assert worker.poll() is None, (folder / "worker.log").read_text()
            time.sleep(0.05)
        seconds = time.monotonic() - began
        time.sleep(2)  # until its processes are forked
        return seconds, sum(map(megabytes, family(worker.pid)))
    finally:
        worker.terminate()
        worker.wait()
        while registered(server):
            time.sleep(0.05)


def registered(server: str) -> bool:
    with asked(server) as cursor:
        cursor.execute(REGISTERED)
        return bool(cursor.fetchone()[0])


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was found
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=4)
    slots = parser.parse_args().slots
    with postgres.running() as server, redis_server.running() as redis, tempfile.TemporaryDirectory() as folder:
        seconds, one = measured(1, server.address, redis.address, Path(folder))
        _, every = measured(slots, server.address, redis.address, Path(folder))
    found = {"slots": slots, "seconds": round(seconds, 1), "megabytes_one": round(one), "megabytes_all": round(every)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
