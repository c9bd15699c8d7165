"""A first load of many articles with many SKUs from a slow Winstore: how much longer it takes than its calls alone.

Usage: python benchmarks/volume.py [--articles N] [--skus N] [--per-call N] [--call-ms N]
The Winstore sandbox gives few articles a call, and each call takes its time. The calls alone are made again, one after
the other, once the load has ended. Prints one JSON line: records, calls, seconds of both, and their ratio.
"""

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from serving import served

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.volume import HISTORY, articles
from winbc_pipeline.sandbox.winstore import BASE, ShopOptions, create_app
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage

SIGN_IN = ("winstore", "sandbox-secret")
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = (UNTIL - HISTORY - timedelta(days=1)).date()


def serve(folder: str, per_call: int, call_ms: int, ready: "multiprocessing.Queue[int]") -> None:
    """Serves the shop of a retail folder."""
    with running(create_app(None, ShopOptions(per_call, call_ms / 1000))) as url:
        httpx.post(f"{url}/__seed", json={"folder": folder}, timeout=600).raise_for_status()
        ready.put(int(url.rpartition(":")[2]))
        threading.Event().wait()


@contextmanager
def shop_of(given: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Address of a shop as it was asked for, and a folder for the load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = articles(given.articles, given.skus, UNTIL)
        write_folder(folder / "shop", {"articles": rows, "customers": []})
        with served(serve, str(folder / "shop"), given.per_call, given.call_ms) as url:
            yield url, folder


def seconds_of_load(url: str, folder: Path) -> tuple[int, float]:
    """How many records a first load reads, and how long it takes."""
    own = {"base_url": url + BASE, "user": SIGN_IN[0], "password": SIGN_IN[1]}
    settings = Settings(data_folder=folder / "data", history_start=FIRST, winstore=own, guards={"enabled": False})
    connected = ConnectedFlow(flow_named("products"), settings)
    began = time.perf_counter()
    read = stage(connected, FIRST)
    return read, time.perf_counter() - began


def seconds_of_calls(url: str, paths: list[str]) -> float:
    """How long calls take one after the other, whose answers nobody looks at."""
    with httpx.Client(auth=SIGN_IN, headers={"Accept": "application/json"}, trust_env=False, timeout=60) as client:
        began = time.perf_counter()
        for path in paths:
            client.get(url + path).raise_for_status()
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("articles", 1000), ("skus", 30), ("per-call", 2), ("call-ms", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with shop_of(given) as (url, folder):
        read, seconds = seconds_of_load(url, folder)
        paths = [call["path"] for call in httpx.get(f"{url}/__log", timeout=60).json()["calls"]]
        alone = seconds_of_calls(url, paths)
    assert read == given.articles * given.skus, f"{read} records arrived"
    line = {"rows": read, "calls": len(paths), "seconds": round(seconds, 2), "seconds_of_calls": round(alone, 2)}
    print(json.dumps(line | {"ratio": round(seconds / alone, 3)}))


if __name__ == "__main__":
    main()
