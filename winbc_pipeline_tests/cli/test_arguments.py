"""Which flow a name means. Source of the promise: docs/commands.md, FLOW."""

from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli.arguments import flow_of
from winbc_pipeline.cli.main import app
from winbc_pipeline.settings import FlowSettings, Settings

OFF = FlowSettings(sensors=False, schedules=False)


def test_the_version_is_shown() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("winbc 0.")


def settings(**given: Any) -> Settings:
    return Settings(**{"sensors": True, "schedules": True} | given)


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("orders", {"flows": {"orders_bc_to_winstore": OFF}}, "orders_winstore_to_bc"),
        ("order_status", {"flows": {"order_status_winstore_to_bc": OFF}}, "order_status_bc_to_winstore"),
        ("customers", {"customers": {"direction": "to_winstore"}}, "customers_bc_to_winstore"),
        ("customers", {"sensors": False, "schedules": False}, "customers_winstore_to_bc"),
        ("stock", {"stock": {"owner": "bc", "warehouse": "7"}}, "stock_bc_to_winstore"),
        ("orders_bc_to_winstore", {"flows": {"orders_bc_to_winstore": OFF}}, "orders_bc_to_winstore"),
    ],
)
def test_a_name_alone_means_the_direction_that_is_on(name: str, given: dict[str, Any], meant: str) -> None:
    assert flow_of(name, settings(**given)).id == meant


@pytest.mark.parametrize("chosen", [{}, {"orders_bc_to_winstore": OFF, "orders_winstore_to_bc": OFF}])
def test_where_both_start_by_themselves_or_none_does_it_is_the_way_to_business_central(chosen: dict[str, Any]) -> None:
    assert flow_of("orders", settings(flows=chosen)).id == "orders_winstore_to_bc"
