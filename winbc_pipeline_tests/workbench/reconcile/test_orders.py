"""Whether both systems agree on orders: which documents exist for which order, and their totals.

Source: docs/operations.md, "Do both systems agree?".
"""

import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.reconcile.findings import DIFFERENT, HELD, MISSING_LEFT, MISSING_RIGHT, Reconciled
from winbc_pipeline.workbench.reconcile.repair import repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import OrderSandboxes

pytestmark = pytest.mark.proof


def connected(shop: OrderFlow) -> ConnectedFlow:
    return ConnectedFlow(ORDERS_TO_BC, shop.settings)


def compared(shop: OrderFlow) -> Reconciled:
    return reconcile(connected(shop))


def sent(shop: OrderFlow, *numbers: str) -> None:
    for number in numbers:
        shop.order(number)
    shop.sync()


def told(found: Reconciled) -> list[tuple[str, str, str]]:
    return [(each.kind, each.key, each.reason) for each in found.findings]


def test_orders_that_all_have_their_document_agree_also_when_it_was_posted(order_flow: OrderFlow) -> None:
    sent(order_flow, "W1", "W2", "W3")
    order_flow.posts("W2")
    found = compared(order_flow)
    assert (found.findings, found.compared) == ((), {"order": 3})


def test_with_business_central_restored_to_yesterday_its_missing_documents_are_made_again(
    order_flow: OrderFlow,
) -> None:
    sent(order_flow, "W1", "W2", "W3")
    order_flow.without = {"missing"}
    order_flow.deletes("W2")
    order_flow.deletes("W3")
    found = compared(order_flow)
    assert told(found) == [(MISSING_RIGHT, "W2", ""), (MISSING_RIGHT, "W3", "")]
    done = repair(connected(order_flow), to_repair(connected(order_flow), found), "repair")
    assert (done.sent, done.undone) == (2, ())
    assert compared(order_flow).agrees
    assert len(order_flow.records("salesOrders")) == 3


def test_a_document_whose_lines_somebody_changed_differs_and_is_left_to_a_person(order_flow: OrderFlow) -> None:
    sent(order_flow, "W1", "W2")
    (line, *_) = order_flow.lines("W1")
    order_flow.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5})
    found = compared(order_flow)
    assert told(found) == [(DIFFERENT, "W1", "ADOPTED_DIFFERS")]
    repair(connected(order_flow), to_repair(connected(order_flow), found), "repair")
    assert {each["quantity"] for each in order_flow.lines("W1")} >= {5}


def test_two_documents_of_one_order_are_told(order_flow: OrderFlow) -> None:
    sent(order_flow, "W1")
    order_flow.without = {"once"}
    order_flow.types("W1")
    assert told(compared(order_flow)) == [(HELD, "W1", "DUPLICATE")]


def test_a_document_of_an_order_that_winstore_no_longer_has_is_missing_in_the_source(order_flow: OrderFlow) -> None:
    sent(order_flow, "W1", "W2")
    order_flow.types("X9")
    order_flow.winstore_app.state.records.delete("orders", "W1")
    found = compared(order_flow)
    assert [each.number for each in found.of_kind(MISSING_LEFT)] == ["ws-w1"]
    assert [each.number for each in found.of_kind("only_in_target")] == ["ws-x9"]


def test_an_order_that_cannot_be_sent_is_missing_and_says_why(order_flow: OrderFlow) -> None:
    order_flow.order("W1", lines=[{"product_id": "NOWHERE"}])
    order_flow.sync()
    (finding,) = compared(order_flow).findings
    assert (finding.kind, finding.reason) == (MISSING_RIGHT, "DEPENDENCY")
    assert "NOWHERE" in finding.message


def test_an_order_that_waits_for_a_person_is_not_sent_by_a_repair(orders: OrderSandboxes) -> None:
    """Lost three times: only a person may say that it never arrived (exactly_once.md section 3)."""
    orders.order("W1")
    orders.lose_always()
    chosen = ConnectedFlow(ORDERS_TO_BC, orders.settings)
    assert orders.ledger()["W1"]["state"] == "NEEDS_HUMAN"
    found = reconcile(chosen)
    assert told(found) == [(MISSING_RIGHT, "W1", "")]
    assert repair(chosen, to_repair(chosen, found), "repair").sent == 0
    assert (orders.documents("W1"), orders.ledger()["W1"]["state"]) == ([], "NEEDS_HUMAN")
