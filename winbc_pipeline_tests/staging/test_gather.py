"""Rows that make one record are put together slice by slice, so that memory does not grow with the shop."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows.stock import STOCK_TO_BC
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import gather, holes
from winbc_pipeline.staging.load import load
from winbc_pipeline.staging.store import Store, quote, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import gather_records

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SKUS = ["A", "a", "B", "C", "c", "D"]  # some are alike for Business Central


def figure(sku: str, warehouse: int, quantity: int = 3) -> dict[str, str]:
    row = {"artkey": sku, "sku": sku, "gtin": "", "warehouse": str(warehouse), "managestock": "", "reserved": "1"}
    return row | {"quantity": str(quantity), "modified": "2026-03-01T10:00:00.000Z"}


def put_together(connected: ConnectedFlow, rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    load(connected.store, connected.loaded, [json.dumps(rows).encode()], NOW)
    gather_records(connected, NOW)
    with connected.store.open() as connection:
        return rows_of(connection, f"FROM {quote(connected.staging.name)} ORDER BY _key")


def test_slices_make_the_records_that_one_statement_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each read, and where the rows are written anew before each (staging/holes.py)."""
    chance = random.Random(26)
    reads = [[figure(sku, warehouse) for sku in SKUS for warehouse in (1, 2)], [figure("B", 1, 9), figure("E", 1)]]
    for number in range(2):
        some = chance.sample(range(len(SKUS) * 3), 4)
        reads.append([figure(SKUS[each // 3], each % 3 + 1, number) for each in some])
    found = {}
    for most, places in ((gather.ROWS_AT_ONCE, holes.MOST), (3, -1)):
        monkeypatch.setattr(gather, "ROWS_AT_ONCE", most)
        monkeypatch.setattr(holes, "MOST", places)
        connected = ConnectedFlow(STOCK_TO_BC, Settings(data_folder=tmp_path / str(most), connection=f"of-{most}"))
        found[most] = [put_together(connected, some) for some in reads]
    whole, sliced = found.values()
    assert sorted(row["sku"] for row in whole[0]) == sorted(SKUS)
    assert any(row["alike"] for row in whole[0])
    assert len({str(each) for each in whole}) == len(reads)
    assert sliced == whole


def test_a_slice_is_found_without_looking_through_the_others(tmp_path: Path) -> None:
    """Their rows follow each other in the copy. DuckDB skips blocks in which a value cannot be."""
    with Store(tmp_path / "some.duckdb").open() as connection:
        connection.execute("CREATE TABLE figure AS SELECT (n // 3)::VARCHAR AS sku, n FROM range(3000) AS r(n)")
        gather._sort(connection, "figure", "sku", 7)
        found = rows_of(
            connection,
            """
            SELECT _slice, count(*) AS rows, max(rowid) - min(rowid) + 1 AS between, count(DISTINCT sku) AS skus
            FROM sorted_figure
            GROUP BY _slice
            """,
        )
    assert len(found) == 7
    assert all(each["rows"] == each["between"] == 3 * each["skus"] for each in found)
    assert sum(each["rows"] for each in found) == 3000
