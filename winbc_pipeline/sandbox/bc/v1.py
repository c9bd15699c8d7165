"""API v1.0 (BC 14 to 27). Every call is translated to API v2.0, and its answer is translated back.

What differs in v1.0 (schema_v1_diff.md): addresses, units and line details are nested objects. Options have plain
names. Lines and pictures exist only below their parent. The key of a line is a text, other keys have two parts. What
is a single record below its parent in v2.0 is a collection in v1.0. The rules and the numbers are those of v2.0.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any
from xml.sax.saxutils import quoteattr

from ..records import Record, dumps, loads
from .api import Api
from .data.company import Company
from .data.refusal import Refused, bad_request, dialog_error, not_found, unknown_segment
from .data.schema import EntitySet, Facts
from .data.values import as_object, decoded, is_zero
from .odata.call import Call, Reply
from .odata.media import CONTENT_PROPERTY
from .odata.metadata import BLANK
from .odata.query import Options, parse, unselected
from .odata.writing import insert, modify
from .v1_shapes import COMPLEX, complex_type, csdl_type, flat_address, named_record, nested_address

FIRST, LAST = 14, 27  # the versions of BC that have API v1.0
CONTROL = ("@odata.context", "@odata.nextLink", "@odata.count")
EMPTY: tuple[object, ...] = (None, "", [])
# A complex type, its member that names a record, and the field of v2.0 for it.
NAMING_MEMBERS = {"ITEM-UOM": ("code", ""), "DOCUMENTLINEOBJECTDETAILS": ("number", "lineObjectNumber")}
UNIT_CODES = {"baseUnitOfMeasure": "baseUnitOfMeasureCode", "unitOfMeasure": "unitOfMeasureCode"}
TWO_PART_KEYS = {  # ODataKeyFields of the pages in AL, or the key of their table
    "attachments": ("parentId", "id"),
    "defaultDimensions": ("parentId", "dimensionId"),
    "dimensionLines": ("parentId", "id"),
}
PARENT_IN_FILTER = re.compile(r"\bparentId eq ([0-9a-fA-F-]{36})")
DIMENSIONS = "Collection(DIMENSION)"
WITH_DIMENSION_LINES = ("journalLines", "customerPayments")  # both are lines of a general journal


@cache
def load_v1() -> dict[str, dict[str, Any]]:
    """The facts about the entity sets of v1.0 that v2.0 has too."""
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v1.json").read_text("utf-8")
    entities: dict[str, dict[str, Any]] = loads(text)["entities"]
    return entities


class ApiV1(Api):
    """API v1.0 of one company."""

    def __init__(self, company: Company, most_per_page: int) -> None:
        super().__init__(company, most_per_page)
        self.sets = load_v1()
        self.alone = [name for name, facts in self.sets.items() if not facts["onlyUnderParent"]]
        # Two sets of v1.0 may be one set of v2.0. Reversed, the first of them gives the name.
        self.v1_names = {facts["v2"]: name for name, facts in reversed(list(self.sets.items()))}
        self.visible_sets = {"companies": replace(company.entity("companies"), navigation={})}
        for v2_name, name in self.v1_names.items():
            if v2_name in company.schema:
                self.visible_sets[v2_name] = self._as_v1_set(company.schema[v2_name], name)
        self.visible_sets["subscriptions"] = company.entity("subscriptions")

    def _answer(self, call: Call) -> Reply:
        path = call.path.strip("/")
        if path == "$metadata":
            return Reply(200, self._metadata().encode(), "application/xml")
        if path == "":
            names = ("companies", *self.alone, "subscriptions")
            value = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
            return Reply.json(200, {"@odata.context": f"{call.base}/$metadata", "value": value})
        if path == "subscriptions":
            return super()._answer(call)
        call = self._below_parent(call)
        translated, name, wrap = self._translated_path(call.path.strip("/"))
        content = self._v2_content(name, call) if name and call.method in ("POST", "PATCH") else call.content
        in_v2 = replace(call, path=translated, content=content)
        if name in WITH_DIMENSION_LINES and call.method in ("POST", "PATCH"):
            reply = self._with_dimensions(in_v2, as_object(call.json()))
        else:
            reply = super()._answer(in_v2)
        if not name or "json" not in reply.media_type or not reply.content:
            return reply
        options = parse(call.query, self.visible_sets[self.sets[name]["v2"]], self.visible_sets)
        answer = self._v1_content(name, loads(reply.content), options, wrap)
        return replace(reply, content=dumps(answer))

    def _below_parent(self, call: Call) -> Call:
        """The call with dimension lines below their journal line, where v2.0 has them.

        v1.0 names the journal line in the key of a dimension line, and in the body of a new one.
        """
        before, _, last = call.path.strip("/").rpartition("/")
        name, bracket, key = last.partition("(")
        if name != "dimensionLines":
            return call
        if call.method != "POST" and not bracket:
            for parent in PARENT_IN_FILTER.findall(call.query.get("$filter", "")):
                self._journal_lines_with(parent)
            return call
        body = as_object(call.json()) if call.method in ("POST", "PATCH") else {}
        own_key = _key_fields(name, key[:-1]) if bracket else {"parentId": str(body.get("parentId", ""))}
        parent = own_key["parentId"]
        if is_zero(parent):
            raise dialog_error("The parent ID must be filled in.")
        path = f"{before}/{self._journal_lines_with(parent)}({parent})/{name}"
        path += f"({own_key['id']})" if bracket else ""
        content = dumps({field: value for field, value in body.items() if field != "parentId"})
        return replace(call, path=path, content=content if body else call.content)

    def _journal_lines_with(self, record_id: str) -> str:
        """The entity set with the journal line of that id. Raises Refused if there is none."""
        found = [name for name in WITH_DIMENSION_LINES if self._is_in(name, record_id)]
        if not found:
            raise dialog_error("Could not find the record.")
        return found[0]

    def _with_dimensions(self, call: Call, body: Record) -> Reply:
        """Writes a journal line and the dimensions in its body. Each is added, or gets another value."""
        wanted = body.get("dimensions") or []
        if not isinstance(wanted, list):
            raise bad_request("The dimensions must be a list.")
        with self.company.transaction():
            reply = super()._answer(call)
            line = loads(reply.content)["id"]
            for one in wanted:
                self._store_dimension(line, as_object(one))
        return reply

    def _store_dimension(self, line: str, dimension: Record) -> None:
        entity = self.company.entity("dimensionSetLines")
        sent = {member: dimension.get(member, "") for member in ("code", "valueCode")}
        present = self.company.all(entity.name, "parentId", line)
        old = next((one for one in present if one["code"] == str(sent["code"]).upper()), None)
        if old:
            modify(self.company, entity, old, {"valueCode": sent["valueCode"]}, "*")
        else:
            insert(self.company, entity, sent, {"parentId": line, "parentType": "Journal_x0020_Line"})

    def _options(self, call: Call, entity: EntitySet) -> Options:
        """The options for v2.0, without `$select`.

        A field of v1.0 may come from several fields of v2.0. So v2.0 gives the whole record, and `_to_v1` selects.
        """
        return unselected(super()._options(call, entity))

    def _as_v1_set(self, entity: EntitySet, name: str) -> EntitySet:
        """An entity set of v2.0 with the fields, options and navigation properties that it has in v1.0."""
        fields = {field: entity.fields.get(field, {}) | facts for field, facts in self.sets[name]["fields"].items()}
        # v1.0 names a navigation property after its entity set.
        parts = {self.sets[part]["v2"]: part for part in self.sets[name]["parts"]}
        links = {parts[link.target]: link for link in entity.navigation.values() if link.target in parts}
        for key, link in entity.navigation.items():
            is_plain = not (link.many or link.type or link.when)
            if link.own in fields and link.target in self.v1_names and is_plain:
                links.setdefault(key, link)
        return replace(entity, fields=fields, navigation=links)

    def _translated_path(self, path: str) -> tuple[str, str, bool]:
        """Translates a path of v1.0.

        Returns the path in v2.0, the entity set of v1.0 in which it ends, and whether the answer must be wrapped: in
        v2.0 it is one record, in v1.0 a collection of one.
        """
        segments, parent, name, wrap = path.split("/"), None, "", False
        translated = []
        for number, segment in enumerate(segments):
            set_name, bracket, key = segment.partition("(")
            if set_name in ("companies", "$count") or set_name.startswith("Microsoft.NAV."):
                translated.append(segment)
                continue
            if parent is not None and set_name == ("picture" if parent.name == "companyInformation" else "content"):
                translated.append(CONTENT_PROPERTY.get(parent.name, set_name))
                continue
            facts = self.sets.get(set_name)
            if facts is None or (facts["onlyUnderParent"] and parent is None):
                raise unknown_segment(set_name)
            name = set_name
            v2_segment, is_single = self._navigation_step(parent, set_name, facts["v2"])
            wrap = is_single and number == len(segments) - 1
            if bracket:
                v2_segment += f"({self._key(name, facts, key[:-1])})"
            translated.append(v2_segment)
            parent = self.company.entity(facts["v2"])
        return "/".join(translated), name, wrap

    def _navigation_step(self, parent: EntitySet | None, name: str, v2_set: str) -> tuple[str, bool]:
        """The name of a segment in v2.0, and whether it leads to a single record there."""
        if parent is None:
            return v2_set, False
        for link_name, link in parent.navigation.items():
            if link.target == v2_set:
                return link_name, not link.many
        raise unknown_segment(name)

    def _key(self, name: str, facts: Facts, key: str) -> str:
        """The key in v2.0, which is the id. In v1.0 a line's key is the document's id and the line's number."""
        if name in TWO_PART_KEYS and name != "dimensionLines":
            wanted = _key_fields(name, key)
            rows = self.company.all(facts["v2"], "parentId", wanted["parentId"])
            found = next((row for row in rows if wanted.items() <= row.items()), None)
            if not found:
                raise not_found(self.company.entity(facts["v2"]).entity_name)
            return str(found["id"])
        if not facts["textKey"]:
            return key
        document, _, sequence = key.strip("'").rpartition("-")
        for line in self.company.all(facts["v2"], "documentId", document.lower()):
            if str(line["sequence"]) == sequence:
                return str(line["id"])
        raise Refused(404, "Internal_RecordNotFound", f"The {facts['v2']} does not exist.")

    def _v2_content(self, name: str, call: Call) -> bytes:
        if call.path.endswith("content") or "Microsoft.NAV." in call.path:
            return call.content
        body = call.json()
        if name == "defaultDimensions" and call.method == "POST" and is_zero(as_object(body).get("dimensionId")):
            # A part of the key must be sent (APIV1DefaultDimensionsE2E, FailsWithoutDimension). The words are assumed.
            raise bad_request("The key property 'dimensionId' must be provided.")
        if not isinstance(body, dict):
            return call.content
        sent = self._to_v2(name, body)
        if name == "attachments" and "parentId" in sent:  # v1.0 does not name the kind of parent, v2.0 does
            found = (kind for kind, parent in self._parents(name) if self._is_in(parent, sent["parentId"]))
            sent["parentType"] = next(found, BLANK)
        return dumps(sent)

    def _is_in(self, entity: str, record_id: object) -> bool:
        return self.company.get(entity, str(record_id).lower()) is not None

    def _parents(self, name: str) -> list[tuple[str, str]]:
        """The kinds of parent that a set of v1.0 may have in v2.0, each with the entity set of the parent."""
        return [
            (link.type[1], parent)
            for parent, entity in self.company.schema.items()
            for link in entity.navigation.values()
            if link.target == self.sets[name]["v2"] and link.type
        ]

    def _to_v2(self, name: str, body: Mapping[str, Any]) -> Record:
        """A request body of v1.0 in the fields of v2.0. Raises Refused for a field that v1.0 does not have."""
        facts, entity = self.sets[name], self.company.entity(self.sets[name]["v2"])
        sent: Record = {}
        for field, value in body.items():
            kind = facts["fields"].get(field, {}).get("complex")
            if kind == "POSTALADDRESS":
                sent |= flat_address(field, value)
            elif kind in NAMING_MEMBERS:
                member, v2_field = NAMING_MEMBERS[kind]
                sent[UNIT_CODES.get(field, v2_field)] = named_record(field, value, member)
            elif field in facts["parts"] and field in self.sets:
                sent[field] = self._lines(field, value)
            elif "@" in field or (field in facts["fields"] and field in entity.fields and kind is None):
                sent[field] = value
            elif kind == DIMENSIONS:
                continue  # they are written after the record: `_with_dimensions`
            elif field in facts["fields"] and value in EMPTY:
                continue  # v2.0 has no such field, and nothing was sent
            elif field in facts["fields"]:
                raise Refused(400, "BadRequest_InvalidOperation", f"Control '{field}' is read-only.")
            else:
                raise bad_request(f"The property '{field}' does not exist on type '{entity.type_name}'.")
        return sent

    def _lines(self, name: str, value: object) -> object:
        if not isinstance(value, list):
            return value  # v2.0 refuses it
        return [self._to_v2(name, as_object(line)) for line in value]

    def _v1_content(self, name: str, content: Record, options: Options, wrap: bool) -> Record:
        control = {key: value for key, value in content.items() if key in CONTROL}
        if "@odata.context" in control:
            control["@odata.context"] = control["@odata.context"].replace(f"#{self.sets[name]['v2']}", f"#{name}")
        if isinstance(content.get("value"), list):
            return control | {"value": [self._to_v1(name, record, options) for record in content["value"]]}
        record = self._to_v1(name, content, options)
        return control | ({"value": [record]} if wrap else record)

    def _to_v1(self, name: str, record: Record, options: Options) -> Record:
        """A record of v2.0 in the selected fields of v1.0."""
        facts, entity = self.sets[name], self.company.entity(self.sets[name]["v2"])
        shown: Record = {"@odata.etag": record["@odata.etag"]}
        for field, kind in facts["fields"].items():
            if options.select and field not in options.select:
                continue
            if kind["edm"] == "Edm.Stream":
                shown |= self._content_links(name, field, record)
            else:
                shown[field] = self._field(field, kind.get("complex"), entity.fields.get(field, {}), record)
        if facts["textKey"] and "id" in shown:
            shown["id"] = f"{record['documentId']}-{record['sequence']}"
        for part, inner in options.expand.items():
            target = self.v1_names[self.visible_sets[facts["v2"]].navigation[part].target]
            found = [self._to_v1(target, row, inner) for row in _as_list(record[part])]
            one = found[0] if found else None
            shown[part] = found if part in facts["parts"] else one
        return shown

    def _content_links(self, name: str, field: str, record: Record) -> Record:
        """The addresses of a record's content, with the keys that records have in v1.0."""
        v2_set = self.sets[name]["v2"]
        shown: Record = {}
        for kind in ("mediaEditLink", "mediaReadLink"):
            link = record.get(f"{CONTENT_PROPERTY.get(v2_set, field)}@odata.{kind}")
            if link:
                place, _, rest = link.partition("/companies(")
                company = f"{place}/companies({rest.partition(')')[0]})"
                shown[f"{field}@odata.{kind}"] = f"{company}/{self._address(name, record)}/{field}"
        return shown

    def _address(self, name: str, record: Record) -> str:
        """The address of a record below the company."""
        key = ",".join(f"{field}={record[field]}" for field in TWO_PART_KEYS.get(name, ())) or record["id"]
        if not self.sets[name]["onlyUnderParent"]:
            return f"{name}({key})"
        parent = dict(self._parents(name))[record["parentType"]]
        return f"{self.v1_names[parent]}({record['id']})/{name}({key})"

    def _field(self, field: str, kind: str | None, facts: Facts, record: Record) -> Any:
        if kind == "POSTALADDRESS":
            return nested_address(field, record)
        if kind == "ITEM-UOM":
            return self._unit(record.get(UNIT_CODES[field], ""))
        if kind == "DOCUMENTLINEOBJECTDETAILS":
            return {"number": record["lineObjectNumber"], "displayName": record["description"]}
        if kind == DIMENSIONS:
            lines = self.company.all("dimensionSetLines", "parentId", record["id"])
            return [{member: line[member] for member in COMPLEX["DIMENSION"]} for line in lines]
        value = record.get(field, "")
        return decoded(value) if "enum" in facts else value

    def _unit(self, code: str) -> Record | None:
        unit = self.company.find("unitsOfMeasure", "code", code) if code else None
        if unit is None:
            return None
        shown = {name: unit.get(name, "") for name in ("code", "displayName", "symbol")}
        return shown | {"unitConversion": None}

    def _metadata(self) -> str:
        """The metadata of v1.0 in CSDL 4.0, with its complex types."""
        kinds = "".join(complex_type(name, fields) for name, fields in COMPLEX.items())
        types = "".join(self._type(name, facts) for name, facts in self.sets.items())
        actions = "".join(
            f'<Action Name="{action}" IsBound="true"><Parameter Name="bindingParameter" Type="Microsoft.NAV.{name}"/>'
            "</Action>"
            for name, facts in self.sets.items()
            for action in facts["actions"]
        )
        sets = "".join(f'<EntitySet Name="{name}" EntityType="Microsoft.NAV.{name}"/>' for name in self.alone)
        head = '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        schema = '<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        container = f'<EntityContainer Name="NAV">{sets}</EntityContainer>'
        return f"{head}{schema}{kinds}{types}{actions}{container}</Schema></edmx:DataServices></edmx:Edmx>"

    def _type(self, name: str, facts: Facts) -> str:
        fields = "".join(
            f'<Property Name="{field}" Type={quoteattr(csdl_type(kind))}/>' for field, kind in facts["fields"].items()
        )
        key = next(iter(facts["fields"]))
        links = "".join(
            f'<NavigationProperty Name="{part}" Type="Collection(Microsoft.NAV.{part})" ContainsTarget="true"/>'
            for part in facts["parts"]
        )
        links += "".join(
            f'<NavigationProperty Name="{link_name}" Type="Microsoft.NAV.{self.v1_names[link.target]}"/>'
            for link_name, link in self.visible_sets[facts["v2"]].navigation.items()
            if link_name not in facts["parts"]
        )
        return f'<EntityType Name="{name}"><Key><PropertyRef Name="{key}"/></Key>{fields}{links}</EntityType>'


def _key_fields(name: str, key: str) -> dict[str, str]:
    """The fields of a key with two parts, which are written `(a,b)` or `(parentId=a,id=b)`."""
    fields, parts = TWO_PART_KEYS[name], [part.partition("=") for part in key.split(",")]
    if len(parts) != len(fields):
        message = "The number of keys specified in the URI does not match number of key properties for the resource "
        raise bad_request(f"{message}'Microsoft.NAV.{name}'.")
    named = {
        (own.strip() if equals else field): (value if equals else own).strip(" '").lower()
        for field, (own, equals, value) in zip(fields, parts, strict=True)
    }
    if set(named) != set(fields):
        raise bad_request(f"The key of '{name}' is {fields[0]} and {fields[1]}.")
    return named


def _as_list(expanded: Any) -> list[Record]:
    """Expanded records of v2.0, which are a list, one record or null."""
    if isinstance(expanded, list):
        return expanded
    return [expanded] if expanded else []
