"""Sales orders and invoices of BC as rows: one row per line, with the fields of its document.

A document that came from Winstore is one row with its number and nothing else. Source of the fields: behaviour.md
sections 14 and 15.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..settings import Settings
from ..staging.store import Store
from ..sync.flow import Reading, Rows
from ..sync.reading.read_bc import MODIFIED, changed
from ..systems.business_central import BusinessCentral, entity_fields
from . import sent_by_winstore, variants

Record = dict[str, Any]
NEEDED = {"id", "number", "externalDocumentNumber", "customerNumber", "status", MODIFIED}
VARIANT = "itemVariantId"
NEEDED_OF_LINES = {"sequence", "lineType", "lineObjectNumber", "locationId", VARIANT}
NO_ID = "00000000-0000-0000-0000-000000000000"  # an id field without a value
OF_ORDERS = "orderNumber ne ''"  # $filter: the invoices that were made from an order


def sets(settings: Settings) -> Mapping[str, str]:
    """The entity sets that are read, each with its `$filter`.

    Posting deletes an order. When it was posted before anybody looked, only its invoice is left to be read.
    """
    wanted = settings.orders_to_winstore.documents
    orders = {} if wanted == "invoices" else {"salesOrders": ""}
    return orders | {"salesInvoices": OF_ORDERS if wanted == "orders" else ""}


def rows(
    settings: Settings, _: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """The documents of each set that changed since its moment, in chunks of rows with the wanted fields.

    They come in the order of their modification. That Business Central keeps `$orderby` over several pages is assumed.
    """
    origin = {row["target_id"] for row in sent_by_winstore.documents(settings)}
    locations = {each["id"]: each["code"] for each in source.get("locations?$select=id,code")}
    for entity_set, condition in sets(settings).items():
        lines = f"{entity_set[:-1]}Lines"  # salesOrders: salesOrderLines
        outer = ",".join(sorted(_asked(entity_set, wanted)))
        inner = ",".join(sorted(_asked_of_lines(lines, wanted)))
        query = f"$orderby={MODIFIED}&$select={outer}&$expand={lines}($select={inner})"
        for documents in changed(source, entity_set, since[entity_set], condition, query):
            chunk: Rows = []
            _name_skus(settings, [line for document in documents for line in document[lines]])
            for document in documents:
                reason = _reason(document, origin, settings)
                chunk += _rows_of(document, document[lines], reason, locations)
            yield entity_set, chunk


def _name_skus(settings: Settings, lines: list[Record]) -> None:
    """Puts on each line the SKU that it sells: that of its variant, else the number of the item.

    A line of a variant that came from no SKU of Winstore has none.
    """
    of_variants = [line for line in lines if line.get(VARIANT) not in (None, NO_ID)]
    skus = variants.skus(settings, {line[VARIANT] for line in of_variants})
    for line in lines:
        line["sku"] = line.get("lineObjectNumber")
    if skus is not None:
        for line in of_variants:
            line["sku"] = skus.get(line[VARIANT])


def _asked_of_lines(entity_set: str, wanted: frozenset[str]) -> set[str]:
    named = {name.removeprefix("line_") for name in wanted if name.startswith("line_")}
    return (named | NEEDED_OF_LINES) & set(entity_fields(entity_set))


def _asked(entity_set: str, wanted: frozenset[str]) -> set[str]:
    """The fields of a document that are asked for. What is an order's `orderDate` is an invoice's `invoiceDate`."""
    known = set(entity_fields(entity_set))
    named = {"invoiceDate" if name == "orderDate" and name not in known else name for name in wanted}
    return (named | NEEDED | {"orderNumber"}) & known


def _reason(document: Record, origin: set[str], settings: Settings) -> str | None:
    """The reason code of a document that is not sent; None for one that is."""
    own = settings.orders_to_winstore
    has_our_reference = document["externalDocumentNumber"].startswith(own.reference_prefix)
    if has_our_reference or document["id"] in origin:
        return "ORIGIN"
    return None if document["status"] in own.statuses else "STATUS"


def _rows_of(
    document: Record, lines: list[Record], reason: str | None, locations: Mapping[str, str]
) -> Iterator[Record]:
    if reason == "ORIGIN":
        yield {name: document[name] for name in ("id", "number", MODIFIED)} | {"unsent": reason, "line_key": ""}
        return
    customer = re.fullmatch(r"WS(\d+)", document["customerNumber"])
    header = {}
    for name, value in document.items():
        if not isinstance(value, list) and "@" not in name:  # neither the lines nor OData's annotations
            header[name] = value
    header["unsent"] = reason
    header["winstoreCustomerId"] = customer.group(1) if customer else None
    header["document"] = "invoice" if "orderNumber" in document else "order"  # only invoices have `orderNumber`
    if "invoiceDate" in header:
        header["orderDate"] = header.pop("invoiceDate")
    for line in lines or [{}]:  # a document without lines is one row all the same
        named = {f"line_{name}": value for name, value in line.items() if "@" not in name}
        key = f"{line['sequence']:010d}" if line else ""  # ten digits, so that texts sort as numbers do
        code = locations.get(line.get("locationId", ""))
        yield header | named | {"line_key": key, "line_locationCode": code}


READING = Reading(sets, rows, key=("number", "line_key"), group="id")
