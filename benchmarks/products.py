"""Articles of one SKU and of three: what mapping and planning a first load costs per SKU.

Usage: python benchmarks/products.py [--rows N] [--send] one|three|variants
`three` makes an item per SKU, `variants` an item per article with its SKUs as variants. The target is empty and in this
process, so that only our own work is measured, in the processor's seconds.
Prints one JSON line: rows (SKUs), planned records, seconds to map and to plan, microseconds per SKU, and the most MB of
memory while all was loaded, mapped and planned; with `--send` also while it was sent to a target that takes everything,
and the seconds to send it, and to load, map, plan and send the next day, when one SKU in a hundred has another price.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from winbc_pipeline.calling import calling
from winbc_pipeline.clock import now
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.lingering import lingering
from winbc_pipeline.staging.load import load
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.plan_table import planned_table
from winbc_pipeline.sync.records.plan import plan
from winbc_pipeline.sync.records.push import push
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.business_central import Operation, Result

DAY, NEXT_DAY = date(2026, 3, 1), date(2026, 3, 2)
CHANGED = {"price": "19.50", "modified": "2026-03-02T10:00:00.000Z"}
PAGE = 5000
LOSSES = ("gtin", "price", "cost", "stock", "blocked")
ARTICLE = {"name": "Shirt", "category": "Clothing", "active": "true", "modified": "2026-03-01T10:00:00.000Z"}
SKU = {"price": "18.50", "costprice": "1.10", "vatrate": "21", "gtin": "0100537900016", "description": "A shirt"}


def taken(operations: list[Operation]) -> list[Result]:
    """What a target answers that takes every record."""
    with calling():
        return [
            Result(each.id, 201, {**_body(each), "id": _body(each).get("number") or each.id}) for each in operations
        ]


def _body(operation: Operation) -> dict[str, Any]:
    return operation.body if isinstance(operation.body, dict) else {}


def found(_: str, field: str, keys: Iterable[str], *__: Any) -> dict[str, list[Any]]:
    """What a target has that only knows the records which it took. As a real one, it lets go of the database."""
    with calling():
        return {key: [{"@odata.etag": "W/1", "id": key, "number": key}] for key in keys} if field == "id" else {}


TARGET: Any = SimpleNamespace(find=found, get=lambda _: [], batch=taken, batch_size=100, in_flight=1)


def pages(numbers: range, each: int, **changed: str) -> Iterator[bytes]:
    """Pages of rows as the articles of Winstore become them."""
    for start in range(0, len(numbers), PAGE):
        yield json.dumps([_row(number, each) | changed for number in numbers[start : start + PAGE]]).encode()


def _row(number: int, each: int) -> dict[str, str]:
    own = {"artkey": str(number // each), "sku": f"S{number}", "variant_count": str(each)}
    options = {"color": "red", "size": str(number % each)} if each > 1 else {"title": f"Shirt {number}"}
    return ARTICLE | SKU | own | options


def planned(work: Work) -> int:
    """How many records the plan has."""
    with work.store.open() as connection:
        row = connection.execute(f"SELECT count(*) FROM {planned_table(work.flow)}").fetchone()
    return int(row[0]) if row else 0


def next_day(work: Work, lines: Iterator[bytes]) -> float:
    """Seconds of processor time that it takes to send what changed on the next day."""
    began = time.process_time()
    of_day = Work(work.connected, NEXT_DAY, NEXT_DAY, "bench")
    load(of_day.store, of_day.connected.staging, lines, now())
    map_windows(of_day)
    with lingering():
        plan(of_day, TARGET)
    push(of_day, TARGET)
    return time.process_time() - began


def _peak() -> int:
    """The most MB of memory since it was last asked (Linux)."""
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak begins anew
    return int(peak.split()[1]) // 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=("one", "three", "variants"))
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--send", action="store_true")
    asked = parser.parse_args()
    each = 1 if asked.shape == "one" else 3
    chosen: dict[str, Any] = {}
    sent: dict[str, float] = {}
    if asked.shape == "variants":
        chosen = {"products": {"variants": "item_variants", "accept_losses": LOSSES}}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), history_start=DAY, guards={"enabled": False}, **chosen)
        work = Work(ConnectedFlow(PRODUCTS, settings), DAY, DAY, "bench")
        load(work.store, work.connected.staging, pages(range(asked.rows), each), now())
        peaks = {"loaded": _peak()}
        began = time.process_time()
        map_windows(work)
        mapped = time.process_time()
        peaks["mapped"] = _peak()
        with lingering():  # as runs have it
            plan(work, TARGET)
        ended = time.process_time()
        peaks["planned"] = _peak()
        if asked.send:
            push(work, TARGET)
            sent = {"send_s": round(time.process_time() - ended, 2)}
            peaks["sent"] = _peak()
            sent["day_s"] = round(next_day(work, pages(range(0, asked.rows, 100), each, **CHANGED)), 2)
            peaks["day"] = _peak()
        records = planned(work)
    line = {
        "rows": asked.rows,
        "records": records,
        "map_s": round(mapped - began, 2),
        "plan_s": round(ended - mapped, 2),
        "peak_rss_mb": peaks,
    }
    print(json.dumps(line | sent | {"us_per_sku": round((ended - began) / asked.rows * 1_000_000, 1)}))


if __name__ == "__main__":
    main()
