"""Whether orders go as order requests of the companion app, and what the app knows of orders already.

The app is asked when there are orders to be planned. Without it, or without a right, orders go as API v2.0 takes them.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from ....settings import Settings
from ....systems.business_central import BusinessCentral
from ....systems.business_central.companion import app_client, capabilities
from ..candidates import Candidate
from ..existing import INVOICE, Found, is_reference
from .request import DOCUMENT_TYPES, LINES, REQUESTS, lacking

Record = dict[str, Any]
BY_HAND = "BY_HAND"  # reason of an order that a person sends anew: without its key, if that was used
PROCESSED = "Processed"


class OrderRequests:
    """The order requests of one company, for the planning of one run.

    Args:
        document: the entity set of the documents that orders become.
    """

    def __init__(self, settings: Settings, target: BusinessCentral, document: str) -> None:
        self.settings, self.target, self.document = settings, target, document

    def close(self) -> None:
        if "_app" in self.__dict__:  # it was asked
            self._app.close()

    @cached_property
    def _app(self) -> BusinessCentral:
        return app_client(self.settings, self.target.root)

    @cached_property
    def is_on(self) -> bool:
        """Whether the app takes order requests here; raises WinbcError when Business Central does not answer."""
        if self.settings.bc.companion_app == "off":
            return False
        offered = capabilities(self._app)
        return all(offered.can(name, write=True) for name in (REQUESTS, LINES))

    def mark(self, orders: Iterable[Candidate]) -> None:
        """Notes which orders go as requests, and what is known of their keys."""
        orders = list(orders)
        if not orders or not self.is_on:
            return
        links = self._links({reference for order in orders for reference in order.references})
        for order in orders:
            link = next((links[each] for each in sorted(order.references) if each in links), None)
            is_used = link is not None and order.known["reason"] == BY_HAND
            order.link = None if is_used else link
            order.lacks = lacking(order)
            order.by_key = not order.lacks and not is_used

    def _links(self, references: Collection[str]) -> dict[str, Record]:
        """The requests that were processed, by reference."""
        found = self._app.find(REQUESTS, "reference", sorted(filter(is_reference, references)), False)
        kind = DOCUMENT_TYPES[self.document]
        return {
            reference: one
            for reference, several in found.items()
            for one in several
            if one["documentType"] == kind and one["state"] == PROCESSED
        }


def is_linked(link: Mapping[str, Any] | None, found: Found) -> bool:
    """Whether a document is the one that was made of a request, or was posted from it."""
    if link is None:
        return False
    numbers = {link["documentNumber"], link["postedDocumentNumber"]} - {""}
    return bool(numbers & {found.number, found.record.get("orderNumber")})


def posted(link: Mapping[str, Any]) -> Found | None:
    """The posted document of a request whose document is gone; None when it was not posted."""
    if not link["postedDocumentNumber"]:
        return None
    return Found(INVOICE, {"id": link["documentId"], "number": link["postedDocumentNumber"], "status": "Open"})


def gone_message(link: Mapping[str, Any]) -> str:
    """Says in words that the document of a request is no longer there."""
    return f"order {link['documentNumber']} was made of it, and is no longer in Business Central"
