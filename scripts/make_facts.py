"""Makes the files of facts that the program and its tests read, from the full schemas of the API.

The schema lacks the pages of purchase orders and receipts: purchase_pages.json beside this file has them.

Usage: python scripts/make_facts.py path/to/schema_v2.json path/to/schema_v1_diff.json path/to/facts.json
The facts that the program needs go to winbc_pipeline/facts/*.json. The figures with which the tests compare the sandbox
go to winbc_pipeline_tests/sandbox/bc/facts.json.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

KEPT = ("edm", "maxLength", "upperCased", "readOnly", "showMandatory", "notBlank", "extendedDatatype", "firstSeen")
# One condition of a SubPageLink in AL: "Field of the part" = field("Field of the parent"), or const(Value).
LINK = re.compile(r'"?([^"=]+)"?=(field|const)\("?([^")]*)"?\)')

schema = json.loads(Path(sys.argv[1]).read_text())
purchases = json.loads(Path(__file__).with_name("purchase_pages.json").read_text())
entities = {entity["entitySetName"]: entity for entity in [*schema["entities"], *purchases["entities"]]}


def field_facts(field: dict) -> dict:
    """The facts of one field that the program needs; facts that are empty or false are left out."""
    facts: dict[str, Any] = {name: field[name] for name in KEPT if field.get(name)}
    facts |= {name: int(field[name]) for name in ("minValue", "maxValue") if name in field}
    if field.get("decimalPlaces"):
        facts["decimalPlaces"] = int(field["decimalPlaces"].partition(":")[2])
    if field.get("enumValues"):
        facts["enum"] = [value["api"] for value in field["enumValues"]]
    relation = re.fullmatch(r'"?([^".]+)"?\.SystemId', field.get("tableRelation") or "")
    if relation:
        facts["relation"] = relation.group(1)
    return facts


def field_named(entity: dict, al_name: str) -> str | None:
    """The API's name of a field of the page's source table, by its name in AL; None when the page does not show it."""
    if al_name in ("SystemId", "Id"):
        return entity["keyProperty"]
    wanted = {f'Rec."{al_name}"', f"Rec.{al_name}"}
    return next((field["name"] for field in entity["fields"] if field["source"] in wanted), None)


def field_is_there(entity: dict, name: str) -> bool:
    return any(field["name"] == name for field in entity["fields"])


def encoded(caption: str) -> str:
    """The API's name of an enum member: other characters than letters and digits become _xHHHH_."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_x{ord(found.group()):04X}_", caption)


# Navigation that only Microsoft's documentation names: its entity set and the name and field that it goes by.
DOCUMENTED = {("account", "parentId"): "accounts", ("itemVariant", "itemVariantId"): "itemVariants"}


def downward(entity: dict) -> dict[str, dict]:
    """Navigation from an entity to others, by the name of the navigation.

    Each has the target's entity set, whether it leads to many records, the own field and the target's field that must
    be equal, and for some a field of the target with the value that it must have (`type`).
    """
    found = {}
    for navigation in entity["navigation"]:
        target = entities.get(navigation["target"])
        for (name, own), documented in DOCUMENTED.items():
            if navigation["name"] == name and navigation["kind"] == "docs only" and field_is_there(entity, own):
                found[name] = {"target": documented, "many": False, "own": own, "other": "id"}
        if not target or entity["entitySetName"] == "companies":
            continue
        facts = {"target": navigation["target"], "many": navigation["multiplicity"] == "*"}
        if navigation.get("viaField"):
            found[navigation["name"]] = facts | {"own": navigation["viaField"], "other": target["keyProperty"]}
        elif navigation.get("link"):
            facts |= linked(entity, target, navigation["link"])
            if facts.get("own") and facts.get("other"):
                found[navigation["name"]] = facts
    return found


def linked(entity: dict, target: dict, link: str) -> dict:
    """The own field, the target's field and the type that a link names."""
    facts: dict[str, Any] = {}
    for theirs, kind, ours in LINK.findall(link):
        other = field_named(target, theirs)
        if kind == "field":
            facts |= {"own": field_named(entity, ours), "other": other}
        elif other:
            facts["type"] = [other, encoded(ours)]
    return facts


DOWN = {name: downward(entity) for name, entity in entities.items()}


def upward(name: str, entity: dict) -> dict[str, dict]:
    """Navigation back to the parent, which is the parent's link read from the other end."""
    found = {}
    for navigation in entity["navigation"]:
        for link in DOWN.get(navigation["target"], {}).values():
            if link["target"] == name and navigation["name"] not in DOWN[name]:
                facts = {"target": navigation["target"], "many": False, "own": link["other"], "other": link["own"]}
                if "type" in link:  # seen from this end, it is a condition on the own record
                    facts["when"] = link["type"]
                found[navigation["name"]] = facts
    return found


def entity_facts(name: str, entity: dict) -> dict:
    return {
        "entityName": entity["entityName"],
        "key": entity.get("keyProperty"),
        "insert": entity.get("insertAllowed"),
        "modify": entity.get("modifyAllowed"),
        "delete": entity.get("deleteAllowed"),
        "firstSeen": entity.get("firstSeen", "17.0"),
        "actions": [action["apiName"].split(".")[-1] for action in entity["boundActions"]],
        "navigation": DOWN[name] | upward(name, entity),
        "fields": {field["name"]: field_facts(field) for field in entity["fields"]},
    }


facts_of_entities = {name: entity_facts(name, entity) for name, entity in entities.items()}
facts = {"sources": schema["sources"], "entities": facts_of_entities}


def v1_facts(entity: dict) -> dict:
    """The facts of an entity set of API v1.0 that v2.0 has too, with the complex types of its fields."""
    fields = {field["name"]: {"edm": field["edm"]} for field in entity["fields"]}
    complex_types = {field["name"]: field["type"] for field in entity["complexFields"]}
    for name in fields.keys() & complex_types.keys():
        fields[name]["complex"] = complex_types[name]
    if entity["v2EntitySet"] == "pdfDocument":  # it has no field for its key; the documented answers show it
        fields = {"id": {"edm": "Edm.Guid"}} | fields
    return {
        "v2": entity["v2EntitySet"],
        "onlyUnderParent": bool(entity["onlyUnderParent"]),
        "parts": [part["name"] for part in entity["parts"] if part["target"] in v1_names],
        "actions": [action.split(".")[-1] for action in entity["boundActions"]],
        "textKey": any(field["name"] == "id" and field["edm"] == "Edm.String" for field in entity["fields"]),
        "fields": fields,
    }


v1 = json.loads(Path(sys.argv[2]).read_text())
v1_names = {name for name, entity in v1["entities"].items() if entity.get("v2EntitySet") in entities}
v1_sets = {name: v1_facts(e) for name, e in v1["entities"].items() if name in v1_names}
v1_facts_of_all = {"sources": v1["v1"], "entities": v1_sets}
folder = Path(__file__).parent.parent / "winbc_pipeline" / "facts"
for name, content in (("business_central_v2", facts), ("business_central_v1", v1_facts_of_all)):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=0, separators=(",", ":")) + "\n")
    print(f"{len(content['entities'])} entity sets, {path.stat().st_size} bytes")

figures = {fact["id"]: fact["value"] for fact in json.loads(Path(sys.argv[3]).read_text())}
tested = Path(__file__).parent.parent / "winbc_pipeline_tests" / "sandbox" / "bc" / "facts.json"
tested.write_text(json.dumps(figures, indent=1) + "\n")
