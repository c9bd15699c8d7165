"""Push: 10,000 upserts by `$batch` with the ledger, against 50 ms per call and 2 ms per operation, five in flight.

Usage: python benchmarks/push.py [--rows N]
Prints one JSON line: rows, seconds, rows_per_s, share of the ceiling of 2,000/s, peak_rss_mb.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

CEILING = 5 * 100 / (0.050 + 100 * 0.002)
DAY = date(2026, 1, 1)


def serve(ready: "multiprocessing.Queue[int]") -> None:
    slots = asyncio.Semaphore(5)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            length = 0
            while (line := await reader.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            sent = await reader.readexactly(length)
            if b"$batch" in head:
                requests = json.loads(sent)["requests"]
                async with slots:
                    await asyncio.sleep(0.050 + 0.002 * len(requests))
                answers = [
                    {"id": r["id"], "status": 201, "body": {"id": r["body"]["number"], "number": r["body"]["number"]}}
                    for r in requests
                ]
                body = json.dumps({"responses": answers}).encode()
            else:
                body = b'{"value":[{"id":"1","name":"bench","displayName":"bench"}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**24)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def main() -> None:
    from winbc_pipeline.flows import PRODUCTS
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.staging.store import insert_rows, quote
    from winbc_pipeline.sync.plan import PLANNED, planned_table
    from winbc_pipeline.sync.push import push
    from winbc_pipeline.sync.stage import flow_store
    from winbc_pipeline.systems.business_central import BusinessCentral

    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    spawn = multiprocessing.get_context("spawn")
    ready: multiprocessing.Queue[int] = spawn.Queue()
    server = spawn.Process(target=serve, args=(ready,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ready.get(timeout=60)}"
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_folder=Path(folder), bc={"base_url": url, "company": "bench", "user": "u", "password": "p"}
        )
        store = flow_store(PRODUCTS, settings)
        body = {"displayName": "Benchmark article", "unitPrice": 12.5, "gtin": "0100537900016", "type": "Inventory"}
        planned = [
            {"part": "item", "key": f"S{n}", "window": DAY, "action": "create", "hash": f"{n:032x}"}
            | {"body": json.dumps(body | {"number": f"S{n}"}), "changes": "[]", "field_hashes": "{}"}
            for n in range(rows)
        ]
        with store.transaction() as connection:
            columns = ", ".join(f"{quote(name)} {kind}" for name, kind in PLANNED.items())
            connection.execute(f"CREATE TABLE {quote(planned_table(PRODUCTS))} ({columns})")
            insert_rows(connection, planned_table(PRODUCTS), PLANNED, planned)
        target = BusinessCentral(settings)
        assert target.root
        began = time.perf_counter()
        push(PRODUCTS, settings, target, DAY, DAY, "bench")
        seconds = time.perf_counter() - began
        target.close()
        confirmed = len(ledger.read(store, "state = 'CONFIRMED'"))
    server.terminate()
    assert confirmed == rows, f"{confirmed} of {rows} confirmed"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = rows / seconds
    line = {"name": "push", "rows": rows, "seconds": round(seconds, 2), "rows_per_s": round(rate)}
    print(json.dumps(line | {"share_of_ceiling": round(rate / CEILING, 2), "peak_rss_mb": round(peak)}))


if __name__ == "__main__":
    main()
