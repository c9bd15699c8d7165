"""Order requests of the companion app: a document, its lines and the link in one transaction, once for each key.

AL: codeunit WINS Order Processing, and codeunit WINS Posted Link.
"""

from collections.abc import Callable
from functools import partial

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import dialog_error
from ..data.schema import ZERO_DATE
from ..data.values import decoded
from ..odata.writing import insert
from ..rules import posting
from .behaviours import behaviour, subscriber
from .companion import check_sync_on

REQUESTS, LINES = "connector.winstore.orderRequests", "connector.winstore.orderRequestLines"
SETTINGS = "connector.winstore.salesOrderSettings"
HEADERS = {"Order": "salesOrders", "Invoice": "salesInvoices", "Credit Memo": "salesCreditMemos"}
DATES = {"salesOrders": "orderDate", "salesInvoices": "invoiceDate", "salesCreditMemos": "creditMemoDate"}
LINE_TYPES = {" ": "Comment", "G/L Account": "Account", "Item": "Item", "Charge (Item)": "Charge"}
# Fields of a request that a document has under another name. Those with a code name a record by its id in API v2.0.
SIDES = (
    ("Address", "AddressLine1"),
    ("Address2", "AddressLine2"),
    ("PostCode", "PostCode"),
    ("City", "City"),
    ("County", "State"),
    ("CountryRegionCode", "Country"),
)
PLACE = ("Address", "PostCode", "City")  # without one of these it is no address
PLAIN = {
    "customerNumber": "customerNumber",
    "reference": "externalDocumentNumber",
    "requestedDeliveryDate": "requestedDeliveryDate",
    "currencyCode": "currencyCode",
    "salespersonCode": "salesperson",
    "phoneNumber": "phoneNumber",
    "email": "email",
    "shipToName": "shipToName",
    "shipToContact": "shipToContact",
    **{f"{side}{own}": f"{side}{other}" for side in ("sellTo", "billTo", "shipTo") for own, other in SIDES},
}
BY_CODE = {
    "paymentTermsCode": ("paymentTerms", "paymentTermsId"),
    "shipmentMethodCode": ("shipmentMethods", "shipmentMethodId"),
}
IN_SETTINGS = {
    "winstoreOrderNumber": "winstoreOrderNumber",
    "yourReference": "yourReference",
    "shipToCode": "shipToCode",
    "customerPostingGroup": "customerPostingGroup",
    "genBusPostingGroup": "genBusPostingGroup",
    "vatBusPostingGroup": "vatBusPostingGroup",
    "paymentMethodCode": "paymentMethodCode",
    "shippingAgentCode": "shippingAgentCode",
    "shippingAgentServiceCode": "shippingAgentServiceCode",
    "packageTrackingNo": "packageTrackingNo",
    "customerPriceGroup": "customerPriceGroup",
    "customerDiscGroup": "customerDiscGroup",
    "languageCode": "languageCode",
    "locationCode": "locationCode",
}
UNDONE = ("Canceled", "Corrective")  # of invoices
OF_A_PERSON = ("phoneNumber", "email", *(name for name in PLAIN if name.startswith(("sellTo", "billTo", "shipTo"))))
NAMES = tuple(f"{side}{part}" for side in ("sellTo", "billTo", "shipTo") for part in ("Name", "Contact"))


@behaviour("orderRequest.process")
def process(company: Company, record: Record, arguments: Record) -> None:
    """Makes the document of a request, unless it was made before. Raises Refused: then nothing is kept.

    It takes the hash of the content that is meant: another request may have taken the place of this one.
    """
    if arguments["contentHash"] != record["contentHash"]:
        was, now = record["contentHash"], arguments["contentHash"]
        words = f"The order request {record['reference']} was sent before with other content"
        raise dialog_error(f"{words}: {was} is there, {now} was sent.")
    if record["state"] == "Processed":
        return
    check_sync_on(company)
    header = HEADERS.get(decoded(record["documentType"]))
    if header is None:
        raise dialog_error("An order request makes an order, an invoice or a credit memo.")
    document = _existing(company, header, record) or _make(company, header, record)
    _note(company, record, document)


@subscriber("winstore.postedLink")
def posted_link(company: Company, requests: str) -> Callable[[], None]:
    """Notes the number of the posted document in the request. The request stays when the order is gone."""
    follow = partial(_follow_posted, company, requests)
    watched = ("salesInvoices", "salesCreditMemos")
    for name in watched:
        company.mirrors.setdefault(name, []).append(follow)

    def end() -> None:
        for name in watched:
            company.mirrors[name].remove(follow)

    return end


def _follow_posted(company: Company, requests: str, record: Record, kind: str, tell: bool) -> None:
    if kind == "deleted" or record["status"] in ("Draft", "In_x0020_Review"):
        return
    made_from = {record.get("orderId"), record["id"]}
    for request in (one for key in made_from for one in company.all(requests, "documentId", key)):
        if request["postedDocumentNumber"] != record["number"]:
            company.change(requests, request | {"postedDocumentNumber": record["number"]})


def _existing(company: Company, header: str, request: Record) -> Record | None:
    """A document with the reference that was made over API v2.0, before the app was there; posted or not. One that was
    cancelled is none."""
    posted = "salesInvoices" if header == "salesOrders" else header
    for name in dict.fromkeys((header, posted)):
        for found in company.all(name, "externalDocumentNumber", request["reference"]):
            if found["customerNumber"] == request["customerNumber"] and found["status"] not in UNDONE:
                return found
    return None


def _make(company: Company, header: str, request: Record) -> Record:
    fields = company.entity(header).fields
    values = {other: request[own] for own, other in PLAIN.items() if request[own] not in ("", ZERO_DATE)}
    values |= _rest_of_addresses(request)
    values |= {field: _id(company, entity, request[own]) for own, (entity, field) in BY_CODE.items() if request[own]}
    if request["orderDate"] != ZERO_DATE:
        values[DATES[header]] = request["orderDate"]
    if "pricesIncludeTax" in fields:
        values["pricesIncludeTax"] = request["pricesIncludingVat"]
    body = {name: value for name, value in values.items() if name in fields and not fields[name].get("readOnly")}
    lines = company.records.select(LINES, "json_extract(body, '$.requestId') = ?", [request["id"]])
    lines.sort(key=lambda line: line["sequence"])
    body[f"{header[:-1]}Lines"] = [_line(company, line) for line in lines]
    if amount(request["invoiceDiscountAmount"]):
        body["discountAmount"] = request["invoiceDiscountAmount"]
    document = insert(company, company.entity(header), body)
    if header == "salesOrders":
        _fill_settings(company, request, document)
        if request["release"]:
            posting.release(company, company.get(header, document["id"]) or document)
    return document


def _rest_of_addresses(request: Record) -> Record:
    """The empty fields of the addresses that the request has. The customer's own must not fill them."""
    there = [side for side in ("sellTo", "billTo", "shipTo") if any(request[f"{side}{own}"] for own in PLACE)]
    return {f"{side}{other}": "" for side in there for own, other in SIDES if not request[f"{side}{own}"]}


def _line(company: Company, line: Record) -> Record:
    kind = LINE_TYPES.get(decoded(line["type"]))
    if kind is None:
        raise dialog_error(f"A line of an order request cannot be about a {decoded(line['type']).lower()}.")
    made = {"sequence": line["sequence"], "lineType": kind}
    if line["description"]:
        made["description"] = line["description"]
    if kind == "Comment":
        return made
    made |= {name: line[name] for name in ("quantity", "unitPrice")} | {"lineObjectNumber": line["number"]}
    if amount(line["lineDiscountAmount"]):
        made["discountAmount"] = line["lineDiscountAmount"]
    elif amount(line["lineDiscountPercent"]):
        made["discountPercent"] = line["lineDiscountPercent"]
    named = {"unitOfMeasureCode": "unitOfMeasureCode", "vatProdPostingGroup": "taxCode"}
    made |= {other: line[own] for own, other in named.items() if line[own]}
    if line["locationCode"]:
        made["locationId"] = _id(company, "locations", line["locationCode"])
    if line["variantCode"]:
        made["itemVariantId"] = _variant(company, line)
    return made


def _variant(company: Company, line: Record) -> str:
    variants = company.all("itemVariants", "itemNumber", line["number"])
    found = next((one for one in variants if one["code"] == line["variantCode"]), None)
    if found is None:
        raise dialog_error(f"The Item Variant does not exist. Item No.='{line['number']}',Code='{line['variantCode']}'")
    return str(found["id"])


def _id(company: Company, entity_set: str, code: str) -> str:
    found = company.find(entity_set, "code", code)
    if found is None:
        raise dialog_error(f"The field cannot be found in the related table ({entity_set}: {code}).")
    return str(found["id"])


def _fill_settings(company: Company, request: Record, document: Record) -> None:
    """Gives the document what API v2.0 does not show."""
    settings = company.get(SETTINGS, document["id"])
    if settings:
        sent = {other: request[own] for own, other in IN_SETTINGS.items() if request[own]}
        company.change(SETTINGS, settings | sent)


def _note(company: Company, request: Record, document: Record) -> None:
    """Links the document, and empties what the document holds itself. The lines are deleted for the same reason."""
    is_posted_order = request["documentType"] == "Order" and "invoiceDate" in document
    emptied = dict.fromkeys({*OF_A_PERSON, *NAMES}, "")
    noted = {"state": "Processed", "documentId": document["id"], "documentNumber": document["number"]}
    if is_posted_order:
        noted |= {"documentNumber": document["orderNumber"], "postedDocumentNumber": document["number"]}
    company.change(REQUESTS, request | emptied | noted | {"processedAt": company.now()})
    for line in company.all(LINES, "requestId", request["id"]):
        company.drop(LINES, line)
