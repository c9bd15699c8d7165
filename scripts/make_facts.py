"""Cuts winbc_pipeline/facts/business_central_v2.json out of the full schema of API v2.0.

Usage: python scripts/make_facts.py path/to/schema_v2.json
"""

import json
import sys
from pathlib import Path

KEPT = ("edm", "maxLength", "upperCased", "readOnly", "showMandatory", "extendedDatatype", "firstSeen")


def field_facts(field: dict) -> dict:
    facts = {name: field[name] for name in KEPT if field.get(name)}
    if field.get("enumValues"):
        facts["enum"] = [value["api"] for value in field["enumValues"]]
    return facts


def entity_facts(entity: dict) -> dict:
    return {
        "entityName": entity["entityName"],
        "key": entity.get("keyProperty"),
        "insert": entity.get("insertAllowed"),
        "modify": entity.get("modifyAllowed"),
        "delete": entity.get("deleteAllowed"),
        "fields": {field["name"]: field_facts(field) for field in entity["fields"]},
    }


schema = json.loads(Path(sys.argv[1]).read_text())
facts = {"sources": schema["sources"], "entities": {e["entitySetName"]: entity_facts(e) for e in schema["entities"]}}
target = Path(__file__).parent.parent / "winbc_pipeline" / "facts" / "business_central_v2.json"
target.write_text(json.dumps(facts, indent=0, separators=(",", ":")) + "\n")
print(f"{len(facts['entities'])} entity sets, {target.stat().st_size} bytes")
