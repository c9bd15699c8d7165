"""What is kept in step: one module per flow, and the list of them."""

from ..sync.flow import Flow
from .customers import CUSTOMERS, CUSTOMERS_TO_WINSTORE
from .order_status import STATUS_TO_BC, STATUS_TO_WINSTORE
from .orders import ORDERS_TO_BC, ORDERS_TO_WINSTORE
from .products import PRODUCTS, PRODUCTS_TO_WINSTORE
from .stock import STOCK_TO_BC, STOCK_TO_WINSTORE

FLOWS: tuple[Flow, ...] = (
    CUSTOMERS,
    PRODUCTS,
    ORDERS_TO_BC,
    STATUS_TO_BC,
    ORDERS_TO_WINSTORE,
    STATUS_TO_WINSTORE,
)
"""Those that run."""

TABLES: tuple[Flow, ...] = (
    *FLOWS,
    CUSTOMERS_TO_WINSTORE,
    PRODUCTS_TO_WINSTORE,
    STOCK_TO_BC,
    STOCK_TO_WINSTORE,
)
"""Those whose mapping tables are there to be edited and tested; what does not run yet sends nothing."""


def flow_named(name: str, flows: tuple[Flow, ...] = FLOWS) -> Flow:
    """A flow by its id or, the first one, by its name; raises StopIteration."""
    return next(flow for flow in flows if name in (flow.id, flow.name))
