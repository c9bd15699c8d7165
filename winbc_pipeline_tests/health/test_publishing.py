"""What runs publish: outcomes without values of people, how a flow is, how far it is.

Source: docs/dashboard.md; issue of the dashboard: pages read only what runs publish.
"""

from typing import Any

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.health.publishing.status import status_of
from winbc_pipeline.staging.published import files
from winbc_pipeline.staging.published.outcomes import opened, rows_in
from winbc_pipeline.staging.store import rows_of

from .conftest import Shop


def outcomes(shop: Shop) -> list[dict[str, Any]]:
    with opened() as connection:
        rows = rows_in(files.outcome_files(shop.settings))
        return rows_of(connection, f"SELECT * FROM {rows} ORDER BY moment, part, key")


def test_a_run_publishes_each_record_that_it_moved(shop: Shop) -> None:
    shop.orders.order("W1")
    shop.fails("W2")
    shop.run()
    for row in outcomes(shop):
        print(row)
    print(status_of(shop.settings, ORDERS_TO_BC.id))
    assert 0
