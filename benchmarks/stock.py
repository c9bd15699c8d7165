"""What stock costs: mapping and planning changes, a sweep that finds nothing, and a push of figures.

Usage: python benchmarks/stock.py [--rows N] [--warehouses N] [--slower N] map|sweep|sweep-changes|push
Rows are SKUs, and each has a figure in every warehouse.
`map`: every SKU is staged and differs in the target, which is a function in this process; then one figure in a hundred
changes. `sweep`: nothing differs; both systems are a server on loopback, which counts its calls. `sweep-changes` reads
of Winstore what changed since, which is nothing, and not everything. Both may look at every SKU.
`push`: a server that needs 50 ms per call and 2 ms per change, and takes five calls at a time. Before and after the
push the same figures are sent by bare sockets, without a ledger and without looking again: that is the ceiling. With
`--slower 10` the server needs ten times as long, so that the share tells of the calls, and not of a busy machine.
Prints one JSON line: rows, calls, seconds of processor time and of the clock and the most MB of memory of this process,
for each step (reading figures, putting those of a SKU together, mapping and planning), and for `push` also the share of
the ceiling. Linux only.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from serving import answer_json, served

IN_FLIGHT, BATCH = 5, 100
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
PER_SECOND = 500  # figures that changed in one second
PAGE = 5000
AT_ONCE = 50_000  # records whose links are noted at once


def modified(number: int) -> str:
    return (START + timedelta(seconds=number // PER_SECOND)).isoformat().replace("+00:00", ".000Z")


def stock_row(number: int, warehouses: int = 1, quantity: int = 7, moment: int = 0) -> dict[str, str]:
    """A figure. Those of a SKU follow each other."""
    sku, warehouse = divmod(number, warehouses)
    row = {"artkey": str(sku), "sku": f"S{sku:06d}", "gtin": "", "warehouse": str(warehouse + 1), "managestock": ""}
    return row | {"quantity": str(quantity), "reserved": "2", "modified": modified(moment or number)}


def item(number: int, inventory: float) -> dict[str, Any]:
    own = {"@odata.etag": 'W/"1"', "id": f"00000000-0000-0000-0000-{number:012d}", "number": f"S{number:06d}"}
    return own | {"inventory": inventory, "type": "Inventory", "blocked": False}


def serve(rows: int, warehouses: int, inventory: float, slow: float, ready: "multiprocessing.Queue[int]") -> None:
    """Winstore's changed stock in chunks, and items of Business Central in pages and batches."""
    slots, calls, arrived = asyncio.Semaphore(5), Counter[str](), set[str]()

    def of_winstore(asked: dict[str, list[str]]) -> bytes:
        since = datetime.fromisoformat(asked["date"][0])
        first = max(0, int((since - START).total_seconds()) * PER_SECOND)
        last = min(rows * warehouses, first + int(asked["limit"][0]))
        return json.dumps({"stocks": {"stock": [stock_row(n, warehouses) for n in range(first, last)]}}).encode()

    def page(target: str) -> bytes:
        skip = int(parse_qs(urlsplit(target).query).get("skip", ["0"])[0])
        last = min(rows, skip + PAGE)
        found: dict[str, Any] = {"value": [item(n, inventory) for n in range(skip, last)]}
        if last < rows:
            found["@odata.nextLink"] = f"/companies(1)/items?skip={last}"
        return json.dumps(found, separators=(",", ":")).encode()

    async def batch(sent: bytes) -> bytes:
        requests = json.loads(sent)["requests"]
        writes = [each for each in requests if each["method"] == "PATCH"]
        async with slots:
            await asyncio.sleep(slow * (0.050 + 0.002 * len(writes)))
        answers = []
        for each in requests:
            numbers = [int(found) for found in re.findall(r"0-(\d{12})", unquote(each["url"]))]
            numbers = numbers or [int(found) for found in re.findall(r"'S(\d{6})'", unquote(each["url"]))]
            if each["method"] == "PATCH":
                arrived.update(map(str, numbers))
                body: dict[str, Any] = item(numbers[0], each["body"]["inventory"])
            else:
                body = {"value": [item(n, inventory) for n in numbers]}
            answers.append({"id": each["id"], "status": 200, "body": body})
        return json.dumps({"responses": answers}).encode()

    async def reply(target: str, sent: bytes) -> bytes:
        if target == "/count":
            return json.dumps({"calls": calls, "arrived": len(arrived)}).encode()
        calls["winstore" if "GetChanged" in target else "bc"] += 1
        if sent:
            return await batch(sent)
        if "GetChanged" in target:
            pairs = (part.partition("=") for part in re.split(r"[?&]", target)[1:])
            return of_winstore({name: [unquote(value)] for name, _, value in pairs})
        if "/items" in target and "filter" not in target:
            return page(target)
        if "/items" in target or "/itemVariants" in target:
            numbers = [int(found) for found in re.findall(r"0-(\d{12})|'S(\d{6})'", unquote(target))[0] if found]
            found = [item(n, inventory) for n in numbers] if "/items" in target else []
            return json.dumps({"value": found}, separators=(",", ":")).encode()
        return b'{"value":[{"id":"1","name":"bench","displayName":"bench"}]}'

    answer_json(reply, ready)


def settings_of(folder: Path, url: str = "http://127.0.0.1:1") -> Any:
    from winbc_pipeline.settings import Settings

    own = {"base_url": url, "user": "u", "password": "p"}
    return Settings(
        data_folder=folder,
        history_start=START.date(),
        guards={"enabled": False},
        bc=own | {"company": "bench", "companion_app": "off"},
        winstore=own,
        stock={"calls_per_hour": 10_000},
    )


def pages(numbers: range, warehouses: int, quantity: int = 7, later: int = 0) -> Iterator[bytes]:
    """Figures by their numbers, as Winstore's pages become them; `later` moves their moments."""
    for start in range(0, len(numbers), PAGE):
        some = numbers[start : start + PAGE]
        yield json.dumps([stock_row(n, warehouses, quantity, n + later) for n in some]).encode()


def staged(folder: Path, rows: int, url: str, warehouses: int = 1) -> tuple[Any, dict[str, float]]:
    """The connected flow, with every SKU staged, and what that took."""
    from winbc_pipeline.flows.stock import STOCK_TO_BC
    from winbc_pipeline.sync.connected import ConnectedFlow

    connected = ConnectedFlow(STOCK_TO_BC, settings_of(folder, url))
    return connected, stage(connected, pages(range(rows * warehouses), warehouses), "stage")


def stage(connected: Any, lines: Iterable[bytes], step: str) -> dict[str, float]:
    """Stages figures, and says what that took."""
    from winbc_pipeline.staging.load import load
    from winbc_pipeline.sync.reading.stage import gather_records

    with timed(f"{step}_read") as read:
        load(connected.store, connected.loaded, lines, NOW)
    with timed(f"{step}_together") as together:
        gather_records(connected, NOW)
    return read | together


def mapped(rows: int, folder: Path, warehouses: int) -> dict[str, Any]:
    """What staging and the plan of all SKUs take, and of a day in which one in a hundred figures changed."""
    connected, spent = staged(folder, rows, "http://127.0.0.1:1", warehouses)
    with timed("") as planned:
        assert planned_actions(connected, START.date()) == {"update": rows}
    changed = range(0, rows * warehouses, 100)
    of_stage = stage(connected, pages(changed, warehouses, 8, later=PER_SECOND * 86_400), "day")
    with timed("day") as of_day:
        assert planned_actions(connected, START.date() + timedelta(days=1)) == {"update": len(changed)}
    return spent | planned | of_stage | of_day


@contextmanager
def timed(step: str) -> Iterator[dict[str, float]]:
    """Seconds of processor time and of the clock, and the most MB, of a block, by names that begin with a step."""
    spent: dict[str, float] = {}
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak begins anew
    began, clock, name = time.process_time(), time.perf_counter(), f"{step}_" if step else ""
    yield spent
    spent[f"{name}processor_s"] = time.process_time() - began
    spent[f"{name}seconds"] = time.perf_counter() - clock
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    spent[f"{name}mb"] = int(peak.split()[1]) // 1024


def planned_actions(connected: Any, day: date) -> dict[str, int]:
    """Maps and plans from a day on. In the target, which is here, each SKU has another figure."""
    from winbc_pipeline.staging.lingering import lingering
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.plan_table import planned_table
    from winbc_pipeline.sync.stock.plan import plan
    from winbc_pipeline.sync.work import Work

    def found(entity_set: str, field: str, keys: Iterable[str], *_: Any) -> dict[str, list[dict[str, Any]]]:
        if entity_set != "items" or field == "id":
            return {}
        return {key: [item(int(key[1:]), 1)] for key in keys}

    work = Work(connected, day, date(2026, 12, 31), "bench")
    map_windows(work)
    with lingering():  # as runs have it
        plan(work, SimpleNamespace(find=found))  # type: ignore[arg-type]
    with connected.store.open() as connection:
        sql = f'SELECT action, count(*) FROM {planned_table(connected.flow)} WHERE "window" >= ? GROUP BY action'
        return dict(connection.execute(sql, [day]).fetchall())


def swept(rows: int, folder: Path, url: str, warehouses: int, changes_only: bool) -> dict[str, Any]:
    from winbc_pipeline import clock
    from winbc_pipeline.staging.gather import note_whole
    from winbc_pipeline.sync.stock.sweep import sweep

    connected, of_stage = staged(folder, rows, url, warehouses)
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.staging.ledger import Move, State

    known = {"hash": "of before"}
    for start in range(0, rows, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, rows))
        links = [(f"S{n:06d}", known | {"target_id": item(n, 0)["id"]}) for n in numbers]
        ledger.move(connected.store, [Move("item", key, State.CONFIRMED, link) for key, link in links], "bench")
    if changes_only:
        note_whole(connected.store, connected.loaded.name, clock.now())
        with connected.store.open() as connection:
            connection.execute("INSERT INTO watermark VALUES (?, ?)", [connected.flow.id, NOW])
    with timed("first") as first:
        sweep(connected, "first")  # maps everything, and reads it where that is wanted
    before = counted(url)["calls"]
    with timed("") as spent:
        done = sweep(connected, "bench")
    assert (done.seen, done.differing) == (rows, 0), done
    after = counted(url)["calls"]
    return of_stage | first | spent | {f"calls_{name}": after[name] - before.get(name, 0) for name in after}


def pushed(rows: int, folder: Path, url: str) -> dict[str, Any]:
    from winbc_pipeline.staging import ledger
    from winbc_pipeline.staging.store import create_table, insert_rows
    from winbc_pipeline.sync.plan_table import PLANNED, planned_table
    from winbc_pipeline.sync.records.push import push
    from winbc_pipeline.sync.work import Work
    from winbc_pipeline.systems.business_central import BusinessCentral

    connected, _ = staged(folder, 1, url)
    planned = [
        {"part": "item", "key": f"S{n:06d}", "window": START.date(), "action": "update", "hash": f"{n:032x}"}
        | {"body": '{"inventory":5}', "changes": '[{"field":"inventory","old":1,"new":5}]', "field_hashes": "{}"}
        | {"target_id": item(n, 1)["id"], "target_no": f"S{n:06d}", "etag": 'W/"1"'}
        for n in range(rows)
    ]
    with connected.store.transaction() as connection:
        create_table(connection, planned_table(connected.flow), PLANNED)
        insert_rows(connection, planned_table(connected.flow), PLANNED, planned)
    target = BusinessCentral(connected.settings)
    assert target.root
    before = ceiling(rows, url)
    with timed("") as spent:
        push(Work(connected, START.date(), START.date(), "bench"), target)
    target.close()
    confirmed = len(ledger.read(connected.store, "state = 'CONFIRMED'"))
    assert (counted(url)["arrived"], confirmed) == (rows, rows)
    least = (before + ceiling(rows, url)) / 2
    return spent | {"ceiling_s": least, "share_of_ceiling": least / spent["seconds"]}


def ceiling(rows: int, url: str) -> float:
    """Seconds in which bare sockets send the figures, with as many calls in flight."""
    host = urlsplit(url).netloc
    bodies = [
        json.dumps(
            {
                "requests": [
                    {"id": str(n), "method": "PATCH", "url": f"items({item(n, 1)['id']})", "body": {"inventory": 5}}
                    for n in range(start, min(start + BATCH, rows))
                ]
            }
        ).encode()
        for start in range(0, rows, BATCH)
    ]

    def send(some: list[bytes]) -> None:
        connection = http.client.HTTPConnection(host)
        for body in some:
            connection.request("POST", "/$batch", body)
            connection.getresponse().read()
        connection.close()

    clock = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(send, [bodies[n::IN_FLIGHT] for n in range(IN_FLIGHT)]))
    return time.perf_counter() - clock


def counted(url: str) -> dict[str, Any]:
    import urllib.request

    with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("map", "sweep", "sweep-changes", "push"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--warehouses", type=int, default=1)
    parser.add_argument("--slower", type=float, default=1)
    given = parser.parse_args()
    rows, warehouses = given.rows, given.warehouses
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "map":
            spent = mapped(rows, Path(folder), warehouses)
        else:
            is_push = given.what == "push"
            inventory, slower = (1, given.slower) if is_push else (5 * warehouses, 0)
            with served(serve, rows, warehouses, inventory, slower) as url:
                spent = (
                    pushed(rows, Path(folder), url)
                    if is_push
                    else swept(rows, Path(folder), url, warehouses, given.what == "sweep-changes")
                )
    figures = {name: round(value, 2) if isinstance(value, float) else value for name, value in spent.items()}
    print(json.dumps({"what": given.what, "rows": rows} | figures))


if __name__ == "__main__":
    main()
