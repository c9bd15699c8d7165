"""What is known of API v2.0's fields: types, lengths, options. Source: facts/business_central_v2.json."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class FieldFacts:
    """One field of an entity: EDM type, longest text in UTF-16 units, options in their API form."""

    name: str
    edm: str
    max_length: int | None
    upper_cased: bool
    read_only: bool
    options: tuple[str, ...]
    is_email: bool


@cache
def entity_fields(entity_set: str) -> dict[str, FieldFacts]:
    """Fields of an entity set by name; raises KeyError for a set that API v2.0 does not have."""
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v2.json").read_text(encoding="utf-8")
    fields = json.loads(text)["entities"][entity_set]["fields"]
    return {
        name: FieldFacts(
            name=name,
            edm=facts["edm"],
            max_length=facts.get("maxLength"),
            upper_cased=facts.get("upperCased", False),
            read_only=facts.get("readOnly", False),
            options=tuple(facts.get("enum", ())),
            is_email=facts.get("extendedDatatype") == "EMail",
        )
        for name, facts in fields.items()
    }
