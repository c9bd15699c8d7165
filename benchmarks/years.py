"""Years of a shop in one run: through Dagster, as a backfill of all windows, and by `winbc sync --from --to`.

Usage: python benchmarks/years.py [--years N] [--window day|week|month] [--orders N] [--flows IDS] [--profile FILE]
A shop of so many orders a day, whose customers and articles changed on days spread over all the years. Each way has
sandboxes of its own, in a process beside it, and Dagster the storage of the shipped dagster.yaml. Prints one JSON line
for each flow: records, seconds and processor seconds of both ways, and how many times the second one's
seconds the first one takes.
"""

import argparse
import contextlib
import cProfile
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from freshness import served

LAST = date(2026, 10, 31)
FLOWS = "customers_winstore_to_bc,products_winstore_to_bc,orders_winstore_to_bc"


def shop(folder: Path, days: int, orders_a_day: int) -> None:
    """A folder of retail data in which something changed on each of so many days."""
    from winbc_pipeline.sandbox.retail import generate, write_folder

    until = datetime(LAST.year, LAST.month, LAST.day, 23, tzinfo=UTC)
    customers, articles = max(40, days * orders_a_day // 4), 500
    tables = generate(customers, articles, until, orders=days * orders_a_day)
    for rows in (tables["customers"], tables["articles"], tables["orders"]):
        for number, row in enumerate(rows):
            moment = until - timedelta(days=number * days // len(rows))
            row["modified_at"] = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            if "order_date" in row:
                row |= {"order_date": moment.strftime("%Y-%m-%d %H:%M:%S"), "status": "paid", "shipping_cost": "0"}
    for row in tables["order_lines"]:
        row |= {"quantity": "1", "unit_price": "10", "discount_percent": "0"}  # no cents that rounding moves
    del tables["stock"]
    write_folder(folder, tables)


@contextlib.contextmanager
def connection(folder: Path, data: Path, first: date, window: str) -> Iterator[Any]:
    """Settings of a connection to sandboxes of its own, with its folder as working folder."""
    from winbc_pipeline.sandbox.server import Addresses
    from winbc_pipeline.settings import Settings, load_settings

    folder.mkdir()
    with contextlib.chdir(folder), served(data) as addresses:
        for name, value in Addresses(**addresses).environment().items():
            os.environ[name] = value
        Path("winbc.toml").write_text(
            f'data_folder = "."\nconnection = "years"\nhistory_start = {first}\nwindow = "{window}"\n'
            "guards.enabled = false\n"
        )
        settings: Settings = load_settings()
        yield settings


def by_command(settings: Any, flow: str, first: date) -> object:
    from winbc_pipeline.flows import flow_named
    from winbc_pipeline.staging.lingering import lingering
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.run import sync
    from winbc_pipeline.sync.work import Work

    with lingering():
        return sync(Work(ConnectedFlow(flow_named(flow), settings), first, LAST, "years"))


@contextlib.contextmanager
def dagster(settings: Any) -> Iterator[Callable[[str, date], None]]:
    """Runs a flow's windows in this process, with the storage of the shipped dagster.yaml."""
    from dagster import DagsterInstance

    from winbc_pipeline.build import build_defs
    from winbc_pipeline.cli.dagster_home import claimed, prepare
    from winbc_pipeline.flows import flow_named
    from winbc_pipeline.orchestration.in_process import run_windows
    from winbc_pipeline.sync.connected import ConnectedFlow

    with claimed(Path("years")) as home:
        prepare(home, settings)
        definitions = build_defs(settings=settings)
        with DagsterInstance.get() as instance:

            def run(flow: str, first: date) -> None:
                connected = ConnectedFlow(flow_named(flow), settings)
                _, why = run_windows(connected, definitions.resolve_job_def(flow), instance, first, LAST)
                assert why is None, why

            yield run


def timed(work: Callable[[], object], profile: str = "") -> tuple[float, float]:
    """Seconds and processor seconds of some work of this process."""
    watching = cProfile.Profile() if profile else None
    wall, computed = time.perf_counter(), time.process_time()
    if watching:
        watching.runcall(work)
        watching.dump_stats(profile)
    else:
        work()
    return round(time.perf_counter() - wall, 2), round(time.process_time() - computed, 2)


def records(settings: Any, flow: str) -> int:
    from winbc_pipeline.flows import flow_named
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.sync.connected import ConnectedFlow

    rows = ledger.read(ConnectedFlow(flow_named(flow), settings).store)
    assert all(row["state"] in ("CONFIRMED", "SKIPPED") for row in rows), {row["reason"] for row in rows}
    return len(rows)


def load_all(settings: Any, flows: Iterable[str]) -> None:
    """Both ways then find everything loaded, as a run does that the fork server begins."""
    from winbc_pipeline.definitions import defs
    from winbc_pipeline.flows import flow_named
    from winbc_pipeline.orchestration.launcher.warm import warm_up
    from winbc_pipeline.sync.connected import ConnectedFlow

    defs.get_repository_def().get_all_jobs()
    for flow in flows:
        ConnectedFlow(flow_named(flow), settings).checked()
    warm_up()


def measure(given: argparse.Namespace, folder: Path) -> None:
    days = round(given.years * 365)
    first = LAST - timedelta(days=days - 1)
    shop(folder / "shop", days, given.orders)
    lines: dict[str, dict[str, Any]] = {flow: {} for flow in given.flows.split(",")}
    with connection(folder / "command", folder / "shop", first, given.window) as settings:
        load_all(settings, lines)
        for flow, line in lines.items():
            line["sync_seconds"], line["sync_cpu"] = timed(lambda flow=flow: by_command(settings, flow, first))
            line["records"] = records(settings, flow)
    with connection(folder / "dagster", folder / "shop", first, given.window) as settings, dagster(settings) as run:
        for flow, line in lines.items():
            profile = f"{given.profile}.{flow}" if given.profile else ""
            line["dagster_seconds"], line["dagster_cpu"] = timed(lambda flow=flow: run(flow, first), profile)
            assert records(settings, flow) == line["records"]
    for flow, line in lines.items():
        times = round(line["dagster_seconds"] / line["sync_seconds"], 2)
        print(json.dumps({"name": f"{given.years} years of {flow}, a window a {given.window}", **line, "times": times}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--years", type=float, default=3)
    parser.add_argument("--window", default="day")
    parser.add_argument("--orders", type=int, default=3, help="a day")
    parser.add_argument("--flows", default=FLOWS)
    parser.add_argument("--profile", default="", help="where profiles of the runs through Dagster are written")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given, Path(folder))


if __name__ == "__main__":
    main()
