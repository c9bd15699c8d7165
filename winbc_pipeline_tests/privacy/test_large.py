"""Erasing in a large ledger is over within a minute. Source: docs/privacy.md, Forget a person."""

import time
from datetime import datetime
from pathlib import Path

import pytest

from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.privacy import databases
from winbc_pipeline.privacy.person import Person
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow

pytestmark = pytest.mark.soak
ROWS, MOMENT = 1_000_000, datetime(2026, 3, 1)  # noqa: DTZ001 - SQL writes it as UTC


def test_a_person_in_a_ledger_of_a_million_rows_is_erased_within_a_minute(tmp_path: Path) -> None:
    store = ConnectedFlow(CUSTOMERS, Settings(data_folder=tmp_path)).store
    row = f"""
        'customer' AS part, n::VARCHAR AS key, 'CONFIRMED' AS state, 'create' AS action, 'WS' || n AS target_no,
        md5(key) AS hash, TIMESTAMPTZ '{MOMENT}' AS moved_at"""
    more = "uuid()::VARCHAR AS target_id, to_json({email: hash[1:12]})::VARCHAR AS field_hashes"
    with store.open() as connection:
        ledger.create(connection)
        connection.execute(f"INSERT INTO ledger BY NAME SELECT {row}, {more} FROM range({ROWS}) AS r(n)")
        connection.execute(
            f"INSERT INTO ledger_event BY NAME SELECT {row}, '' AS from_state FROM range({ROWS}) AS r(n)"
        )
    began = time.process_time()  # the machine may be busy
    held = databases.erase(store, Person(winstore={"777777"}))
    assert time.process_time() - began <= 60
    assert {each.table: each.rows for each in held} == {"ledger": 1, "ledger_event": 1}
