"""After hours without a run, orders go out as they came in. Source: docs/operations.md, "Red windows"."""

from ...support.order_sandboxes import BC, OrderSandboxes


def test_the_oldest_window_goes_first_and_in_a_window_the_lowest_number(orders: OrderSandboxes) -> None:
    for number, day in (("W3", 6), ("W100", 5), ("W20", 2), ("W9", 2)):
        orders.order(number, modified=f"2026-03-0{day}T10:00:00.000Z")
    orders.sync()
    written = orders.state(BC)["writes"]
    made = [each["body"] for each in written if each["entity"] == "salesOrders" and each["method"] == "POST"]
    assert [each["externalDocumentNumber"] for each in made] == ["WS-W9", "WS-W20", "WS-W100", "WS-W3"]
