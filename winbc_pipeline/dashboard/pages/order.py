"""An order beside its document, with the difference in cents."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...flows.orders import ORDERS_TO_BC
from ...systems.business_central.amounts import CENT
from ...workbench.desk.documents import beside
from ..answers import looked_into
from ..page import Page
from ..render import render
from ..site import Site


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page."""
    return [Route("/order", show)]


def show(request: Request) -> Response:
    """Asks for an order, or shows it beside its document."""
    name = request.query_params.get("name", "").strip()
    found = beside(looked_into(request, ORDERS_TO_BC.id), name) if name else None
    return render(request, "order.html", page="order", name=name, found=found, flow=ORDERS_TO_BC.id, cent=CENT)


PAGE = Page("order", "/order", routes)
