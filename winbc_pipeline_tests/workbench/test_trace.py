"""`winbc trace` tells the way of a record of every flow: what was read, mapped, planned, moved and sent."""

from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline import clock
from winbc_pipeline.cli.main import app
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.trace import Step, laid_out, trace

from ..support.bc_users import BcUsers
from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

COMPANY = {"company_name": "Klein BV", "vat_number": "NL000099998B57"}


def steps(sandboxes: Sandboxes, flow: str, key: str, bodies: bool = False) -> list[Step]:
    return trace(ConnectedFlow(flow_named(flow), sandboxes.settings), key, bodies)


def whole(found: list[Step]) -> str:
    return "\n".join("\n".join((step.what, step.detail, *step.fields)) for step in found)


def test_a_customer_begins_with_what_was_read_and_ends_with_what_was_sent(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[COMPANY])
    sandboxes.sync("customers")
    found = steps(sandboxes, "customers", "000123", bodies=True)
    assert found[0].what == "changed in the source"
    assert {"customerid: 000123", "email: anna@mail.example", "company: Klein BV"} <= set(found[0].fields)
    names = [step.what for step in found]
    assert names.index("mapped customer") < names.index("planned") < names.index("new -> SENDING")
    (sent,) = [step for step in found if step.what == "sent"]
    assert {"number: WS000123", "displayName: Klein BV", "city: Utrecht"} <= set(sent.fields)


def test_a_contact_is_told_with_its_customer_as_it_was_sent(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[COMPANY])
    sandboxes.sync("customers")
    found = steps(sandboxes, "customers", "000123", bodies=True)
    (sent,) = [step for step in found if step.what == "contact 000123: sent"]
    company = [
        line for line in sent.fields if line.startswith("companyNumber: ")
    ]  # looked up after the customer was made
    assert len(company) == 1


def test_peoples_values_are_masked_unless_they_are_asked_for(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[COMPANY])
    sandboxes.sync("customers")
    told = whole(steps(sandboxes, "customers", "000123"))
    for value in ("Klein BV", "Anna", "O'Neil", "anna@mail.example", "Kerkweg", "3511 AB", "Utrecht", "NL000099998B57"):
        assert value not in told
    assert "lname: •••" in told
    assert "countryISO: NL" in told


def test_an_article_is_told_with_its_values_and_what_was_sent_last(sandboxes: Sandboxes) -> None:
    sandboxes.fill(articles=[{"sku": "SKU-1"}])
    sandboxes.sync("products")
    sandboxes.fill(articles=[{"sku": "SKU-1", "price": "20", "modified_at": "2026-03-04T10:00:00.000Z"}])
    sandboxes.sync("products")
    found = steps(sandboxes, "products", "SKU-1")
    assert "price: 20" in found[0].fields
    sent = [step.fields for step in found if step.what == "sent"]
    assert "unitPrice: 18.5" in sent[0]
    assert sent[1] == ("unitPrice: 20",)


def test_bodies_of_customers_are_kept_as_long_as_those_of_orders(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    now = clock.now
    sandboxes.settings = sandboxes.settings.model_copy(update={"payload_days": 2})
    sandboxes.fill(customers=[{}])
    sandboxes.sync("customers")
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=3))
    sandboxes.fill(customers=[{}, {"customer_id": "2", "email": "two@mail.example"}])
    sandboxes.sync("customers")
    assert "sent" not in [step.what for step in steps(sandboxes, "customers", "000123")]
    assert "sent" in [step.what for step in steps(sandboxes, "customers", "2")]


def test_an_order_is_told_with_its_lines_and_its_customer(sandboxes: Sandboxes) -> None:
    line: dict[str, Any] = {"order_number": "W1"}
    sandboxes.fill(orders=[{}], lines=[line, line | {"line_number": "2", "quantity": "3"}])
    sandboxes.sync("products")
    sandboxes.sync("orders")
    found = steps(sandboxes, "orders", "W1", bodies=True)
    assert "delivery_add_city: Utrecht" in found[0].fields
    assert "amount: 3" in next(step for step in found if step.what == "read W1/2").fields
    assert any(step.what.startswith("customer ") and step.what.endswith("-> CONFIRMED") for step in found)
    (sent,) = [step for step in found if step.what == "sent"]
    assert "salesOrderLines 2 quantity: 3" in sent.fields


def test_an_order_on_its_way_to_winstore_is_told_with_what_was_sent(sandboxes: Sandboxes) -> None:
    users = BcUsers(sandboxes)
    users.set_up()
    users.order()
    sandboxes.sync("orders_bc_to_winstore")
    (key,) = sandboxes.ledger("orders_bc_to_winstore")
    found = steps(sandboxes, "orders_bc_to_winstore", key, bodies=True)
    (sent,) = [step for step in found if step.what == "sent"]
    assert "fields channel: businesscentral" in sent.fields
    assert "lines 1 product_id: SKU-1" in sent.fields


def test_the_command_lays_a_body_out_a_field_a_line(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    sandboxes.fill(customers=[{}])
    sandboxes.sync("customers")
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(sandboxes.settings.data_folder))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sandboxes.settings.mapping_folder))
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, ["trace", "WS000123", "--flow", "customers", "--body"])
    assert {"    city: Utrecht", "    number: WS000123"} <= set(result.output.splitlines())


def test_what_is_inside_of_something_is_named_with_it() -> None:
    body = {"number": "1", "lines": [{"quantity": 2}, {"quantity": 3}], "blocked": False}
    assert laid_out(body) == ["number: 1", "lines 1 quantity: 2", "lines 2 quantity: 3", "blocked: false"]
