"""Extract: customers of about 1 KB, 5,000 a page, into typed staging. The peer is dlt's rest_api source with merge.

Usage: python benchmarks/extract.py [--rows N] ours|dlt   (it starts its server itself; see run.py)
Prints one JSON line: rows, seconds, peak_rss_mb.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import resource
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from serving import served

PAGE = 5000
FIELDS = {
    "id": "text", "number": "text", "displayName": "text", "type": "text", "addressLine1": "text",
    "addressLine2": "text", "city": "text", "country": "text", "postalCode": "text", "phoneNumber": "text",
    "email": "text", "website": "text", "taxRegistrationNumber": "text", "currencyCode": "text", "blocked": "text",
    "balanceDue": "decimal", "creditLimit": "decimal", "taxLiable": "boolean", "lastModifiedDateTime": "datetime",
}  # fmt: skip


OUR_MODULES = ("winbc_pipeline.staging.load", "winbc_pipeline.systems.business_central")
DLT_MODULES = ("dlt", "duckdb", "dlt.sources.rest_api", "dlt.destinations.impl.duckdb.factory", "pyarrow.parquet")


def record(number: int) -> bytes:
    # addressLine2 fills the record up to about 1 KB.
    day = f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    row: dict[str, object] = {name: f"{name} {number:07d}" for name in FIELDS}
    row |= {"@odata.etag": f'W/"{number}"', "id": f"{number:032x}", "addressLine2": "delivery note " * 35}
    row |= {"balanceDue": number % 100000 / 100, "creditLimit": number % 500 * 100.5, "taxLiable": number % 2 == 0}
    row["lastModifiedDateTime"] = f"{day}T10:00:00.{number % 1000:03d}Z"
    return json.dumps(row, separators=(",", ":")).encode()


def serve(rows: int, ready: "multiprocessing.Queue[int]") -> None:
    """Serves the pages. They are serialised before the port opens, so that the server is not the bottleneck."""
    starts = range(0, rows, PAGE)
    bodies = [b",".join(record(n) for n in range(start, min(start + PAGE, rows))) for start in starts]

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16

        def do_GET(self) -> None:
            page = int(self.path.partition("skiptoken=")[2] or 0)
            parts = [b'{"@odata.context":"x","value":[', bodies[page], b"]"]
            if self.path.endswith("/companies"):
                parts[1] = b'{"id":"1","name":"bench","displayName":"bench"}'
            elif page + 1 < len(bodies):
                url = f"http://127.0.0.1:{server.server_port}/companies(1)/customers?$skiptoken={page + 1}"
                parts.append(f',"@odata.nextLink":"{url}"'.encode())
            parts.append(b"}")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            for part in parts:
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    ready.put(server.server_port)
    server.serve_forever()


def ours(url: str, rows: int, folder: Path) -> int:
    """The number of records that our staging loads."""
    from datetime import UTC, datetime

    from winbc_pipeline.settings import Settings
    from winbc_pipeline.staging.load import StagingTable, load
    from winbc_pipeline.staging.store import Store
    from winbc_pipeline.systems.business_central import BusinessCentral

    settings = Settings(bc={"base_url": url, "company": "bench", "user": "u", "password": "p"})
    table = StagingTable("staging_bc_customers", FIELDS, ("id",), "lastModifiedDateTime")
    target = BusinessCentral(settings)
    try:
        pages = target.pages("customers", PAGE)
        read = load(Store(folder / "ours.duckdb", memory_limit_mb=256), table, pages, datetime.now(UTC))
    finally:
        target.close()
    return read


def dlt_peer(url: str, rows: int, folder: Path) -> int:
    """The number of records that dlt loads: merged by key, through Parquet files."""
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DLT_DATA_DIR": str(folder / "dlt"),
        "DLT_PROJECT_DIR": str(folder),
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    }
    import dlt
    import duckdb
    from dlt.sources.rest_api import rest_api_source

    kinds = {"text": "text", "decimal": "decimal", "boolean": "bool", "datetime": "timestamp"}
    columns = {name: {"data_type": kinds[kind]} for name, kind in FIELDS.items()}
    resource_config = {
        "name": "customers",
        "primary_key": "id",
        "write_disposition": "merge",
        "columns": columns,
        "endpoint": {"path": "companies(1)/customers", "data_selector": "value"},
    }
    paginator = {"type": "json_link", "next_url_path": "['@odata.nextLink']"}
    config = {"client": {"base_url": url, "paginator": paginator}, "resources": [resource_config]}
    source = rest_api_source(config, max_table_nesting=0)
    database = folder / "dlt.duckdb"
    pipeline = dlt.pipeline("peer", destination=dlt.destinations.duckdb(str(database)), dataset_name="raw")
    pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.execute("SELECT count(DISTINCT id) FROM raw.customers").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=("ours", "dlt"))
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    run, modules = (ours, OUR_MODULES) if given.tool == "ours" else (dlt_peer, DLT_MODULES)
    for module in modules:  # both sides are timed without their imports
        importlib.import_module(module)
    with served(serve, given.rows) as url, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        loaded = run(url, given.rows, Path(folder))
        seconds = time.perf_counter() - began
    assert loaded == given.rows, f"{loaded} of {given.rows} rows arrived"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = {"tool": given.tool, "rows": loaded, "seconds": round(seconds, 2), "peak_rss_mb": round(peak)}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
