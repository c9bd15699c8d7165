"""POST, PATCH and DELETE of any entity set: what is checked, in which order, and who is asked for further rules.

Rules of an entity set: a `Rules` object in RULES (masterdata.py, sales.py, media.py fill it).
"""

from typing import Any

from ...records import Record
from ..data.company import Company
from ..data.refusal import Refused, dialog, not_allowed, not_found, validation
from ..data.schema import ZERO_GUID, EntitySet
from ..data.values import checked, is_zero

DEEP_INSERT = {  # what else BC inserts with its parent is not published
    "salesOrders": "salesOrderLines",
    "salesInvoices": "salesInvoiceLines",
    "salesCreditMemos": "salesCreditMemoLines",
    "salesQuotes": "salesQuoteLines",
}
MANDATORY = {"customers": "displayName", "contacts": "displayName", "vendors": "displayName"}
NUMBERED = {"customers", "contacts", "items", "vendors", "employees"}
PAIRS = (
    ("currencies", "currencyId", "currencyCode", "Currency"),
    ("itemCategories", "itemCategoryId", "itemCategoryCode", "Item Category"),
    ("taxGroups", "taxGroupId", "taxGroupCode", "Tax Group"),
    (
        "generalProductPostingGroups",
        "generalProductPostingGroupId",
        "generalProductPostingGroupCode",
        "Gen. Product Posting Group",
    ),
    ("inventoryPostingGroups", "inventoryPostingGroupId", "inventoryPostingGroupCode", "Inventory Posting Group"),
    ("paymentTerms", "paymentTermsId", "paymentTermsCode", "Payment Terms"),
    ("paymentMethods", "paymentMethodId", "paymentMethodCode", "Payment Method"),
    ("shipmentMethods", "shipmentMethodId", "shipmentMethodCode", "Shipment Method"),
    ("unitsOfMeasure", "baseUnitOfMeasureId", "baseUnitOfMeasureCode", "Unit of Measure"),
    ("unitsOfMeasure", "unitOfMeasureId", "unitOfMeasureCode", "Unit of Measure"),
)
RELATED = (
    *(
        (name, "countriesRegions", "code", "Country/Region")
        for name in ("country", "sellToCountry", "billToCountry", "shipToCountry")
    ),
    ("salespersonCode", "salespeoplePurchasers", "code", "Salesperson/Purchaser"),
    ("salesperson", "salespeoplePurchasers", "code", "Salesperson/Purchaser"),
    ("taxAreaId", "taxAreas", "id", "Tax Area"),
    ("locationId", "locations", "id", "Location"),
)
REFERENCES = {
    "items": ("itemNumber", "lineObjectNumber"),
    "customers": ("customerNumber", "billToCustomerNumber"),
    "contacts": ("companyNumber", "contactNumber"),
    "countriesRegions": ("country", "sellToCountry", "billToCountry", "shipToCountry"),
    **{target: (code_field,) for target, _, code_field, _ in PAIRS},
    "unitsOfMeasure": ("baseUnitOfMeasureCode", "unitOfMeasureCode"),
}
BELONGINGS = (  # what goes with the record that it belongs to
    ("pictures", "id"),
    ("itemVariants", "itemId"),
    ("defaultDimensions", "parentId"),
    ("dimensionSetLines", "parentId"),
    ("attachments", "parentId"),
    ("documentAttachments", "parentId"),
    ("pdfDocument", "parentId"),
)
NO_CATEGORY = 'The "itemCategoryId" does not match to a specific Item Category group.'
UNLIKE = {"itemCategories": "The item categories values do not match to a specific item category."}
LOCAL_CURRENCY = "EUR"


class Rules:
    """What an entity set asks for beyond its fields. The methods may change `record`, or raise Refused."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        """Called with the new record, checked and with its codes resolved."""

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        """Called once it is stored; `body` is what the client sent, navigation included. Returns the record."""
        return record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        """Called with the record as it would become."""

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        pass

    def after_delete(self, company: Company, record: Record) -> None:
        pass


RULES: dict[str, Rules] = {}


def insert(company: Company, entity: EntitySet, body: Any, parent: Record | None = None) -> Record:
    """A new record; `parent` are the fields that follow from the path it was posted to."""
    if not entity.insert:
        raise not_allowed("POST", entity.name)
    sent = _from_template(company, entity, checked(entity, body, DEEP_INSERT.get(entity.name, ""))) | (parent or {})
    rules = RULES.get(entity.name, Rules())
    with company.transaction():
        record = company.empty(entity.name) | sent
        _mandatory(entity, record)
        _resolve(company, entity, record, sent)
        _unique(company, entity, record)
        rules.before_insert(company, record, sent)
        if "number" in entity.fields and not record["number"] and entity.name in NUMBERED:
            record["number"] = company.next_number(entity.name)
        stored = company.add(entity.name, record, sent=dict(body))
        return rules.after_insert(company, stored, body)


def modify(company: Company, entity: EntitySet, record: Record, body: Any, etag: str | None) -> Record:
    """A changed record. Equal values change nothing, not even the modification moment."""
    if not entity.modify:
        raise not_allowed("PATCH", entity.name)
    match_etag(record, etag)
    sent = checked(entity, body)
    rules = RULES.get(entity.name, Rules())
    with company.transaction():
        changed = record | sent
        if entity.key in sent and sent[entity.key] != record[entity.key]:
            raise dialog(f'The "{entity.key}" cannot be changed.')
        _not_blanked(entity, sent)
        _resolve(company, entity, changed, sent)
        _unique(company, entity, changed, record)
        rules.before_modify(company, changed, record, sent)
        if changed == record:
            company.log("PATCH", entity.name, record, dict(body))
            return record
        stored = company.change(entity.name, changed, sent=dict(body))
        _rename_references(company, entity, record, stored)
        return rules.after_modify(company, stored, sent)


def remove(company: Company, entity: EntitySet, record: Record, etag: str | None) -> None:
    if not entity.delete:
        raise not_allowed("DELETE", entity.name)
    match_etag(record, etag)
    rules = RULES.get(entity.name, Rules())
    with company.transaction():
        rules.before_delete(company, record)
        company.drop(entity.name, record, sent=True)
        _drop_belongings(company, entity, record)
        rules.after_delete(company, record)
        picture = company.get("pictures", record[entity.key]) if "picture" in entity.navigation else None
        if picture:
            company.drop("pictures", picture)
            RULES["pictures"].after_delete(company, picture)


def match_etag(record: Record, etag: str | None) -> None:
    """`If-Match` with the last tag or `*` (behaviour.md section 3)."""
    if not etag:
        message = (
            "Could not validate the client concurrency token required by the service. "
            "Please provide a valid token in the client request."
        )
        raise Refused(400, "BadRequest_InvalidToken", message)
    if etag not in ("*", record["@odata.etag"]):
        raise Refused(409, "Request_EntityChanged", "Another user has already changed the record.")


def existing(company: Company, entity: EntitySet, record_id: str) -> Record:
    record = company.get(entity.name, record_id)
    if record is None:
        raise not_found(entity.entity_name)
    return record


def _from_template(company: Company, entity: EntitySet, sent: Record) -> Record:
    """A configuration template fills what was not sent, as if it had been."""
    return checked(entity, company.templates.get(entity.name, {})) | sent


def _mandatory(entity: EntitySet, record: Record) -> None:
    name = MANDATORY.get(entity.name) or ("code" if key_field(entity) == "code" else None)
    if name and not record.get(name):
        raise Refused(400, "BadRequest_RequiredParamNotProvided", f'A "{name}" must be provided.')


def _not_blanked(entity: EntitySet, sent: Record) -> None:
    """Mandatory fields, numbers, codes and what the schema says is not blank; BC's words for most are not published."""
    for name, value in sent.items():
        if value == "" and name == MANDATORY.get(entity.name):
            raise dialog(f'The blank "{name}" is not allowed.')
        if value == "" and (name == key_field(entity) or entity.fields[name].get("notBlank")):
            raise validation(f"{name} must be filled in. Enter a value.")


def _unique(company: Company, entity: EntitySet, record: Record, old: Record | None = None) -> None:
    key = key_field(entity)
    value = record.get(key) if key else None
    if value and (old is None or old.get(key) != value) and company.find(entity.name, key, value):
        raise duplicate(entity, value)
    if old is None and not is_zero(record.get(entity.key)) and company.get(entity.name, record[entity.key]):
        raise duplicate(entity, record[entity.key])


def key_field(entity: EntitySet) -> str:
    """The field that names a record to people: its number or its code."""
    return "number" if entity.name in NUMBERED else "code" if entity.fields.get("code", {}).get("showMandatory") else ""


def duplicate(entity: EntitySet, value: str) -> Refused:
    kind = entity.entity_name[0].upper() + entity.entity_name[1:]
    message = f"The {kind} already exists. Identification fields and values: No.='{value}'"
    return Refused(400, "Internal_EntityWithSameKeyExists", message)


def _resolve(company: Company, entity: EntitySet, record: Record, sent: Record) -> None:
    """Ids and codes that stand for one another: either may be sent, both must agree, a zero id clears the code."""
    for target, id_field, code_field, caption in PAIRS:
        if id_field in sent or code_field in sent:
            _pair(company, record, sent, target, id_field, code_field, caption)
    if "currencyCode" in entity.fields and not record.get("currencyCode"):
        record["currencyCode"] = LOCAL_CURRENCY
    for field, target, key, caption in RELATED:
        known = is_zero(sent.get(field)) or target not in company.schema
        if not known and not company.find(target, key, sent[field]):
            raise no_relation(field, sent[field], caption)


def _pair(
    company: Company, record: Record, sent: Record, target: str, id_field: str, code_field: str, caption: str
) -> None:
    code, found = sent.get(code_field), None
    if id_field in sent and not is_zero(sent[id_field]):
        found = company.get(target, sent[id_field])
        if not found:
            raise dialog(
                NO_CATEGORY if target == "itemCategories" else f'The "{id_field}" does not match to a {caption}.'
            )
        if code and code != found["code"]:
            raise dialog(UNLIKE.get(target, f"The {caption.lower()} values do not match to a specific {caption}."))
    elif code and not (target == "currencies" and code == LOCAL_CURRENCY):
        found = company.find(target, "code", code)
        if not found and target in ("currencies", "taxGroups", "itemCategories"):
            raise dialog(f'The "{code_field}" does not match to a {caption}.')
        if not found:
            raise no_relation(code_field, code, caption)
    record[id_field] = found["id"] if found else ZERO_GUID
    if code_field in record:
        record[code_field] = found["code"] if found else ""


def _rename_references(company: Company, entity: EntitySet, old: Record, record: Record) -> None:
    """A new number or code goes into every record that names this one."""
    key = key_field(entity)
    if not key or record[key] == old[key]:
        return
    for field in REFERENCES.get(entity.name, ()):
        for name, row in _naming(company, field, old[key]):
            company.change(name, row | {field: record[key]}, stamp=False)


def _naming(company: Company, field: str, value: str) -> list[tuple[str, Record]]:
    """Entity set and record of all that have a value in a field; of lines, those of items."""
    names = [other.name for other in company.schema.values() if field in other.fields]
    rows = [(name, row) for name in names for row in company.all(name, field, value)]
    return [(name, row) for name, row in rows if field != "lineObjectNumber" or row["lineType"] == "Item"]


def _drop_belongings(company: Company, entity: EntitySet, record: Record) -> None:
    for name, field in BELONGINGS:
        if name in company.schema and name != entity.name:
            for row in company.all(name, field, record[entity.key]):
                _drop_belongings(company, company.entity(name), row)
                company.drop(name, row)


def no_relation(field: str, value: str, table: str) -> Refused:
    message = f"The field {field} contains a value ({value}) that is not in the related table ({table})."
    return Refused(400, "Internal_InvalidTableRelation", message)
