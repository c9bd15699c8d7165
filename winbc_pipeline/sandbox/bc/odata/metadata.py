"""The service document, `$metadata` (CSDL 4.0) and `entityDefinitions`.

Enums are declared as such, except those with a blank member: `_x0020_` is no name in the languages that clients are
generated in, so these are texts here (simplified; how Business Central declares them is not published).
"""

import re
from typing import Any
from xml.sax.saxutils import quoteattr

from ..data.schema import EntitySet, Facts, Navigation, Schema
from ..data.values import decoded

HEAD = (
    "<?xml version='1.0' encoding='utf-8'?><edmx:Edmx Version=\"4.0\" "
    'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
BLANK = "_x0020_"
TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def service_document(schema: Schema, base: str) -> dict[str, Any]:
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in schema]
    return {"@odata.context": f"{base}/$metadata", "value": sets}


def csdl(schema: Schema) -> str:
    """CSDL 4.0 of all entity sets."""
    enums: dict[str, str] = {}
    types = "".join(_entity_type(entity, schema, enums) for entity in schema.values())
    actions = "".join(_actions(entity) for entity in schema.values())
    sets = "".join(_entity_set(entity) for entity in schema.values())
    return f'{HEAD}{types}{"".join(enums.values())}{actions}<EntityContainer Name="NAV">{sets}</EntityContainer>{TAIL}'


def entity_definitions(schema: Schema, base: str) -> dict[str, Any]:
    """Captions of entity sets, fields and options (English)."""
    value = [
        {
            "entityName": entity.entity_name,
            "entitySetName": entity.name,
            "entityCaptions": [{"languageCode": 1033, "caption": caption(entity.entity_name)}],
            "properties": [
                {"name": name, "captions": [{"languageCode": 1033, "caption": caption(name)}]} for name in entity.fields
            ],
            "enumMembers": {
                name: [{"name": member, "caption": decoded(member)} for member in facts["enum"]]
                for name, facts in entity.fields.items()
                if "enum" in facts
            },
        }
        for entity in schema.values()
    ]
    return {"@odata.context": f"{base}/$metadata#entityDefinitions", "value": value}


def caption(name: str) -> str:
    """`displayName` is shown as "Display Name"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return words[0].upper() + words[1:]


def _entity_type(entity: EntitySet, schema: Schema, enums: dict[str, str]) -> str:
    fields = "".join(_property(entity, name, facts, enums) for name, facts in entity.fields.items())
    links = "".join(
        f'<NavigationProperty Name="{name}" Type={quoteattr(_type(schema[link.target], link.many))}{_contained(link)}/>'
        for name, link in entity.navigation.items()
    )
    stream = ' HasStream="true"' if any(f.get("edm") == "Edm.Stream" for f in entity.fields.values()) else ""
    key = f'<Key><PropertyRef Name="{entity.key}"/></Key>'
    return f'<EntityType Name="{entity.entity_name}"{stream}>{key}{fields}{links}</EntityType>'


def _contained(link: Navigation) -> str:
    return ' ContainsTarget="true"' if link.many and (link.type or not link.own) else ""


def _type(entity: EntitySet, many: bool) -> str:
    return f"Collection({entity.type_name})" if many else entity.type_name


def _property(entity: EntitySet, name: str, facts: Facts, enums: dict[str, str]) -> str:
    kind = facts.get("edm") or "Edm.String"
    if "enum" in facts:
        kind = "Edm.String" if BLANK in facts["enum"] else _enum(entity, name, facts, enums)
    extra = ' Nullable="false"' if name == entity.key else ""
    if kind == "Edm.String" and facts.get("maxLength"):
        extra += f' MaxLength="{facts["maxLength"]}"'
    if kind == "Edm.Decimal":
        extra += ' Scale="Variable"'
    return f'<Property Name="{name}" Type="{kind}"{extra}/>'


def _enum(entity: EntitySet, name: str, facts: Facts, enums: dict[str, str]) -> str:
    own = f"{entity.entity_name}{name[0].upper()}{name[1:]}"
    members = "".join(f'<Member Name="{member}" Value="{n}"/>' for n, member in enumerate(facts["enum"]))
    enums[own] = f'<EnumType Name="{own}">{members}</EnumType>'
    return f"Microsoft.NAV.{own}"


def _actions(entity: EntitySet) -> str:
    return "".join(
        f'<Action Name="{action}" IsBound="true">'
        f'<Parameter Name="bindingParameter" Type="{entity.type_name}"/></Action>'
        for action in entity.actions
    )


def _entity_set(entity: EntitySet) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{name}" Target="{link.target}"/>'
        for name, link in entity.navigation.items()
        if link.own
    )
    return f'<EntitySet Name="{entity.name}" EntityType="{entity.type_name}">{bindings}</EntitySet>'
