"""The service document, `$metadata` (CSDL 4.0) and `entityDefinitions`.

An enum with a member `_x0020_` (a space) is declared as a text. Clients that are generated from the metadata could not
name such a member. This is simplified: how Business Central declares these enums is not published.
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
BLANK = "_x0020_"  # an option with an empty caption, stored as a space
TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def service_document(schema: Schema, base: str) -> dict[str, Any]:
    """The list of entity sets, which is the answer at the API's base address."""
    names = [entity.public_name for entity in schema.values()]
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return {"@odata.context": f"{base}/$metadata", "value": sets}


def csdl(schema: Schema) -> str:
    """CSDL 4.0 of all entity sets."""
    enums: dict[str, str] = {}
    types = "".join(_entity_type(entity, schema, enums) for entity in schema.values())
    actions = "".join(_actions(entity) for entity in schema.values())
    sets = "".join(_entity_set(entity, schema) for entity in schema.values())
    return f'{HEAD}{types}{"".join(enums.values())}{actions}<EntityContainer Name="NAV">{sets}</EntityContainer>{TAIL}'


def entity_definitions(schema: Schema, base: str) -> dict[str, Any]:
    """The English captions of entity sets, fields and options."""
    value = [
        {
            "entityName": entity.entity_name,
            "entitySetName": entity.public_name,
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
    """The caption of a name: `displayName` becomes "Display Name"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return words[0].upper() + words[1:]


def _entity_type(entity: EntitySet, schema: Schema, enums: dict[str, str]) -> str:
    fields = "".join(_property(entity, name, facts, enums) for name, facts in entity.fields.items())
    links = "".join(_navigation_property(name, link, schema) for name, link in entity.navigation.items())
    has_stream = any(facts.get("edm") == "Edm.Stream" for facts in entity.fields.values())
    stream = ' HasStream="true"' if has_stream else ""
    key = f'<Key><PropertyRef Name="{entity.key}"/></Key>'
    return f'<EntityType Name="{entity.entity_name}"{stream}>{key}{fields}{links}</EntityType>'


def _navigation_property(name: str, link: Navigation, schema: Schema) -> str:
    type_name = schema[link.target].type_name
    kind = quoteattr(f"Collection({type_name})" if link.many else type_name)
    contained = ' ContainsTarget="true"' if link.many and (link.type or not link.own) else ""
    return f'<NavigationProperty Name="{name}" Type={kind}{contained}/>'


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
    """Adds the declaration of a field's enum to `enums`, and returns the name of its type."""
    own = f"{entity.entity_name}{name[0].upper()}{name[1:]}"
    members = "".join(f'<Member Name="{member}" Value="{n}"/>' for n, member in enumerate(facts["enum"]))
    enums[own] = f'<EnumType Name="{own}">{members}</EnumType>'
    return f"Microsoft.NAV.{own}"


def _actions(entity: EntitySet) -> str:
    return "".join(
        f'<Action Name="{action}" IsBound="true">'
        f'<Parameter Name="bindingParameter" Type="{entity.type_name}"/>{_parameters(entity, action)}</Action>'
        for action in entity.actions
    )


def _parameters(entity: EntitySet, action: str) -> str:
    known = entity.parameters.get(action, {})
    return "".join(f'<Parameter Name="{name}" Type="{facts.get("edm")}"/>' for name, facts in known.items())


def _entity_set(entity: EntitySet, schema: Schema) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{name}" Target="{schema[link.target].public_name}"/>'
        for name, link in entity.navigation.items()
        if link.own
    )
    return f'<EntitySet Name="{entity.public_name}" EntityType="{entity.type_name}">{bindings}</EntitySet>'
