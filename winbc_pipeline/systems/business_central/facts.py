"""The facts about the fields of API v2.0, and of the companion app: types, lengths, options.

Sources: facts/business_central_v2.json, facts/companion_app.json.
"""

import json
import re
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from ..facts import APP_FIELD, ATTRIBUTE, BARCODE, DIMENSION, SHIP_TO, UNIT, FieldFacts, Kind

KINDS: dict[str, Kind] = {
    "Edm.Decimal": "decimal",
    "Edm.Int32": "integer",
    "Edm.Int64": "integer",
    "Edm.Boolean": "boolean",
    "Edm.Date": "date",
    "Edm.DateTimeOffset": "datetime",
    "Edm.Guid": "guid",
}
# The AL table that a field points to by id, and the entity set in which the id is found by its code.
REFERENCES = {
    "Payment Terms": "paymentTerms",
    "Payment Method": "paymentMethods",
    "Shipment Method": "shipmentMethods",
    "Currency": "currencies",
    "Tax Group": "taxGroups",
    "Item Category": "itemCategories",
    "Unit of Measure": "unitsOfMeasure",
    "Inventory Posting Group": "inventoryPostingGroups",
    "Location": "locations",
}
# The kinds of fields that are rows of the companion app, each with the entity set and the field of their values,
# which for delivery addresses is the end of the name.
ROWS = {
    ATTRIBUTE: ("itemAttributeValues", "value"),
    BARCODE: ("itemBarcodes", "barcode"),
    UNIT: ("itemUnits", "quantityPerUnit"),
    SHIP_TO: ("shipToAddresses", ""),
}
KINDS_BESIDE = (DIMENSION, APP_FIELD, *ROWS)
KEYS_OF_ROWS = ("id", "customerNumber", "code")  # fields that say which row it is
# What a POST of an entity set refuses, with Business Central's own words (behaviour.md section 13).
NOT_IN_POST = {("items", "inventory"): "Inventory cannot be changed during on insert."}


@cache
def entity_fields(entity_set: str) -> dict[str, FieldFacts]:
    """The fields of an entity set of API v2.0 or of the companion app by name; raises KeyError for any other set."""
    entities = _entities("business_central_v2.json")
    if entity_set not in entities:
        return {
            name: _of_app(name, facts) for name, facts in _entities("companion_app.json")[entity_set]["fields"].items()
        }
    fields = entities[entity_set]["fields"]
    return {name: _facts(name, facts, NOT_IN_POST.get((entity_set, name), "")) for name, facts in fields.items()}


def _entities(file: str) -> dict[str, Any]:
    text = resources.files("winbc_pipeline.facts").joinpath(file).read_text(encoding="utf-8")
    entities: dict[str, Any] = json.loads(text)["entities"]
    return entities


def dimension_field(name: str) -> FieldFacts:
    """The facts about a default dimension as a field; its value is the code of a dimension value (20 characters).

    Args:
        name: DIMENSION and the dimension's code.
    """
    code = entity_fields("defaultDimensions")["dimensionValueCode"]
    return FieldFacts(name, "text", code.max_length, upper_cased=code.upper_cased)


def app_field(entity_set: str, name: str) -> FieldFacts | None:
    """The facts about a field of the companion app as a field of a record; None where it cannot be written.

    Args:
        entity_set: the entity set of the app that shows it.
        name: APP_FIELD and its name there.
    """
    found = entity_fields(entity_set).get(name.removeprefix(APP_FIELD))
    return None if found is None or found.read_only or found.name == "id" else replace(found, name=name)


def row_field(kind: str, name: str) -> FieldFacts | None:
    """The facts about a field that is a row of the companion app, or a field of one; None where it cannot be written.

    Args:
        kind: one of ROWS.
    """
    entity_set, field = ROWS[kind]
    found = entity_fields(entity_set).get(field or name.rpartition(".")[2])
    return None if found is None or found.read_only or found.name in KEYS_OF_ROWS else replace(found, name=name)


def is_beside(name: str, *kinds: str) -> bool:
    """Whether a field is of one of these kinds of KINDS_BESIDE, or of any: the target keeps it beside its record."""
    return any(name == kind or name.startswith(f"{kind.rstrip('.')}.") for kind in kinds or KINDS_BESIDE)


def needs_companion(name: str) -> bool:
    """Whether only the companion app takes a field."""
    return is_beside(name, APP_FIELD, *ROWS)


def _facts(name: str, facts: dict[str, Any], only_later: str) -> FieldFacts:
    return FieldFacts(
        name=name,
        kind=KINDS.get(facts["edm"], "text"),
        max_length=facts.get("maxLength"),
        upper_cased=facts.get("upperCased", False),
        read_only=facts.get("readOnly", False),
        options=tuple(facts.get("enum", ())),
        is_email=facts.get("extendedDatatype") == "EMail",
        reference=REFERENCES.get(facts.get("relation", "")),
        only_later=only_later,
    )


def _of_app(name: str, facts: dict[str, Any]) -> FieldFacts:
    """The facts about a field of the companion app, which its contract tells in a form of its own."""
    return FieldFacts(
        name=name,
        kind=KINDS.get(facts.get("type", ""), "text"),
        max_length=facts.get("maxLength"),
        upper_cased=facts.get("upperCased", False),
        read_only=facts.get("readOnly", False),
        options=tuple(map(_encoded, facts.get("options", ()))),
    )


def _encoded(caption: str) -> str:
    """The name of an option in its API form, in which `_x0020_` stands for a space (behaviour.md section 4)."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_x{ord(found.group()):04X}_", caption)
