"""Sales orders and invoices of BC as rows: one per line with its document's fields, or one for a whole document.

A document that came from Winstore gives its number only. Source of the fields: behaviour.md sections 14 and 15.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..settings import Settings
from ..sync.flow import Reading, Rows
from ..sync.read_bc import MODIFIED, changed
from ..systems.business_central import BusinessCentral, entity_fields
from . import sent_by_winstore

Record = dict[str, Any]
NEEDED = {"id", "number", "externalDocumentNumber", "customerNumber", "status", MODIFIED}
NEEDED_OF_LINES = {"sequence", "lineType", "locationId"}
OF_ORDERS = "orderNumber ne ''"


def sets(settings: Settings) -> Mapping[str, str]:
    """The entity sets that are read. Of an order that was invoiced before anybody looked, only its invoice is left."""
    wanted = settings.orders_to_winstore.documents
    orders = {} if wanted == "invoices" else {"salesOrders": ""}
    return orders | {"salesInvoices": OF_ORDERS if wanted == "orders" else ""}


def rows(settings: Settings, source: BusinessCentral, since: datetime, wanted: frozenset[str]) -> Iterator[Rows]:
    """What changed since a moment, in chunks of rows with the wanted fields."""
    origin = {row["target_id"] for row in sent_by_winstore.documents(settings)}
    locations = {each["id"]: each["code"] for each in source.get("locations?$select=id,code")}
    lines_wanted = {name.removeprefix("line_") for name in wanted if name.startswith("line_")} | NEEDED_OF_LINES
    for entity_set, condition in sets(settings).items():
        names = _asked(entity_set, wanted)
        lines = f"{entity_set[:-1]}Lines"
        inner = ",".join(sorted(lines_wanted & set(entity_fields(lines))))
        query = f"$select={','.join(sorted(names))}&$expand={lines}($select={inner})"
        for documents in changed(source, entity_set, since, condition, query):
            yield [
                row
                for document in documents
                for row in _rows_of(document, document[lines], _reason(document, origin, settings), locations)
            ]


def _asked(entity_set: str, wanted: frozenset[str]) -> set[str]:
    known = set(entity_fields(entity_set))
    named = {"invoiceDate" if name == "orderDate" and name not in known else name for name in wanted}
    return (named | NEEDED | {"orderNumber"}) & known


def _reason(document: Record, origin: set[str], settings: Settings) -> str | None:
    """Why a document is not sent."""
    own = settings.orders_to_winstore
    if document["externalDocumentNumber"].startswith(own.reference_prefix) or document["id"] in origin:
        return "ORIGIN"
    return None if document["status"] in own.statuses else "STATUS"


def _rows_of(
    document: Record, lines: list[Record], reason: str | None, locations: Mapping[str, str]
) -> Iterator[Record]:
    if reason == "ORIGIN":
        yield {name: document[name] for name in ("id", "number", MODIFIED)} | {"unsent": reason, "line_key": ""}
        return
    customer = re.fullmatch(r"WS(\d+)", document["customerNumber"])
    header = {name: value for name, value in document.items() if not isinstance(value, list) and "@" not in name}
    header |= {"unsent": reason, "winstoreCustomerId": customer.group(1) if customer else None}
    header["document"] = "invoice" if "orderNumber" in document else "order"
    if "invoiceDate" in header:
        header["orderDate"] = header.pop("invoiceDate")
    for line in lines or [{}]:
        named = {f"line_{name}": value for name, value in line.items() if "@" not in name}
        key = f"{line['sequence']:010d}" if line else ""
        code = locations.get(line.get("locationId", ""))
        yield header | named | {"line_key": key, "line_locationCode": code}


READING = Reading(sets, rows, key=("number", "line_key"), group="id")
