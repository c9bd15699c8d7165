"""What BC has done with each order of Winstore, worked out from the order, its shipments and its invoices.

Posting deletes an order and leaves its shipments and invoices (behaviour.md sections 14 and 15).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..settings import Settings
from ..staging import ledger
from ..staging.store import Store
from ..sync.flow import Reading, Rows
from ..sync.reading.read_bc import MODIFIED, changed
from ..systems.business_central import BusinessCentral
from . import sent_by_winstore

Record = dict[str, Any]
REFERENCE = "externalDocumentNumber"
ORDERS, SHIPMENTS, INVOICES = "salesOrders", "salesShipments", "salesInvoices"
AT_ONCE = 400  # orders that are looked up and staged in one chunk
OWN = "order_status_bc_to_winstore"


def sets(settings: Settings) -> Mapping[str, str]:
    """The entity sets that show what was done, each with the `$filter` for documents that came from Winstore."""
    ours = f"startswith({REFERENCE},'{settings.orders_to_winstore.reference_prefix}')"
    return dict.fromkeys((ORDERS, SHIPMENTS, INVOICES), ours)


def rows(
    settings: Settings, _: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """A row for each order of Winstore whose documents changed since a moment, or may have been deleted."""
    sent = sent_by_winstore.documents(settings)
    known = {sent_by_winstore.reference(settings, each["key"]): each for each in sent}
    references = _missing_candidates(settings, known)
    for entity_set, condition in sets(settings).items():
        for page in changed(source, entity_set, since[entity_set], condition, f"$select={REFERENCE}"):
            references |= {document[REFERENCE] for document in page}
    ordered = sorted(references)
    for start in range(0, len(ordered), AT_ONCE):
        found = _found(source, ordered[start : start + AT_ONCE], known, wanted)
        # A row without a modification moment is an order of which BC has no document any more.
        yield "", [row for row in found if row[MODIFIED] or settings.order_status.missing == "cancelled"]


def _missing_candidates(settings: Settings, known: Mapping[str, Record]) -> set[str]:
    """References of orders that were made in BC and are not finished there: somebody may have deleted them since."""
    if settings.order_status.missing == "ignore" or not Store.of(settings, settings.flow_database(OWN)).exists():
        return set()
    finished = ledger.read_other(settings, OWN, "target_no IN ('invoiced', 'cancelled')")
    confirmed = {reference for reference, row in known.items() if row["state"] == ledger.State.CONFIRMED}
    return confirmed - {row["key"] for row in finished}


def _found(
    source: BusinessCentral, references: list[str], known: Mapping[str, Record], wanted: frozenset[str]
) -> Iterator[Record]:
    """A row for each reference, with the wanted fields of its first document and what was done with the order."""
    found = [source.find(name, REFERENCE, references, False) for name in (ORDERS, SHIPMENTS, INVOICES)]
    for reference in references:
        orders, shipments, invoices = (each.get(reference, []) for each in found)
        documents = [*orders, *invoices, *shipments]
        row = {name: documents[0].get(name) for name in wanted} if documents else {}
        row |= {REFERENCE: reference, "winstoreOrder": known.get(reference, {}).get("key")}
        row[MODIFIED] = max((each[MODIFIED] for each in documents), default=None)
        yield row | {"orderState": state_of(orders, shipments, invoices)}


def state_of(orders: list[Record], shipments: list[Record], invoices: list[Record]) -> str | None:
    """What was done with an order; None for nothing yet. BC keeps an order until all of it is invoiced.

    Args:
        orders: the sales orders with the order's reference.
        shipments: the posted shipments with that reference.
        invoices: the invoices with that reference, drafts too.
    """
    if orders:
        if all(order["fullyShipped"] for order in orders):
            return "shipped"
        numbers = {order["number"] for order in orders}  # a reference may have been used by an earlier order too
        if any(shipment["orderNumber"] in numbers for shipment in shipments):
            return "partly shipped"
        return "released" if any(order["status"] == "Open" for order in orders) else None
    statuses = {invoice["status"] for invoice in invoices}
    if statuses & {"Open", "Paid"}:
        return "invoiced"
    if statuses & {"Draft", "In_x0020_Review"}:
        return None
    return "shipped" if shipments and not statuses else "cancelled"


READING = Reading(sets, rows, key=(REFERENCE,))
