"""The entity sets of API v2.0, their fields, navigation and actions, as a version of Business Central has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from ...records import loads

NEWEST = 29
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
ZERO_DATE = "0001-01-01"
Facts = Mapping[str, Any]
Where = tuple[str, list[object]]  # a condition in SQL, and its values


@dataclass(frozen=True)
class Navigation:
    """A way from a record to others: those of `target` whose field `other` equals the record's field `own`; all of
    them when `own` is empty.

    `type` is a further condition on the target, `when` one on the record itself: field and value.
    """

    target: str
    many: bool
    own: str
    other: str
    type: tuple[str, str] | None = None
    when: tuple[str, str] | None = None


@dataclass(frozen=True)
class EntitySet:
    """One entity set; `fields` are the facts of its fields by name."""

    name: str
    entity_name: str
    key: str
    insert: bool
    modify: bool
    delete: bool
    actions: tuple[str, ...]
    fields: dict[str, Facts]
    navigation: dict[str, Navigation]

    @property
    def type_name(self) -> str:
        return f"Microsoft.NAV.{self.entity_name}"


Schema = dict[str, EntitySet]


def load_schema(version: int = NEWEST) -> Schema:
    """API v2.0 as Business Central of a version has it: what was added later is not there."""
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v2.json").read_text("utf-8")
    entities = {n: e for n, e in loads(text)["entities"].items() if _major(e["firstSeen"]) <= version}
    schema = {name: _entity_set(name, facts, version, set(entities)) for name, facts in entities.items()}
    inside = {name: Navigation(name, True, "", "") for name in schema if name not in ("companies", "subscriptions")}
    return schema | {"companies": replace(schema["companies"], navigation=inside)}


def _entity_set(name: str, facts: Facts, version: int, known: set[str]) -> EntitySet:
    fields = {n: f for n, f in facts["fields"].items() if _major(f.get("firstSeen", "17.0")) <= version}
    navigation = {
        key: Navigation(
            link["target"],
            link["many"],
            link["own"],
            link["other"],
            tuple(link["type"]) if "type" in link else None,
            tuple(link["when"]) if "when" in link else None,
        )
        for key, link in facts["navigation"].items()
        if link["target"] in known and link["own"] in fields
    }
    return EntitySet(
        name,
        facts["entityName"],
        facts["key"] or "customerId",
        bool(facts["insert"]),
        bool(facts["modify"]),
        bool(facts["delete"]),
        tuple(facts["actions"]),
        fields,
        navigation,
    )


def _major(first_seen: str) -> int:
    found = re.match(r"(\d+)\.", first_seen) or re.search(r"\((\d+)\.x", first_seen)
    return int(found.group(1)) if found else NEWEST


def empty_value(facts: Facts) -> Any:
    """What a field shows that nobody filled (behaviour.md section 4: no nulls)."""
    if "enum" in facts:
        return facts["enum"][0]
    zeros = {"Edm.Guid": ZERO_GUID, "Edm.Decimal": 0, "Edm.Boolean": False, "Edm.Int32": 0, "Edm.Int64": 0}
    dates = {"Edm.Date": ZERO_DATE, "Edm.DateTimeOffset": "0001-01-01T00:00:00Z"}
    return (zeros | dates).get(str(facts.get("edm")), "")
