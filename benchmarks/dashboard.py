"""The pages of the dashboard with a million published outcomes, at rest and while all flows run.

Usage: python benchmarks/dashboard.py [--rows N] [--asks N] [--every-s N]
A small shop on both sandboxes, with the UI, the daemon and all flows on. Beside what its runs publish, the connection
has files as runs publish them and nights put them together, for all flows, of 90 days; of today as many as there are
at the worst moment. Beside the outcomes they have the moves to SENDING. Asks each page `asks` times over HTTP, in
turns: once while nothing changes, and once while a change of another flow comes each `every-s` seconds. Prints one
JSON line: rows, megabytes, the share of a core that UI, daemon and runs needed meanwhile, and by page the first, the
median and the 95th percentile in milliseconds.
"""

import argparse
import contextlib
import itertools
import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
from changes import CHANGES, Systems
from freshness import CONNECTION, dagster, free_port, loaded_shop, processor_seconds

DAYS = 90
WARM_S = 15  # after the start: the first ticks of all sensors
READ = "SKU-1\x1f•••\x1f2026-11-30\x1f12.95000\x1fEUR\x1f•••\x1f•••\x1f4\x1f21.00000"
SENT = '{"number":"SKU-1","displayName":"•••","unitPrice":12.95,"lines":[{"quantity":1,"unitPrice":12.95}]}'
PAGES = {
    "overview": "/overview",
    "activity": "/activity",
    "activity, the third page": "/activity?offset=100",
    "activity of a flow, failed": "/activity?flow=orders_winstore_to_bc&state=open",
    "activity of a key": "/activity?text=K123456",
    "activity of a part of many keys": "/activity?text=K777",
    "activity of a part of no key": "/activity?text=nobody",
    "activity of a reason": "/activity?reason=BC_REFUSED&flow=stock_bc_to_winstore",
    "a record's story": "/activity/products_winstore_to_bc/K777",
}


def published(rows: int) -> float:
    """Makes the files of the connection; returns their megabytes."""
    from winbc_pipeline import clock
    from winbc_pipeline.flows import FLOWS
    from winbc_pipeline.settings import load_settings
    from winbc_pipeline.staging.published import files
    from winbc_pipeline.staging.published.compaction import MANY, ROWS_OF_GROUP, keep_young
    from winbc_pipeline.staging.published.outcomes import MOVE, OUTCOME, opened
    from winbc_pipeline.staging.store import literal

    settings, now = load_settings(), clock.now()
    flows = ", ".join(literal(flow.id) for flow in FLOWS)
    files.outcomes_folder(settings).mkdir(parents=True, exist_ok=True)
    share = rows // DAYS
    columns = ", ".join(f'CAST({name} AS {kind}) AS "{name}"' for name, kind in MOVE.items() if name != "window")
    with opened() as connection:
        for day in reversed(range(DAYS)):
            if day == 0:
                keep_young(settings, now)
            begins = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=day)
            parts = 2 * (MANY - 1) if day == 0 else 1
            for part in range(parts):
                number = f"({day} * {share} + {part} * {share // parts} + i)"
                outcomes = f"""
                    SELECT
                        [{flows}][1 + (hash({number}) % {len(FLOWS)})::INT] AS flow, 'item' AS part, true AS is_main,
                        'K' || hash({number}) % 300000 AS key, 'N' || hash({number}) % 300000 AS target_no,
                        'k' || hash({number}) % 300000 || '\x1fn' || hash({number}) % 300000 AS sought,
                        CASE WHEN i % 50 = 0 THEN 'FAILED' WHEN i % 3 = 0 THEN 'SKIPPED' ELSE 'CONFIRMED' END AS state,
                        CASE i % 2 WHEN 0 THEN 'create' ELSE 'update' END AS action,
                        CASE WHEN i % 50 = 0 THEN 'BC_REFUSED' WHEN i % 3 = 0 THEN 'UNCHANGED' END AS reason,
                        CASE WHEN i % 50 = 0 THEN 'Internal_Error: the VAT posting group is missing' END AS message,
                        TIMESTAMPTZ '{begins.isoformat()}' + to_seconds({number} % 64800) AS moment,
                        md5('run' || ({number} // 20))::UUID::VARCHAR AS run_id, uuid()::VARCHAR AS attempt_id,
                        i % 1000 + 0.5 AS amount, 'EUR' AS currency, 0 AS difference, 'v1' AS mapping_version,
                        'a\x1fb\x1fc' AS read_fields, [{literal(READ)}] AS read, '[]' AS lookups, NULL AS changes,
                        NULL AS sent, NULL AS from_state
                    FROM range({share // parts}) AS r(i)"""
                sendings = f"""
                    SELECT * REPLACE (
                        'SENDING' AS state, NULL AS reason, NULL AS message, NULL AS read_fields, NULL AS read,
                        NULL AS lookups, {literal(SENT)} AS sent
                    )
                    FROM outcome
                    WHERE state <> 'SKIPPED'"""
                name = (
                    files.run_file(settings, begins.date(), "all", f"{part}")
                    if part < (MANY - 1) and day == 0
                    else files.made_file(settings, begins.date(), begins.date())
                )
                connection.execute(
                    f"COPY (WITH outcome AS ({outcomes}) SELECT {columns} FROM (FROM outcome UNION ALL {sendings}) "
                    f"ORDER BY {OUTCOME} DESC, flow, key, moment) TO {literal(str(name))} "
                    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_OF_GROUP})"
                )
    return sum(path.stat().st_size for path in files.outcome_files(settings)) / 1e6


def asked(client: httpx.Client, asks: int, session: int) -> dict[str, Any]:
    """What each page took in milliseconds, and the share of a core that all processes of the session needed."""
    took = defaultdict[str, list[float]](list)
    used, start = processor_seconds(session), time.monotonic()
    for _ in range(asks):
        for name, address in PAGES.items():
            began = time.perf_counter()
            answer = client.get(address)
            took[name].append((time.perf_counter() - began) * 1000)
            assert answer.status_code in (200, 404), (address, answer.status_code)
    share = (processor_seconds(session) - used) / (time.monotonic() - start)
    return {"share_of_core": round(share, 2), "pages": {name: _figures(each) for name, each in took.items()}}


def _figures(took: list[float]) -> dict[str, int]:
    cuts = quantiles(took, n=20)
    return {"first_ms": round(took[0]), "median_ms": round(cuts[9]), "p95_ms": round(cuts[18])}


@contextlib.contextmanager
def changing(systems: Systems, every_s: float) -> Iterator[None]:
    """A change of another flow each few seconds, until the block ends."""
    ends, flows = threading.Event(), itertools.cycle(name for name in CHANGES if "status" not in name)

    def go_on() -> None:
        while not ends.wait(every_s):
            CHANGES[next(flows)](systems)

    changer = threading.Thread(target=go_on)
    changer.start()
    try:
        yield
    finally:
        ends.set()
        changer.join()


@contextlib.contextmanager
def served() -> Iterator[tuple[httpx.Client, int]]:
    """A browser that has come in, and the session of the processes that serve the dashboard and run the flows."""
    from winbc_pipeline.cli.dagster_home import address, claimed

    port = free_port()
    with (
        claimed(Path(CONNECTION)) as home,
        dagster(home, "forked", port) as session,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False, follow_redirects=True) as client,
    ):
        client.get(address(home.parent, port)).raise_for_status()
        time.sleep(WARM_S)
        yield client, session


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asks", type=int, default=100)
    parser.add_argument("--every-s", type=float, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, loaded_shop(Path(folder, "shop"), 0) as systems:
        line: dict[str, Any] = {"name": f"{given.rows} outcomes", "megabytes": round(published(given.rows))}
        with served() as (client, session):
            line["at_rest"] = asked(client, given.asks, session)
            with changing(systems, given.every_s):
                line["while_flows_run"] = asked(client, given.asks, session)
        print(json.dumps(line | {"load_after": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    main()
