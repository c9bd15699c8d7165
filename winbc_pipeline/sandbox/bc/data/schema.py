"""The entity sets of API v2.0 with their fields, navigation properties and actions, for one version of BC.

Here belongs: what the API has. The facts come from winbc_pipeline/facts/business_central_v2.json.
Not here: which values a field takes (values.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any

from ...records import loads

NEWEST = 29
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
ZERO_DATE = "0001-01-01"
EMPTY_MOMENT = "0001-01-01T00:00:00Z"
Facts = Mapping[str, Any]
Where = tuple[str, list[object]]  # an SQL condition, and the values that are bound to it
SUBPAGES = {  # the records that BC inserts together with their parent; others are not published
    "salesOrders": ("salesOrderLines",),
    "salesInvoices": ("salesInvoiceLines",),
    "salesCreditMemos": ("salesCreditMemoLines",),
    "salesQuotes": ("salesQuoteLines",),
    "purchaseOrders": ("purchaseOrderLines",),
}
SORTED_BY = {"dimensionSetLines": ("code",)}


@dataclass(frozen=True)
class Navigation:
    """A navigation property: it leads from a record to the records of the entity set `target`.

    They are the records whose field `other` equals the record's field `own`. If `own` is empty, it is all of them.
    `type` is one more condition on the target, `when` is a condition on the record itself. Both are field and value.
    """

    target: str
    many: bool
    own: str
    other: str
    type: tuple[str, str] | None = None
    when: tuple[str, str] | None = None


@dataclass(frozen=True)
class EntitySet:
    """One entity set. `fields` holds the facts about each field by its name.

    `subpages` are the navigation properties whose records may stand in the body of a new record. `sorted_by` is the
    order of records, where it does not follow from the fields. `parameters` are the facts about the parameters of each
    action. The name of an extension's set begins with publisher and group, as `connector.winstore.orderRequests`.
    """

    name: str
    entity_name: str
    key: str
    insert: bool
    modify: bool
    delete: bool
    actions: tuple[str, ...]
    fields: dict[str, Facts]
    navigation: dict[str, Navigation]
    subpages: tuple[str, ...] = ()
    sorted_by: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Facts]] = field(default_factory=dict)

    @cached_property
    def public_name(self) -> str:
        """The name in addresses and in the metadata."""
        return self.name.rpartition(".")[2]

    @cached_property
    def is_of_extension(self) -> bool:
        """Whether an extension brought this set. The rules of standard sets do not hold for it."""
        return self.name != self.public_name

    @property
    def type_name(self) -> str:
        """The name of the entity type in the metadata."""
        return f"Microsoft.NAV.{self.entity_name}"


Schema = dict[str, EntitySet]


@cache
def load_schema(version: int = NEWEST) -> Schema:
    """API v2.0 in one version of Business Central. Entity sets and fields that were added later are left out.

    It is read once and shared: who adds to it takes a copy.
    """
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v2.json").read_text("utf-8")
    entities = {
        name: facts for name, facts in loads(text)["entities"].items() if _major_version(facts["firstSeen"]) <= version
    }
    schema = {name: _entity_set(name, facts, version, set(entities)) for name, facts in entities.items()}
    # Every other entity set can be reached from a company, as `companies({id})/customers`.
    inside = {name: Navigation(name, True, "", "") for name in schema if name not in ("companies", "subscriptions")}
    return schema | {"companies": replace(schema["companies"], navigation=inside)}


def _entity_set(name: str, facts: Facts, version: int, known: set[str]) -> EntitySet:
    fields = {
        key: about
        for key, about in facts["fields"].items()
        if _major_version(about.get("firstSeen", "17.0")) <= version
    }
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
        SUBPAGES.get(name, ()),
        SORTED_BY.get(name, ()),
    )


def _major_version(first_seen: str) -> int:
    """The version of BC in `firstSeen`, which reads `17.0` or `after 2026-04-28 (29.x, …)`."""
    found = re.match(r"(\d+)\.", first_seen) or re.search(r"\((\d+)\.x", first_seen)
    return int(found.group(1)) if found else NEWEST


def empty_value(facts: Facts) -> Any:
    """The value of a field that nobody filled in. BC shows no nulls (behaviour.md section 4)."""
    if "enum" in facts:
        return facts["enum"][0]
    zeros = {"Edm.Guid": ZERO_GUID, "Edm.Decimal": 0, "Edm.Boolean": False, "Edm.Int32": 0, "Edm.Int64": 0}
    dates = {"Edm.Date": ZERO_DATE, "Edm.DateTimeOffset": EMPTY_MOMENT}
    return (zeros | dates).get(str(facts.get("edm")), "")
