"""What is kept in step: one module per flow, and the list of them."""

from ..sync.flow import Flow
from .customers import CUSTOMERS
from .products import PRODUCTS

FLOWS: tuple[Flow, ...] = (CUSTOMERS, PRODUCTS)


def flow_named(name: str) -> Flow:
    """A flow by its id or, where that is unambiguous, its name; raises KeyError."""
    return next(flow for flow in FLOWS if name in (flow.id, flow.name))
