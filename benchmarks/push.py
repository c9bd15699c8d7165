"""Push: upserts into a server that needs 50 ms per call and 2 ms per operation, and takes five calls at a time.

Usage: python benchmarks/push.py [--rows N] ours|ours-on-server|drt-batched|drt-per-record   (see run.py)
Ours sends `$batch` calls of 100, with ledger and pairs; drt-core sends batches of 100, or one call per record.
`ours-on-server` has ledger and pairs in PostgreSQL (scripts/postgres.py starts one on loopback, without fsync).
Prints one JSON line: rows, seconds, rows_per_s, share of the ceiling of 2,000/s, peak_rss_mb.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from serving import answer_json, served

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import postgres  # noqa: E402

CEILING = 5 * 100 / (0.050 + 100 * 0.002)  # records per second of five batches of 100 in flight
DAY = date(2026, 1, 1)
BODY = {"displayName": "Benchmark article", "unitPrice": 12.5, "gtin": "0100537900016", "type": "Inventory"}


def serve(ready: "multiprocessing.Queue[int]") -> None:
    """Takes `$batch` bodies, JSON arrays and single records. `GET /count` tells how many records arrived."""
    slots = asyncio.Semaphore(5)
    arrived: set[str] = set()

    async def take(sent: bytes) -> bytes:
        content = json.loads(sent)
        is_batch = isinstance(content, dict) and "requests" in content
        rows = [r["body"] for r in content["requests"]] if is_batch else content
        rows = rows if isinstance(rows, list) else [rows]
        async with slots:
            await asyncio.sleep(0.050 + 0.002 * len(rows))
        arrived.update(row["number"] for row in rows)
        if not is_batch:
            return b'{"ok":true}'
        answers = [{"status": 201, "body": {"id": row["number"], "number": row["number"]}} for row in rows]
        named = [answer | {"id": r["id"]} for answer, r in zip(answers, content["requests"], strict=True)]
        return json.dumps({"responses": named}).encode()

    async def reply(target: str, sent: bytes) -> bytes:
        if sent:
            return await take(sent)
        if target == "/count":
            return str(len(arrived)).encode()
        return b'{"value":[{"id":"1","name":"bench","displayName":"bench"}]}'

    answer_json(reply, ready)


def ours(url: str, rows: int, folder: Path, server: str = "") -> float:
    """Seconds that sending takes, the ledger and the pairs included.

    Args:
        server: the address of the PostgreSQL server that has these; empty: they are in files.
    """
    from winbc_pipeline import clock
    from winbc_pipeline.flows import PRODUCTS
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.staging.pairs import Pairs
    from winbc_pipeline.staging.store import create_table, insert_rows
    from winbc_pipeline.sync.connected import ConnectedFlow
    from winbc_pipeline.sync.plan_table import PLANNED, planned_table
    from winbc_pipeline.sync.records.push import push
    from winbc_pipeline.sync.work import Work
    from winbc_pipeline.systems.business_central import BusinessCentral

    settings = Settings(
        data_folder=folder,
        bc={"base_url": url, "company": "bench", "user": "u", "password": "p"},
        state={"database": server},
    )
    connected = ConnectedFlow(PRODUCTS, settings)
    hashes = Pairs(settings, PRODUCTS.pairs).hashes(dict.fromkeys(connected.staging.fields, "a value"))
    pair = {"made_by": "winstore", "source": hashes, "target": {}, "open": [], "whole": True}
    now = clock.now()
    planned = [
        {"part": "item", "key": f"S{n}", "window": DAY, "action": "create", "hash": f"{n:032x}", "planned_at": now}
        | {"body": json.dumps(BODY | {"number": f"S{n}"}), "changes": "[]", "field_hashes": "{}"}
        | {"pair": json.dumps(pair | {"own": f"S{n}"})}
        for n in range(rows)
    ]
    with connected.store.transaction() as connection:
        create_table(connection, planned_table(PRODUCTS), PLANNED)
        insert_rows(connection, planned_table(PRODUCTS), PLANNED, planned)
    target = BusinessCentral(settings)
    assert target.root  # the company is looked up before the clock runs
    connected.compiled()  # and a run has compiled its tables when it planned
    began = time.perf_counter()
    push(Work(connected, DAY, DAY, "bench"), target)
    seconds = time.perf_counter() - began
    target.close()
    confirmed = len(ledger.read(connected.store, "state = 'CONFIRMED'"))
    assert confirmed == rows, f"{confirmed} of {rows} confirmed"
    paired = len(Pairs(settings, PRODUCTS.pairs).read("item", "winstore", [row["key"] for row in planned]))
    assert paired == rows, f"{paired} of {rows} have a pair"
    return seconds


def drt(url: str, rows: int, folder: Path, batched: bool) -> float:
    """Seconds that drt-core takes, as it measures them itself (`duration_seconds`), so that its start does not count.

    It is set up for a REST API as in its documentation, without its pacing and with one client for the sync.
    """
    import duckdb

    texts = {name: value for name, value in BODY.items() if isinstance(value, str)}
    named = ", ".join(f"'{value}' AS \"{name}\"" for name, value in texts.items())
    with duckdb.connect(str(folder / "source.duckdb")) as connection:
        connection.execute(f"""
            CREATE TABLE item AS
            SELECT 'S' || n AS number, 12.5 AS "unitPrice", {named}
            FROM range({rows}) AS r(n)""")
    destination = {"type": "rest_api", "url": f"{url}/items", "method": "POST"}
    destination |= {"headers": {"Content-Type": "application/json"}}
    if batched:
        destination |= {"body_mode": "batch", "batch_template": "{{ rows | tojson_safe }}"}
        destination |= {"max_records_per_request": 100}
    else:
        destination |= {"body_template": "{{ row | tojson_safe }}"}
    options = {"mode": "full", "on_error": "fail", "rate_limit": {"requests_per_second": 0}, "batch_size": 5000}
    sync = {"name": "items", "model": "SELECT * FROM item", "destination": destination, "sync": options}
    profile = {"local": {"type": "duckdb", "database": str(folder / "source.duckdb")}}
    project = {"name": "peer", "version": "0.1", "profile": "local"}
    files = {".drt/profiles.yml": profile, "drt_project.yml": project, "syncs/items.yml": sync}
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))  # JSON is YAML
    command = [str(Path(sys.executable).with_name("drt")), "run", "--output", "json"]
    environment = {**os.environ, "HOME": str(folder), "DO_NOT_TRACK": "1", "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    return float((answer.get("syncs") or answer["results"])[0]["duration_seconds"])


def main() -> None:
    import urllib.request

    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=("ours", "ours-on-server", "drt-batched", "drt-per-record"))
    parser.add_argument("--rows", type=int, default=10_000)
    given = parser.parse_args()
    with served(serve) as url, tempfile.TemporaryDirectory() as folder:
        if given.tool == "ours-on-server":
            with postgres.running() as server:
                seconds = ours(url, given.rows, Path(folder), server.address)
        elif given.tool == "ours":
            seconds = ours(url, given.rows, Path(folder))
        else:
            seconds = drt(url, given.rows, Path(folder), given.tool == "drt-batched")
        with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 - loopback
            arrived = int(answer.read())
    assert arrived == given.rows, f"{arrived} of {given.rows} records arrived"
    who = resource.RUSAGE_SELF if given.tool.startswith("ours") else resource.RUSAGE_CHILDREN
    rate = given.rows / seconds
    line = {"tool": given.tool, "rows": given.rows, "seconds": round(seconds, 2), "rows_per_s": round(rate, 1)}
    peak = round(resource.getrusage(who).ru_maxrss / 1024)
    print(json.dumps(line | {"share_of_ceiling": round(rate / CEILING, 3), "peak_rss_mb": peak}))


if __name__ == "__main__":
    main()
