"""What the Mapping page shows of an edit on records: what changes first, and only persons' values are masked."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.flows.orders import ORDERS_TO_BC

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of
from ..support.order_sandboxes import OrderSandboxes, order_sandboxes
from ..support.sandboxes import Sandboxes
from .test_mapping import Form, add, grid, put

LINES, CUSTOMER, TAX = (
    f"{ORDERS_TO_BC.id}/order_line.csv",
    f"{ORDERS_TO_BC.id}/customer.csv",
    "lookups/tax_groups.csv",
)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Iterator[OrderSandboxes]:
    """An order that was sent; tests look at it, and change nothing."""
    with order_sandboxes(tmp_path_factory.mktemp("tries"), tables) as orders:
        orders.order("W1")
        orders.sync()
        yield orders


@pytest.fixture
def client(orders: OrderSandboxes) -> TestClient:
    return browser(door_of(orders.settings.state_folder, settings=orders.settings), "admin")


def acts(orders: OrderSandboxes) -> list[str]:
    return [entry.act for entry in acts_of(orders.settings)]


def records(client: TestClient, form: Form, **more: str) -> str:
    asked = {"flow": ORDERS_TO_BC.id, "key": "W1"} | more
    return re.sub(r"\s+", " ", client.post("/mapping/records", data=form | asked).text)


def test_vat_codes_quantities_and_prices_are_open_and_persons_are_masked(
    client: TestClient, orders: OrderSandboxes
) -> None:
    """Source: docs/dashboard.md: people's values are masked, and nothing else."""
    page = records(client, grid(client, LINES))
    assert all(f"<td>{value}</td>" in page for value in ("VAT21", "2", "9.95", "SKU-1"))
    assert "•••" in page and not any(value in page for value in ("Anna", "Groen", "anna@mail.example", "Utrecht"))
    assert "show" not in acts(orders)


@pytest.mark.proof
def test_who_asks_for_persons_is_shown_them_and_noted(client: TestClient, orders: OrderSandboxes) -> None:
    before = acts(orders)
    assert "Utrecht" in records(client, grid(client, LINES), open="1")
    assert acts(orders) == [*before, "show"]


def test_what_will_change_comes_first(client: TestClient) -> None:
    form = grid(client, LINES)
    put(form, "unitPrice", "source", "round(single_price, 1)")
    page = records(client, form)
    assert "would get other values" in page
    first = page.partition("<h3>")[2]
    assert first.startswith("order_line") and "1 field changes" in first
    assert re.search(r'<tr class="changed"><th scope="row">unitPrice</th> <td>9.95</td><td>10</td>', first)
    assert first.index("unitPrice") < first.index("<details>") < first.index("lineObjectNumber")


def test_a_code_that_business_central_does_not_have_stands_at_its_cell(client: TestClient) -> None:
    """Source: docs/mapping.md: a lookup gives codes of Business Central. VAT99 is no tax group there."""
    form = grid(client, TAX)
    assert client.post("/mapping/check", data=form).json() == []
    add(form, source_value="99", target_value="VAT99")
    (found,) = client.post("/mapping/check", data=form).json()
    assert (found["row"], found["column"]) == (len(form["row"]) - 1, "target_value")
    assert "Business Central has no VAT99 in taxGroups" in found["words"]


@pytest.mark.proof
def test_what_the_next_plan_would_do_with_all_records_is_counted_by_field(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"email": "one@mail.example"}])
    sandboxes.sync("customers")
    settings = sandboxes.settings
    client = browser(door_of(settings.state_folder, settings=settings), "admin")
    form = grid(client, "customers_winstore_to_bc/customer.csv")
    put(form, "displayName", "source", "'Somebody'")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.post("/mapping/impact", data=form).text))
    assert "Customers, Winstore to Business Central" in page
    assert "customer: displayName would change in 1" in page
