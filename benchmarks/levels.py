"""What it costs to read the stock of a whole catalogue from Business Central, with the companion app and without it.

Usage: python benchmarks/levels.py [--rows N]
With the app: what is there and what is on orders by item, variant and location, in two queries. Without it: what is
there by item, page by page, and every open order with its lines. Both answer on loopback without waiting. N items have
one row of stock each; a fifth of them stand on an order. Prints one JSON line for each way: calls, and seconds of
processor time and of the clock of this process.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from serving import answer_json, served

PAGE, SMALL_PAGE = 20_000, 5000  # the most that one answer has, and what the items are asked for by
ON_ORDER = 5  # every fifth item


def level(number: int, quantity: int) -> dict[str, Any]:
    return {"itemNumber": f"S{number:06d}", "variantCode": "", "locationCode": "CENTRAL", "quantity": quantity}


def item(number: int) -> dict[str, Any]:
    own = {"id": f"00000000-0000-0000-0000-{number:012d}", "number": f"S{number:06d}", "inventory": 7}
    return own | {"type": "Inventory", "blocked": False, "itemCategoryCode": "", "baseUnitOfMeasureCode": "PCS"}


def order(number: int) -> dict[str, Any]:
    line = {"lineType": "Item", "lineObjectNumber": f"S{number:06d}", "unitOfMeasureCode": "PCS", "quantity": 2}
    return {
        "id": str(number),
        "status": "Open",
        "salesOrderLines": [line | {"shippedQuantity": 0, "itemVariantId": ""}],
    }


def serve(rows: int, ready: "multiprocessing.Queue[int]") -> None:
    """The collections, in pages; `/count` gives how many calls were made."""
    calls = Counter[str]()
    some = range(0, rows, ON_ORDER)
    made: dict[str, Any] = {
        "inventoryLevels": (range(rows), lambda n: level(n, 7), PAGE),
        "salesDemands": (some, lambda n: level(n, 2) | {"orderStatus": "Released"}, PAGE),
        "items": (range(rows), item, SMALL_PAGE),
        "salesOrders": (some, order, PAGE),
    }
    from winbc_pipeline.systems.business_central.companion import entity_sets

    offered = {"appVersion": "1.0.0.0", "canRead": True, "canWrite": True, "syncEnabled": True}
    capabilities = [{"entitySetName": name} | offered for name in entity_sets()]

    async def reply(target: str, _: bytes) -> bytes:
        path = urlsplit(target)
        if path.path == "/count":
            return json.dumps(calls.total()).encode()
        calls[path.path] += 1
        name = path.path.rsplit("/", 1)[-1]
        if name == "capabilities":
            return json.dumps({"value": capabilities}).encode()
        if name not in made:
            return b'{"value":[{"id":"1","name":"bench","displayName":"bench"}]}'
        numbers, row, size = made[name]
        skip = int(parse_qs(path.query).get("skip", ["0"])[0])
        found: dict[str, Any] = {"value": [row(n) for n in numbers[skip : skip + size]]}
        if skip + size < len(numbers):
            found["@odata.nextLink"] = f"/companies(1)/{name}?skip={skip + size}"
        return json.dumps(found, separators=(",", ":")).encode()

    answer_json(reply, ready)


def settings_of(folder: Path, url: str) -> Any:
    from winbc_pipeline.settings import Settings

    own = {"base_url": url, "user": "u", "password": "p"}
    return Settings(data_folder=folder, bc=own | {"company": "bench"}, winstore=own)


def with_app(settings: Any, rows: int) -> None:
    from winbc_pipeline.sync.stock.app_stock import app_stock

    with app_stock(settings) as app:
        assert app is not None
        there, asked = app.on_hand(), app.on_orders()
    assert (len(there), sum(asked.values())) == (rows, Decimal(2) * len(range(0, rows, ON_ORDER)))


def page_by_page(settings: Any, rows: int) -> None:
    from datetime import UTC, datetime

    from winbc_pipeline.flows.stock.open_orders import open_orders
    from winbc_pipeline.systems.business_central import BusinessCentral
    from winbc_pipeline.systems.exact_json import exact

    source = BusinessCentral(settings)
    there = [record for page in source.pages("items?$select=number,inventory") for record in exact(page)]
    sales, _ = open_orders(settings, source, {"salesOrders": datetime.now(UTC)}, None)
    source.close()
    assert (len(there), len(sales.by_place)) == (rows, len(range(0, rows, ON_ORDER)))


def counted(url: str) -> int:
    import urllib.request

    with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 - loopback
        return int(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder, served(serve, rows) as url:
        settings = settings_of(Path(folder), url)
        for name, way in (("with the app", with_app), ("page by page", page_by_page)):
            before, began, clock = counted(url), time.process_time(), time.perf_counter()
            way(settings, rows)
            spent = {"processor_s": time.process_time() - began, "seconds": time.perf_counter() - clock}
            figures = {key: round(value, 2) for key, value in spent.items()}
            print(json.dumps({"way": name, "rows": rows, "calls": counted(url) - before} | figures))


if __name__ == "__main__":
    main()
