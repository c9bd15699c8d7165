"""How much memory a large window takes: a process of its own loads, maps, plans and sends 200,000 made-up SKUs.

Source: test catalogue, row 74: 400 MB, whatever the number of records.
"""

from collections.abc import Mapping

import pytest

from .test_benchmarks import line_of

pytestmark = pytest.mark.soak

RECORDS = 200_000
MOST_MB = {"loaded": 400, "mapped": 400, "planned": 400, "sent": 400}


@pytest.fixture(scope="module")
def peaks() -> Mapping[str, int]:
    """The most memory of the process in each step, in MB."""
    found: dict[str, int] = line_of("products.py", "one", "--send", "--rows", str(RECORDS), seconds=1800)["peak_rss_mb"]
    return found


@pytest.mark.parametrize("step", MOST_MB)
def test_each_step_of_a_window_of_200000_records_takes_bounded_memory(peaks: Mapping[str, int], step: str) -> None:
    assert peaks[step] < MOST_MB[step]
