"""Orders in both directions, as sales orders or as sales invoices. Key: the order number, as external document number.

A record of the source is one line with the fields of its order.
"""

from ..sync.flow import Flow, Part

EXTERNAL = (("externalDocumentNumber", False),)
NUMBER = (("ordernr", False),)

ORDERS_TO_BC = Flow(
    name="orders",
    source="winstore",
    target="bc",
    entity="orders",
    main="order",
    parts=(
        Part(name="customer", entity_set="customers", table="customer.csv", match=(("email", True),), key="ordernr"),
        Part(name="order", entity_set="salesOrders", table="order.csv", match=EXTERNAL, key="ordernr"),
        Part(name="order_line", entity_set="salesOrderLines", table="order_line.csv", match=(), parent="order"),
        Part(name="shipping", entity_set="salesOrderLines", table="shipping.csv", match=(), key="ordernr"),
        Part(name="invoice", entity_set="salesInvoices", table="invoice.csv", match=EXTERNAL, key="ordernr"),
        Part(name="invoice_line", entity_set="salesInvoiceLines", table="invoice_line.csv", match=(), parent="invoice"),
    ),
)
ORDERS_TO_WINSTORE = Flow(
    name="orders",
    source="bc",
    target="winstore",
    entity="salesOrders",
    lines="salesOrderLines",
    main="order",
    parts=(
        Part(name="order", entity_set="orders", table="order.csv", match=NUMBER, key="number"),
        Part(name="position", entity_set="orders.lines", table="position.csv", match=(), parent="order"),
    ),
    derived={"winstoreCustomerId": "text", "line_locationCode": "text"},
)
