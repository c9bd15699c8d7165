"""What the dashboard costs a run: the same run with and without what it publishes, in turn.

Usage: python benchmarks/publishing.py [--orders N,N] [--products N,N] [--pairs N] [--profile FILE]
A run maps, plans and sends what is staged, and does at its end what every run does (health/runs.py). Without publishing
it writes neither how far it is nor what it did. Each call waits 50 ms and 2 ms for each operation, five at once: orders
are sent to the server of orders.py, products to a target in this process that takes everything.
Prints one JSON line for each number: seconds and processor seconds of a run without, what publishing adds (the median
of the differences of all pairs, which other work on the machine disturbs), and what passes inside it (the median of all
runs), both with their share in percent. How the flow is counts for neither: the end of a run asks for it anyway.
"""

import argparse
import contextlib
import cProfile
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import orders
import products
from serving import served

Seconds = tuple[float, float]  # of the clock and of the processor


def run(connected: Any, day: Any, target: Any = None) -> None:
    """A run of what is staged, as a run of Dagster has it."""
    from winbc_pipeline.health.runs import watched
    from winbc_pipeline.staging.lingering import lingering
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.records.plan import plan
    from winbc_pipeline.sync.records.push import push
    from winbc_pipeline.sync.run import plan_windows, push_windows
    from winbc_pipeline.sync.work import Work

    work = Work(connected, day, day, "bench")
    with lingering(), watched(connected, layer="synced", run="bench"):
        map_windows(work)
        if target is None:
            plan_windows(work)
            push_windows(work)
        else:
            plan(work, target)
            push(work, target)


@contextlib.contextmanager
def shop_of_orders(rows: int, folder: Path) -> Iterator[Callable[[], None]]:
    """A run of so many orders of five lines, that are staged and new to the server."""
    from winbc_pipeline.flows.orders import ORDERS_TO_BC
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging.load import create
    from winbc_pipeline.sync.connected import ConnectedFlow

    with served(orders.serve) as url:
        bc = {"base_url": url, "company": "bench", "user": "u", "password": "p", "companion_app": "off"}
        guards = {"enabled": False}
        settings = Settings(data_folder=folder, mapping_folder=orders.TABLES, bc=bc, guards=guards)
        connected = ConnectedFlow(ORDERS_TO_BC, settings)
        with connected.store.transaction() as connection:
            create(connection, connected.staging)
            orders.staged(connection, connected.staging.name, rows)
        yield lambda: run(connected, orders.DAY)


def taken(operations: list[Any]) -> list[Any]:
    """What a target answers that takes every record, when the call is over."""
    from winbc_pipeline.calling import calling

    with calling():
        time.sleep(orders.CALL_S + orders.OPERATION_S * len(operations))
    return products.taken(operations)


@contextlib.contextmanager
def shop_of_products(rows: int, folder: Path) -> Iterator[Callable[[], None]]:
    """A run of so many articles of one SKU, that are staged and new to the target."""
    from winbc_pipeline.clock import now
    from winbc_pipeline.flows import PRODUCTS
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging.load import load
    from winbc_pipeline.sync.connected import ConnectedFlow

    settings = Settings(data_folder=folder, history_start=products.DAY, guards={"enabled": False})
    connected = ConnectedFlow(PRODUCTS, settings)
    load(connected.store, connected.staging, products.pages(range(rows), 1), now())
    target = SimpleNamespace(**{**vars(products.TARGET), "batch": taken, "in_flight": orders.IN_FLIGHT})
    yield lambda: run(connected, products.DAY, target)


class Inside:
    """Seconds that pass in functions that are called in the block, of the clock and of the processor."""

    def __init__(self) -> None:
        self.spent = [0.0, 0.0]

    def timed(self, owner: Any, name: str, sign: int = 1) -> Any:
        """A patch of a function: what it takes is added, or taken off."""
        real = getattr(owner, name)

        def call(*args: Any, **named: Any) -> Any:
            before = time.perf_counter(), time.process_time()
            try:
                return real(*args, **named)
            finally:
                after = time.perf_counter(), time.process_time()
                self.spent = [each + sign * (b - a) for each, a, b in zip(self.spent, before, after, strict=True)]

        return mock.patch.object(owner, name, call)


@contextlib.contextmanager
def inside_publishing() -> Iterator[Inside]:
    """Counts what publishing and showing how far a run is take in the block."""
    from winbc_pipeline.health.publishing import progress, publish

    spent = Inside()
    with (
        spent.timed(publish, "_publish"),
        spent.timed(publish, "facts_of", -1),
        spent.timed(progress._Noted, "write"),
    ):
        yield spent


@contextlib.contextmanager
def unpublished() -> Iterator[None]:
    """Runs in the block publish nothing."""
    nothing: Any = lambda *_, **__: contextlib.nullcontext()  # noqa: E731
    with mock.patch.multiple("winbc_pipeline.health.runs", shown=nothing, published=nothing):
        yield


def timed(shop: Any, rows: int, profile: cProfile.Profile | None = None) -> Seconds:
    with tempfile.TemporaryDirectory() as folder, shop(rows, Path(folder)) as work:
        wall, computed = time.perf_counter(), time.process_time()
        profile.runcall(work) if profile else work()
        return time.perf_counter() - wall, time.process_time() - computed


def compared(shop: Any, rows: int, pairs: int) -> dict[str, Any]:
    """What publishing adds to a run. Which of a pair comes first alternates."""
    timed(shop, min(rows, 100))  # all is loaded
    plain, added, inside = [], [], []
    for number in range(pairs):
        both: dict[bool, Seconds] = {}
        for publishes in (number % 2 == 0, number % 2 == 1):
            with inside_publishing() if publishes else unpublished() as spent:
                both[publishes] = timed(shop, rows)
            if spent:
                inside.append(spent.spent)
        plain.append(both[False])
        added.append(tuple(more - less for more, less in zip(both[True], both[False], strict=True)))
    told: dict[str, Any] = {"pairs": pairs}
    for place, name in enumerate(("seconds", "cpu")):
        without, *more = (statistics.median(each[place] for each in values) for values in (plain, added, inside))
        told[name] = round(without, 3)
        for how, spent_s in zip(("added", "inside"), more, strict=True):
            told |= {f"{name}_{how}": round(spent_s, 3), f"{name}_{how}_percent": round(100 * spent_s / without, 1)}
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", default="1,100,2000")
    parser.add_argument("--products", default="20000")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--profile", default="", help="where the profile of one run of each is written, instead")
    given = parser.parse_args()
    for name, shop in (("orders", shop_of_orders), ("products", shop_of_products)):
        for rows in map(int, filter(None, getattr(given, name).split(","))):
            if given.profile:
                profile = cProfile.Profile()
                timed(shop, rows, profile)
                profile.dump_stats(f"{given.profile}.{name}.{rows}")
                continue
            print(json.dumps({"name": f"{rows} {name}", **compared(shop, rows, given.pairs)}), flush=True)


if __name__ == "__main__":
    main()
