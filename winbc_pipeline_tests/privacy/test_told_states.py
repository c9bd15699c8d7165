"""What was told to Business Central of a person's records goes with the person (sync/sync_states.py)."""

from pathlib import Path

import pytest

from winbc_pipeline.privacy import databases
from winbc_pipeline.privacy.person import Person
from winbc_pipeline.staging.store import Store, insert_rows, renew_table, rows_of
from winbc_pipeline.sync.sync_states import TOLD, TOLD_STATE

OF_CUSTOMERS = ("customers_winstore_to_bc", "customer", Person(winstore={"1"}))
OF_ORDERS = ("orders_winstore_to_bc", "order", Person(winstore={"7"}, orders={"orders_winstore_to_bc": {"1"}}))


@pytest.mark.parametrize(("flow", "part", "person"), [OF_CUSTOMERS, OF_ORDERS], ids=["customers", "orders"])
def test_only_what_was_told_of_the_person_goes(tmp_path: Path, flow: str, part: str, person: Person) -> None:
    store = Store(tmp_path / f"{flow}.duckdb")
    with store.open() as connection:
        renew_table(connection, TOLD, TOLD_STATE)
        insert_rows(connection, TOLD, TOLD_STATE, [{"part": part, "key": key, "id": key} for key in ("1", "2")])
    databases.erase(store, person)
    with store.open() as connection:
        assert [row["key"] for row in rows_of(connection, f"FROM {TOLD}")] == ["2"]
