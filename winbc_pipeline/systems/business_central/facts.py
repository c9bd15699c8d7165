"""The facts about the fields of API v2.0: types, lengths, options. Source: facts/business_central_v2.json."""

import json
from functools import cache
from importlib import resources
from typing import Any

from ..facts import DIMENSION, FieldFacts, Kind

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
# What a POST of an entity set refuses, with Business Central's own words (behaviour.md section 13).
NOT_IN_POST = {("items", "inventory"): "Inventory cannot be changed during on insert."}


@cache
def entity_fields(entity_set: str) -> dict[str, FieldFacts]:
    """The fields of an entity set by name; raises KeyError for a set that API v2.0 does not have."""
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v2.json").read_text(encoding="utf-8")
    fields = json.loads(text)["entities"][entity_set]["fields"]
    return {name: _facts(name, facts, NOT_IN_POST.get((entity_set, name), "")) for name, facts in fields.items()}


def dimension_field(name: str) -> FieldFacts:
    """The facts about a default dimension as a field; its value is the code of a dimension value (20 characters).

    Args:
        name: DIMENSION and the dimension's code.
    """
    code = entity_fields("defaultDimensions")["dimensionValueCode"]
    return FieldFacts(name, "text", code.max_length, upper_cased=code.upper_cased)


def is_dimension(name: str) -> bool:
    """Whether a field stands for a default dimension."""
    return name.startswith(DIMENSION)


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
