"""The order request of a document: the same fields under the names of the companion app, with codes in place of ids.

Here belongs: which fields a request has, and whether an order can go as one. Source: facts/companion_app.json.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from ....systems.business_central import BusinessCentral
from ....systems.business_central.client import dumps
from ...payloads import is_blank
from ..candidates import Candidate

Record = dict[str, Any]
REQUESTS, LINES = "orderRequests", "orderRequestLines"
STEP = 10_000  # between the sequences of lines that are inserted with their document (behaviour.md section 14)
DOCUMENT_TYPES = {"salesOrders": "Order", "salesInvoices": "Invoice"}
SIDES = ("sellTo", "shipTo", "billTo")
# The parts of an address, by their names in API v2.0.
ADDRESS = {
    "AddressLine1": "Address",
    "AddressLine2": "Address2",
    "PostCode": "PostCode",
    "City": "City",
    "State": "County",
    "Country": "CountryRegionCode",
}
ADDRESSES = {f"{side}{name}": f"{side}{own}" for side in SIDES for name, own in ADDRESS.items()}
# Fields of the sales header that only the app takes, by their names in mapping tables.
APP_FIELDS = {
    name: name
    for name in (
        *("paymentMethodCode", "yourReference", "shipToCode", "locationCode", "shippingAgentCode"),
        *("customerPostingGroup", "genBusPostingGroup", "vatBusPostingGroup", "shippingAgentServiceCode"),
        *("customerPriceGroup", "customerDiscGroup", "packageTrackingNo", "languageCode", "workDescription"),
        *("winstoreOrderNumber", "release"),
    )
} | {"paymentMethodId": "paymentMethodCode"}
HEADER = {
    **ADDRESSES,
    **APP_FIELDS,
    "externalDocumentNumber": "reference",
    "orderDate": "orderDate",
    "invoiceDate": "orderDate",
    "salesperson": "salespersonCode",
    "customerPurchaseOrderReference": "yourReference",  # of invoices: API v2.0 has it under this name
    "pricesIncludeTax": "pricesIncludingVat",
    "discountAmount": "invoiceDiscountAmount",
    **{name: name for name in ("customerNumber", "requestedDeliveryDate", "currencyCode", "phoneNumber", "email")},
    **{name: name for name in ("shipToName", "shipToContact")},
}
LINE = {
    "sequence": "sequence",
    "lineType": "type",
    "lineObjectNumber": "number",
    "discountPercent": "lineDiscountPercent",
    "discountAmount": "lineDiscountAmount",
    "taxCode": "vatProdPostingGroup",
    **{name: name for name in ("description", "quantity", "unitPrice", "unitOfMeasureCode")},
}
# Fields with an id in API v2.0: the entity set that has the code, and the field of the request.
CODES = {
    "paymentTermsId": ("paymentTerms", "paymentTermsCode"),
    "shipmentMethodId": ("shipmentMethods", "shipmentMethodCode"),
}
LINE_CODES = {
    "locationId": ("locations", "locationCode"),
    "unitOfMeasureId": ("unitsOfMeasure", "unitOfMeasureCode"),
    "itemVariantId": ("itemVariants", "variantCode"),
}
LINE_TYPES = {
    "Item": "Item",
    "Account": "G_x002F_L_x0020_Account",
    "Charge": "Charge_x0020__x0028_Item_x0029_",
    "Comment": "_x0020_",
}
NOT_SENT = frozenset(("expectedTotal",))
NOT_SENT_OF_LINES = frozenset(("_key", "_blank", "vatPercent", "itemVariantCode"))


def lacking(order: Candidate) -> list[str]:
    """The fields of an order's document that a request does not have, or cannot leave empty on purpose.

    A request takes an empty text for what is not given. Only in an address it is an empty line.
    """
    return sorted(set(_lacking(order)))


def _lacking(order: Candidate) -> Iterator[str]:
    taken = HEADER.keys() | CODES.keys() | NOT_SENT
    yield from (name for name, value in order.header.items() if name not in taken and not is_blank(value))
    yield from (name for name in order.blank if name not in ADDRESSES)
    for line in order.lines:
        known = LINE.keys() | LINE_CODES.keys() | NOT_SENT_OF_LINES
        yield from (name for name, value in line.items() if name not in known and not is_blank(value))
        yield from line.get("_blank", ())
        if line.get("lineType") not in LINE_TYPES:
            yield "lineType"


class Codes(dict[str, dict[str, str]]):
    """The codes of the target's records, by entity set and id. An entity set is read when it is first asked for."""

    def __init__(self, target: BusinessCentral) -> None:
        self.target = target

    def __missing__(self, entity_set: str) -> dict[str, str]:
        self[entity_set] = {one["id"]: one["code"] for one in self.target.get(f"{entity_set}?$select=id,code")}
        return self[entity_set]

    def code(self, entity_set: str, key: str) -> str:
        """The code of a record, by its id. Raises LookupError, in words, for one that is not there any more."""
        if key not in self[entity_set]:
            raise LookupError(f"{entity_set} has no record with the id {key} any more")
        return self[entity_set][key]

    def read_variants(self, ids: set[str]) -> None:
        """Reads the codes of these variants only: a shop may have very many."""
        known = self.setdefault("itemVariants", {})
        if wanted := ids - known.keys():
            found = self.target.find("itemVariants", "id", wanted, False, ("id", "code"))
            known |= {key: records[0]["code"] for key, records in found.items()}


def variants_in(body: Mapping[str, Any], navigation: str) -> set[str]:
    """The ids of the variants in a planned body."""
    return {line["itemVariantId"] for line in body[navigation] if line.get("itemVariantId")}


def request_of(body: Mapping[str, Any], navigation: str, document_type: str, codes: Codes, hash_key: str) -> Record:
    """The order request of a planned body, with the hash of its content.

    Args:
        body: the document as API v2.0 takes it, with the fields that only the app takes.
        navigation: the property that holds the lines.
        hash_key: the key of the hash. Without it nobody finds out what a request said.
    Raises: LookupError, in words, when a record that the body names was deleted since it was planned.
    """
    header = _renamed({name: value for name, value in body.items() if name != navigation}, HEADER, CODES, codes)
    lines = [_line(line, number, codes) for number, line in enumerate(body[navigation], 1)]
    content = {"documentType": document_type, **header, LINES: lines}
    return content | {"contentHash": hmac.new(hash_key.encode(), dumps(content), hashlib.sha256).hexdigest()}


def _line(line: Mapping[str, Any], number: int, codes: Codes) -> Record:
    made = _renamed(line, LINE, LINE_CODES, codes)
    return {"sequence": number * STEP} | made | {"type": LINE_TYPES[line["lineType"]]}


def _renamed(
    fields: Mapping[str, Any], names: Mapping[str, str], by_code: Mapping[str, tuple[str, str]], codes: Codes
) -> Record:
    named = {names[name]: value for name, value in fields.items() if name in names}
    given = ((by_code[name], value) for name, value in fields.items() if name in by_code and value)
    return named | {own: codes.code(entity_set, value) for (entity_set, own), value in given}
