"""How much memory a large window takes: a process of its own loads, maps and plans 200,000 made-up SKUs.

Source: test catalogue, row 74. Loading and mapping stream through the database, whatever the number of records.
Planning compares records in Python, and takes memory for each of them (docs/reliability.md).
"""

import pytest

from .test_benchmarks import line_of

pytestmark = pytest.mark.soak

RECORDS = 200_000
DUCKDB_MB = 256  # memory_limit_mb, as shipped
PROCESS_MB = 200  # the program with its libraries takes some 110; 50 that DuckDB does not count were measured
RECORD_KB = 16  # what planning holds of a record; 14 were measured


def test_a_window_of_200000_records_is_loaded_and_mapped_in_bounded_memory_and_planned_in_a_bound_for_each() -> None:
    peaks = line_of("products.py", "one", "--rows", str(RECORDS), seconds=1800)["peak_rss_mb"]
    assert peaks["mapped"] < DUCKDB_MB + PROCESS_MB
    assert peaks["planned"] < DUCKDB_MB + PROCESS_MB + RECORDS * RECORD_KB / 1024
