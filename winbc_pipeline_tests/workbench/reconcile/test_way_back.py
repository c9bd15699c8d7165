"""Whether both systems agree on statuses, and on orders that go to Winstore.

Source: docs/operations.md, "Do both systems agree?".
"""

import pytest

from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import OrderSettings, OrdersToWinstoreSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.reconcile.findings import DIFFERENT, MISSING_RIGHT, Reconciled
from winbc_pipeline.workbench.reconcile.repair import repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST, WINSTORE

pytestmark = pytest.mark.proof

ORDERS, STATUS, ACTIONS = "orders_bc_to_winstore", "order_status_bc_to_winstore", "order_status_winstore_to_bc"


def connected(shop: OrderFlow, flow: str) -> ConnectedFlow:
    return ConnectedFlow(flow_named(flow), shop.settings)


def run(shop: OrderFlow, flow: str) -> Summary:
    shop.runs += 1
    return sync(Work(connected(shop, flow), FIRST, LAST, f"run-{shop.runs}"))


def compared(shop: OrderFlow, flow: str) -> Reconciled:
    return reconcile(connected(shop, flow))


def told(found: Reconciled) -> list[tuple[str, str]]:
    return [(each.kind, each.key) for each in found.findings]


def repaired(shop: OrderFlow, flow: str) -> int:
    chosen = connected(shop, flow)
    return repair(chosen, to_repair(chosen, reconcile(chosen)), "repair").sent


def in_winstore(shop: OrderFlow, number: str, **fields: str) -> None:
    """A person changes an order of Winstore."""
    shop.edit(number, **fields)


@pytest.fixture
def sold(order_flow: OrderFlow) -> OrderFlow:
    """Orders of Business Central that are in Winstore."""
    order_flow.settings = order_flow.settings.model_copy(
        update={"orders_to_winstore": OrdersToWinstoreSettings(look_up="GetOrderChangesByDate")}
    )
    article = {"artkey": "A1", "name": "Mug", "supplierid": "1", "category": "", "active": "true"}
    variant = {"sku": "SKU-1", "gtin": "", "title": "Mug", "color": "", "size": ""}
    article |= {"variants": [variant], "modified": "2026-03-02T10:00:00.000Z"}
    order_flow.winstore_app.state.records.insert_many("articles", [("A1", article)])
    order_flow.seed(customers=[{"number": "C1", "displayName": "Kim", "email": "kim@mail.example"}])
    line = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 1, "unitPrice": 10}
    for _ in range(2):
        body = {"customerNumber": "C1", "salesOrderLines": [line]}
        made = order_flow.by_person("POST", "salesOrders", body).json()
        order_flow.http.post(f"http://127.0.0.1:{BC}/__user", json={"do": "release", "id": made["id"]})
    assert run(order_flow, ORDERS).created == 2
    return order_flow


def test_orders_that_winstore_lost_or_has_with_another_total_are_found_and_nothing_else(sold: OrderFlow) -> None:
    assert told(compared(sold, ORDERS)) == []
    first, second = sorted(str(each["ordernr"]) for each in sold.state(WINSTORE)["records"]["orders"])
    in_winstore(sold, first, single_price="99")
    sold.winstore_app.state.records.delete("orders", second)
    found = compared(sold, ORDERS)
    assert {(each.kind, each.number) for each in found.findings} == {(DIFFERENT, first), (MISSING_RIGHT, second)}


def test_without_a_call_that_tells_of_orders_nothing_is_guessed(sold: OrderFlow) -> None:
    """Source: docs/orders-to-winstore.md: only a person can say that the call gives posted orders."""
    sold.settings = sold.settings.model_copy(update={"orders_to_winstore": OrdersToWinstoreSettings()})
    with pytest.raises(NotDone, match="Nobody has said"):
        compared(sold, ORDERS)


def test_a_status_that_winstore_has_otherwise_is_found_and_sent_again(order_flow: OrderFlow) -> None:
    order_flow.send("W1")
    order_flow.releases("W1")
    assert run(order_flow, STATUS).updated == 1
    assert told(compared(order_flow, STATUS)) == []
    in_winstore(order_flow, "W1", status="paid")
    (finding,) = compared(order_flow, STATUS).findings
    assert (finding.kind, finding.changes[0]["old"]) == (DIFFERENT, "paid")
    assert repaired(order_flow, STATUS) == 1
    assert told(compared(order_flow, STATUS)) == []


def test_an_order_that_should_be_posted_and_is_not_is_found_and_posted(order_flow: OrderFlow) -> None:
    """As after Business Central was restored to yesterday: the order is a draft again."""
    order_flow.settings = order_flow.settings.model_copy(update={"orders": OrderSettings(on_cancel="apply")})
    order_flow.send("W1")
    order_flow.edit("W1", status="completed")
    assert told(compared(order_flow, ACTIONS)) == [(DIFFERENT, "W1")]
    assert repaired(order_flow, ACTIONS) == 1
    assert len(order_flow.records("salesInvoices")) == 1
    assert told(compared(order_flow, ACTIONS)) == []
