"""Orders of odd size and name: they arrive once and whole, or say why not.

Source: test catalogue, rows 73 (an order of 1,000 lines) and 75 (signs of a filter in a reference).
"""

import pytest

from ....support.order_flow import EVEN, SEND, OrderFlow
from ....support.order_sandboxes import BC

# In a filter or an address they would mean other documents, or all of them.
SIGNS = ["' or 1 eq 1", "W0' or '1", ")?$top=1", "%27", "W*", "W0&x"]


@pytest.mark.proof
@pytest.mark.parametrize("fault", [[], [{"kind": "drop_after"} | SEND]], ids=["answered", "answer lost"])
def test_an_order_of_a_thousand_lines_arrives_once_and_whole(
    order_flow: OrderFlow, fault: list[dict[str, str]]
) -> None:
    """Row 73. Each line has a quantity of its own, so one that is missing, doubled or changed shows."""
    amounts = [str(n) for n in range(1, 1001)]
    order_flow.fault(BC, *fault)
    order_flow.send(lines=[EVEN | {"amount": amount} for amount in amounts], shippingcost="0")
    order_flow.until_settled()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert [str(line["quantity"]) for line in order_flow.document()["lines"]] == amounts


def test_an_order_whose_number_has_signs_of_a_filter_is_refused_and_the_others_go(order_flow: OrderFlow) -> None:
    """Row 75: a reference has A-Z, 0-9 and `. _ / -` only. Documents of other orders are left alone."""
    order_flow.types("W0")
    for number in SIGNS:
        order_flow.order(number)
    order_flow.order("W1")
    order_flow.sync()
    assert {number: order_flow.outcome(number) for number in SIGNS} == dict.fromkeys(SIGNS, ("FAILED", "REFERENCE"))
    there = sorted(each["externalDocumentNumber"] for each in order_flow.records("salesOrders"))
    assert there == ["WS-W0", "WS-W1"]
