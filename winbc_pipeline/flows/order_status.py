"""The status of orders, in both directions. A lookup table translates it.

BC has no status of an order as Winstore has. To Winstore, the flow works it out from the order, its shipments and its
invoice. To BC, a status of Winstore asks for an action, such as shipping the order.
"""

from ..sync.actions.plan import ACTIONS
from ..sync.flow import Flow
from ..sync.part import Part
from ..sync.to_winstore.decide import STATES
from ..systems.facts import FieldFacts
from .states_of_bc import READING

STATUS_TO_WINSTORE = Flow(
    name="order_status",
    source="bc",
    target="winstore",
    entity="salesOrders",
    main="status",
    parts=(
        Part(
            name="status",
            entity_set="order_status",
            table="status.csv",
            match=(("ordernr", False),),
            skip=(("orderState IS NULL", "NOT_RELEASED"),),
            own_fields={
                "state": FieldFacts("state", "text", options=STATES),
                "allow_backwards": FieldFacts("allow_backwards", "boolean"),
            },
        ),
    ),
    derived={"orderState": "text", "winstoreOrder": "text"},
    target_state_from="order_status_winstore_to_bc",
    reading=READING,
)
STATUS_TO_BC = Flow(
    name="order_status",
    source="winstore",
    target="bc",
    entity="order_status",
    main="status",
    acts_on="orders_winstore_to_bc",
    looks_up=("salesOrders",),
    posts=("salesShipments", "salesInvoices"),
    parts=(
        Part(
            name="status",
            entity_set="salesOrders",
            table="status.csv",
            match=(("externalDocumentNumber", False),),
            own_fields={
                "action": FieldFacts("action", "text", options=ACTIONS),
                "quantities": FieldFacts("quantities", "text"),
            },
        ),
    ),
)
