"""What is kept in step: one module per flow, and the list of all flows."""

from ..errors import ConfigurationError
from ..settings import Settings
from ..sync.flow import Flow
from .customers import CUSTOMERS, CUSTOMERS_TO_WINSTORE
from .order_status import STATUS_TO_BC, STATUS_TO_WINSTORE
from .orders import ORDERS_TO_BC, ORDERS_TO_WINSTORE
from .products import PRODUCTS, PRODUCTS_TO_WINSTORE
from .stock import STOCK_TO_BC, STOCK_TO_WINSTORE

FLOWS: tuple[Flow, ...] = (
    CUSTOMERS,
    CUSTOMERS_TO_WINSTORE,
    PRODUCTS,
    PRODUCTS_TO_WINSTORE,
    ORDERS_TO_BC,
    STATUS_TO_BC,
    ORDERS_TO_WINSTORE,
    STATUS_TO_WINSTORE,
    STOCK_TO_BC,
    STOCK_TO_WINSTORE,
)
"""The flows that run. The first of a name is the one that people mean by the name alone."""


def flow_named(name: str) -> Flow:
    """The first flow with this id or name; raises StopIteration when there is none."""
    return next(flow for flow in FLOWS if name in (flow.id, flow.name))


def check_flow_settings(settings: Settings) -> None:
    """Raises ConfigurationError when `[flows.<id>]` is the id of no flow; it would be ignored."""
    known = [flow.id for flow in FLOWS]
    for name in settings.flows:
        if name not in known:
            hint = f"Choose one of {', '.join(known)}."
            raise ConfigurationError(f"The setting flows.{name}: there is no flow {name}.", hint)
