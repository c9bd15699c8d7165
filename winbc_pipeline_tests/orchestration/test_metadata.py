"""What people see of a day of orders in the Dagster UI."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.layers import LayerWindow, windows_of_layer
from winbc_pipeline.orchestration.metadata import failure, window_metadata
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.sync.connected import ConnectedFlow

FLOW = flow_named("orders_winstore_to_bc")
DAY = date(2026, 3, 1)


def filled(settings: Settings) -> Settings:
    """A ledger of four orders and a customer."""
    outcomes = [
        ("W1", State.CONFIRMED, None, "10.10", "EUR"),
        ("W2", State.FAILED, "TOTAL", "20.20", "EUR"),
        ("W3", State.SKIPPED, "STATUS", "40.40", "EUR"),
        ("W4", State.CONFIRMED, None, "80.80", "GBP"),
    ]
    moves = [
        Move("order", key, state, {"window": DAY, "reason": reason, "amount": Decimal(amount), "currency": currency})
        for key, state, reason, amount, currency in outcomes
    ]
    customer = Move("customer", "123", State.CONFIRMED, {"window": DAY})
    ledger.move(ConnectedFlow(FLOW, settings).store, [*moves, customer], "run-1")
    return settings


def test_a_day_shows_its_orders_amounts_and_outcomes(tmp_path: Path) -> None:
    view = windows_of_layer(ConnectedFlow(FLOW, filled(Settings(data_folder=tmp_path))), "synced", DAY, DAY)[DAY]
    shown = window_metadata(DAY.isoformat(), view, 1)
    assert shown["orders_in"] == 4
    amounts = {name: value for name, value in shown.items() if name.startswith("amount_")}
    assert amounts == {
        "amount_EUR_in": "70.70",
        "amount_EUR_confirmed": "10.10",
        "amount_EUR_open": "20.20",
        "amount_GBP_in": "80.80",
        "amount_GBP_confirmed": "80.80",
        "amount_GBP_open": "0.00",
    }
    outcomes = [record.data for record in shown["outcomes"].records]
    assert {"outcome": "FAILED", "reason": "TOTAL", "orders": "1", "amount": "20.20 EUR"} in outcomes
    assert len(outcomes) == 4


def test_a_window_without_records_shows_that_it_has_none() -> None:
    shown = window_metadata(DAY.isoformat(), LayerWindow(), 1)
    assert shown == {"window": "2026-03-01", "run_seconds": 1, "dagster/partition_row_count": 0}


def test_a_failed_step_names_the_orders_and_what_to_do(tmp_path: Path) -> None:
    rows = ledger.read(ConnectedFlow(FLOW, filled(Settings(data_folder=tmp_path))).store, '"window" = ?', [DAY])
    text = (
        failure([row for row in rows if row["state"] == "FAILED"], {("order", "W2"): "12.10, not 12.00"}).description
        or ""
    )
    assert "order W2 (TOTAL)" in text
    assert "mend prices, VAT rates or the table" in text
    assert "`winbc retry`" in text
