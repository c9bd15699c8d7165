"""The benchmarks measure the program as it is: each runs here on a few records, none is timed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.proof  # each is a process of its own

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def line_of(script: str, *arguments: str, seconds: int = 300) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert ran.returncode == 0, ran.stderr[-2000:]
    line: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    return line


@pytest.mark.parametrize("script", ["extract.py", "push.py"])
def test_records_arrive(script: str) -> None:
    assert line_of(script, "ours", "--rows", "300")["rows"] == 300


def test_orders_arrive_with_their_customers() -> None:
    line = line_of("orders.py", "--rows", "50")
    assert (line["calls"]["POST salesOrders"], line["calls"]["POST customers"]) == (3, 1)


def test_customers_are_compared_with_pairs_and_without() -> None:
    assert line_of("pairs.py", "--rows", "50")["rows"] == 50


@pytest.mark.parametrize(("shape", "records"), [("one", 31), ("three", 31), ("variants", 41)])
def test_skus_are_mapped_and_planned_as_items_and_as_variants(shape: str, records: int) -> None:
    assert line_of("products.py", shape, "--rows", "30")["records"] == records


@pytest.mark.scale
def test_state_on_a_server_is_measured_beside_files() -> None:
    line = line_of("scale.py", "--rows", "50")
    assert set(line["files"]) == set(line["postgres"]) >= {"load", "map", "plan", "move_known"}


@pytest.mark.scale
def test_records_arrive_with_the_ledger_on_a_server() -> None:
    assert line_of("push.py", "ours-on-server", "--rows", "300")["rows"] == 300


def test_each_further_hundred_of_connections_needs_as_much() -> None:
    one, two, three = (line_of("scale.py", "--model", number) for number in ("200", "400", "600"))
    for name in ("processors", "postgres_processors", "memory_gb"):
        assert three[name] - two[name] == pytest.approx(two[name] - one[name], abs=0.3)  # one digit is printed


@pytest.mark.soak  # it starts three workers
def test_runs_of_connections_are_measured_with_one_worker_and_with_two() -> None:
    line = line_of("fleet.py", "runs", "--connections", "2", "--rows", "20")
    assert line["ratio"] > 0 < line["run_s"]


@pytest.mark.soak  # it starts two workers
def test_a_workers_memory_is_measured_with_one_slot_and_with_more() -> None:
    line = line_of("workers.py", "--slots", "2")
    assert 0 < line["megabytes_one"] < line["megabytes_all"]


def test_a_first_load_asks_for_each_article_once() -> None:
    line = line_of("volume.py", "--articles", "6", "--skus", "3", "--call-ms", "0")
    assert (line["rows"], line["calls"]) == (18, 4)


def test_the_windows_of_a_year_come_through_dagster_as_by_the_command() -> None:
    line = line_of("years.py", "--years", "0.02", "--orders", "1", "--flows", "customers_winstore_to_bc")
    assert line["records"] == 40 + 13, "customers, and the contacts of those that are companies"


@pytest.mark.parametrize("what", ["map", "sweep", "push"])
def test_figures_of_stock_are_planned_swept_and_sent(what: str) -> None:
    line = line_of("stock.py", what, "--rows", "300")
    assert line["rows"] == 300
    assert line.get("calls_bc", 0) <= 2


def test_mapping_makes_the_same_records_as_its_peers() -> None:
    digests = {line_of("mapping.py", tool, "--rows", "300")["digest"] for tool in ("ours", "pydantic", "pandas")}
    assert len(digests) == 1


@pytest.mark.soak  # it loads a shop, and starts the UI with all flows
def test_pages_are_asked_at_rest_and_while_flows_run() -> None:
    line = line_of("dashboard.py", "--rows", "900", "--asks", "2")
    for pages in (line["at_rest"]["pages"], line["while_flows_run"]["pages"]):
        assert {"overview", "activity", "a record's story"} <= set(pages)
