"""`winbc mapping preview` and `explain` of an order find its customer and its lines by the order's number."""

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.workbench.preview import RecordView, preview

from ..support.sandboxes import FIRST, Sandboxes

pytestmark = pytest.mark.proof

LINES = [{"order_number": "W1"}, {"order_number": "W1", "line_number": "2", "quantity": "3"}, {"order_number": "W2"}]


@pytest.fixture
def shop(sandboxes: Sandboxes) -> Sandboxes:
    """Two orders of one customer; the newer one has another name."""
    newer = {"order_number": "W2", "ship_name": "Anna de Vries", "modified_at": "2026-03-04T10:00:00.000Z"}
    sandboxes.fill(orders=[{}, newer], lines=LINES)
    stage(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), FIRST)
    return sandboxes


def views(sandboxes: Sandboxes, key: str, sample: int = 3) -> dict[tuple[str, str], RecordView]:
    found = preview(ConnectedFlow(ORDERS_TO_BC, sandboxes.settings), key, sample)
    return {(view.part.name, view.key): view for view in found}


def value(view: RecordView, field: str) -> object:
    return next(each.value for each in view.fields if each.target.facts.name == field)


def test_a_field_of_the_orders_customer_is_found_by_the_order_that_gives_it(shop: Sandboxes) -> None:
    customer = views(shop, "W1")["customer", "000123"]
    assert value(customer, "addressLine1") == "Kerkweg 7"
    assert customer.request == "POST customers"


def test_the_lines_of_an_order_and_no_others_are_found(shop: Sandboxes) -> None:
    assert {key for part, key in views(shop, "W1") if part == "order_line"} == {"W1/1", "W1/2"}
    assert {key for part, key in views(shop, "W1", sample=1) if part == "order_line"} == {"W1/1"}
    assert value(views(shop, "W1/2")["order_line", "W1/2"], "quantity") == "3"


def test_a_customer_who_is_there_is_kept_by_orders(shop: Sandboxes) -> None:
    shop.sync("products")
    shop.sync("orders")
    (name,) = {each["displayName"] for each in shop.bc()["records"]["customers"]}
    other = "W1" if name == "Anna de Vries" else "W2"
    customer = views(shop, other)["customer", "000123"]
    assert (customer.live["displayName"], customer.request) == (name, "none: KEPT")
