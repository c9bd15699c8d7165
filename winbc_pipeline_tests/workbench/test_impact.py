"""`winbc mapping impact` counts the next plan, names what an edit frees, and leaves all tables of a run alone."""

from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli.main import app
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.impact import Impact, impact

from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

OTHER = {"customer_id": "2", "email": "two@mail.example"}


def counted(sandboxes: Sandboxes, flow: str) -> dict[str, Impact]:
    return {each.part: each for each in impact(ConnectedFlow(flow_named(flow), sandboxes.settings))}


def told(found: Impact) -> Mapping[str, Any]:
    return {name: value for name, value in vars(found).items() if value and name != "part"}


def add_country(sandboxes: Sandboxes) -> None:
    with (sandboxes.settings.mapping_folder / "lookups" / "countries.csv").open("a", encoding="utf-8") as file:
        file.write("XX,NL,\n")


def edit(sandboxes: Sandboxes, table: str, old: str, new: str) -> None:
    path = sandboxes.settings.mapping_folder / table
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_record_that_an_edit_frees_is_named(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"country_iso": "XX"}, OTHER])
    assert sandboxes.sync("customers").failed == 1
    assert told(counted(sandboxes, "customers")["customer"]) == {"same": 1, "broken": 1}
    add_country(sandboxes)
    assert told(counted(sandboxes, "customers")["customer"]) == {"same": 1, "created": 1, "freed": ["000123"]}
    for name in ("data_folder", "mapping_folder"):
        monkeypatch.setenv(f"WINBC_{name.upper()}", str(getattr(sandboxes.settings, name)))
    assert "customer: freed: 000123" in CliRunner().invoke(app, ["mapping", "impact", "customers"]).output


def test_a_record_that_the_target_refused_is_not_freed_by_an_edit_of_something_else(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"phone": "ask for Xanthippe"}])
    assert sandboxes.sync("customers").failed == 1
    add_country(sandboxes)
    assert told(counted(sandboxes, "customers")["customer"]) == {"created": 1}
    phone = '"phone_e164(phone, coalesce(countryISO, invoice_countryISO))"'
    edit(sandboxes, "customers_winstore_to_bc/customer.csv", phone, "'030-1'")
    assert counted(sandboxes, "customers")["customer"].freed == ["000123"]


def test_orders_that_were_sent_stay_the_same_and_a_failed_one_is_freed(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(orders=[{}, {"order_number": "W2", "ship_country_iso": "XX"}])
    sandboxes.sync("products")
    assert sandboxes.sync("orders").failed == 1
    edit(sandboxes, "orders_winstore_to_bc/order.csv", "delivery_add_city", "upper(delivery_add_city)")
    assert told(counted(sandboxes, "orders")["order"]) == {"same": 1, "broken": 1}
    add_country(sandboxes)
    assert told(counted(sandboxes, "orders")["order"]) == {"same": 1, "created": 1, "freed": ["W2"]}


def test_items_that_are_blocked_because_their_article_is_gone_are_left_out(sandboxes: Sandboxes) -> None:
    chosen = ProductSettings(inactive="block")
    sandboxes.settings = sandboxes.settings.model_copy(update={"products": chosen})
    inactive = {"active": "false", "modified_at": "2026-03-03T10:00:00.000Z"}
    for article in ({}, inactive):
        sandboxes.fill(articles=[article])
        sandboxes.sync("products")
    assert [item["blocked"] for item in sandboxes.bc()["records"]["items"]] == [True]
    found = counted(sandboxes, "products")
    assert set(found) == {"category", "item"}
    assert told(found["item"]) == {"same": 1}


def test_records_that_would_newly_fail_are_counted_by_their_cause(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"city": "Utrecht"}, OTHER | {"city": "Delft"}])
    sandboxes.sync("customers")
    edit(sandboxes, "customers_winstore_to_bc/customer.csv", "'WS' || customerid", '"zero_pad(customerid, 40)"')
    found = counted(sandboxes, "customers")["customer"]
    assert (found.broken, found.breaks) == (2, {"number: longer than 20 characters (customer.csv row 2)": 2})


def test_the_tables_that_a_run_uses_are_as_before(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"country_iso": "XX"}, OTHER])
    sandboxes.sync("customers")
    add_country(sandboxes)
    store = ConnectedFlow(flow_named("customers"), sandboxes.settings).store

    def kept() -> list[Any]:
        tables = ("mapped_customers_winstore_to_bc", "planned_customers_winstore_to_bc", "ledger", "ledger_event")
        with store.open() as connection:
            return [rows_of(connection, f"FROM {table} ORDER BY ALL") for table in tables]

    before, writes, files = kept(), sandboxes.bc()["writes"], set(store.path.parent.iterdir())
    impact(ConnectedFlow(flow_named("customers"), sandboxes.settings))
    assert (kept(), sandboxes.bc()["writes"], set(store.path.parent.iterdir())) == (before, writes, files)
