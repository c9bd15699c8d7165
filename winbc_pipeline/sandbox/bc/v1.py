"""API v1.0 (BC 14 to 27): the same records in v1.0's shape, by translating every call to v2.0 and its answer back.

Shape: nested addresses, units and line details, plain option names, lines and pictures only below their parent, text
keys for lines, every sub-page a collection (schema_v1_diff.md). Rules and numbers are v2.0's.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any
from xml.sax.saxutils import quoteattr

from ..records import Record, dumps, loads
from .api import Api
from .data.company import Company
from .data.refusal import Refused, bad_request, unknown_segment
from .data.schema import EntitySet, Facts
from .data.values import as_object, decoded
from .odata.call import Call, Reply
from .odata.query import Options, parse, unselected

FIRST, LAST = 14, 27
ADDRESS = {
    "street": "AddressLine1",
    "city": "City",
    "state": "State",
    "countryLetterCode": "Country",
    "postalCode": "PostCode",
}
CONTROL = ("@odata.context", "@odata.nextLink", "@odata.count")
SIDES = {"sellingPostalAddress": "sellTo", "billingPostalAddress": "billTo", "shippingPostalAddress": "shipTo"}
EMPTY: tuple[object, ...] = (None, "", [])
MEMBERS = {"ITEM-UOM": ("code", ""), "DOCUMENTLINEOBJECTDETAILS": ("number", "lineObjectNumber")}
UNIT_CODES = {"baseUnitOfMeasure": "baseUnitOfMeasureCode", "unitOfMeasure": "unitOfMeasureCode"}
MEDIA = {"pictures": "pictureContent", "attachments": "attachmentContent", "pdfDocument": "pdfDocumentContent"}
LINE_BREAK = "\r\n"
COMPLEX = {
    "POSTALADDRESS": ("street", "city", "state", "countryLetterCode", "postalCode"),
    "ITEM-UOM": ("code", "displayName", "symbol"),
    "DOCUMENTLINEOBJECTDETAILS": ("number", "displayName"),
    "DIMENSION": ("code", "displayName", "valueCode", "valueDisplayName"),
}


def load_v1() -> dict[str, dict[str, Any]]:
    """The entity sets of v1.0 that v2.0 has too."""
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v1.json").read_text("utf-8")
    entities: dict[str, dict[str, Any]] = loads(text)["entities"]
    return entities


class ApiV1(Api):
    """API v1.0 of one company."""

    def __init__(self, company: Company, most_per_page: int) -> None:
        super().__init__(company, most_per_page)
        self.sets = load_v1()
        self.by_v2 = {facts["v2"]: name for name, facts in reversed(list(self.sets.items()))}
        found = {v2: self._seen(company.schema[v2], name) for v2, name in self.by_v2.items() if v2 in company.schema}
        self.views = {"companies": replace(company.entity("companies"), navigation={}), **found}

    def _answer(self, call: Call) -> Reply:
        path = call.path.strip("/")
        if path == "$metadata":
            return Reply(200, self._metadata().encode(), "application/xml")
        if path == "":
            alone = [name for name, facts in self.sets.items() if not facts["onlyUnderParent"]]
            value = [{"name": name, "kind": "EntitySet", "url": name} for name in ("companies", *alone)]
            return Reply.json(200, {"@odata.context": f"{call.base}/$metadata", "value": value})
        translated, name, wrap = self._path(path)
        content = self._sent(name, call) if name and call.method in ("POST", "PATCH") else call.content
        reply = super()._answer(replace(call, path=translated, content=content))
        if not name or "json" not in reply.media_type or not reply.content:
            return reply
        options = parse(call.query, self.views[self.sets[name]["v2"]], self.views)
        return replace(reply, content=dumps(self._in_v1(name, loads(reply.content), options, wrap)))

    def _options(self, call: Call, entity: EntitySet) -> Options:
        """What is selected is selected from the record in v1.0's shape, for which v2.0 must give it whole."""
        return unselected(super()._options(call, entity))

    def _seen(self, entity: EntitySet, name: str) -> EntitySet:
        """A set of v2.0 as a query of v1.0 sees it: v1.0's fields and options, and the way to what v1.0 has too."""
        fields = {field: entity.fields.get(field, {}) | facts for field, facts in self.sets[name]["fields"].items()}
        for field, facts in fields.items():
            if "enum" in facts:
                fields[field] = facts | {"plain": {decoded(member): member for member in facts["enum"]}}
        parts = {self.sets[part]["v2"]: part for part in self.sets[name]["parts"]}
        links = {parts[link.target]: link for link in entity.navigation.values() if link.target in parts}
        for key, link in entity.navigation.items():
            if link.own in fields and link.target in self.by_v2 and not (link.many or link.type or link.when):
                links.setdefault(key, link)
        return replace(entity, fields=fields, navigation=links)

    def _path(self, path: str) -> tuple[str, str, bool]:
        """The path in v2.0, the entity set of v1.0 that it ends in, and whether one record is shown as a collection."""
        parts, parent, name, wrap = path.split("/"), None, "", False
        translated = []
        for number, part in enumerate(parts):
            own, bracket, key = part.partition("(")
            if own in ("companies", "$count") or own.startswith("Microsoft.NAV."):
                translated.append(part)
                continue
            if parent is not None and own == "content":
                translated.append(MEDIA.get(parent.name, own))
                continue
            facts = self.sets.get(own)
            if facts is None or (facts["onlyUnderParent"] and parent is None):
                raise unknown_segment(own)
            name = own
            own, wrap = self._step(parent, own, facts["v2"])
            wrap = wrap and number == len(parts) - 1
            translated.append(own + (f"({self._key(facts, key[:-1])})" if bracket else ""))
            parent = self.company.entity(facts["v2"])
        return "/".join(translated), name, wrap

    def _step(self, parent: EntitySet | None, name: str, v2_set: str) -> tuple[str, bool]:
        """v2.0's name of a segment; what leads to one record there is a collection of one here."""
        if parent is None:
            return v2_set, False
        for link_name, link in parent.navigation.items():
            if link.target == v2_set:
                return link_name, not link.many
        raise unknown_segment(name)

    def _key(self, facts: Facts, key: str) -> str:
        """A line's key is its document's id and its number; v2.0 wants the line's own id."""
        if not facts["textKey"]:
            return key
        document, _, sequence = key.strip("'").rpartition("-")
        for line in self.company.all(facts["v2"], "documentId", document.lower()):
            if str(line["sequence"]) == sequence:
                return str(line["id"])
        raise Refused(404, "Internal_RecordNotFound", f"The {facts['v2']} does not exist.")

    def _sent(self, name: str, call: Call) -> bytes:
        if call.path.endswith("content") or "Microsoft.NAV." in call.path:
            return call.content
        body = call.json()
        return dumps(self._to_v2(name, body)) if isinstance(body, dict) else call.content

    def _to_v2(self, name: str, body: Mapping[str, Any]) -> Record:
        """A body of v1.0 in v2.0's fields; raises Refused for what v1.0 does not have."""
        facts, entity = self.sets[name], self.company.entity(self.sets[name]["v2"])
        sent: Record = {}
        for field, value in body.items():
            kind = facts["fields"].get(field, {}).get("complex")
            if kind == "POSTALADDRESS":
                sent |= _flat_address(field, value)
            elif kind in MEMBERS:
                member, v2_field = MEMBERS[kind]
                sent[UNIT_CODES.get(field, v2_field)] = _member(field, value, member)
            elif field in facts["parts"] and field in self.sets:
                sent[field] = self._lines(field, value)
            elif field in facts["fields"] and field in entity.fields and kind is None:
                sent[field] = _encoded(entity.fields[field], value)
            elif "@" in field:
                sent[field] = value
            elif field in facts["fields"] and value in EMPTY:
                continue
            elif field in facts["fields"]:
                raise Refused(400, "BadRequest_InvalidOperation", f"Control '{field}' is read-only.")
            else:
                raise bad_request(f"The property '{field}' does not exist on type '{entity.type_name}'.")
        return sent

    def _lines(self, name: str, value: object) -> object:
        return [self._to_v2(name, as_object(line)) for line in value] if isinstance(value, list) else value

    def _in_v1(self, name: str, content: Record, options: Options, wrap: bool) -> Record:
        control = {key: value for key, value in content.items() if key in CONTROL}
        if "@odata.context" in control:
            control["@odata.context"] = control["@odata.context"].replace(f"#{self.sets[name]['v2']}", f"#{name}")
        if isinstance(content.get("value"), list):
            return control | {"value": [self._to_v1(name, record, options) for record in content["value"]]}
        record = self._to_v1(name, content, options)
        return control | ({"value": [record]} if wrap else record)

    def _to_v1(self, name: str, record: Record, options: Options) -> Record:
        """A record of v2.0 in v1.0's fields, those selected."""
        facts, entity = self.sets[name], self.company.entity(self.sets[name]["v2"])
        shown: Record = {"@odata.etag": record["@odata.etag"]}
        for field, kind in facts["fields"].items():
            if not options.select or field in options.select:
                shown[field] = self._field(field, kind.get("complex"), entity.fields.get(field, {}), record)
        if facts["textKey"] and "id" in shown:
            shown["id"] = f"{record['documentId']}-{record['sequence']}"
        for part, inner in options.expand.items():
            target = self.by_v2[self.views[facts["v2"]].navigation[part].target]
            rows = record[part] if isinstance(record[part], list) else [record[part]] if record[part] else []
            found = [self._to_v1(target, row, inner) for row in rows]
            shown[part] = found if part in facts["parts"] else found[0] if found else None
        return shown

    def _field(self, field: str, kind: str | None, facts: Facts, record: Record) -> Any:
        if kind == "POSTALADDRESS":
            return _nested_address(field, record)
        if kind == "ITEM-UOM":
            return self._unit(record.get(UNIT_CODES[field], ""))
        if kind == "DOCUMENTLINEOBJECTDETAILS":
            return {"number": record["lineObjectNumber"], "displayName": record["description"]}
        if kind:
            return []
        value = record.get(field, "")
        return decoded(value) if "enum" in facts else value

    def _unit(self, code: str) -> Record | None:
        unit = self.company.find("unitsOfMeasure", "code", code) if code else None
        names = ("code", "displayName", "symbol")
        return {name: unit.get(name, "") for name in names} | {"unitConversion": None} if unit else None

    def _metadata(self) -> str:
        """CSDL 4.0 with v1.0's complex types."""
        kinds = "".join(
            f"<ComplexType Name={quoteattr(name)}>"
            + "".join(f'<Property Name="{field}" Type="Edm.String"/>' for field in fields)
            + "</ComplexType>"
            for name, fields in COMPLEX.items()
        )
        types = "".join(self._type(name, facts) for name, facts in self.sets.items())
        actions = "".join(
            f'<Action Name="{action}" IsBound="true"><Parameter Name="bindingParameter" Type="Microsoft.NAV.{name}"/>'
            "</Action>"
            for name, facts in self.sets.items()
            for action in facts["actions"]
        )
        sets = "".join(
            f'<EntitySet Name="{name}" EntityType="Microsoft.NAV.{name}"/>'
            for name, facts in self.sets.items()
            if not facts["onlyUnderParent"]
        )
        head = '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        schema = '<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        container = f'<EntityContainer Name="NAV">{sets}</EntityContainer>'
        return f"{head}{schema}{kinds}{types}{actions}{container}</Schema></edmx:DataServices></edmx:Edmx>"

    def _type(self, name: str, facts: Facts) -> str:
        fields = "".join(
            f'<Property Name="{field}" Type={quoteattr(_csdl_type(kind))}/>' for field, kind in facts["fields"].items()
        )
        key = next(iter(facts["fields"]))
        links = "".join(
            f'<NavigationProperty Name="{part}" Type="Collection(Microsoft.NAV.{part})" ContainsTarget="true"/>'
            for part in facts["parts"]
        )
        links += "".join(
            f'<NavigationProperty Name="{link_name}" Type="Microsoft.NAV.{self.by_v2[link.target]}"/>'
            for link_name, link in self.views[facts["v2"]].navigation.items()
            if link_name not in facts["parts"]
        )
        return f'<EntityType Name="{name}"><Key><PropertyRef Name="{key}"/></Key>{fields}{links}</EntityType>'


def _csdl_type(kind: Facts) -> str:
    name = str(kind.get("complex", ""))
    if name.startswith("Collection("):
        return name.replace("(", "(Microsoft.NAV.")
    if name:
        return f"Microsoft.NAV.{name}"
    return "Edm.String" if kind["edm"] in (None, "Enum") else str(kind["edm"])


def _address_fields(field: str) -> dict[str, str]:
    """v2.0's field for each member of an address: `sellToCity` on documents, `city` elsewhere."""
    side = SIDES.get(field)
    if side:
        return {member: side + name for member, name in ADDRESS.items()}
    plain = {member: name[0].lower() + name[1:] for member, name in ADDRESS.items()}
    return plain | {"postalCode": "postalCode"}


def _flat_address(field: str, value: object) -> Record:
    fields = _address_fields(field)
    if value is None:
        return dict.fromkeys((*fields.values(), fields["street"].replace("1", "2")), "")
    needed = ("street", "city", "countryLetterCode", "postalCode")
    if not isinstance(value, dict) or any(name not in value for name in needed):
        raise bad_request(f"The {field} must have {', '.join(needed)}.")
    first, _, second = str(value["street"]).replace(LINE_BREAK, "\n").partition("\n")
    flat = {fields[member]: str(value.get(member) or "") for member in fields}
    return flat | {fields["street"]: first, fields["street"].replace("1", "2"): second}


def _nested_address(field: str, record: Record) -> Record:
    fields = _address_fields(field)
    address: Record = {member: record.get(name, "") for member, name in fields.items()}
    second = record.get(fields["street"].replace("1", "2"), "")
    return address | {"street": address["street"] + (LINE_BREAK + second if second else "")}


def _member(field: str, value: object, member: str) -> str:
    """The code or number by which an object names a record; null names none."""
    named = (value or {}).get(member, "") if value is None or isinstance(value, dict) else None
    if not isinstance(named, str):
        raise bad_request(f"The {field} must be an object with {member}.")
    return named


def _encoded(facts: Facts, value: Any) -> Any:
    """An option's member name from its plain one."""
    if "enum" not in facts or not isinstance(value, str):
        return value
    return next((member for member in facts["enum"] if decoded(member) == value), value)
