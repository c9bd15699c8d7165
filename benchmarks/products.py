"""Articles of one SKU and of three: what mapping and planning a first load costs per SKU.

Usage: python benchmarks/products.py [--rows N] [--send] one|three|variants
`three` makes an item per SKU, `variants` an item per article with its SKUs as variants. The target is empty and in this
process, so that only our own work is measured, in the processor's seconds.
Prints one JSON line: rows (SKUs), planned records, seconds to map and to plan, microseconds per SKU, and the most MB of
memory while all was loaded, mapped and planned; with `--send` also while it was sent to a target that takes everything.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
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

DAY = date(2026, 3, 1)
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


def found(*_: Any, **__: Any) -> dict[str, list[Any]]:
    """What an empty target has. As a call of a real one, it lets go of the database (staging/lingering.py)."""
    with calling():
        return {}


TARGET: Any = SimpleNamespace(find=found, get=lambda _: [], batch=taken, batch_size=100, in_flight=1)


def pages(rows: int, each: int) -> Iterator[bytes]:
    """Pages of rows as the articles of Winstore become them."""
    for start in range(0, rows, PAGE):
        yield json.dumps([_row(number, each) for number in range(start, min(start + PAGE, rows))]).encode()


def _row(number: int, each: int) -> dict[str, str]:
    own = {"artkey": str(number // each), "sku": f"S{number}", "variant_count": str(each)}
    options = {"color": "red", "size": str(number % each)} if each > 1 else {"title": f"Shirt {number}"}
    return ARTICLE | SKU | own | options


def planned(work: Work) -> int:
    """How many records the plan has."""
    with work.store.open() as connection:
        row = connection.execute(f"SELECT count(*) FROM {planned_table(work.flow)}").fetchone()
    return int(row[0]) if row else 0


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
    chosen: dict[str, Any] = {}
    if asked.shape == "variants":
        chosen = {"products": {"variants": "item_variants", "accept_losses": LOSSES}}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), history_start=DAY, guards={"enabled": False}, **chosen)
        work = Work(ConnectedFlow(PRODUCTS, settings), DAY, DAY, "bench")
        load(work.store, work.connected.staging, pages(asked.rows, 1 if asked.shape == "one" else 3), now())
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
            peaks["sent"] = _peak()
        records = planned(work)
    line = {
        "rows": asked.rows,
        "records": records,
        "map_s": round(mapped - began, 2),
        "plan_s": round(ended - mapped, 2),
        "peak_rss_mb": peaks,
    }
    print(json.dumps(line | {"us_per_sku": round((ended - began) / asked.rows * 1_000_000, 1)}))


if __name__ == "__main__":
    main()
