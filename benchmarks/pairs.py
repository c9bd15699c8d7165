"""What the table of pairs costs: planning customers that the target has, with pairs and without them.

Usage: python benchmarks/pairs.py [--rows N]
The target is a dictionary in this process, so that only our own work is measured. Both kinds of plan are made in turns,
and the processor's seconds count. Without pairs, a record is compared with the hashes in the ledger, as records without
a partner still are.
Prints one JSON line: rows, seconds with pairs and without, and the ratio of the two.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from winbc_pipeline.clock import now
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.load import load
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.records.plan import plan
from winbc_pipeline.sync.records.push import push
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.plans import planned

DAY = date(2026, 3, 1)
PAGE = 5000
ROUNDS = 5
ETAG = "W/1"
PERSON = {"fname": "Anna", "lname": "O'Neil", "street": "Kerkweg", "streetnr": "7", "zip": "3511 AB", "city": "Utrecht"}


def customer(number: int) -> dict[str, str]:
    own = {"customerid": str(number), "email": f"a{number}@mail.example", "phone": f"+3130{number:07d}"}
    return PERSON | own | {"countryISO": "NL", "modified": "2026-03-01T10:00:00.000Z"}


def live(number: int) -> dict[str, Any]:
    """The customer in Business Central, as the shipped table would make it."""
    own = {"number": f"WS{number}", "email": f"a{number}@mail.example", "phoneNumber": f"+3130{number:07d}"}
    rest = {"displayName": "Anna O'Neil", "type": "Person", "addressLine1": "Kerkweg 7", "postalCode": "3511 AB"}
    rest |= {"city": "Utrecht", "country": "NL", "blocked": "_x0020_", "taxRegistrationNumber": ""}
    return {"@odata.etag": ETAG, "id": f"id-{number}"} | own | rest


def found(_: str, field: str, keys: Iterable[str], *__: Any) -> dict[str, list[dict[str, Any]]]:
    return {key: [live(int(key.removeprefix("id-")))] for key in keys} if field == "id" else {}


TARGET: Any = SimpleNamespace(find=found, batch_size=100, in_flight=1)


@contextmanager
def loaded(flow: Flow, rows: int) -> Iterator[Work]:
    """Customers that are staged, mapped and confirmed, by tables that were edited since."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), history_start=DAY, guards={"enabled": False})
        work = Work(ConnectedFlow(flow, settings), DAY, DAY, "bench")
        pages = (
            json.dumps([customer(n) for n in range(start, min(start + PAGE, rows))]).encode()
            for start in range(0, rows, PAGE)
        )
        load(work.store, work.connected.staging, pages, now())
        map_windows(work)
        links = [{"target_id": f"id-{n}", "target_no": f"WS{n}"} for n in range(rows)]
        moves = [Move("customer", str(n), State.CONFIRMED, link) for n, link in enumerate(links)]
        ledger.move(work.store, moves, "bench")
        plan(work, TARGET)  # finds every customer as it should be
        push(work, TARGET)
        with work.store.open() as connection:
            connection.execute("UPDATE ledger SET hash = 'of before', mapping_version = 'of before'")
        yield work


def seconds(work: Work) -> float:
    """How long the plan takes in which every customer is compared, and none has changed."""
    began = time.process_time()
    plan(work, TARGET)
    took = time.process_time() - began
    reasons = {row["reason"] for row in planned(work.connected, DAY, DAY) if row["part"] == "customer"}
    assert reasons == {"UNCHANGED"}, reasons
    return took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with ExitStack() as stack:
        works = [stack.enter_context(loaded(flow, rows)) for flow in (CUSTOMERS, replace(CUSTOMERS, pairs=""))]
        turns = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    with_pairs, without = map(statistics.median, zip(*turns, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line = {"rows": rows, "seconds_with_pairs": round(with_pairs, 2), "seconds_without": round(without, 2)}
    print(json.dumps(line | {"ratio": round(with_pairs / without, 2), "peak_rss_mb": peak}))


if __name__ == "__main__":
    main()
