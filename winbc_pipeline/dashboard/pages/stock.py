"""The stock of a SKU: its parts, the rule, and both sides."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...errors import ConfigurationError
from ...workbench.stock.explain import explain, without_stock
from ..answers import flows_of, looked_into
from ..page import Page
from ..render import render
from ..site import Site


def routes(_: Site) -> Sequence[BaseRoute]:
    """The page."""
    return [Route("/stock", show)]


def show(request: Request) -> Response:
    """Asks for a SKU, or explains its figure in each flow of stock that is on."""
    sku = request.query_params.get("sku", "").strip()
    names = [flow.id for flow in flows_of(request) if flow.emptied]
    if not names:
        raise ConfigurationError("No flow of stock is on.", "See `stock.owner` (docs/settings.md).")
    flows = [looked_into(request, name) for name in names] if sku else []
    found = [each for one in flows if (each := explain(one, sku))]
    none = without_stock(flows, sku) if sku and not found else ""
    return render(request, "stock.html", page="stock", sku=sku, found=found, none=none)


PAGE = Page("stock", "/stock", routes)
