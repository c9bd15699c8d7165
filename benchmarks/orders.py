"""Orders, from staged to confirmed. The server needs 50 ms per call and 2 ms per operation, and takes five at a time.

Usage: python benchmarks/orders.py [--rows N]
The orders have five lines of 500 items, and come from 2,000 customers that the server does not have yet. The server
keeps documents in memory and answers lookups from them. The ceiling is the time that the calls which were made need
when five of them are always in flight.
Prints one JSON line: orders, seconds by layer, calls by kind and per order, the ceilings by layer, the share of the
ceiling (for the whole way, for planning and sending, which are the layers that make calls, and for sending alone), and
peak_rss_mb. `publishing` is what the dashboard costs a run: processor
seconds, and their share of what the run needs itself.
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import resource
import tempfile
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from serving import answer_json, served

CALL_S, OPERATION_S, IN_FLIGHT = 0.050, 0.002, 5
CUSTOMERS, ITEMS, LINES = 2_000, 500, 5
DAY = date(2026, 1, 1)
TABLES = Path(__file__).parent.parent / "mapping_tables"
# Codes that the shipped lookup tables give.
CODES = {
    "paymentTerms": ("14 DAYS", "30 DAYS", "COD"),
    "paymentMethods": ("BANK", "CASH", "CARD", "PAYPAL"),
    "shipmentMethods": ("DELIVERY", "PICKUP"),
    "locations": ("MAIN", "SHOP1", "SHOP2"),
}
# One condition of a filter: `number eq 'S1'` or `tolower(email) eq 'a@b.example'`.
CONDITION = re.compile(r"(?:tolower\()?(\w+)\)? eq '((?:[^']|'')*)'")
# Fields by which records are looked up.
INDEXED = ("number", "externalDocumentNumber", "email", "gtin")
# Fields that an order has besides those that were sent, so that answers are as long as Business Central's.
FILLER = {f"field{n}": "" for n in range(40)}
Record = dict[str, Any]


class Books:
    """The records that the server keeps, found by the indexed fields, and the calls that were made."""

    def __init__(self) -> None:
        self.index: dict[tuple[str, str, str], list[Record]] = {}
        self.codes = {name: [{"id": _id(name, code), "code": code} for code in codes] for name, codes in CODES.items()}
        self.kept: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.seconds = 0.0
        for n in range(ITEMS):
            self.keep("items", {"number": f"SKU-{n}", "gtin": f"{n:013}", "type": "Inventory", "blocked": False})

    def keep(self, name: str, sent: Record) -> Record:
        self.kept[name] += 1
        number = sent.get("number") or f"{name}-{self.kept[name]}"
        record = {"@odata.etag": 'W/"1"', "id": _id(name, number), "number": number, **sent}
        if name == "salesOrders":
            lines = record.pop("salesOrderLines")
            total = sum(line["quantity"] * line["unitPrice"] for line in lines)
            record |= {"status": "Draft", "totalAmountIncludingTax": round(total * 1.21, 2), **FILLER}
        for field in INDEXED:
            if field in record:
                self.index.setdefault((name, field, record[field]), []).append(record)
        return record

    def find(self, url: str) -> list[Record]:
        parts = urlsplit(url)
        name, query = parts.path.rsplit("/", 1)[-1], parse_qs(parts.query)
        if name in self.codes:
            return self.codes[name]
        conditions = CONDITION.findall(unquote(query["$filter"][0]))
        keys = [(name, field, value.replace("''", "'")) for field, value in conditions]
        found = [record for key in keys for record in self.index.get(key, [])]
        if "$select" not in query:
            return found
        wanted = ["@odata.etag", *query["$select"][0].split(",")]
        return [{field: record[field] for field in wanted if field in record} for record in found]

    def take(self, request: Record) -> Record:
        if request["method"] == "GET":
            answer: Record = {"id": request["id"], "status": 200, "body": {"value": self.find(request["url"])}}
            return answer
        name = request["url"].rsplit("/", 1)[-1]
        return {"id": request["id"], "status": 201, "body": self.keep(name, request["body"])}

    def count(self, operations: list[tuple[str, str]]) -> float:
        """Counts a call of these operations (method and URL); returns the seconds that it takes."""
        kinds = Counter(f"{method} {urlsplit(url).path.rsplit('/', 1)[-1]}" for method, url in operations)
        (most_frequent, _), *_ = kinds.most_common(1)
        self.calls[most_frequent] += 1
        seconds = CALL_S + OPERATION_S * len(operations)
        self.seconds += seconds
        return seconds


def _id(*names: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)))


def serve(ready: "multiprocessing.Queue[int]") -> None:
    """The server. `GET /__count` tells which calls were made and what it keeps."""
    slots, books = asyncio.Semaphore(IN_FLIGHT), Books()

    async def reply(target: str, sent: bytes) -> bytes:
        if "/__count" in target:
            return orjson.dumps({"calls": books.calls, "kept": books.kept, "seconds": books.seconds})
        if target.endswith("/companies"):
            return b'{"value":[{"id":"1","name":"bench","displayName":"bench"}]}'
        requests = orjson.loads(sent)["requests"] if sent else [{"id": "0", "method": "GET", "url": target}]
        async with slots:
            began = time.perf_counter()
            takes = books.count([(each["method"], each["url"]) for each in requests])
            answers = [books.take(each) for each in requests]
            content = orjson.dumps({"responses": answers} if sent else answers[0]["body"])
            await asyncio.sleep(takes - (time.perf_counter() - began))
        return content

    answer_json(reply, ready)


def staged(connection: Any, table: str, orders: int) -> None:
    """Stages orders as Winstore gives them: a row per line, and a total that is the sum of the lines."""
    connection.execute(f"""
        INSERT INTO "{table}" BY NAME
        SELECT
            *,
            ordernr || '/' || linenr AS _key, hash(_key) AS _version,
            TIMESTAMPTZ '{DAY} 10:00:00+00' AS modified, modified AS _modified_at, DATE '{DAY}' AS _window,
            []::VARCHAR[] AS _bad_fields
        FROM (
            SELECT
                'W' || n AS ordernr, '{DAY} 09:00:00' AS orderdate, (n % {CUSTOMERS} + 1)::VARCHAR AS customerid,
                'c' || n % {CUSTOMERS} || '@mail.example' AS email,
                'paid' AS status, '1' AS branch, 'webshop' AS channel,
                round(sum((10 + line) * 2) OVER (PARTITION BY n) * 1.21, 2) AS total, 'EUR' AS currency,
                'ideal' AS paymentmethod, 'courier' AS shippingmethod, 0 AS shippingcost,
                'Anna' AS invoice_add_fname, 'Jansen' AS invoice_add_lname,
                'Kerkweg' AS invoice_add_street, '7' AS invoice_add_streetnr,
                '3511 AB' AS invoice_add_zip, 'Utrecht' AS invoice_add_city, 'NL' AS invoice_add_countryISO,
                'Anna Jansen' AS delivery_add_name,
                'Kerkweg' AS delivery_add_street, '7' AS delivery_add_streetnr,
                '3511 AB' AS delivery_add_zip, 'Utrecht' AS delivery_add_city, 'NL' AS delivery_add_countryISO,
                line::VARCHAR AS linenr, {LINES} AS line_count,
                'SKU-' || (n * {LINES} + line) % {ITEMS} AS product_id, 'A mug' AS description,
                2 AS amount, 10 + line AS single_price, 0 AS reduction, 21 AS vatrate
            FROM range({orders}) AS o(n), range(1, {LINES} + 1) AS l(line)
        )""")


def asked(url: str) -> Record:
    """The calls that were made so far, as the server counts them."""
    with urllib.request.urlopen(f"{url}/__count") as answer:  # noqa: S310 - loopback
        told: Record = json.loads(answer.read())
    return told


def measure(url: str, orders: int, folder: Path) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Seconds by layer, the ceiling of each layer's own calls, and what publishing for the dashboard takes.

    Every order must be confirmed at the end.
    """
    from winbc_pipeline.clock import now
    from winbc_pipeline.flows.orders import ORDERS_TO_BC as FLOW
    from winbc_pipeline.health.facts import facts_of
    from winbc_pipeline.health.publishing.publish import publish
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging.load import create
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.run import plan_windows, push_windows
    from winbc_pipeline.sync.work import Work

    bc = {"base_url": url, "company": "bench", "user": "u", "password": "p", "companion_app": "off"}
    settings = Settings(data_folder=folder, mapping_folder=TABLES, bc=bc)
    connected = ConnectedFlow(FLOW, settings)
    work, store, table = Work(connected, DAY, DAY, "bench"), connected.store, connected.staging
    with store.transaction() as connection:
        create(connection, table)
        staged(connection, table.name, orders)
    layers: dict[str, Callable[[], None]] = {
        # In the order in which they run.
        "mapped": lambda: map_windows(work),
        "planned": lambda: plan_windows(work),
        "synced": lambda: push_windows(work),
    }
    seconds, ceilings, computed = {}, {}, time.process_time()
    for name, layer in layers.items():
        before, began = asked(url)["seconds"], time.perf_counter()
        layer()
        seconds[name] = time.perf_counter() - began
        ceilings[name] = (asked(url)["seconds"] - before) / IN_FLIGHT
    computed = time.process_time() - computed
    facts_of(connected, now())  # every run asks for these, for alerts
    began = time.process_time()
    publish(connected)
    publishing = time.process_time() - began
    published = {"cpu_seconds": round(publishing, 3), "of_run": round(publishing / computed, 4)}
    with store.open() as connection:
        done = connection.execute("SELECT part, state, reason, count(*) FROM ledger GROUP BY ALL ORDER BY 1").fetchall()
    wanted = [("customer", "CONFIRMED", None, min(CUSTOMERS, orders)), ("order", "CONFIRMED", None, orders)]
    assert done == wanted, done
    return seconds, ceilings, published


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    given = parser.parse_args()
    with served(serve) as url, tempfile.TemporaryDirectory() as folder:
        layers, ceilings, published = measure(url, given.rows, Path(folder))
        told = asked(url)
    assert told["kept"]["salesOrders"] == given.rows, f"{told['kept']} of {given.rows} orders arrived"
    seconds, calls = sum(layers.values()), told["calls"]

    def share(*names: str) -> float:
        return round(sum(ceilings[name] for name in names) / sum(layers[name] for name in names), 3)

    line = {
        "name": f"{given.rows} orders of {LINES} lines",
        "seconds": round(seconds, 2),
        "layers": {name: round(value, 2) for name, value in layers.items()},
        "orders_per_s": round(given.rows / seconds),
        "calls": calls,
        "calls_per_order": round(sum(calls.values()) / given.rows, 4),
        "ceiling_seconds": {name: round(value, 2) for name, value in ceilings.items()},
        "share_of_ceiling": {
            "whole": share(*layers),
            "planned and synced": share("planned", "synced"),
            "synced": share("synced"),
        },
        "publishing": published,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
