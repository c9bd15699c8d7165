"""The pairs of records in both systems: what becomes of them without the key that their hashes were made with."""

from datetime import date
from pathlib import Path

import pytest

from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.people.installation_key import KEY_FILE

MANY = 30_000  # together they are larger than the memory that DuckDB gets


@pytest.mark.proof
def test_many_pairs_stay_when_the_key_of_their_hashes_is_lost(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, history_start=date(2026, 3, 1), memory_limit_mb=64)
    with Pairs(settings, "products").opened() as connection:
        connection.execute(
            """
            INSERT INTO pair (part, winstore_key, bc_id, winstore, bc)
            SELECT 'product', 'S' || n, md5(n::VARCHAR), repeat(md5((n * 7)::VARCHAR), 100), '{}'
            FROM range(?) AS rows(n)
            """,
            [MANY],
        )
    (tmp_path / settings.connection / KEY_FILE).unlink()
    with Pairs(settings, "products").opened() as connection:
        found = connection.execute("SELECT winstore, bc, count(*) FROM pair GROUP BY ALL").fetchall()
    assert found == [("{}", "{}", MANY)]
