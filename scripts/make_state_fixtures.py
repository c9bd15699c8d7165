"""Makes the state files of earlier versions that the tests of upgrades open: runs the code of a commit against the
sandboxes of this one, and keeps the databases together with what both sandboxes hold afterwards.

    python scripts/make_state_fixtures.py COMMIT …

Each becomes `winbc_pipeline_tests/upgrades/<commit>.tar.xz`.
"""

import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.server import serve
from winbc_pipeline_tests.support.sandboxes import ARTICLE, CUSTOMER, LINE, ORDER

REPOSITORY = Path(__file__).parents[1]
FIXTURES = REPOSITORY / "winbc_pipeline_tests" / "upgrades"
# Runs every flow from Winstore to Business Central that a version has, twice, however it calls them.
RUN = """
import sys
from datetime import date
sys.path.insert(0, sys.argv[1])
from winbc_pipeline import flows
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.run import sync
days, settings = (date(2026, 1, 1), date(2026, 12, 31)), Settings()
there = getattr(flows, "FLOWS", None) or (flows.CUSTOMERS, flows.PRODUCTS)
chosen = [each for each in there if (each.source, each.target) == ("winstore", "bc") and each.name != "stock"]
for number in (1, 2):
    for flow in chosen:
        try:
            from winbc_pipeline.sync.connected import ConnectedFlow
            from winbc_pipeline.sync.work import Work
            done = sync(Work(ConnectedFlow(flow, settings), *days, f"run-{number}"))
        except ImportError:
            done = sync(flow, settings, *days, f"run-{number}")
        print(flow.id, done)
"""


def fill(control: str, folder: Path) -> None:
    """A small shop: two customers, two articles, and orders: two paid, one of an unknown article, one of a guest."""
    second = {"customer_id": "000124", "first_name": "Bo", "last_name": "Smit", "email": "bo@mail.example"}
    of_second = {"customer_id": "000124", "email": "bo@mail.example"}
    of_guest = {"customer_id": "", "email": "guest@mail.example", "order_number": "W4"}
    rows = {
        "customers": [CUSTOMER | {"phone": ""}, CUSTOMER | {"phone": ""} | second],
        "articles": [ARTICLE, ARTICLE | {"article_key": "100002", "sku": "SKU-2", "gtin": "0100537900023"}],
        "orders": [
            ORDER,
            ORDER | of_second | {"order_number": "W2"},
            ORDER | of_second | {"order_number": "W3"},
            ORDER | of_guest,
        ],
        "order_lines": [
            LINE,
            LINE | {"order_number": "W2", "sku": "SKU-2"},
            LINE | {"order_number": "W3", "sku": "?"},
            LINE | {"order_number": "W4"},
        ],
    }
    write_folder(folder, rows)
    httpx.post(f"{control}/__seed", json={"folder": str(folder)}, timeout=60).raise_for_status()


def make(commit: str) -> Path:
    """Makes the fixture of a commit; returns its path."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive = subprocess.run(["git", "archive", commit, "winbc_pipeline"], cwd=REPOSITORY, capture_output=True)
        subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
        with serve(folder / "kept") as addresses:
            fill(addresses.winstore_control, folder / "retail")
            environment = addresses.environment() | {
                "WINBC_DATA_FOLDER": str(folder / "kept"),
                "WINBC_MAPPING_FOLDER": str(folder / "winbc_pipeline" / "defaults" / "mapping_tables"),
                "PATH": "",
            }
            subprocess.run([sys.executable, "-c", RUN, name], env=environment, cwd=folder, check=True)
        target = FIXTURES / f"{commit}.tar.xz"
        with tarfile.open(target, "w:xz") as kept:
            for file in sorted((folder / "kept").rglob("*.*")):
                if file.suffix in (".duckdb", ".sqlite", ".key"):
                    kept.add(file, file.relative_to(folder / "kept"))
    return target


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    for each in sys.argv[1:]:
        path = make(each)
        print(path, path.stat().st_size)
