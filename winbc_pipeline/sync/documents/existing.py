"""Finds the documents that Business Central already has: as sales order, sales invoice or sales shipment.

Shipping and invoicing deletes the sales order, so one place is not enough (exactly_once.md section 1).
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
WHOLE: Mapping[str, Collection[str]] = {}  # fields by place: all of them in each
TOTAL = "totalAmountIncludingTax"
CORRECTIVE, CANCELLED = "Corrective", "Canceled"
# What Business Central keeps to the letter: its type Code[35] trims other texts and puts them in capitals.
REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9._/-]*")
LONGEST = 35
Record = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """One document of Business Central, wherever it is.

    Attributes:
        entity_set: one of PLACES. An order counts before an invoice, an invoice before a shipment.
        record: the document's header in that place.
        lines: its lines, once `with_lines` has read them.
    """

    entity_set: str
    record: Record
    lines: tuple[Record, ...] = ()

    @property
    def number(self) -> str:
        return str(self.record["number"])

    @property
    def total(self) -> Decimal | None:
        """The total with VAT. A shipment has none."""
        return self.record.get(TOTAL)

    @property
    def path(self) -> str:
        return f"{self.entity_set}({self.record['id']})"

    @property
    def is_cancelled(self) -> bool:
        """Whether a credit memo took the whole invoice back."""
        return self.entity_set == INVOICE and self.record.get("status") == CANCELLED

    @property
    def is_open(self) -> bool:
        """Whether the document may still be edited: it is neither released nor posted."""
        return self.entity_set != SHIPMENT and self.record.get("status") == "Draft"

    @property
    def is_posted(self) -> bool:
        if self.entity_set == INVOICE:
            return self.record.get("status") not in ("Draft", "In_x0020_Review")
        return self.entity_set == SHIPMENT


def is_reference(text: str) -> bool:
    """Whether a text can be an external document number exactly as it stands (exactly_once.md section 1)."""
    return bool(REFERENCE.fullmatch(text)) and len(text) <= LONGEST


def look_up(
    target: BusinessCentral, references: Collection[str], fields: Mapping[str, Collection[str]] = WHOLE
) -> dict[str, list[Found]]:
    """Looks up documents by their reference in all three places, in the primary database, compared to the letter.

    Args:
        references: external document numbers. Texts that no document can have are left out, because Business Central
            would refuse the whole lookup.
        fields: by place, the only fields that are wanted.

    Returns:
        The documents by reference. A reference without a document is not among the keys.

    Raises:
        WinbcError: a lookup was not answered. Then nothing may be sent, because a document may be there.
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
    """Reads the lines of documents; gives the same documents with their lines."""
    documents = [each for those in found.values() for each in those]
    lines: dict[str, list[Record]] = {}
    for line in target.get_all([f"{each.path}/{LINES[each.entity_set]}" for each in documents]):
        lines.setdefault(line["documentId"], []).append(line)
    return {
        reference: [replace(each, lines=tuple(lines.get(each.record["id"], ()))) for each in those]
        for reference, those in found.items()
    }


def several_message(documents: Collection[Found]) -> str:
    """Says in words that a reference belongs to more than one document."""
    numbers = ", ".join(sorted(each.number for each in documents))
    return f"{len(documents)} documents have this reference: {numbers}"


def look_up_by_number(target: BusinessCentral, number: str) -> list[Found]:
    """The documents that have a number of Business Central, or were posted from the order that had it."""
    records = {place: target.find(place, "number", [number], False).get(number, []) for place in PLACES}
    for place in (INVOICE, SHIPMENT):
        records[place] += target.find(place, "orderNumber", [number], False).get(number, [])
    return found_in(records)


def found_in(records: dict[str, list[Record]]) -> list[Found]:
    """The documents that records stand for: an order, its shipments and its invoices are one document.

    A cancelled invoice counts only while there is no other document.

    Args:
        records: headers with one reference, by place.
    """
    by_origin: dict[str, Found] = {}
    for order in records[ORDER]:
        by_origin[order["number"]] = Found(ORDER, order)
    for place in (INVOICE, SHIPMENT):
        # A cancelled invoice comes last, so that it never stands for an order that was invoiced again.
        for record in sorted(records[place], key=lambda record: record.get("status") == CANCELLED):
            if record.get("status") != CORRECTIVE:
                origin = record.get("orderNumber") or f"invoice {record['number']}"
                by_origin.setdefault(origin, Found(place, record))
    found = list(by_origin.values())
    return [each for each in found if not each.is_cancelled] or found[:1]
