"""The pages of the dashboard with a million published outcomes, while other processes keep the machine busy.

Usage: python benchmarks/dashboard.py [--rows N] [--asks N] [--busy N]
Makes files as runs publish them and nights put them together, for all flows, of 90 days; of today as many as there are
at the worst moment. Beside the outcomes they have the moves to SENDING. Then asks each page `asks` times, as a browser
does, while `busy` processes compute. Prints one JSON line: rows, megabytes, and by page the first, the median and
the 95th percentile in milliseconds.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from starlette.testclient import TestClient

DAYS = 90
NOW = datetime(2026, 11, 30, 18, tzinfo=UTC)
READ = "SKU-1\x1f•••\x1f2026-11-30\x1f12.95000\x1fEUR\x1f•••\x1f•••\x1f4\x1f21.00000"
SENT = '{"number":"SKU-1","displayName":"•••","unitPrice":12.95,"lines":[{"quantity":1,"unitPrice":12.95}]}'


def published(folder: Path, rows: int) -> float:
    """Makes the files; returns their megabytes."""
    from winbc_pipeline.flows import FLOWS
    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging.published import files
    from winbc_pipeline.staging.published.compaction import MANY, ROWS_OF_GROUP, keep_young
    from winbc_pipeline.staging.published.outcomes import MOVE, OUTCOME, opened
    from winbc_pipeline.staging.store import literal

    settings, flows = Settings(data_folder=folder), ", ".join(literal(flow.id) for flow in FLOWS)
    files.outcomes_folder(settings).mkdir(parents=True)
    share = rows // DAYS
    columns = ", ".join(f'CAST({name} AS {kind}) AS "{name}"' for name, kind in MOVE.items() if name != "window")
    with opened() as connection:
        for day in reversed(range(DAYS)):
            if day == 0:
                keep_young(settings, NOW)
            begins = NOW.replace(hour=0) - timedelta(days=day)
            parts = 2 * (MANY - 1) if day == 0 else 1
            for part in range(parts):
                number = f"({day} * {share} + {part} * {share // parts} + i)"
                outcomes = f"""
                    SELECT
                        [{flows}][1 + (hash({number}) % {len(FLOWS)})::INT] AS flow, 'item' AS part, true AS is_main,
                        'K' || hash({number}) % 300000 AS key, 'N' || i AS target_no,
                        'k' || hash({number}) % 300000 || '\x1fn' || i AS sought,
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


def browser(folder: Path) -> TestClient:
    """A browser that has opened the start address."""
    from winbc_pipeline.dashboard.app import create_app
    from winbc_pipeline.dashboard.guard.access import access_of
    from winbc_pipeline.dashboard.site import Site
    from winbc_pipeline.settings import Settings

    access = access_of(folder)
    door = create_app(Site(Settings(data_folder=folder), access, lambda: NOW))
    client = TestClient(door, "http://127.0.0.1:3000")
    client.get("/", params={"token": access.tokens["admin"]})
    return client


def busy() -> None:
    """Computes until it is ended."""
    while True:
        sum(range(100_000))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asks", type=int, default=40)
    parser.add_argument("--busy", type=int, default=0)
    given = parser.parse_args()
    pages = {
        "overview": "/overview",
        "activity": "/activity",
        "activity, the third page": "/activity?offset=100",
        "activity of a flow, failed": "/activity?flow=orders_winstore_to_bc&state=open",
        "activity of a key": "/activity?text=K777",
        "activity of a reason": "/activity?reason=BC_REFUSED&flow=stock_bc_to_winstore",
        "a record's story": "/activity/products_winstore_to_bc/K777",
    }
    with tempfile.TemporaryDirectory() as folder:
        size, client = published(Path(folder), given.rows), browser(Path(folder))
        others = [multiprocessing.Process(target=busy, daemon=True) for _ in range(given.busy)]
        for each in others:
            each.start()
        measured = {}
        for name, address in pages.items():
            took = []
            for _ in range(given.asks):
                began = time.perf_counter()
                answer = client.get(address)
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code in (200, 404), (address, answer.status_code)
            cuts = quantiles(took, n=20)
            measured[name] = {"first_ms": round(took[0]), "median_ms": round(cuts[9]), "p95_ms": round(cuts[18])}
        for each in others:
            each.terminate()
    line = {"name": f"{given.rows} outcomes", "megabytes": round(size), "busy": given.busy, "pages": measured}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
