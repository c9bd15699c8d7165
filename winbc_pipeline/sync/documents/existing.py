"""Whether a document is in Business Central already: as sales order, sales invoice or sales shipment.

Shipping and invoicing deletes the order, so one place is not enough (exactly_once.md section 1).
"""

import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ...systems.business_central import BusinessCentral

PLACES = ("salesOrders", "salesInvoices", "salesShipments")
ORDER, INVOICE, SHIPMENT = PLACES
LINES = {ORDER: "salesOrderLines", INVOICE: "salesInvoiceLines", SHIPMENT: "salesShipmentLines"}
WHOLE: Mapping[str, Collection[str]] = {}
TOTAL = "totalAmountIncludingTax"
CORRECTIVE, CANCELLED = "Corrective", "Canceled"
REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9._/-]*")
LONGEST = 35
Record = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """One document, wherever it is: the entity set of its best representation, that record, and its lines if they were
    asked for (with_lines)."""

    entity_set: str
    record: Record
    lines: tuple[Record, ...] = ()

    @property
    def number(self) -> str:
        return str(self.record["number"])

    @property
    def total(self) -> Decimal | None:
        """With VAT; a shipment has none."""
        return self.record.get(TOTAL)

    @property
    def path(self) -> str:
        return f"{self.entity_set}({self.record['id']})"

    @property
    def is_cancelled(self) -> bool:
        """Whether a credit memo took all of it back."""
        return self.entity_set == INVOICE and self.record.get("status") == CANCELLED

    @property
    def is_open(self) -> bool:
        """Whether it may still be edited: not released, not posted."""
        return self.entity_set != SHIPMENT and self.record.get("status") == "Draft"

    @property
    def is_posted(self) -> bool:
        return self.entity_set == SHIPMENT or (
            self.entity_set == INVOICE and self.record.get("status") not in ("Draft", "In_x0020_Review")
        )


def is_reference(text: str) -> bool:
    """Whether it can be an external document number as it stands (exactly_once.md section 1)."""
    return bool(REFERENCE.fullmatch(text)) and len(text) <= LONGEST


def look_up(
    target: BusinessCentral, references: Collection[str], fields: Mapping[str, Collection[str]] = WHOLE
) -> dict[str, list[Found]]:
    """The documents by reference, from the primary database, compared to the letter; none = not in the result.

    What no document can have is not asked for: Business Central would refuse the whole look-up. `fields`: the only ones
    that are wanted, by place.
    Raises WinbcError when a look-up is not answered: nothing may be sent on the strength of it.
    """
    wanted = sorted(filter(is_reference, references))

    def asked(place: str) -> dict[str, list[Record]]:
        return target.find(place, "externalDocumentNumber", wanted, False, fields.get(place, ()))

    with ThreadPoolExecutor(len(PLACES)) as pool:
        records = dict(zip(PLACES, pool.map(asked, PLACES), strict=True))
    found = {}
    for reference in wanted:
        documents = found_in({place: records[place].get(reference, []) for place in PLACES})
        if documents:
            found[reference] = documents
    return found


def with_lines(target: BusinessCentral, found: Mapping[str, list[Found]]) -> dict[str, list[Found]]:
    """The same documents with their lines, as they are now."""
    documents = [each for those in found.values() for each in those]
    lines: dict[str, list[Record]] = {}
    for line in target.get_all([f"{each.path}/{LINES[each.entity_set]}" for each in documents]):
        lines.setdefault(line["documentId"], []).append(line)
    return {
        reference: [replace(each, lines=tuple(lines.get(each.record["id"], ()))) for each in those]
        for reference, those in found.items()
    }


def several(documents: Collection[Found]) -> str:
    """In words, that a reference is not one document's alone."""
    numbers = ", ".join(sorted(each.number for each in documents))
    return f"{len(documents)} documents have this reference: {numbers}"


def numbered(target: BusinessCentral, number: str) -> list[Found]:
    """The documents that have a number, or were posted from the order that had it."""
    records = {place: target.find(place, "number", [number], False).get(number, []) for place in PLACES}
    for place in (INVOICE, SHIPMENT):
        records[place] += target.find(place, "orderNumber", [number], False).get(number, [])
    return found_in(records)


def found_in(records: dict[str, list[Record]]) -> list[Found]:
    """An order, its shipments and its invoices are one document. One that was taken back counts only while there is no
    other."""
    by_origin: dict[str, Found] = {}
    for order in records[ORDER]:
        by_origin[order["number"]] = Found(ORDER, order)
    for place in (INVOICE, SHIPMENT):
        for record in sorted(records[place], key=lambda record: record.get("status") == CANCELLED):
            if record.get("status") != CORRECTIVE:
                by_origin.setdefault(record.get("orderNumber") or f"invoice {record['number']}", Found(place, record))
    found = list(by_origin.values())
    return [each for each in found if not each.is_cancelled] or found[:1]
