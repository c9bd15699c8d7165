"""POST, PATCH and DELETE of any entity set: what is checked, and in which order.

Here belongs: what holds for every entity set. An entity set with rules of its own has a `Rules` object in RULES.
media.py and the modules of rules/ put it there.
"""

import base64
import binascii
import re
from typing import Any

from ...records import Record
from ..data.company import Company, stored_fields
from ..data.refusal import Refused, already_exists, dialog_error, not_allowed, not_found, validation_error
from ..data.schema import ZERO_GUID, EntitySet
from ..data.values import checked_body, is_zero
from .metadata import caption as caption_of

MANDATORY = {"customers": "displayName", "contacts": "displayName", "vendors": "displayName"}
# A record of these sets that is sent without a number gets the next one of its number series.
NUMBERED = {"customers", "contacts", "items", "vendors", "employees"}
# A related record is named by its id and by its code: entity set, field of the id, field of the code, table caption.
ID_CODE_PAIRS = (
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
TWINS = {one: other for _, *pair, _ in ID_CODE_PAIRS for one, other in (pair, reversed(pair))}
# A set-up person chooses the template with this field for items of type Inventory only.
FOR_STOCKED = "inventoryPostingGroupCode"
# A field that names a related record alone: field, entity set, the field that it must equal there, table caption.
TABLE_RELATIONS = (
    *(
        (name, "countriesRegions", "code", "Country/Region")
        for name in ("country", "sellToCountry", "billToCountry", "shipToCountry", "buyFromCountry")
    ),
    ("salespersonCode", "salespeoplePurchasers", "code", "Salesperson/Purchaser"),
    ("purchaser", "salespeoplePurchasers", "code", "Salesperson/Purchaser"),
    ("salesperson", "salespeoplePurchasers", "code", "Salesperson/Purchaser"),
    ("taxAreaId", "taxAreas", "id", "Tax Area"),
    ("locationId", "locations", "id", "Location"),
)
TABLE_CAPTIONS = {
    **{target: label for target, _, _, label in ID_CODE_PAIRS},
    **{target: label for _, target, _, label in TABLE_RELATIONS},
}
KEY_CAPTIONS = {"number": "No.", "code": "Code"}
RENAMED_WITH = {  # the fields that change in other records when a number or code changes in this entity set
    "items": ("itemNumber", "lineObjectNumber"),
    "customers": ("customerNumber", "billToCustomerNumber"),
    "vendors": ("vendorNumber", "payToVendorNumber"),
    "contacts": ("companyNumber", "contactNumber"),
    "countriesRegions": ("country", *(f"{side}Country" for side in ("sellTo", "billTo", "shipTo", "buyFrom", "payTo"))),
    **{target: (code_field,) for target, _, code_field, _ in ID_CODE_PAIRS},
    "unitsOfMeasure": ("baseUnitOfMeasureCode", "unitOfMeasureCode"),
}
OWNED_RECORDS = (  # these are deleted with the record whose id they have in this field
    ("pictures", "id"),
    ("itemVariants", "itemId"),
    ("defaultDimensions", "parentId"),
    ("dimensionSetLines", "parentId"),
    ("attachments", "parentId"),
    ("documentAttachments", "parentId"),
    ("pdfDocument", "parentId"),
)
NO_SUCH_CATEGORY = 'The "itemCategoryId" does not match to a specific Item Category group.'
PAIR_DIFFERS = {"itemCategories": "The item categories values do not match to a specific item category."}
BASE_UNIT = "baseUnitOfMeasureCode"
LOCAL_CURRENCY = "EUR"  # BC has no currency record for it, but takes and shows its code


class Rules:
    """The rules of one entity set, beside the checks of its fields.

    A method may change `record`. It may raise Refused, and then nothing of the call is kept. What `after_insert` and
    `after_modify` return is the record that the client gets.
    """

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        """Called with the new record, after all checks that hold for every entity set."""

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        """Called with the stored record. `body` is what the client sent, records inside included."""
        return record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        """Called with the record as it will be, and as it is."""

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        """Called with the stored record."""
        return record

    def before_delete(self, company: Company, record: Record) -> None:
        """Called with the record that is to be deleted."""

    def after_delete(self, company: Company, record: Record) -> None:
        """Called when the record and what belongs to it are deleted."""


RULES: dict[str, Rules] = {}
NO_RULES = Rules()


def rules_of(company: Company, entity: EntitySet) -> Rules:
    """The rules of an entity set. Those of an extension's sets stand in the company that has the extension."""
    found: Rules = company.extension_rules.get(entity.name) or RULES.get(entity.name, NO_RULES)
    return found


def insert(company: Company, entity: EntitySet, body: Any, parent: Record | None = None) -> Record:
    """Inserts a record. `parent` holds the fields that follow from the path to which it was posted."""
    if not entity.insert:
        raise not_allowed("POST", entity.public_name)
    fields = checked_body(entity, body, deep=True)
    if template := company.templates.get(entity.name):
        fields = with_template({name: value for name, value in template.items() if name in entity.fields}, fields)
    sent = fields | (parent or {})
    rules = rules_of(company, entity)
    with company.transaction():
        record = company.empty(entity.name) | sent
        _check_mandatory(entity, record)
        _resolve(company, entity, record, sent)
        _check_unique(company, entity, record)
        rules.before_insert(company, record, sent)
        if "number" in entity.fields and not record["number"] and entity.name in NUMBERED:
            record["number"] = company.next_number(entity.name)
        stored = company.add(entity.name, record, sent=dict(body))
        return rules.after_insert(company, stored, body)


def modify(company: Company, entity: EntitySet, record: Record, body: Any, etag: str | None) -> Record:
    """Changes a record. Equal values change nothing, not even the time of its last modification."""
    if not entity.modify:
        raise not_allowed("PATCH", entity.public_name)
    check_etag(record, etag)
    sent = checked_body(entity, body)
    rules = rules_of(company, entity)
    with company.transaction():
        changed = record | sent
        if entity.key in sent and sent[entity.key] != record[entity.key]:
            raise dialog_error(f'The "{entity.key}" cannot be changed.')
        _check_not_blanked(entity, sent)
        _resolve(company, entity, changed, sent)
        _check_unique(company, entity, changed, record)
        rules.before_modify(company, changed, record, sent)
        if stored_fields(changed) == stored_fields(record):  # BC takes the call, but writes nothing
            company.log("PATCH", entity.name, record, dict(body))
            return changed
        stored = company.change(entity.name, changed, sent=dict(body))
        _rename_references(company, entity, record, stored)
        return rules.after_modify(company, stored, sent)


def remove(company: Company, entity: EntitySet, record: Record, etag: str | None) -> None:
    """Deletes a record and the records that belong to it."""
    if not entity.delete:
        raise not_allowed("DELETE", entity.public_name)
    check_etag(record, etag)
    rules = rules_of(company, entity)
    with company.transaction():
        rules.before_delete(company, record)
        company.drop(entity.name, record, sent=True)
        _drop_owned_records(company, entity, record)
        rules.after_delete(company, record)
        picture = company.get("pictures", record[entity.key]) if "picture" in entity.navigation else None
        if picture:
            company.drop("pictures", picture)
            RULES["pictures"].after_delete(company, picture)


def check_etag(record: Record, etag: str | None) -> None:
    """Refuses a write unless `If-Match` has the record's ETag or `*` (behaviour.md section 3)."""
    if not etag or not (etag == "*" or _is_etag(etag)):
        message = (
            "Could not validate the client concurrency token required by the service. "
            "Please provide a valid token in the client request."
        )
        raise Refused(400, "BadRequest_InvalidToken", message)
    if etag not in ("*", record["@odata.etag"]):
        raise Refused(409, "Request_EntityChanged", "Another user has already changed the record.")


def _is_etag(tag: str) -> bool:
    """Whether a text is an ETag of BC, of whatever record and version. Its form: `with_etag` in company.py."""
    encoded = re.fullmatch(r'W/"([A-Za-z0-9+/=]+)"', tag)
    try:
        content = base64.b64decode(encoded.group(1), validate=True) if encoded else b""
    except binascii.Error:
        return False
    found = re.fullmatch(rb"'(\d{1,3});(.+)1;00;'", content)
    return found is not None and int(found.group(1)) == len(found.group(2))


def existing(company: Company, entity: EntitySet, record_id: str) -> Record:
    """The record with an id. Raises Refused if there is none."""
    record = company.get(entity.name, record_id)
    if record is None:
        raise not_found(entity.entity_name)
    return record


def with_template(template: Record, sent: Record) -> Record:
    """What was sent, with the values of a template for fields that were not sent.

    A field counts as sent too if the id or the code was sent that stands for the same record.
    """
    left_out = {TWINS.get(name) for name in sent}
    if sent.get("type", "Inventory") != "Inventory":
        left_out.add(FOR_STOCKED)
    return {name: value for name, value in template.items() if name not in left_out} | sent


def _check_mandatory(entity: EntitySet, record: Record) -> None:
    name = MANDATORY.get(entity.name) or ("code" if key_field(entity) == "code" else None)
    if name and not record.get(name):
        raise Refused(400, "BadRequest_RequiredParamNotProvided", f'A "{name}" must be provided.')


def _check_not_blanked(entity: EntitySet, sent: Record) -> None:
    """Refuses an empty text in a mandatory field, a number, a code, and a field that AL declares as NotBlank.

    Most of BC's messages for this are not published.
    """
    for name, value in sent.items():
        if value == "" and name == MANDATORY.get(entity.name):
            raise dialog_error(f'The blank "{name}" is not allowed.')
        if value == "" and (name == key_field(entity) or entity.fields[name].get("notBlank")):
            raise validation_error(f"{name} must be filled in. Enter a value.")


def _check_unique(company: Company, entity: EntitySet, record: Record, old: Record | None = None) -> None:
    """Refuses a number or code that another record has, and for a new record an id that exists."""
    key = key_field(entity)
    value = record.get(key) if key else None
    is_new_value = old is None or old.get(key) != value
    if value and is_new_value and company.find(entity.name, key, value):
        raise already_exists(table_caption(entity), {KEY_CAPTIONS[key]: value})
    record_id = record.get(entity.key)
    if old is None and not is_zero(record_id) and company.get(entity.name, str(record_id)):
        raise already_exists(table_caption(entity), {"Id": str(record_id)})


def table_caption(entity: EntitySet) -> str:
    """The caption of an entity set's table in AL, as messages name it."""
    return TABLE_CAPTIONS.get(entity.name) or caption_of(entity.entity_name)


def key_field(entity: EntitySet) -> str:
    """The field by which people know a record: its number or its code. Empty if the entity set has neither."""
    if entity.name in NUMBERED:
        return "number"
    return "code" if entity.fields.get("code", {}).get("showMandatory") else ""


def _resolve(company: Company, entity: EntitySet, record: Record, sent: Record) -> None:
    """Fills in and checks the fields that name other records.

    Of an id and a code for the same record, a client may send either. If it sends both they must agree. An id of
    zeros empties the code. The fields of an extension's sets have their own rules, whatever their names.
    """
    if entity.is_of_extension:
        return
    for target, id_field, code_field, caption in ID_CODE_PAIRS:
        if id_field in sent or code_field in sent:
            _resolve_pair(company, record, sent, target, id_field, code_field, caption)
    if "currencyCode" in entity.fields and not record.get("currencyCode"):
        record["currencyCode"] = LOCAL_CURRENCY
    for field, target, key, caption in TABLE_RELATIONS:
        if field not in sent or is_zero(sent[field]) or target not in company.schema:
            continue
        found = company.find(target, key, sent[field])
        # AL: only salespeople can be blocked, and the relations to Salesperson/Purchaser leave the blocked ones out.
        if not found or found.get("blocked"):
            raise no_relation(field, sent[field], caption)
        if found.get("privacyBlocked"):
            role = "Purchaser" if field == "purchaser" else "Salesperson"
            raise dialog_error(f"Privacy Blocked must not be true for {role} {found['code']}.")


def _resolve_pair(
    company: Company, record: Record, sent: Record, target: str, id_field: str, code_field: str, caption: str
) -> None:
    code, found = sent.get(code_field), None
    if id_field in sent and not is_zero(sent[id_field]):
        found = company.get(target, sent[id_field])
        if not found:
            if target == "itemCategories":
                raise dialog_error(NO_SUCH_CATEGORY)
            raise dialog_error(f'The "{id_field}" does not match to a {caption}.')
        if code and code != found["code"]:
            raise dialog_error(
                PAIR_DIFFERS.get(target, f"The {caption.lower()} values do not match to a specific {caption}.")
            )
    elif code and not (target == "currencies" and code == LOCAL_CURRENCY):
        found = company.find(target, "code", code)
        if not found and code_field == BASE_UNIT:  # AL: Item, Base Unit of Measure, OnValidate
            found = company.find(target, "internationalStandardCode", code)
            if not found:
                raise dialog_error(f"The Unit of Measure with Code {code} does not exist.")
        if not found and target in ("currencies", "taxGroups", "itemCategories"):
            raise dialog_error(f'The "{code_field}" does not match to a {caption}.')
        if not found:
            raise no_relation(code_field, code, caption)
    record[id_field] = found["id"] if found else ZERO_GUID
    if code_field in record:
        record[code_field] = found["code"] if found else ""


def _rename_references(company: Company, entity: EntitySet, old: Record, record: Record) -> None:
    """Writes a record's new number or code into every record that names it, as AL's Rename() does."""
    key = key_field(entity)
    if not key or record[key] == old[key]:
        return
    for field in RENAMED_WITH.get(entity.name, ()):
        for name, row in _records_naming(company, field, old[key]):
            company.change(name, row | {field: record[key]}, stamp=False)


def _records_naming(company: Company, field: str, value: str) -> list[tuple[str, Record]]:
    """The records with a value in a field, each with its entity set. Of document lines, only those with an item."""
    names = [other.name for other in company.schema.values() if field in other.fields]
    rows = [(name, row) for name in names for row in company.all(name, field, value)]
    return [(name, row) for name, row in rows if field != "lineObjectNumber" or row.get("lineType") == "Item"]


def _drop_owned_records(company: Company, entity: EntitySet, record: Record) -> None:
    for name, field in OWNED_RECORDS:
        if name in company.schema and name != entity.name:
            for row in company.all(name, field, record[entity.key]):
                _drop_owned_records(company, company.entity(name), row)
                company.drop(name, row)


def no_relation(field: str, value: str, table: str) -> Refused:
    """A field names a record that the related table does not have."""
    message = f"The field {field} contains a value ({value}) that is not in the related table ({table})."
    return Refused(400, "Internal_InvalidTableRelation", message)
