"""Compares the AL of the companion app with its contract, field for field; prints each difference.

Usage: python contract.py APP CONTRACT [--symbols FILE] [--bc14]

Here belongs: what the two must agree in. How AL is read: al.py. The symbols are the names and types of the fields of
Microsoft's tables; without them the types of those fields are not compared, and the last line says so.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from al import AlObject, objects, properties, reference, text

SYSTEM = {"SystemId": "Guid", "SystemModifiedAt": "DateTime", "SystemRowVersion": "BigInteger"}
BC14_NAMES = {"Id": "SystemId", "Last DateTime Modified": "SystemModifiedAt"}
EDM = {
    "Guid": "Edm.Guid",
    "Decimal": "Edm.Decimal",
    "Integer": "Edm.Int32",
    "BigInteger": "Edm.Int64",
    "Boolean": "Edm.Boolean",
    "Date": "Edm.Date",
    "DateTime": "Edm.DateTimeOffset",
}
LETTERS = {"read": "R", "insert": "I", "modify": "M", "delete": "D"}
ADDRESS = {"APIPublisher": "publisher", "APIGroup": "group", "APIVersion": "version"}
Contract = dict[str, Any]


class App:
    """The objects of an app, with the types of the fields that they use."""

    def __init__(self, folder: Path, symbols: dict[str, Any]) -> None:
        self.objects = objects(folder)
        self.types: dict[str, dict[str, str]] = {
            name: dict(one.get("fields", {})) for name, one in symbols.get("tables", {}).items()
        }
        self.base_enums = {name: set(one.get("values", ())) for name, one in symbols.get("enums", {}).items()}
        for one in self.of("table", "tableextension"):
            own = self.types.setdefault(one.base or one.name, {})
            for node in one.all("field_declaration"):
                own[text(node.child_by_field_name("name"))] = text(node.child_by_field_name("type"))
        self.enums = {
            one.name: [text(node.child_by_field_name("value_name")) for node in one.all("enum_value_declaration")]
            for one in self.of("enum")
        }
        self.tables = {one.name: one for one in self.of("table")}

    def of(self, *kinds: str) -> list[AlObject]:
        return [one for one in self.objects if one.kind in kinds]

    def type_of(self, table: str, name: str) -> str:
        """The AL type of a field; empty where nobody knows it."""
        return SYSTEM.get(name) or self.types.get(table, {}).get(name, "")


def differences(app: App, contract: Contract, version: str, for_bc14: bool) -> Iterator[str]:
    """What the AL and the contract disagree in, in words."""
    entities = {name: one for name, one in contract["entities"].items() if not for_bc14 or one.get("bc14")}
    published = {one.properties["EntitySetName"]: one for one in app.of("page", "query") if _is_api(one)}
    for name in sorted(set(entities) ^ set(published)):
        yield f"{name}: only in the {'contract' if name in entities else 'AL'}"
    if version != contract["version"]:
        yield f"app.json: version {version}, contract {contract['version']}"
    for name in entities.keys() & published.keys():
        about, one = entities[name], published[name]
        found = _of_query(app, one) if one.kind == "query" else _of_page(app, one)
        wanted = _wanted(about, for_bc14)
        for member in sorted(set(found) | set(wanted)):
            if found.get(member) != wanted.get(member):
                yield f"{name}: {member} is {found.get(member)} in the AL, {wanted.get(member)} in the contract"
        yield from _wrong_address(name, one, contract["api"])
        yield from _wrong_fields(app, name, one, about, for_bc14)
    yield from _wrong_list(app, entities, for_bc14)
    if not for_bc14:
        yield from _wrong_permissions(app, entities)


def _is_api(one: AlObject) -> bool:
    return "API" in (one.properties.get("PageType"), one.properties.get("QueryType"))


def _wanted(about: Contract, for_bc14: bool) -> dict[str, Any]:
    """What the contract says of an entity set, but for its fields."""
    actions = {name: sorted(one.get("parameters", {})) for name, one in about.get("actions", {}).items()}
    wanted = {
        "entityName": about["entityName"],
        "table": about["object"].split(" ", 2)[2],
        "verbs": about.get("verbs", []),
        "isQuery": about.get("isQuery", False),
        "actions": actions,
        "subpages": list(about.get("subpages", {})),
    }
    if about.get("naturalKey") and wanted["table"].startswith("WINS "):  # the symbols have no keys
        wanted["naturalKey"] = about["naturalKey"]
    return wanted


def _of_page(app: App, one: AlObject) -> dict[str, Any]:
    allowed = [
        verb for verb in ("insert", "modify", "delete") if one.properties.get(f"{verb.title()}Allowed") != "false"
    ]
    found: dict[str, Any] = {
        "entityName": one.properties["EntityName"],
        "table": one.properties["SourceTable"],
        "verbs": [] if one.properties.get("Editable") == "false" else allowed,
        "isQuery": False,
        "actions": dict(_actions(one)),
        "subpages": [properties(node).get("EntitySetName", "") for node in one.all("part_section", "page_part")],
    }
    table = app.tables.get(found["table"])
    if table and found["verbs"] and "EntitySetName" in one.properties:
        found["naturalKey"] = _primary_key(table, one)
    return found


def _of_query(app: App, one: AlObject) -> dict[str, Any]:
    item, *_ = one.all("query_dataitem")  # the others are joined to it
    table = text(item.child_by_field_name("table_name"))
    return {"entityName": one.properties["EntityName"], "table": table} | {
        "verbs": [],
        "isQuery": True,
        "actions": {},
        "subpages": [],
    }


def _actions(one: AlObject) -> Iterator[tuple[str, list[str]]]:
    """The bound actions of a page. OData writes their names with a small first letter."""
    is_enabled = False
    for node in one.node.child_by_field_name("body").children:
        if node.type == "attribute_item":
            is_enabled = is_enabled or "ServiceEnabled" in text(node)
        elif node.type == "procedure":
            if is_enabled:
                name = text(node.child_by_field_name("name"))
                parameters = node.child_by_field_name("parameters")
                names = [
                    text(each.child_by_field_name("name")) for each in parameters.children if each.type == "parameter"
                ]
                yield name[0].lower() + name[1:], sorted(set(names) - {"ActionContext"})
            is_enabled = False


def _primary_key(table: AlObject, page: AlObject) -> list[str]:
    """The fields of the table's first key, by their names on the page."""
    first = next(table.all("key_declaration"))
    by_field = {source: name for name, source, _ in _controls(page)}
    (fields,) = [child for child in first.children if child.type == "field_list"]
    return [by_field.get(text(one), text(one)) for one in fields.children if one.is_named]


def _controls(page: AlObject) -> Iterator[tuple[str, str, bool]]:
    """Name, field and whether it can be written, of each field of a page."""
    for node in page.all("page_field"):
        source = reference(node.child_by_field_name("source"))
        is_fixed = properties(node).get("Editable") == "false"
        yield text(node.child_by_field_name("name")), BC14_NAMES.get(source, source), is_fixed


def _columns(query: AlObject) -> Iterator[tuple[str, str, bool]]:
    for node in query.all("query_column"):
        yield text(node.child_by_field_name("name")), text(node.child_by_field_name("field_name")), False


def _wrong_address(name: str, one: AlObject, api: Contract) -> Iterator[str]:
    for member, part in ADDRESS.items():
        if one.properties.get(member) != api[part]:
            yield f"{name}: {member} is {one.properties.get(member)}, the contract says {api[part]}"


def _wrong_fields(app: App, name: str, one: AlObject, about: Contract, for_bc14: bool) -> Iterator[str]:
    fields = {key: facts for key, facts in about["fields"].items() if not for_bc14 or key in about["bc14"]}
    found = list(_columns(one) if one.kind == "query" else _controls(one))
    if [each[0] for each in found] != list(fields):
        missing, more = set(fields) - {each[0] for each in found}, {each[0] for each in found} - set(fields)
        yield f"{name}: fields missing {sorted(missing)}, more {sorted(more)}, or in another order"
    table = about["object"].split(" ", 2)[2]
    for key, source, is_fixed in found:
        if key not in fields:
            continue
        kind = app.type_of(table, source) or _variable(one, source)
        if kind:
            yield from _wrong_type(app, f"{name}.{key}", kind, fields[key])
        must_be_fixed = bool(about.get("verbs")) and (key == "id" or fields[key].get("readOnly", False))
        if is_fixed != must_be_fixed:
            yield f"{name}.{key}: Editable = {not is_fixed} in the AL, readOnly = {must_be_fixed} in the contract"


def _variable(one: AlObject, name: str) -> str:
    """The type of a variable of the page."""
    for node in one.all("variable_declaration"):
        if text(node.child_by_field_name("name")) == name:
            return text(node.child_by_field_name("type"))
    return ""


def _wrong_type(app: App, place: str, kind: str, facts: Contract) -> Iterator[str]:
    """What is wrong with a field of an AL type such as `Code[20]`, `Decimal` or `Enum "WINS Item Status"`."""
    lengthy = re.fullmatch(r"(Code|Text)(?:\[(\d+)\])?", kind)
    found: Contract = {}
    if lengthy:
        found = {"maxLength": int(lengthy[2])} if lengthy[2] else {}
        found |= {"upperCased": True} if lengthy[1] == "Code" else {}
    elif kind in EDM:
        found = {"type": EDM[kind]}
    elif kind.startswith("Enum"):
        yield from _wrong_options(app, place, re.sub(r'^.*?"(.*)"$', r"\1", kind), facts.get("options", []))
        return
    elif kind == "Option" and facts.get("options"):
        return  # the symbols have no members of options
    wanted = {member: facts[member] for member in ("maxLength", "upperCased", "type") if member in facts}
    if found != wanted:
        yield f"{place}: {kind} in the AL, {wanted} in the contract"


def _wrong_options(app: App, place: str, enum: str, options: list[str]) -> Iterator[str]:
    """An enum of the app has the options in their order. Of Microsoft's, the symbols have the names alone."""
    if enum in app.enums:
        if app.enums[enum] != options:
            yield f"{place}: {app.enums[enum]} in the AL, {options} in the contract"
    elif enum in app.base_enums and not set(options) <= {*app.base_enums[enum], *_LATER}:
        yield f"{place}: {enum} has no {sorted(set(options) - app.base_enums[enum])}"


_LATER = {"Consumption", "Output"}  # Microsoft's app Manufacturing adds these to Item Ledger Entry Type


def _wrong_list(app: App, entities: Contract, for_bc14: bool) -> Iterator[str]:
    """Whether the app tells of each entity set what it tells the contract: name, and table."""
    (lister,) = [one for one in app.of("codeunit") if one.name == "WINS Capabilities"]
    listed = {}
    for node in lister.all("call_expression"):
        if text(node.child_by_field_name("function")) == "Add":
            arguments = [each for each in node.child_by_field_name("arguments").children if each.is_named]
            listed[text(arguments[1])] = reference(arguments[-1].child_by_field_name("table_name"))
    wanted = {name: about["object"].split(" ", 2)[2] for name, about in entities.items()}
    for name in sorted(set(listed) | set(wanted)):
        if listed.get(name) != wanted.get(name):
            yield f"WINS Capabilities: {name} is {listed.get(name)}, the contract says {wanted.get(name)}"


def _wrong_permissions(app: App, entities: Contract) -> Iterator[str]:
    """Whether each permission set gives the rights that the contract says."""
    given = {one.name: _given(one) for one in app.of("permissionset")}
    for one in app.of("permissionset"):
        if included := one.properties.get("IncludedPermissionSets"):
            for table, letters in given[included].items():
                given[one.name][table] = given[one.name].get(table, "") + letters
    for name, about in entities.items():
        table = about["object"].split(" ", 2)[2]
        for permission_set, rights in about["permissions"].items():
            there = given.get(permission_set, {}).get(table, "")
            if lacking := [right for right in rights if right in LETTERS and LETTERS[right] not in there]:
                yield f"{permission_set} gives no right to {', '.join(lacking)} {table} ({name})"


def _given(one: AlObject) -> dict[str, str]:
    found: dict[str, str] = {}
    for words in re.findall(r'tabledata\s+("[^"]+"|\w+)\s*=\s*(\w+)', one.node.text.decode()):
        found[words[0].strip('"')] = words[1]
    return found


def main() -> int:
    """Prints the differences; returns how many there are."""
    parser = argparse.ArgumentParser()
    parser.add_argument("app", type=Path)
    parser.add_argument("contract", type=Path)
    parser.add_argument("--symbols", type=Path)
    parser.add_argument("--bc14", action="store_true")
    asked = parser.parse_args()
    symbols = json.loads(asked.symbols.read_text("utf-8")) if asked.symbols else {}
    contract = json.loads(asked.contract.read_text("utf-8"))
    manifest = json.loads((asked.app / "app.json").read_text("utf-8"))
    found = list(differences(App(asked.app, symbols), contract, manifest["version"], asked.bc14))
    for one in found:
        print(f"{asked.app.name}: {one}")
    types = "with" if symbols else "without"
    print(f"contract: {asked.app.name} has {len(found)} differences ({types} the types of Microsoft's fields)")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
