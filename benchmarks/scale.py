"""What state on a PostgreSQL server costs beside files: loading, mapping, planning and moves of the ledger.

Usage: python benchmarks/scale.py [--rows N] | --model [--runs N] CONNECTIONS …
Needs PostgreSQL (scripts/postgres.py starts one on loopback, without fsync). The target is a dictionary in this
process, so that only our own work is measured: a first load of customers, the load of 1,000 that changed, mapping,
moves of all in one transaction, a plan that finds all as they should be, and moves of 1,000 records that the ledger
does not know yet, and then knows.
Prints one JSON line: rows, and for each side the seconds of each step. With `--model`, a line for each number of
connections: what they need by the figures in MEASURED, when each has so many runs in an hour (`needs`).
"""

import argparse
import importlib.util
import json
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairs import DAY, PAGE, TARGET, customer

from winbc_pipeline.clock import now
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.settings import Settings, StateSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.load import load
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.records.plan import plan
from winbc_pipeline.sync.work import Work

CHANGED = 1000
BUSY = 0.7  # the share of a worker's time in which it has a run: beyond it, runs wait for each other
HOUR_S, DAY_H, GB_KB, GB_MB = 3600, 24, 1024**2, 1024


@dataclass(frozen=True)
class Measured:
    """What one of each costs, as fleet.py (together, runs) and workers.py print it.

    Attributes:
        shared_*: of the processes that all connections share.
        each_*: what each connection adds.
    """

    shared_mb: float
    shared_s_per_hour: float
    shared_postgres_s_per_hour: float
    each_mb: float
    each_s_per_hour: float
    each_postgres_s_per_hour: float
    rest_kb_per_hour: float
    run_s: float
    run_postgres_s: float
    run_seconds: float
    run_kb: float
    slot_mb: float


MEASURED = Measured(
    shared_mb=800,
    shared_s_per_hour=140,
    shared_postgres_s_per_hour=45,
    each_mb=12,
    each_s_per_hour=27,
    each_postgres_s_per_hour=13.5,
    rest_kb_per_hour=3600,  # of a code location
    run_s=1.88,
    run_postgres_s=0.63,
    run_seconds=4.5,
    run_kb=128,
    slot_mb=145,  # of a worker with two
)
"""The line through 8 and 20 connections that are served together, and runs of 1,000 figures of stock in 100 calls."""
TOGETHER = 50  # connections in a code location


def needs(connections: int, runs: float, days: int = 30, measured: Measured = MEASURED) -> dict[str, float]:
    """What connections need that are served together.

    Args:
        runs: of a connection in an hour.
        days: that Dagster keeps runs (`run_history_days`); ticks without a run are kept for one day.
    Returns: processors of the daemon, the code servers and the workers, and of PostgreSQL; slots of workers; GB of
        memory, of Dagster's tables and of what they grow by in a day.
    """
    hourly, locations = connections * runs, math.ceil(connections / TOGETHER)
    slots = math.ceil(hourly * measured.run_seconds / HOUR_S / BUSY)
    ticks, of_runs = locations * measured.rest_kb_per_hour * DAY_H, hourly * measured.run_kb * DAY_H
    rest = measured.shared_s_per_hour + connections * measured.each_s_per_hour
    postgres_rest = measured.shared_postgres_s_per_hour + connections * measured.each_postgres_s_per_hour
    mb = measured.shared_mb + connections * measured.each_mb + slots * measured.slot_mb
    return {
        "processors": (rest + hourly * measured.run_s) / HOUR_S,
        "postgres_processors": (postgres_rest + hourly * measured.run_postgres_s) / HOUR_S,
        "slots": slots,
        "memory_gb": mb / GB_MB,
        "dagster_gb_a_day": (ticks + of_runs) / GB_KB,
        "dagster_gb": (ticks + of_runs * days) / GB_KB,
    }


POSTGRES = Path(__file__).parent.parent / "scripts" / "postgres.py"


def pages(rows: int, **changed: str) -> Iterator[bytes]:
    for start in range(0, rows, PAGE):
        records = (customer(number) | changed for number in range(start, min(start + PAGE, rows)))
        yield json.dumps(list(records)).encode()


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - began, 3)


def measured(rows: int, server: str) -> dict[str, float]:
    """The seconds of each step, in the order in which a first load does them."""
    seconds: dict[str, float] = {}
    changed = min(rows, CHANGED)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_folder=Path(folder), history_start=DAY, guards={"enabled": False}, state=StateSettings(database=server)
        )
        work = Work(ConnectedFlow(CUSTOMERS, settings), DAY, DAY, "bench")
        with work.store.open() as connection:
            ledger.create(connection)  # what is made once is not measured
        with timed(seconds, "load"):
            load(work.store, work.connected.staging, pages(rows), now())
        with timed(seconds, "load_changed"):
            load(work.store, work.connected.staging, pages(changed, city="Ede"), now())
        with timed(seconds, "map"):
            map_windows(work)
        links = [{"target_id": f"id-{n}", "target_no": f"WS{n}"} for n in range(rows)]
        with timed(seconds, "move_all"):
            moves = [Move("customer", str(n), State.CONFIRMED, link) for n, link in enumerate(links)]
            ledger.move(work.store, moves, "bench")
        with timed(seconds, "plan"):
            plan(work, TARGET)
        moves = [Move("bench", str(n), State.CONFIRMED, {"target_no": f"WS{n}"}) for n in range(changed)]
        for step in ("move_new", "move_known"):
            with timed(seconds, step):
                ledger.move(work.store, moves, "bench")
    return seconds


def postgres() -> Any:
    spec = importlib.util.spec_from_file_location("postgres", POSTGRES)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.running()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--model", type=int, nargs="+", metavar="CONNECTIONS")
    parser.add_argument("--runs", type=float, default=20)
    given = parser.parse_args()
    rows = given.rows
    for connections in given.model or ():
        found = {name: round(value, 1) for name, value in needs(connections, given.runs).items()}
        print(json.dumps({"connections": connections, "runs_an_hour": given.runs} | found))
    if given.model:
        return
    with postgres() as server:
        found = {"files": measured(rows, ""), "postgres": measured(rows, server.address)}
    print(json.dumps({"rows": rows} | found))


if __name__ == "__main__":
    main()
