"""The Business Central sandbox: pages of 20,000 customers, orders of five lines, memory.

Usage: python benchmarks/sandbox.py [--rows N] [--orders N]
Prints one JSON line: `ours` is the records per second that the sandbox serves, `peer` those that DuckDB loads from the
same pages (typed read_json).
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import httpx

from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

PAGE, SEEDED = 20_000, 10_000
LOGIN = {"client_id": "winbc", "client_secret": "sandbox-secret"}
FILLER = "https://www.example.com/" + "x" * 180


def serve(started: "multiprocessing.Queue[str]", ended: "multiprocessing.Queue[float]", stop: object) -> None:
    with running(create_app(options=Options(requests_per_window=10**9))) as url:
        started.put(url)
        stop.wait()  # type: ignore[attr-defined]
        ended.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def fill(http: httpx.Client, root: str, rows: int) -> None:
    for start in range(0, rows, SEEDED):
        batch = [
            {"displayName": f"Customer {n}", "email": f"c{n}@mail.example", "website": FILLER, "creditLimit": n % 1000}
            for n in range(start, min(start + SEEDED, rows))
        ]
        http.post(f"{root}/__seed", json={"records": {"customers": batch}}).raise_for_status()


def read_all(http: httpx.Client, company: str, folder: Path) -> float:
    """Seconds that reading all pages takes. The pages are kept in the folder, for DuckDB."""
    url, seconds, number = f"{company}/customers", 0.0, 0
    while url:
        began = time.perf_counter()
        content = http.get(url, headers={"Prefer": f"odata.maxpagesize={PAGE}"}).content
        seconds += time.perf_counter() - began
        start, end = content.index(b'"value":[') + 8, content.rindex(b"]") + 1
        (folder / f"{number}.json").write_bytes(content[start:end])
        tail = content[end:]  # `,"@odata.nextLink":"…"}` or `}`
        url = json.loads(b"{" + tail[1:])["@odata.nextLink"] if b"nextLink" in tail else ""
        number += 1
    return seconds


def take_in(folder: Path) -> float:
    """Seconds that DuckDB takes to load the kept pages."""
    kinds = {"creditLimit": "DECIMAL(18, 5)", "lastModifiedDateTime": "TIMESTAMPTZ"}
    names = json.loads((folder / "0.json").read_bytes())[0]
    columns = ", ".join(f"'{name}': '{kinds.get(name, 'VARCHAR')}'" for name in names)
    began = time.perf_counter()
    with duckdb.connect(str(folder / "all.duckdb")) as connection:
        files = str(folder / "*.json")
        sql = f"CREATE TABLE customers AS FROM read_json('{files}', format = 'array', columns = {{{columns}}})"
        connection.execute(sql)
    return time.perf_counter() - began


def post_orders(http: httpx.Client, company: str, orders: int) -> float:
    """Seconds that making so many orders of five lines takes, five calls at a time."""
    customer = http.post(f"{company}/customers", json={"displayName": "X", "type": "Person"}).json()
    items = [http.post(f"{company}/items", json={"displayName": f"I{n}", "unitPrice": 10}).json() for n in range(5)]
    lines = [{"itemId": item["id"], "quantity": 2} for item in items]
    body = json.dumps({"customerId": customer["id"], "salesOrderLines": lines})
    began = time.perf_counter()
    with ThreadPoolExecutor(5) as pool:
        statuses = set(pool.map(lambda _: http.post(f"{company}/salesOrders", content=body).status_code, range(orders)))
    assert statuses == {201}, statuses
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--orders", type=int, default=500)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    started, ended, stop = spawn.Queue(), spawn.Queue(), spawn.Event()
    server = spawn.Process(target=serve, args=(started, ended, stop), daemon=True)
    server.start()
    root = started.get(timeout=60)
    with httpx.Client(timeout=600, trust_env=False) as http, tempfile.TemporaryDirectory() as folder:
        token = http.post(f"{root}/sandbox-tenant/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        company = f"{root}/v2.0/sandbox/api/v2.0/companies({COMPANY_ID})"
        orders = given.orders / post_orders(http, company, given.orders)
        fill(http, root, given.rows)
        served, taken = read_all(http, company, Path(folder)), take_in(Path(folder))
    stop.set()
    line = {"name": f"sandbox, {given.rows} customers; peer: DuckDB taking them in", "ours": round(given.rows / served)}
    line |= {"peer": round(given.rows / taken), "ratio": round(taken / served, 2), "orders_per_s": round(orders)}
    print(json.dumps(line | {"peak_rss_mb": round(ended.get(timeout=60))}))


if __name__ == "__main__":
    main()
