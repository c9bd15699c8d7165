"""Cuts the facts that the program needs out of the full schemas of the API: winbc_pipeline/facts/*.json; and the
figures that the sandbox's tests compare it with: winbc_pipeline_tests/sandbox/bc/facts.json.

Usage: python scripts/make_facts.py path/to/schema_v2.json path/to/schema_v1_diff.json path/to/facts.json
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

KEPT = ("edm", "maxLength", "upperCased", "readOnly", "showMandatory", "notBlank", "extendedDatatype", "firstSeen")
LINK = re.compile(r'"?([^"=]+)"?=(field|const)\("?([^")]*)"?\)')

schema = json.loads(Path(sys.argv[1]).read_text())
entities = {entity["entitySetName"]: entity for entity in schema["entities"]}


def field_facts(field: dict) -> dict:
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
    """The API's name of an AL field of the page's source table."""
    if al_name in ("SystemId", "Id"):
        return entity["keyProperty"]
    wanted = {f'Rec."{al_name}"', f"Rec.{al_name}"}
    return next((field["name"] for field in entity["fields"] if field["source"] in wanted), None)


def field_is_there(entity: dict, name: str) -> bool:
    return any(field["name"] == name for field in entity["fields"])


def encoded(caption: str) -> str:
    """An enum member's name: characters that are none of an identifier become _xHHHH_."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_x{ord(found.group()):04X}_", caption)


# Navigation that only the documentation has, with the field that it must go by.
DOCUMENTED = {("account", "parentId"): "accounts", ("itemVariant", "itemVariantId"): "itemVariants"}


def downward(entity: dict) -> dict[str, dict]:
    """Navigation with a link or a field of its own: target, cardinality, own field, the target's field, its type."""
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
            for theirs, kind, ours in LINK.findall(navigation["link"]):
                other = field_named(target, theirs)
                if kind == "field":
                    facts |= {"own": field_named(entity, ours), "other": other}
                elif other:
                    facts["type"] = [other, encoded(ours)]
            if facts.get("own") and facts.get("other"):
                found[navigation["name"]] = facts
    return found


DOWN = {name: downward(entity) for name, entity in entities.items()}


def upward(name: str, entity: dict) -> dict[str, dict]:
    """Navigation back to the parent: the parent's link, read from the other end."""
    found = {}
    for navigation in entity["navigation"]:
        for link in DOWN.get(navigation["target"], {}).values():
            if link["target"] == name and navigation["name"] not in DOWN[name]:
                facts = {"target": navigation["target"], "many": False, "own": link["other"], "other": link["own"]}
                found[navigation["name"]] = facts | ({"when": link["type"]} if "type" in link else {})
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


facts = {"sources": schema["sources"], "entities": {name: entity_facts(name, e) for name, e in entities.items()}}


def v1_facts(entity: dict) -> dict:
    """An entity set of API v1.0 that v2.0 has too: its fields with their complex types, and whether it stands alone."""
    complex_types = {field["name"]: field["type"] for field in entity["complexFields"]}
    return {
        "v2": entity["v2EntitySet"],
        "onlyUnderParent": bool(entity["onlyUnderParent"]),
        "parts": [part["name"] for part in entity["parts"] if part["target"] in v1_names],
        "actions": [action.split(".")[-1] for action in entity["boundActions"]],
        "textKey": any(field["name"] == "id" and field["edm"] == "Edm.String" for field in entity["fields"]),
        "fields": {
            field["name"]: {"edm": field["edm"]}
            | ({"complex": complex_types[field["name"]]} if field["name"] in complex_types else {})
            for field in entity["fields"]
        },
    }


v1 = json.loads(Path(sys.argv[2]).read_text())
v1_names = {name for name, entity in v1["entities"].items() if entity.get("v2EntitySet") in entities}
v1_sets = {name: v1_facts(e) for name, e in v1["entities"].items() if name in v1_names}
folder = Path(__file__).parent.parent / "winbc_pipeline" / "facts"
for name, content in (
    ("business_central_v2", facts),
    ("business_central_v1", {"sources": v1["v1"], "entities": v1_sets}),
):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=0, separators=(",", ":")) + "\n")
    print(f"{len(content['entities'])} entity sets, {path.stat().st_size} bytes")

figures = {fact["id"]: fact["value"] for fact in json.loads(Path(sys.argv[3]).read_text())}
tested = Path(__file__).parent.parent / "winbc_pipeline_tests" / "sandbox" / "bc" / "facts.json"
tested.write_text(json.dumps(figures, indent=1) + "\n")
